//! Where the Hub answers, and the URL of every question that we put to it.
//!
//! The only place that builds Hub URLs, and so the only one that escapes names for them. Reading URLs that
//! people paste is the business of [`crate::hub::target`]. Pure: no input or output.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Position, Url};

use crate::error::{Error, ErrorKind};
use crate::hub::token::Origin;
use crate::names::{Commit, Repo, Revision};
use crate::repo_path::RepoPath;

/// What RFC 3986 calls unreserved stays as it is, all else is escaped, as the official clients do.
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A server that speaks the Hub's protocol: scheme, host, port and perhaps a path before the API.
///
/// ```
/// use hfast::hub::urls::Endpoint;
/// let endpoint: Endpoint = "hf-mirror.com/".parse()?;
/// assert_eq!(endpoint.to_string(), "https://hf-mirror.com");
/// # Ok::<(), hfast::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    url: Url,
    base: Box<str>,
}

/// Whether repository information carries size and digest of every file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blobs {
    /// Names only.
    Without,
    /// Sizes and digests too (`blobs=true`).
    With,
}

impl Endpoint {
    /// The Hub itself.
    pub const HUB: &'static str = "https://huggingface.co";
    /// The mirror that is open to everyone.
    pub const PUBLIC_MIRROR: &'static str = "https://hf-mirror.com";

    /// The Hub itself, [`Self::HUB`].
    pub fn hub() -> Self {
        Self::constant(Self::HUB)
    }

    /// The mirror that is open to everyone, [`Self::PUBLIC_MIRROR`].
    pub fn public_mirror() -> Self {
        Self::constant(Self::PUBLIC_MIRROR)
    }

    #[expect(clippy::expect_used, reason = "two constants, both parsed by a test")]
    fn constant(text: &'static str) -> Self {
        text.parse().expect("a constant endpoint parses")
    }

    /// The endpoint behind a host that everyone knows; always with https.
    pub(crate) fn of_famous_host(host: &str) -> Option<Self> {
        match host.strip_prefix("www.").unwrap_or(host) {
            "huggingface.co" | "hf.co" => Some(Self::hub()),
            "hf-mirror.com" => Some(Self::public_mirror()),
            _ => None,
        }
    }

    /// Whether it is the Hub itself or the public mirror: an address there stands for the repository,
    /// and not for the server.
    pub fn is_well_known(&self) -> bool {
        [Self::HUB, Self::PUBLIC_MIRROR].contains(&&*self.base)
    }

    /// The scheme, host and port: what a token for this endpoint belongs to.
    pub fn origin(&self) -> Origin {
        Origin::of(&self.url)
    }

    /// The host, lower-case, without the port.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The host, and the port where it is not the usual one of the scheme: what the server is called
    /// among others, which may run on the same machine.
    pub fn authority(&self) -> &str {
        authority(&self.url)
    }

    /// The content of a file: `/{prefix}{id}/resolve/{revision}/{path}`.
    ///
    /// The revision becomes one segment, whatever it holds: `refs/pr/1` is `refs%2Fpr%2F1`.
    pub fn resolve(&self, repo: &Repo, revision: &str, path: &RepoPath) -> Url {
        let (revision, path) = (segment(revision), path_of(path));
        self.join(&format!("{repo}/resolve/{revision}/{path}"), None)
    }

    /// The content of a small file at a commit, where the Hub sends clients on to.
    pub fn resolve_cache(&self, repo: &Repo, commit: &Commit, path: &RepoPath) -> Url {
        let (kind, path) = (repo.kind.plural(), path_of(path));
        let path = format!("api/resolve-cache/{kind}/{}/{commit}/{path}", repo.id);
        self.join(&path, None)
    }

    /// The information about a repository at a revision.
    pub fn repo_info(&self, repo: &Repo, revision: &Revision, blobs: Blobs) -> Url {
        let (kind, revision) = (repo.kind.plural(), segment(revision.as_str()));
        let path = format!("api/{kind}/{}/revision/{revision}", repo.id);
        self.join(&path, (blobs == Blobs::With).then_some("blobs=true"))
    }

