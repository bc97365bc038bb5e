//! What git is told of a token, by the credential helper that the user has set up (git-credential(1)).

use std::io::Write;
use std::process::{Command, Stdio};

use hfast::hub::token::Token;
use hfast::hub::urls::Endpoint;
use hfast::{Error, ErrorKind};

/// The name that the official clients have for the user; the Hub does not look at it.
const USER: &str = "hf_user";

/// Has git keep `token` for `endpoint`.
///
/// # Errors
/// [`ErrorKind::Usage`] when there is no git, or no helper that would keep it.
pub(crate) fn tell(endpoint: &Endpoint, token: &Token) -> Result<(), Error> {
    if !has_helper()? {
        let text = "git has no credential helper that could keep the token";
        return Err(Error::new(ErrorKind::Usage, text).with_hint(
            "git config --global credential.helper store keeps it in a file; then \
             `hfast auth switch NAME --add-to-git-credential`",
        ));
    }
    let question = format!("{}password={}\n\n", about(endpoint), token.secret());
    credential("approve", &question)
}

/// Has git forget what it kept for `endpoint`. Without git, or a helper, there is nothing to forget.
pub(crate) fn forget(endpoint: &Endpoint) -> Result<(), Error> {
    if has_helper().unwrap_or(false) {
        credential("reject", &format!("{}\n", about(endpoint)))?;
    }
    Ok(())
}

fn about(endpoint: &Endpoint) -> String {
    format!("url={endpoint}\nusername={USER}\n")
}

fn has_helper() -> Result<bool, Error> {
    let asked = Command::new("git")
        .args(["config", "--get-all", "credential.helper"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let answer = asked.map_err(|e| {
        Error::new(ErrorKind::Usage, "git cannot be started")
            .with_hint("install git, or leave out --add-to-git-credential")
            .with_source(e)
    })?;
    let helpers = String::from_utf8_lossy(&answer.stdout);
    Ok(helpers.lines().any(|helper| !helper.trim().is_empty()))
}

/// The token goes through a pipe, and never into the list of processes.
fn credential(action: &str, question: &str) -> Result<(), Error> {
    let failed = || Error::new(ErrorKind::Disk, format!("`git credential {action}` failed"));
    let mut git = Command::new("git")
        .args(["credential", action])
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| failed().with_source(e))?;
    let told = git
        .stdin
        .take()
        .map(|mut pipe| pipe.write_all(question.as_bytes()));
    let ended = git.wait().map_err(|e| failed().with_source(e))?;
    match told {
        Some(Ok(())) if ended.success() => Ok(()),
        _ => Err(failed()),
    }
}
