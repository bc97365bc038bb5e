//! What `hfast auth` prints. Pure.
//!
//! The field names of the documents are part of the interface.

use std::path::PathBuf;

use serde::Serialize;

use super::text::{padded, printable, width};
use super::told::Told;
use crate::dialect::said;
use crate::dialect::words::{Said, Words};

/// A token was kept.
#[derive(Serialize)]
pub(crate) struct LoggedIn {
    pub(crate) user: String,
    pub(crate) token_name: String,
    /// What it may do.
    pub(crate) role: Option<String>,
    /// The file of the token in use.
    pub(crate) path: PathBuf,
}

impl Told for LoggedIn {
    fn said(&self, words: &Words) -> Option<Said> {
        said::logged_in(words, self)
    }

    fn lines(&self) -> Vec<String> {
        let role = self.role.as_ref();
        let role = role.map_or_else(String::new, |role| format!(" ({role})"));
        let kept = format!(
            "token {:?}{role} is in use, and kept in {}",
            self.token_name,
            self.path.display()
        );
        let user = format!("logged in as {}", self.user);
        vec![printable(&user), printable(&kept)]
    }

    fn bare(&self) -> Vec<String> {
        vec![printable(&self.user)]
    }
}

/// Tokens were forgotten.
#[derive(Serialize)]
pub(crate) struct LoggedOut {
    /// The name; `None`: all of them.
    pub(crate) token_name: Option<String>,
    /// Of all: there was one.
    pub(crate) was_in_use: bool,
}

impl Told for LoggedOut {
    fn said(&self, words: &Words) -> Option<Said> {
        said::logged_out(words, self)
    }

    fn lines(&self) -> Vec<String> {
        let text = match (&self.token_name, self.was_in_use) {
            (Some(name), true) => format!("forgot the token {name:?}; it was in use"),
            (Some(name), false) => format!("forgot the token {name:?}"),
            (None, true) => "forgot all tokens".to_owned(),
            (None, false) => "there was no token to forget".to_owned(),
        };
        vec![printable(&text)]
    }

    fn bare(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Whose the token in use is.
#[derive(Serialize)]
pub(crate) struct Whose {
    pub(crate) user: String,
    pub(crate) organisations: Vec<String>,
    pub(crate) token_name: Option<String>,
    pub(crate) role: Option<String>,
    /// Who says so.
    pub(crate) endpoint: String,
    /// The flag, variable or file that holds it.
    pub(crate) source: Option<String>,
}

impl Told for Whose {
    fn said(&self, words: &Words) -> Option<Said> {
        said::whose(words, self)
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.user.clone()];
        if !self.organisations.is_empty() {
            lines.push(format!(
                "  organisations: {}",
                self.organisations.join(", ")
            ));
        }
        let source = self.source.as_ref().map(|source| format!("from {source}"));
        let about = [&self.token_name, &self.role, &source];
        let about: Vec<_> = about.into_iter().flatten().map(String::as_str).collect();
        lines.push(format!("  token: {}", about.join(", ")));
        lines.push(format!("  endpoint: {}", self.endpoint));
        lines.iter().map(|line| printable(line)).collect()
    }

    fn bare(&self) -> Vec<String> {
        vec![printable(&self.user)]
    }
}

/// All tokens that are kept, and where.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Kept {
    pub(crate) tokens: Vec<KeptToken>,
    #[serde(skip)]
    pub(crate) path: PathBuf,
}

/// One of them.
#[derive(Serialize)]
pub(crate) struct KeptToken {
    pub(crate) name: String,
    /// What may be seen of it; `None`: what is there is none.
    pub(crate) token: Option<String>,
    pub(crate) in_use: bool,
    /// Seconds since 1970; `None`: it stays valid.
    pub(crate) expires: Option<u64>,
}

impl Told for Kept {
    fn said(&self, words: &Words) -> Option<Said> {
        said::kept(words, self)
    }

    fn lines(&self) -> Vec<String> {
        if self.tokens.is_empty() {
            let path = printable(&self.path.display().to_string());
            return vec![format!("no token is kept in {path}")];
        }
        let names = self.bare();
        let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
        let line = |(token, name): (&KeptToken, &String)| {
            let star = if token.in_use { '*' } else { ' ' };
            let hint = token.token.as_deref().unwrap_or("(not a token)");
            let until = token.expires.and_then(expiry).unwrap_or_default();
            format!("{star} {}  {hint}{until}", padded(name, widest))
        };
        self.tokens.iter().zip(&names).map(line).collect()
    }

    fn bare(&self) -> Vec<String> {
        let tokens = self.tokens.iter();
        tokens.map(|token| printable(&token.name)).collect()
    }
}

/// `  expires 2027-01-31`, or that it has.
fn expiry(at: u64) -> Option<String> {
    let moment = jiff::Timestamp::from_second(i64::try_from(at).ok()?).ok()?;
    let day = jiff::tz::TimeZone::system().to_datetime(moment).date();
    let word = if moment < jiff::Timestamp::now() {
        "expired"
    } else {
        "expires"
    };
    Some(format!("  {word} {day}"))
}

/// Another token is in use.
#[derive(Serialize)]
pub(crate) struct Switched {
    pub(crate) token_name: String,
    /// The file of the token in use.
    #[serde(skip)]
    pub(crate) path: PathBuf,
}

impl Told for Switched {
    fn said(&self, words: &Words) -> Option<Said> {
        said::switched(words, self)
    }

    fn lines(&self) -> Vec<String> {
        vec![printable(&format!("token {:?} is in use", self.token_name))]
    }

    fn bare(&self) -> Vec<String> {
        vec![printable(&self.token_name)]
    }
}

/// The token itself, which was asked for.
#[derive(Serialize)]
pub(crate) struct Secret {
    pub(crate) token: String,
}

impl Told for Secret {
    fn said(&self, words: &Words) -> Option<Said> {
        said::secret(words, self)
    }

    fn lines(&self) -> Vec<String> {
        self.bare()
    }

    fn bare(&self) -> Vec<String> {
        vec![self.token.clone()]
    }
}
