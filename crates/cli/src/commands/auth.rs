//! `hfast auth`: which tokens there are, which is in use, and whose it is.

use hfast::auth::files::TokenFiles;
use hfast::auth::stored::StoredTokens;
use hfast::hub::account::Account;
use hfast::hub::token::Token;
use hfast::transfer::progress::Progress;
use hfast::{Error, ErrorKind};

use super::{Session, Stop};
use crate::dialect::said;
use crate::dialect::words::Voice;
use crate::flags::NetworkFlags;
use crate::flags::auth::{AuthCommand, LoginFlags, SwitchFlags};
use crate::output::auth::{Kept, KeptToken, LoggedIn, LoggedOut, Secret, Switched, Whose};
use crate::settings::SettingFlags;
use crate::{ask, exit, git};

/// Tokens of organisations, which are no longer made, and which nobody can log in with.
const OF_ORGANISATION: &str = "api_org";

/// The flags that settings come from.
pub(crate) fn asked(command: &AuthCommand) -> SettingFlags<'_> {
    let (network, output) = match command {
        AuthCommand::Login(flags) => (&flags.network, &flags.output),
        AuthCommand::Whoami(flags) => (&flags.network, &flags.output),
        AuthCommand::Logout(flags) => (NetworkFlags::NONE, &flags.output),
        AuthCommand::Switch(flags) => (NetworkFlags::NONE, &flags.output),
        AuthCommand::List(flags) | AuthCommand::Token(flags) => (NetworkFlags::NONE, &flags.output),
    };
    SettingFlags::new(network, output, None)
}

pub(crate) async fn run(command: &AuthCommand, session: &mut Session) -> Result<u8, Stop> {
    session.keeps_files = false;
    session.output.show_no_numbers();
    match command {
        AuthCommand::Login(flags) => login(flags, session).await?,
        AuthCommand::Logout(flags) => {
            logout(flags.name.as_ref().or(flags.token_name.as_ref()), session).await?;
        }
        AuthCommand::Whoami(_) => {
            let token = in_use(session)?;
            if token.is_none()
                && let Some(code) = told_of_nobody(session)?
            {
                return Ok(code);
            }
            let account = account(session, token).await?;
            session.output.result(&Whose {
                user: account.name,
                organisations: account.organisations,
                token_name: account.token_name,
                role: account.role,
                endpoint: account.endpoint.to_string(),
                source: session.settings.sources.token.clone(),
            })?;
        }
        AuthCommand::List(_) => list(session)?,
        AuthCommand::Switch(flags) => switch(flags, session).await?,
        AuthCommand::Token(_) => {
            let token = in_use(session)?;
            if token.is_none()
                && let Some(code) = told_of_nobody(session)?
            {
                return Ok(code);
            }
            let token = token.ok_or_else(logged_out)?;
            let token = token.secret().to_owned();
            session.output.result(&Secret { token })?;
        }
    }
    Ok(exit::SUCCESS)
}

/// Says, where one of the official tools has words for it, that nobody is logged in; and how that ends.
fn told_of_nobody(session: &Session) -> Result<Option<u8>, Error> {
    let Some((said, is_failure)) = said::nobody(&session.output.words()) else {
        return Ok(None);
    };
    session.output.speak(&said)?;
    let failure = exit::code(ErrorKind::AccessDenied);
    Ok(Some(if is_failure { failure } else { exit::SUCCESS }))
}

async fn login(flags: &LoginFlags, session: &mut Session) -> Result<(), Stop> {
    if !flags.force && !session.settings.token_from_flag && is_logged_in(session) {
        session.output.speak(&said::already())?;
        return Ok(());
    }
    let token = given(session).await?;
    if token.secret().starts_with(OF_ORGANISATION) {
        let text = "this is the token of an organisation, which nobody can log in with";
        let error = Error::new(ErrorKind::Usage, text)
            .with_hint("make one of your own at https://huggingface.co/settings/tokens");
        return Err(error.into());
    }
    let account = account(session, Some(token.clone())).await?;
    let name = match (&flags.name, &account.token_name) {
        (Some(name), _) => name.clone(),
        (None, Some(name)) if StoredTokens::is_name(name) => name.clone(),
        (None, _) => format!("oauth-{}", account.name),
    };
    let files = session.token_files();
    let path = files.active_path().to_owned();
    session.attend(files.save(&name, &token)).await?;
    if flags.add_to_git_credential {
        session.attend(git::tell(&account.endpoint, &token)).await?;
    }
    session.output.result(&LoggedIn {
        user: account.name,
        token_name: name,
        role: account.role,
        path,
    })?;
    warn_of_variable(session, &token);
    Ok(())
}

/// The official tool asks nobody who is logged in.
fn is_logged_in(session: &Session) -> bool {
    let is_hf = matches!(session.output.words().voice, Voice::Hf(_));
    is_hf && session.settings.token.is_some()
}

/// The token that is to be kept: that of `--token`, else of the terminal, else of standard input.
async fn given(session: &mut Session) -> Result<Token, Stop> {
    if session.settings.token_from_flag
        && let Some(token) = session.settings.token.clone()
    {
        return Ok(token);
    }
    let text = if ask::is_possible() {
        let _echo = ask::Echo::saved();
        session.blocking(ask::token).await?
    } else if ask::is_piped() {
        session
            .output
            .remark("reading the token from standard input");
        session.blocking(ask::piped_token).await?
    } else {
        let text = "the question would not be seen: standard error does not lead to the terminal";
        let error = Error::new(ErrorKind::Usage, text);
        return Err(error
            .with_hint("pipe the token: hfast auth login < token.txt")
            .into());
    };
    Ok(Token::new(&text)?)
}

