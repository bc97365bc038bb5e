//! A secret that cannot be printed, and the origin it may be sent to.
//!
//! Where tokens are found is the business of [`crate::environment`]; this file only keeps them
//! safe.

use std::fmt;

use url::Url;

use crate::error::{Error, ErrorKind};

/// An access token. It prints as `***` and is never part of a URL or an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

impl Token {
    /// Strips surrounding white space, as the official clients do.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when what is left is empty or could not stand in an HTTP header.
    pub fn new(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(Self(text.into()));
        }
        let fault = if text.is_empty() {
            "is empty"
        } else {
            "has a character that no token has"
        };
        Err(
            Error::new(ErrorKind::Usage, format!("the access token {fault}"))
                .with_hint("copy it again from https://huggingface.co/settings/tokens"),
        )
    }

    /// `text` without this token, should it be in it.
    pub(crate) fn masked_in(&self, text: &str) -> String {
        text.replace(&*self.0, "***")
    }

    /// The token itself, for the files and programs that keep it. Whoever asks for it answers for where it
    /// goes: never into a log, an error or an address.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// What people may see of it, to tell it from others: `hf_****wxyz`. Of a short one nothing.
    ///
    /// ```
    /// use hfast::hub::token::Token;
    /// assert_eq!(Token::new("hf_abcdefghijklmnop")?.hint(), "hf_****mnop");
    /// # Ok::<(), hfast::Error>(())
    /// ```
    pub fn hint(&self) -> String {
        const SHOWN: usize = 3 + 4;
        match self.0.len() {
            length if length > 2 * SHOWN => {
                format!("{}****{}", &self.0[..3], &self.0[length - 4..])
            }
            _ => "****".to_owned(),
        }
    }

    /// The value of the `Authorization` header.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Scheme, host and port: what a token belongs to (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(url::Origin);

impl Origin {
    /// The origin of a URL.
    pub fn of(url: &Url) -> Self {
        Self(url.origin())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_stripped_checked_and_never_printed() {
        let token = Token::new(" hf_secret\r\n").unwrap();
        assert_eq!(format!("{token:?}"), "***");
        assert_eq!(token.bearer(), "Bearer hf_secret");
        for bad in ["", " \n", "hf_a\nX-Evil: 1", "hf é"] {
            assert!(Token::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_origin_includes_scheme_and_port() {
        let origin = |text: &str| Origin::of(&Url::parse(text).unwrap());
        assert_eq!(origin("https://h/x"), origin("https://H:443/y"));
        assert_ne!(origin("https://h/"), origin("http://h/"));
        assert_ne!(origin("https://h/"), origin("https://h:8443/"));
    }
}
