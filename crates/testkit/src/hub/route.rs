//! Pure: which of the Hub's routes a path is. Segments are split first and decoded once, so that
//! `refs%2Fpr%2F1` stays one revision.

use crate::corpus::RepoKind;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A repository by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoName {
    /// Model, dataset or space.
    pub kind: RepoKind,
    /// `name` or `org/name`.
    pub id: String,
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Repository information, of `main` when no revision is named.
    Info(RepoName, Option<String>),
    /// Listing of a folder.
    Tree(RepoName, String, String),
    /// What some paths are.
    PathsInfo(RepoName, String),
    /// Branches and tags.
    Refs(RepoName),
    /// History of a revision.
    Commits(RepoName, String),
    /// Whether the caller may read.
    AuthCheck(RepoName),
    /// Who the caller is.
    Whoami,
    /// The registry new clients ask for.
    AgentHarnesses,
    /// Counting of features, answered with nothing.
    Telemetry,
    /// A file: repository, revision, path.
    Resolve(RepoName, String, String),
    /// A small file, where `Resolve` redirects to.
    ResolveCache(RepoName, String, String),
    /// The object git holds.
    Raw(RepoName, String, String),
    /// An object of the storage.
    Cdn(String),
    /// Anything else.
    Unknown,
}

/// Groups of routes, as a fault chooses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteKind {
    /// Everything under `/api/` except cached files.
    Api,
    /// Files at the Hub.
    Resolve,
    /// Files at the storage.
    Cdn,
    /// None of these.
    Other,
}

impl Route {
    /// Reads a path (without query, without the prefix of the whole Hub).
    pub fn parse(path: &str) -> Self {
        let segments: Option<Vec<String>> = path
            .trim_start_matches('/')
            .split('/')
            .map(decode)
            .collect();
        let Some(segments) = segments else {
            return Self::Unknown;
        };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["cdn", object] => Self::Cdn((*object).to_owned()),
            ["api", "whoami-v2"] => Self::Whoami,
            ["api", "agent-harnesses"] => Self::AgentHarnesses,
            ["api", "telemetry", ..] => Self::Telemetry,
            ["api", "resolve-cache", kind, rest @ ..] => resolve_cache(kind, rest),
            ["api", kind, rest @ ..] => api(kind, rest),
            ["datasets", rest @ ..] => file(RepoKind::Dataset, rest),
            ["spaces", rest @ ..] => file(RepoKind::Space, rest),
            rest => file(RepoKind::Model, rest),
        }
    }

    /// Its group.
    pub fn kind(&self) -> RouteKind {
        match self {
            Self::Resolve(..) | Self::ResolveCache(..) | Self::Raw(..) => RouteKind::Resolve,
            Self::Cdn(_) => RouteKind::Cdn,
            Self::Unknown => RouteKind::Other,
            _ => RouteKind::Api,
        }
    }

    /// The repository it is about, to be exchanged for another when one was renamed.
    pub fn repo(&self) -> Option<&RepoName> {
        match self {
            Self::Info(repo, _)
            | Self::Tree(repo, ..)
            | Self::PathsInfo(repo, _)
            | Self::Refs(repo)
            | Self::Commits(repo, _)
            | Self::AuthCheck(repo)
            | Self::Resolve(repo, ..)
            | Self::ResolveCache(repo, ..)
            | Self::Raw(repo, ..) => Some(repo),
            _ => None,
        }
    }
}

fn api(kind: &str, rest: &[&str]) -> Route {
    const VERBS: [&str; 6] = [
        "revision",
        "tree",
        "paths-info",
        "refs",
        "commits",
        "auth-check",
    ];
    let Some(kind) = RepoKind::ALL.into_iter().find(|k| k.segment() == kind) else {
        return Route::Unknown;
    };
    let is_verb = |at: usize| rest.get(at).is_some_and(|segment| VERBS.contains(segment));
    // `gpt2/revision/main` and `org/name/revision/main`: the verb tells where the id ends.
    let words = match rest.len() {
        _ if is_verb(2) => 2,
        _ if is_verb(1) => 1,
        length @ (1 | 2) => length,
        _ => return Route::Unknown,
    };
    let repo = RepoName {
        kind,
        id: rest[..words].join("/"),
    };
    match &rest[words..] {
        [] => Route::Info(repo, None),
        ["revision", revision] => Route::Info(repo, Some((*revision).to_owned())),
        ["tree", revision, path @ ..] => Route::Tree(repo, (*revision).to_owned(), path.join("/")),
        ["paths-info", revision] => Route::PathsInfo(repo, (*revision).to_owned()),
        ["commits", revision] => Route::Commits(repo, (*revision).to_owned()),
        ["refs"] => Route::Refs(repo),
        ["auth-check", ..] => Route::AuthCheck(repo),
        _ => Route::Unknown,
    }
}

