//! The tokens of a user by name, as the official clients keep them in the file `stored_tokens`. Pure.
//!
//! The file is what `configparser` of Python writes: sections of `key = value`. Libraries for INI files read
//! other dialects of it (a name may hold a `]`, and a value a `#`), and would lose tokens. Keys that mean nothing
//! here are kept.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::hub::token::Token;

/// The key of the token itself.
const TOKEN: &str = "hf_token";

/// `configparser` has a section of this name that is not one.
const DEFAULT: &str = "DEFAULT";

/// Tokens by name, sorted. It prints the names alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoredTokens(BTreeMap<String, Fields>);

/// Keys and values, in their order.
type Fields = Vec<(String, String)>;

impl StoredTokens {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`], with the number of the line, where it makes no sense. What is in the line is not told.
    ///
    /// ```
    /// use hfast::auth::stored::StoredTokens;
    /// let stored = StoredTokens::parse("[laptop]\nhf_token = hf_example\n\n")?;
    /// assert_eq!(stored.names().collect::<Vec<_>>(), ["laptop"]);
    /// assert!(stored.get("laptop").is_some());
    /// # Ok::<(), hfast::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut stored = Self::default();
        let mut fields: Option<&mut Fields> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            let goes_on = line.starts_with(char::is_whitespace);
            let last = fields.as_deref_mut().and_then(|fields| fields.last_mut());
            if let Some((_, value)) = last.filter(|_| goes_on) {
                value.push('\n');
                value.push_str(content);
            } else if let Some(name) = header(content) {
                let new = stored.0.entry(name.to_owned());
                if matches!(new, std::collections::btree_map::Entry::Occupied(_)) {
                    return Err(nonsense(number, "the name is there twice"));
                }
                fields = Some(new.or_default());
            } else {
                let fields = fields
                    .as_deref_mut()
                    .ok_or_else(|| nonsense(number, "it belongs to no name"))?;
                let (key, value) = content
                    .split_once(['=', ':'])
                    .ok_or_else(|| nonsense(number, "it has no `=`"))?;
                fields.push((key.trim().to_lowercase(), value.trim().to_owned()));
            }
        }
        Ok(stored)
    }

    /// The text that [`Self::parse`], and the official clients, read.
    pub(crate) fn to_text(&self) -> String {
        let field = |(key, value): &(String, String)| {
            let value = value.replace('\n', "\n\t");
            format!("{key} = {value}\n")
        };
        let section = |(name, fields): (&String, &Fields)| {
            let fields: String = fields.iter().map(field).collect();
            format!("[{name}]\n{fields}\n")
        };
        self.0.iter().map(section).collect()
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is something of this name, be it a token or not.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The token of this name, if there is one that makes sense.
    pub fn get(&self, name: &str) -> Option<Token> {
        Token::new(self.field(name, TOKEN)?).ok()
    }

    /// When the token of this name expires, in seconds since 1970; those that a browser got do.
    pub fn expires_at(&self, name: &str) -> Option<u64> {
        self.field(name, "expires_at")?.parse().ok()
    }

    /// The name that `token` has.
    pub fn name_of(&self, token: &Token) -> Option<&str> {
        self.names()
            .find(|name| self.get(name).as_ref() == Some(token))
    }

    /// Whether a token can have this name in the file.
    pub fn is_name(name: &str) -> bool {
        let is_one_line = !name.contains(char::is_control);
        name.trim() == name && !name.is_empty() && name != DEFAULT && is_one_line
    }

    /// Gives `token` a name; another token that had it is lost.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for what cannot be a name in the file.
    pub fn insert(&mut self, name: &str, token: &Token) -> Result<(), Error> {
        if !Self::is_name(name) {
            let text = format!("{name:?} cannot be the name of a token");
            return Err(Error::new(ErrorKind::Usage, text)
                .with_hint("use a word, as `laptop`; not DEFAULT, and no spaces around it"));
        }
        let field = (TOKEN.to_owned(), token.secret().to_owned());
        self.0.insert(name.to_owned(), vec![field]);
        Ok(())
    }

    /// Forgets the token of this name, and returns it.
    pub fn remove(&mut self, name: &str) -> Option<Token> {
        let token = self.get(name);
        self.0.remove(name);
        token
    }

    fn field(&self, name: &str, wanted: &str) -> Option<&str> {
        let mut fields = self.0.get(name)?.iter();
        let found = fields.find(|(key, _)| key == wanted);
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for StoredTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// The name in `[name]`: from the first bracket to the last one.
fn header(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

fn nonsense(line: usize, why: &str) -> Error {
    Error::new(
        ErrorKind::Usage,
        format!("line {line} makes no sense: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(text: &str) -> Token {
        Token::new(text).unwrap()
    }

    #[test]
    fn what_the_official_clients_write_is_read() {
        let text = "[a [laptop] #1]\nhf_token = hf_a=b;c#d\n\n# kept by hand\n[oauth-me]\n\
                    hf_token: hf_o\nrefresh_token = r\nExpires_At = 1790000000\n\n[empty]\n";
        let mut stored = StoredTokens::parse(text).unwrap();
        let names: Vec<_> = stored.names().collect();
        assert_eq!(names, ["a [laptop] #1", "empty", "oauth-me"]);
        assert_eq!(stored.get("a [laptop] #1"), Some(token("hf_a=b;c#d")));
        assert_eq!(stored.get("empty"), None);
        assert_eq!(stored.expires_at("oauth-me"), Some(1_790_000_000));
        assert_eq!(stored.name_of(&token("hf_o")), Some("oauth-me"));
        assert_eq!(stored.remove("a [laptop] #1"), Some(token("hf_a=b;c#d")));
        stored.insert("new", &token("hf_n")).unwrap();
        assert_eq!(
            stored.to_text(),
            "[empty]\n\n[new]\nhf_token = hf_n\n\n\
             [oauth-me]\nhf_token = hf_o\nrefresh_token = r\nexpires_at = 1790000000\n\n"
        );
        assert!(!format!("{stored:?}").contains("hf_"));
    }

    #[test]
    fn nonsense_is_told_by_its_line_and_not_repeated() {
        for (text, line) in [
            ("hf_token = geheim", 1),
            ("[a]\ngeheim", 2),
            ("[a]\nhf_token = geheim\n[a]\n", 3),
        ] {
            let error = StoredTokens::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {line} ")), "{error}");
            assert!(!error.contains("geheim"), "{error}");
        }
        let mut stored = StoredTokens::default();
        for name in ["", "DEFAULT", " a", "a\nb", "a\u{7}"] {
            assert!(stored.insert(name, &token("t")).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(names in proptest::collection::vec("\\PC{1,12}", 0..6)) {
            let mut stored = StoredTokens::default();
            for name in &names {
                drop(stored.insert(name, &token("hf_[x]=;#")));
            }
            prop_assert_eq!(StoredTokens::parse(&stored.to_text()).unwrap(), stored);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(?s).{0,200}") {
            drop(StoredTokens::parse(&text));
        }
    }
}