    /// The first page of the list of all files at a commit.
    pub fn tree(&self, repo: &Repo, commit: &Commit) -> Url {
        let path = format!("api/{}/{}/tree/{commit}", repo.kind.plural(), repo.id);
        self.join(&path, Some("recursive=true&expand=false"))
    }

    /// Whose the token is.
    pub fn whoami(&self) -> Url {
        self.join("api/whoami-v2", None)
    }

    /// The page about a repository, for people.
    pub fn web_page(&self, repo: &Repo) -> Url {
        self.join(&repo.to_string(), None)
    }

    /// The rest of the path of `url` when it lies on this endpoint.
    pub(crate) fn below<'a>(&self, url: &'a Url) -> Option<&'a str> {
        let rest = url.path().strip_prefix(self.prefix())?;
        let inside = rest.is_empty() || rest.starts_with('/');
        (inside && Origin::of(url) == self.origin()).then_some(rest)
    }

    fn prefix(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// `path` must be escaped and have no segment `.` or `..`, which [`Url`] would resolve.
    pub(super) fn join(&self, path: &str, query: Option<&str>) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.prefix()));
        url.set_query(query);
        url
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// Reads `https://host[:port][/prefix]`; without a scheme, https is meant.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let fault = |what: &str| {
            let message = format!("{:?} is not an endpoint: {what}", shown(text));
            Error::new(ErrorKind::Usage, message).with_hint(
                "an endpoint looks like https://huggingface.co, perhaps with a path behind it",
            )
        };
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let mut url = web_url(&with_scheme, fault)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(fault("it must not have a '?' or '#' part"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        let base = url.as_str().trim_end_matches('/').into();
        Ok(Self { url, base })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.base)
    }
}

/// An http or https address without user name and password; `fault` makes the error.
pub(crate) fn web_url(text: &str, fault: impl Fn(&str) -> Error) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| fault(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(fault("its scheme is not http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fault("it must not hold a user name or password"));
    }
    Ok(url)
}

/// First path segments of the Hub's site that are no name space for models.
#[rustfmt::skip]
pub(crate) fn is_site_page(part: &str) -> bool {
    matches!(
        part,
        "api" | "blog" | "buckets" | "collections" | "docs" | "join" | "kernels" | "learn"
            | "login" | "models" | "organizations" | "papers" | "settings" | "tasks"
    )
}

/// The host of a URL, and its port where that is not the usual one of the scheme.
pub(crate) fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

/// A URL as an error may quote it: without user, password, query and fragment, at most 200
/// characters.
pub(crate) fn shown(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, url),
    };
    // Whatever stands before the last '@' might be a password, even one with '?', '#' or '/'.
    let rest = rest.rsplit('@').next().unwrap_or_default();
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let scheme = scheme.map(|scheme| format!("{scheme}://"));
    let whole = scheme.unwrap_or_default() + rest;
    whole.chars().take(200).collect()
}

/// One path segment. `.` and `..` cannot be written in a URL, escaped or not; escaped twice they
/// name something that does not exist, which is the truth about them.
fn segment(text: &str) -> String {
    match text {
        "." | ".." => text.replace('.', "%252E"),
        _ => utf8_percent_encode(text, RESERVED).to_string(),
    }
}