fn resolve_cache(kind: &str, rest: &[&str]) -> Route {
    let Some(kind) = RepoKind::ALL.into_iter().find(|k| k.segment() == kind) else {
        return Route::Unknown;
    };
    // The revision is always a commit here, which tells where the id ends.
    let is_commit = |text: &str| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    match rest.iter().take(3).position(|segment| is_commit(segment)) {
        Some(words @ 1..) if rest.len() > words + 1 => Route::ResolveCache(
            RepoName {
                kind,
                id: rest[..words].join("/"),
            },
            rest[words].to_owned(),
            rest[words + 1..].join("/"),
        ),
        _ => Route::Unknown,
    }
}

fn file(kind: RepoKind, rest: &[&str]) -> Route {
    for words in [2, 1] {
        let Some((id, [verb, revision, path @ ..])) = rest.split_at_checked(words) else {
            continue;
        };
        let repo = RepoName {
            kind,
            id: id.join("/"),
        };
        match *verb {
            _ if path.is_empty() => {}
            "resolve" => return Route::Resolve(repo, (*revision).to_owned(), path.join("/")),
            "raw" => return Route::Raw(repo, (*revision).to_owned(), path.join("/")),
            _ => {}
        }
    }
    Route::Unknown
}

/// Decodes one segment; `None` when it is not UTF-8.
fn decode(segment: &str) -> Option<String> {
    percent_decode_str(segment)
        .decode_utf8()
        .ok()
        .map(Into::into)
}

/// The pairs of a query or of a form.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| decode(&text.replace('+', " ")).unwrap_or_default();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// The first value of a name in a query.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    pairs(query)
        .into_iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

/// Everything outside the unreserved set is encoded, as the official client does.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// Encodes one segment, slashes included.
pub(crate) fn encode(segment: &str) -> String {
    utf8_percent_encode(segment, ENCODED).to_string()
}

/// Encodes a path, keeping its slashes.
pub(crate) fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, ENCODED_PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str) -> RepoName {
        RepoName {
            kind: RepoKind::Model,
            id: id.to_owned(),
        }
    }

    #[test]
    fn paths_and_their_routes() {
        let s = str::to_owned;
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let cases = [
            ("/api/models/gpt2", Route::Info(name("gpt2"), None)),
            (
                "/api/models/gpt2/revision/main",
                Route::Info(name("gpt2"), Some(s("main"))),
            ),
            ("/api/models/o/n", Route::Info(name("o/n"), None)),
            (
                "/api/models/o/n/tree/refs%2Fpr%2F1/a%2Fb",
                Route::Tree(name("o/n"), s("refs/pr/1"), s("a/b")),
            ),
            (
                "/api/models/o/n/tree/main/a/b",
                Route::Tree(name("o/n"), s("main"), s("a/b")),
            ),
            (
                "/gpt2/resolve/main/x",
                Route::Resolve(name("gpt2"), s("main"), s("x")),
            ),
            (
                "/o/n/resolve/main/a%20b/c",
                Route::Resolve(name("o/n"), s("main"), s("a b/c")),
            ),
            (
                "/o/n/raw/main/x",
                Route::Raw(name("o/n"), s("main"), s("x")),
            ),
            (
                &format!("/api/resolve-cache/models/o/n/{commit}/a/b"),
                Route::ResolveCache(name("o/n"), s(commit), s("a/b")),
            ),
            ("/cdn/abc", Route::Cdn(s("abc"))),
            ("/o/n/resolve/main", Route::Unknown),
            ("/%ff/resolve/main/x", Route::Unknown),
        ];
        for (path, route) in cases {
            assert_eq!(Route::parse(path), route, "{path}");
        }
    }

    #[test]
    fn forms_are_decoded() {
        let form = pairs("paths=a+b&paths=c%2Fd&expand=False");
        assert_eq!(form[0], ("paths".into(), "a b".into()));
        assert_eq!(form[1], ("paths".into(), "c/d".into()));
        assert_eq!(value("recursive=true&x", "x"), Some(String::new()));
    }
}
