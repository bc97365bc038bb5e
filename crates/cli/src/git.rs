//! What git is told of a token, by the credential helper that the user has set up (git-credential(1)).

use std::process::{Output, Stdio};
use std::time::Duration;

use hfast::hub::token::Token;
use hfast::hub::urls::Endpoint;
use hfast::{Error, ErrorKind};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// The name that the official clients have for the user; the Hub does not look at it.
const USER: &str = "hf_user";

/// A helper may ask a keyring, and that a person; longer than this nobody waits unseen.
const LONGEST: Duration = Duration::from_secs(10);

/// Has git keep `token` for `endpoint`.
///
/// # Errors
/// [`ErrorKind::Usage`] when there is no git, or no helper that would keep it.
pub(crate) async fn tell(endpoint: &Endpoint, token: &Token) -> Result<(), Error> {
    if !has_helper().await? {
        let text = "git has no credential helper that could keep the token";
        return Err(Error::new(ErrorKind::Usage, text).with_hint(
            "git config --global credential.helper store keeps it in a file; then \
             `hfast auth switch NAME --add-to-git-credential`",
        ));
    }
    credential("approve", endpoint, token).await
}

/// Has git forget `token` for `endpoint`, and no other. Without git, or a helper, there is nothing to forget.
pub(crate) async fn forget(endpoint: &Endpoint, token: &Token) -> Result<(), Error> {
    if has_helper().await.unwrap_or(false) {
        credential("reject", endpoint, token).await?;
    }
    Ok(())
}

async fn has_helper() -> Result<bool, Error> {
    let answer = answered(&["config", "--get-all", "credential.helper"], "").await?;
    let helpers = String::from_utf8_lossy(&answer.stdout);
    Ok(helpers.lines().any(|helper| !helper.trim().is_empty()))
}

/// The token goes through a pipe, and never into the list of processes.
async fn credential(action: &str, endpoint: &Endpoint, token: &Token) -> Result<(), Error> {
    let secret = token.secret();
    let about = format!("url={endpoint}\nusername={USER}\npassword={secret}\n\n");
    let answer = answered(&["credential", action], &about).await?;
    if answer.status.success() {
        return Ok(());
    }
    let text = format!("`git credential {action}` failed");
    Err(Error::new(ErrorKind::Disk, text))
}

/// What git answers to `input`; it ends with us.
async fn answered(arguments: &[&str], input: &str) -> Result<Output, Error> {
    let missing = |e| {
        Error::new(ErrorKind::Usage, "git cannot be started")
            .with_hint("install git, or leave out --add-to-git-credential")
            .with_source(e)
    };
    let mut git = Command::new("git")
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(missing)?;
    let pipe = git.stdin.take();
    let work = async {
        if let Some(mut pipe) = pipe {
            // Whoever reads nothing says by the exit code what that means.
            let _ = pipe.write_all(input.as_bytes()).await;
        }
        git.wait_with_output().await
    };
    let what = arguments.join(" ");
    let failed = |text: &str| Error::new(ErrorKind::Disk, format!("`git {what}` {text}"));
    match timeout(LONGEST, work).await {
        Ok(answer) => answer.map_err(|e| failed("failed").with_source(e)),
        Err(_) => Err(failed(
            "did not end in 10 s: does its credential helper wait for somebody?",
        )),
    }
}