/// Whose the token is.
async fn account(session: &mut Session, token: Option<Token>) -> Result<Account, Stop> {
    if token.is_none() {
        return Err(logged_out().into());
    }
    let mut options = session.options(None);
    options.token = token;
    let client = hfast::client::Client::new(options)?;
    let progress = Progress::default();
    session
        .watch(&progress, Box::pin(client.account(&progress)))
        .await
}

async fn logout(name: Option<&String>, session: &mut Session) -> Result<(), Stop> {
    let files = session.token_files();
    if let Some(gone) = taken_for_gone(name, &files, session)? {
        return Ok(session.output.result(&gone)?);
    }
    let in_use = files.active()?;
    let was_in_use = match name {
        Some(name) => session.attend(files.forget(name)).await?,
        None => session.attend(files.forget_all()).await?,
    };
    let forgotten = LoggedOut {
        token_name: name.cloned(),
        was_in_use,
    };
    session.output.result(&forgotten)?;
    if let Some(token) = in_use.filter(|_| was_in_use) {
        let endpoint = session.first_endpoint();
        // What was to be forgotten is; that git may not have is worth a word.
        match session.attend(git::forget(&endpoint, &token)).await {
            Err(Stop::Failed(error)) => session.output.say(&format!("note: {error}")),
            told => told?,
        }
    }
    if let Some(variable) = variable(session) {
        session.output.say(&format!(
            "note: {variable} is still set, and programs use the token in it: unset {variable}"
        ));
    }
    Ok(())
}

/// The official tools take a name that is not there for one that is gone, and nobody at all for logged out.
fn taken_for_gone(
    name: Option<&String>,
    files: &TokenFiles,
    session: &Session,
) -> Result<Option<LoggedOut>, Error> {
    let Some(name) = name.filter(|_| session.output.words().voice != Voice::Own) else {
        return Ok(None);
    };
    let stored = files.stored()?;
    let is_anybody = files.active()?.is_some() || !stored.is_empty();
    Ok((!stored.contains(name)).then(|| LoggedOut {
        token_name: Some(name.clone()).filter(|_| is_anybody),
        was_in_use: false,
    }))
}

fn list(session: &Session) -> Result<(), Error> {
    let files = session.token_files();
    let path = files.stored_path().to_owned();
    let stored = files.stored()?;
    let in_use = in_use(session)?;
    let in_use = in_use.as_ref();
    let tokens = stored.names().map(|name| {
        let token = stored.get(name);
        KeptToken {
            name: name.to_owned(),
            token: token.as_ref().map(Token::hint),
            in_use: token.is_some() && token.as_ref() == in_use,
            expires: stored.expires_at(name),
        }
    });
    let tokens = tokens.collect();
    session.output.result(&Kept { tokens, path })?;
    if let Some(variable) = variable(session) {
        session.output.say(&format!(
            "note: {variable} is set: its token is in use, whichever of these has a star"
        ));
    }
    Ok(())
}

async fn switch(flags: &SwitchFlags, session: &mut Session) -> Result<(), Stop> {
    let files = session.token_files();
    let named = flags.name.as_ref().or(flags.token_name.as_ref()).cloned();
    let name = match named {
        Some(name) => name,
        None => chosen(&files, session).await?,
    };
    let token = session.attend(files.switch(&name)).await?;
    if flags.add_to_git_credential {
        let endpoint = session.first_endpoint();
        session.attend(git::tell(&endpoint, &token)).await?;
    }
    let path = files.active_path().to_owned();
    session.output.result(&Switched {
        token_name: name,
        path,
    })?;
    warn_of_variable(session, &token);
    Ok(())
}

/// The name that a person at a terminal chooses.
async fn chosen(files: &TokenFiles, session: &mut Session) -> Result<String, Stop> {
    let stored = files.stored()?;
    let names: Vec<String> = stored.names().map(str::to_owned).collect();
    if names.is_empty() || !ask::is_possible() {
        let hint = match names.as_slice() {
            [] => "none is kept; `hfast auth login` keeps one".to_owned(),
            names => format!("name one: hfast auth switch {}", names.join(" | ")),
        };
        let error = Error::new(ErrorKind::Usage, "which token?").with_hint(hint);
        return Err(error.into());
    }
    let _echo = ask::Echo::saved();
    session
        .blocking(move || ask::one_of("Use which token", &names))
        .await
}

/// The variable that holds a token, which wins over what is kept.
fn variable(session: &Session) -> Option<&str> {
    session.settings.token_variable.as_deref()
}

fn warn_of_variable(session: &Session, kept: &Token) {
    let is_other = session.settings.token_of_variable.as_ref() != Some(kept);
    if let Some(variable) = variable(session).filter(|_| is_other) {
        session.output.say(&format!(
            "note: {variable} is set and wins over it: unset {variable} to use what is kept"
        ));
    }
}

/// What was asked for by name is given, also where tokens are not to be sent unasked.
fn in_use(session: &Session) -> Result<Option<Token>, Error> {
    match &session.settings.token {
        Some(token) => Ok(Some(token.clone())),
        None => session.token_files().active(),
    }
}

fn logged_out() -> Error {
    Error::new(
        ErrorKind::AccessDenied,
        "nobody is logged in: there is no token",
    )
    .with_hint("`hfast auth login` keeps one; or set HF_TOKEN")
}
