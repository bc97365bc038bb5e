//! What the customary environment variables mean, those of the official clients and the common ones
//! for proxies and certificates.
//!
//! Pure: whoever runs the program passes in a way to look a variable up. Which setting wins over
//! which, beyond the variables, is not decided here. A variable set to nothing counts as unset.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::hub::token::Token;
use crate::hub::urls::shown;

/// The variables that hold the token, the certificates and the cache, the first that is set first.
pub(crate) const TOKEN: [&str; 2] = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];
pub(crate) const CERTIFICATES: [&str; 3] =
    ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
pub(crate) const HUB_CACHE: [&str; 2] = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"];

/// How much the official clients log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Everything.
    Debug,
    /// What happens.
    Info,
    /// What is odd; the default of the official clients.
    Warning,
    /// What failed.
    Error,
    /// What ends the program.
    Critical,
}

/// The variables, read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a variable that says yes or no"
)]
pub struct Environment {
    /// `HF_ENDPOINT`, not parsed yet.
    pub endpoint: Option<String>,
    /// `HF_HOME`: by default `huggingface` in `XDG_CACHE_HOME` or in `~/.cache`.
    pub hf_home: PathBuf,
    /// `HF_HUB_CACHE`: by default `hub` in [`Self::hf_home`].
    pub hub_cache: PathBuf,
    /// `HF_TOKEN`. It wins over the file at [`Self::token_path`].
    pub token: Option<Token>,
    /// `HF_TOKEN_PATH`: by default `token` in [`Self::hf_home`].
    pub token_path: PathBuf,
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN`: send a token only when the caller asks for it.
    pub implicit_token_disabled: bool,
    /// `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE`: ask no server for anything.
    pub offline: bool,
    /// `HF_HUB_DISABLE_PROGRESS_BARS`: forced on or off, or left to the program.
    pub progress_disabled: Option<bool>,
    /// `HF_HUB_DISABLE_SYMLINKS`.
    pub symlinks_disabled: bool,
    /// The proxies.
    pub proxy: ProxySettings,
    /// `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE`. It may name a folder, too.
    pub ca_file: Option<PathBuf>,
    /// `HF_HUB_VERBOSITY`.
    pub verbosity: Option<Verbosity>,
    /// `HF_DEBUG`.
    pub debug: bool,
    /// `HF_HUB_USER_AGENT_ORIGIN`, if it can stand in a header.
    pub user_agent_origin: Option<String>,
    /// `NO_COLOR`.
    pub no_color: bool,
    /// `COLUMNS`: the width of the terminal in characters.
    pub columns: Option<u16>,
}

/// Proxy addresses by the scheme of the target. They may hold a password, and are not printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// For http addresses.
    pub http: Option<String>,
    /// For https addresses.
    pub https: Option<String>,
    /// For those without a proxy of their own.
    pub all: Option<String>,
    /// Hosts that are reached directly, divided by commas.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let safe = |address: &Option<String>| address.as_deref().map(shown);
        f.debug_struct("ProxySettings")
            .field("http", &safe(&self.http))
            .field("https", &safe(&self.https))
            .field("all", &safe(&self.all))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

impl Environment {
    /// Reads what `lookup` finds; `home` is the user's folder.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when a token makes no sense, and when neither `HF_HOME`
    /// nor `home` says where to keep things.
    ///
    /// ```
    /// use std::path::Path;
    /// use hfast::environment::Environment;
    /// let lookup = |name: &str| (name == "HF_HUB_OFFLINE").then(|| "yes".to_owned());
    /// let environment = Environment::read(lookup, Some(Path::new("/home/me")))?;
    /// assert!(environment.offline);
    /// # Ok::<(), hfast::Error>(())
    /// ```
    pub fn read(
        lookup: impl Fn(&str) -> Option<String>,
        home: Option<&Path>,
    ) -> Result<Self, Error> {
        let read = Reader {
            lookup: &lookup,
            home,
        };
        let hf_home = read.hf_home()?;
        let below_home = |names: &[&str], name: &str| {
            let stated = read.first(names).map(|text| read.expanded(&text));
            stated.unwrap_or_else(|| hf_home.join(name))
        };
        let progress = lookup("HF_HUB_DISABLE_PROGRESS_BARS");
        let columns = read
            .text("COLUMNS")
            .and_then(|text| text.trim().parse().ok());
        Ok(Self {
            endpoint: read.text("HF_ENDPOINT").map(|text| text.trim().to_owned()),
            hub_cache: below_home(&HUB_CACHE, "hub"),
            token_path: below_home(&["HF_TOKEN_PATH"], "token"),
            token: read.token(&TOKEN)?,
            implicit_token_disabled: read.is_true(&["HF_HUB_DISABLE_IMPLICIT_TOKEN"]),
            // The first that is set counts, even if it says no.
            offline: read.is_true(&["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]),
            progress_disabled: progress
                .filter(|text| !text.is_empty())
                .map(|text| is_true(&text)),
            symlinks_disabled: read.is_true(&["HF_HUB_DISABLE_SYMLINKS"]),
            proxy: read.proxies(),
            ca_file: read.first(&CERTIFICATES).map(PathBuf::from),
            verbosity: read
                .text("HF_HUB_VERBOSITY")
                .and_then(|text| verbosity(&text)),
            debug: read.is_true(&["HF_DEBUG"]),
            user_agent_origin: read.text("HF_HUB_USER_AGENT_ORIGIN").filter(|text| {
                text.len() <= 200 && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
            }),
            no_color: read.text("NO_COLOR").is_some(),
            columns: columns.filter(|columns| *columns > 0),
            hf_home,
        })
    }
}

/// The token in the text of a token file; `None` when the file is empty or holds something else.
/// Line breaks are dropped wherever they are, as the official clients do.
pub fn stored_token(text: &str) -> Option<Token> {
    Token::new(&text.replace(['\r', '\n'], "")).ok()
}

struct Reader<'a, F> {
    lookup: &'a F,
    home: Option<&'a Path>,
}

impl<F: Fn(&str) -> Option<String>> Reader<'_, F> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|text| !text.is_empty())
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.text(name))
    }

    fn is_true(&self, names: &[&str]) -> bool {
        self.first(names).is_some_and(|text| is_true(&text))
    }

    fn hf_home(&self) -> Result<PathBuf, Error> {
        if let Some(stated) = self.text("HF_HOME") {
            return Ok(self.expanded(&stated));
        }
        let cache = match (self.text("XDG_CACHE_HOME"), self.home) {
            (Some(stated), _) => self.expanded(&stated),
            (None, Some(home)) => home.join(".cache"),
            (None, None) => {
                let message = "there is no home folder to keep the cache in";
                return Err(Error::new(ErrorKind::Usage, message)
                    .with_hint("set HF_HOME to a folder that you can write to"));
            }
        };
        Ok(cache.join("huggingface"))
    }

    fn token(&self, names: &[&str]) -> Result<Option<Token>, Error> {
        let set = |name: &&&str| self.text(name).is_some_and(|text| !text.trim().is_empty());
        let Some(name) = names.iter().find(set) else {
            return Ok(None);
        };
        let text = self.text(name).unwrap_or_default();
        Token::new(&text.replace(['\r', '\n'], ""))
            .map(Some)
            .map_err(|error| {
                let hint = error.hint().unwrap_or_default().to_owned();
                Error::new(ErrorKind::Usage, format!("{name}: {error}")).with_hint(hint)
            })
    }

    fn proxies(&self) -> ProxySettings {
        // A lower-case variable wins, and set to nothing it takes the proxy away.
        let proxy = |lower: &str, upper: &str| {
            let set = (self.lookup)(lower).or_else(|| (self.lookup)(upper));
            set.filter(|text| !text.trim().is_empty())
        };
        // In a CGI program HTTP_PROXY is the request header "Proxy", which the client chooses.
        let in_cgi = (self.lookup)("REQUEST_METHOD").is_some();
        let upper_http = if in_cgi { "http_proxy" } else { "HTTP_PROXY" };
        ProxySettings {
            http: proxy("http_proxy", upper_http),
            https: proxy("https_proxy", "HTTPS_PROXY"),
            all: proxy("all_proxy", "ALL_PROXY"),
            no_proxy: proxy("no_proxy", "NO_PROXY"),
        }
    }

    /// `~` and then `$NAME` and `${NAME}`, as `expanduser` and `expandvars` of Python do; what is
    /// not known stays as it is.
    fn expanded(&self, text: &str) -> PathBuf {
        let below_home = text
            .strip_prefix('~')
            .filter(|rest| rest.is_empty() || rest.starts_with('/'));
        match (below_home, self.home) {
            (Some(rest), Some(home)) => {
                let rest = self.with_variables(rest.trim_start_matches('/'));
                if rest.is_empty() {
                    home.to_owned()
                } else {
                    home.join(rest)
                }
            }
            _ => PathBuf::from(self.with_variables(text)),
        }
    }

    fn with_variables(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let braced = after
                .strip_prefix('{')
                .and_then(|inner| inner.split_once('}'));
            let (name, length) = if let Some((name, _)) = braced {
                (name, name.len() + 2)
            } else {
                let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = after.find(|c| !in_name(c)).unwrap_or(after.len());
                (&after[..end], end)
            };
            match (self.lookup)(name).filter(|_| !name.is_empty()) {
                Some(value) => out.push_str(&value),
                None => out.extend(["$", &after[..length]]),
            }
            rest = &after[length..];
        }
        out + rest
    }
}

