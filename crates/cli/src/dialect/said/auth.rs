//! What is said of tokens. Pure.

use serde_json::json;

use crate::dialect::words::{BOLD, Said, Voice, Words};
use crate::output::auth::{Kept, KeptToken, LoggedIn, LoggedOut, Secret, Switched, Whose};
use crate::output::text::printable;

/// The Hub itself, which nobody needs to name.
const HUB: &str = "https://huggingface.co";

/// A token is kept. Both tools say so on stderr.
pub(crate) fn logged_in(words: &Words, it: &LoggedIn) -> Option<Said> {
    if words.voice == Voice::Own {
        return None;
    }
    let valid = match &it.role {
        Some(role) => format!("Token is valid (permission: {role})."),
        None => "Token is valid.".to_owned(),
    };
    let stored = it.path.with_file_name("stored_tokens");
    let lines = [
        valid,
        format!(
            "The token `{}` has been saved to {}",
            it.token_name,
            stored.display()
        ),
        format!("Your token has been saved to {}", it.path.display()),
        "Login successful.".to_owned(),
        format!("The current active token is: `{}`", it.token_name),
    ];
    Some(Said::err(
        lines.iter().map(|line| printable(line)).collect(),
    ))
}

pub(crate) fn logged_out(words: &Words, it: &LoggedOut) -> Option<Said> {
    if words.voice == Voice::Own {
        return None;
    }
    let lines = match (&it.token_name, it.was_in_use) {
        (None, false) => vec!["Not logged in!".to_owned()],
        (None, true) => vec!["Successfully logged out from all access tokens.".to_owned()],
        (Some(name), in_use) => {
            let deleted = in_use.then(|| format!("Active token '{name}' has been deleted."));
            let done = format!("Successfully logged out from access token: {name}.");
            deleted.into_iter().chain([done]).collect()
        }
    };
    Some(Said::err(
        lines.iter().map(|line| printable(line)).collect(),
    ))
}

/// Nobody is logged in, and so there is nobody to be told of; and whether that is a failure.
pub(crate) fn nobody(words: &Words) -> Option<(Said, bool)> {
    match words.voice {
        Voice::Own => None,
        Voice::Legacy => Some((Said::out(vec!["Not logged in".to_owned()]), false)),
        Voice::Hf(_) => {
            let text = words.error("Not logged in. Run `hf auth login` first.");
            Some((Said::err(vec![text]), true))
        }
    }
}

/// Somebody is logged in, and it was not said that it should be done again.
pub(crate) fn already() -> Said {
    let text = "User is already logged in. Use `hf auth login --force` to force re-login.";
    Said::err(vec![text.to_owned()])
}

/// The token in use.
pub(crate) fn secret(words: &Words, it: &Secret) -> Option<Said> {
    let Voice::Hf(_) = words.voice else {
        return None;
    };
    let hint = "Run `hf auth whoami` to see which account this token belongs to.";
    Some(Said {
        stdout: vec![it.token.clone()],
        stderr: words.hint(hint).into_iter().collect(),
    })
}

pub(crate) fn whose(words: &Words, it: &Whose) -> Option<Said> {
    let organisations = (!it.organisations.is_empty()).then(|| it.organisations.join(","));
    let endpoint = Some(it.endpoint.clone()).filter(|endpoint| endpoint != HUB);
    let lines = match words.voice {
        Voice::Own => return None,
        Voice::Hf(mode) => {
            let data = [
                ("user", json!(it.user)),
                ("orgs", json!(organisations)),
                ("endpoint", json!(endpoint)),
            ];
            words.result(mode, "Logged in", &data)
        }
        Voice::Legacy => {
            let name = printable(&it.user);
            let orgs = organisations
                .map(|names| format!("{} {}", words.painted(BOLD, "orgs: "), printable(&names)));
            let endpoint = endpoint
                .map(|endpoint| format!("Authenticated through private endpoint: {endpoint}"));
            [Some(name), orgs, endpoint].into_iter().flatten().collect()
        }
    };
    Some(Said::out(lines))
}

pub(crate) fn kept(words: &Words, it: &Kept) -> Option<Said> {
    if words.voice == Voice::Own {
        return None;
    }
    if it.tokens.is_empty() {
        return Some(Said::err(vec!["No access tokens found.".to_owned()]));
    }
    let row = |token: &KeptToken| {
        let star = if token.in_use { "*" } else { "" };
        let hint = token
            .token
            .clone()
            .unwrap_or_else(|| "<not set>".to_owned());
        [star.to_owned(), printable(&token.name), hint]
    };
    let rows: Vec<_> = it.tokens.iter().map(row).collect();
    if words.voice == Voice::Legacy {
        let longest = rows
            .iter()
            .map(|row| row[1].chars().count())
            .max()
            .unwrap_or(0)
            .max(4);
        let width = rows
            .iter()
            .map(|row| row[2].chars().count())
            .max()
            .unwrap_or(0)
            .max(5);
        let line = |star: &str, name: &str, token: &str| {
            format!("{star:<1} {name:<longest$}  | {token:<width$}    ")
        };
        let ruler = format!("{}|{}", "-".repeat(longest + 4), "-".repeat(width + 4));
        let rows = rows
            .iter()
            .map(|[star, name, token]| line(star, name, token));
        let lines = [line(" ", "name", "token"), ruler].into_iter().chain(rows);
        return Some(Said::out(lines.collect()));
    }
    let (table, _) = words.table([" ", "name", "token"], &rows, &[]);
    Some(Said::out(table))
}

pub(crate) fn switched(words: &Words, it: &Switched) -> Option<Said> {
    if words.voice == Voice::Own {
        return None;
    }
    let lines = [
        format!("Your token has been saved to {}", it.path.display()),
        format!("The current active token is: {}", it.token_name),
    ];
    Some(Said::err(
        lines.iter().map(|line| printable(line)).collect(),
    ))
}