fn path_of(path: &RepoPath) -> String {
    let parts: Vec<String> = path.as_str().split('/').map(segment).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::names::{RepoId, RepoType};

    fn repo(kind: RepoType) -> Repo {
        Repo::new(kind, RepoId::new("org/name").unwrap())
    }

    #[test]
    fn endpoints_are_normalised_or_refused() {
        assert_eq!(Endpoint::hub().to_string(), Endpoint::HUB);
        assert_eq!(Endpoint::public_mirror().host(), "hf-mirror.com");
        for (text, base) in [
            ("https://HuggingFace.co//", "https://huggingface.co"),
            ("localhost:8080", "https://localhost:8080"),
            (" http://10.0.0.1:80/hf/ ", "http://10.0.0.1/hf"),
            ("http://[::1]:9/a/../b", "http://[::1]:9/b"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), base);
            assert_eq!(base.parse::<Endpoint>().unwrap(), endpoint);
        }
        for bad in [
            "",
            "https://",
            "ftp://h",
            "file:///x",
            "h:port",
            "https://u:geheim@h",
            "https://h/?geheim",
            "https://h/#geheim",
            "https://u:ge?h/geheim@h:x",
        ] {
            let error = bad.parse::<Endpoint>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{bad}");
            assert!(!error.to_string().contains("geheim"), "{error}");
        }
    }

    #[test]
    fn servers_on_one_machine_are_told_apart_by_their_ports() {
        for (url, name) in [
            ("https://H.test:443/a:1?b", "h.test"),
            ("http://h.test:80", "h.test"),
            ("http://h.test:443/", "h.test:443"),
            ("https://u:p@h.test:80/@x:9", "h.test:80"),
            ("http://127.0.0.1:9/", "127.0.0.1:9"),
            ("https://[::1]/", "[::1]"),
            ("https://[::1]:9/", "[::1]:9"),
            ("data:x:9", ""),
        ] {
            assert_eq!(authority(&Url::parse(url).unwrap()), name, "{url}");
        }
        let endpoint: Endpoint = "http://h.test:9/hf".parse().unwrap();
        assert_eq!(
            (endpoint.authority(), endpoint.host()),
            ("h.test:9", "h.test")
        );
    }

    #[test]
    fn names_are_escaped_as_the_official_clients_do() {
        let hub = Endpoint::hub();
        let base = "https://huggingface.co/org/name/resolve";
        for (revision, path, tail) in [
            ("main", "sub/dir/x y+z.txt", "main/sub/dir/x%20y%2Bz.txt"),
            ("refs/pr/1", "a", "refs%2Fpr%2F1/a"),
            ("main", "[1]+%.txt", "main/%5B1%5D%2B%25.txt"),
            ("main", "%2e%2e/x", "main/%252e%252e/x"),
            ("main", "模型/权", "main/%E6%A8%A1%E5%9E%8B/%E6%9D%83"),
            ("..", "a?b#c", "%252E%252E/a%3Fb%23c"),
        ] {
            let url = hub.resolve(
                &repo(RepoType::Model),
                revision,
                &RepoPath::new(path).unwrap(),
            );
            assert_eq!(url.as_str(), format!("{base}/{tail}"));
        }
    }

    #[test]
    fn every_question_has_its_url() {
        let commit: Commit = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
        let prefixed: Endpoint = "http://h:1/hf".parse().unwrap();
        let data = repo(RepoType::Dataset);
        let file = RepoPath::new("a b").unwrap();
        let pr = Revision::new("refs/pr/1").unwrap();
        for (url, tail) in [
            (
                prefixed.resolve(&data, "v1", &file),
                "/datasets/org/name/resolve/v1/a%20b".to_owned(),
            ),
            (
                prefixed.resolve_cache(&data, &commit, &file),
                format!("/api/resolve-cache/datasets/org/name/{commit}/a%20b"),
            ),
            (
                prefixed.repo_info(&data, &pr, Blobs::With),
                "/api/datasets/org/name/revision/refs%2Fpr%2F1?blobs=true".to_owned(),
            ),
            (
                prefixed.tree(&data, &commit),
                format!("/api/datasets/org/name/tree/{commit}?recursive=true&expand=false"),
            ),
            (prefixed.whoami(), "/api/whoami-v2".to_owned()),
            (prefixed.web_page(&data), "/datasets/org/name".to_owned()),
        ] {
            assert_eq!(url.as_str(), format!("http://h:1/hf{tail}"));
        }
    }

    proptest! {
        #[test]
        fn a_path_survives_its_url(text in "\\PC{1,30}") {
            if let Ok(path) = RepoPath::new(&text) {
                let url = Endpoint::hub().resolve(&repo(RepoType::Model), "main", &path);
                let escaped = url.path().strip_prefix("/org/name/resolve/main/").unwrap();
                let back = percent_encoding::percent_decode_str(escaped).decode_utf8().unwrap();
                prop_assert_eq!(back, path.as_str());
            }
        }
    }
}