fn is_true(text: &str) -> bool {
    let words = ["1", "on", "yes", "true"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// An unknown word is ignored, as in the official clients.
fn verbosity(text: &str) -> Option<Verbosity> {
    match text.trim().to_ascii_lowercase().as_str() {
        "debug" => Some(Verbosity::Debug),
        "info" => Some(Verbosity::Info),
        "warning" => Some(Verbosity::Warning),
        "error" => Some(Verbosity::Error),
        "critical" => Some(Verbosity::Critical),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &str) -> Environment {
        try_read(variables, Some("/h")).unwrap()
    }

    /// Variables are written as `NAME=value|NAME=value`.
    fn try_read(variables: &str, home: Option<&str>) -> Result<Environment, Error> {
        let lookup = |wanted: &str| {
            let mut variables = variables.split('|').filter_map(|v| v.split_once('='));
            let found = variables.find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.to_owned())
        };
        Environment::read(lookup, home.map(Path::new))
    }

    /// Variables, cache, token file.
    const FOLDERS: &str = "
        => /h/.cache/huggingface/hub => /h/.cache/huggingface/token
        HF_HOME= => /h/.cache/huggingface/hub => /h/.cache/huggingface/token
        XDG_CACHE_HOME=/x => /x/huggingface/hub => /x/huggingface/token
        HF_HOME=~/d/$U/${U}$|U=me => /h/d/me/me$/hub => /h/d/me/me$/token
        HF_HOME=~u/$NO/${no => ~u/$NO/${no/hub => ~u/$NO/${no/token
        HF_HOME=/a|HUGGINGFACE_HUB_CACHE=~|HF_TOKEN_PATH=/t => /h => /t
        HF_HOME=/a|HUGGINGFACE_HUB_CACHE=/old|HF_HUB_CACHE=/new => /new => /a/token";

    #[test]
    fn folders_are_where_the_official_clients_have_them() {
        for line in FOLDERS.lines().skip(1) {
            let cells: Vec<&str> = line.split("=> ").map(str::trim).collect();
            let found = read(cells[0]);
            assert_eq!(found.hub_cache, Path::new(cells[1]), "{line}");
            assert_eq!(found.token_path, Path::new(cells[2]), "{line}");
        }
        assert!(try_read("", None).is_err_and(|e| e.hint().is_some()));
        assert!(try_read("HF_HOME=/a", None).is_ok());
    }

    #[test]
    fn switches_and_numbers_are_read_as_in_python() {
        for text in ["1", "On", "YES", "true", "0", "2"] {
            let want = !["0", "2"].contains(&text);
            let names = ["HF_HUB_DISABLE_SYMLINKS", "HF_HUB_DISABLE_PROGRESS_BARS"];
            let found = read(&names.map(|name| format!("{name}={text}")).join("|"));
            assert_eq!(found.symlinks_disabled, want, "{text}");
            assert_eq!(found.progress_disabled, Some(want), "{text}");
        }
        assert!(read("HF_HUB_OFFLINE=|TRANSFORMERS_OFFLINE=1").offline);
        assert!(!read("HF_HUB_OFFLINE=0|TRANSFORMERS_OFFLINE=1").offline);
        let found = read("COLUMNS=80|HF_HUB_VERBOSITY=INFO|NO_COLOR=0");
        assert_eq!(found.columns, Some(80));
        assert_eq!(found.verbosity, Some(Verbosity::Info));
        assert!(found.no_color);
        let evil = read("HF_HUB_USER_AGENT_ORIGIN=a\nX: y");
        assert_eq!(evil.user_agent_origin, None);
    }

    #[test]
    fn secrets_are_read_and_not_printed() {
        let variables = "HF_TOKEN= |HUGGING_FACE_HUB_TOKEN=geheim\r\n|http_proxy=http://u:geheim@p";
        let found = read(variables);
        assert_eq!(found.token, stored_token("ge\nheim "));
        assert!(found.token.is_some() && !format!("{found:?}").contains("geheim"));
        let error = try_read("HF_TOKEN=geheim é", Some("/h")).unwrap_err();
        assert!(error.to_string().starts_with("HF_TOKEN") && !error.to_string().contains("geheim"));
        assert_eq!((stored_token(" \n"), stored_token("a b")), (None, None));
    }

    #[test]
    fn lower_case_proxies_win() {
        let found = read("http_proxy=a|HTTP_PROXY=b|ALL_PROXY=c|all_proxy=|NO_PROXY=*").proxy;
        assert_eq!(found.http.as_deref(), Some("a"));
        assert_eq!(found.all, None);
        assert_eq!(found.no_proxy.as_deref(), Some("*"));
        let cgi = read("HTTP_PROXY=b|HTTPS_PROXY=c|REQUEST_METHOD=GET").proxy;
        assert_eq!((cgi.http, cgi.https.as_deref()), (None, Some("c")));
    }
}
