//! The vocabulary of the Hub as types that cannot be wrong: repository, revision, commit, digest.
//!
//! Parsing happens here, once, at the border. Paths inside a repository have their own file,
//! [`crate::repo_path`]; URLs are built and read in [`crate::hub::urls`]. Pure: no input or output.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// What kind of repository an id names. The Hub keeps one name space for each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RepoType {
    /// A model, the kind that is meant when none is named.
    #[default]
    Model,
    /// A dataset.
    Dataset,
    /// A space (an application).
    Space,
}

impl RepoType {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Model, Self::Dataset, Self::Space];

    /// The plural: API path segment and prefix of the cache folder (`models`, `datasets`, `spaces`).
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
            Self::Space => "spaces",
        }
    }

    /// The singular, as people write it on a command line.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Dataset => "dataset",
            Self::Space => "space",
        }
    }

    /// What stands before the id in a web or resolve URL: nothing for models.
    pub const fn url_prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
            Self::Space => "spaces/",
        }
    }
}

impl fmt::Display for RepoType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.singular())
    }
}

impl FromStr for RepoType {
    type Err = Error;

    /// Accepts the singular and the plural.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|kind| text == kind.singular() || text == kind.plural())
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Usage,
                    format!("{text:?} is not a repository type"),
                )
                .with_hint("use model, dataset or space")
            })
    }
}

/// A repository id: `name` or `namespace/name`, valid by the rules of the official clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoId(String);

impl RepoId {
    /// Checks `text` against the rules of `validate_repo_id` of the official client.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`], saying which rule the id breaks.
    ///
    /// ```
    /// use hfast::RepoId;
    /// assert!(RepoId::new("org/name").is_ok());
    /// assert!(RepoId::new("gpt2").is_ok());
    /// assert!(RepoId::new("a/b/c").is_err());
    /// ```
    pub fn new(text: &str) -> Result<Self, Error> {
        match repo_id_fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(fault) => Err(Error::new(
                ErrorKind::Usage,
                format!("invalid repository id {text:?}: {fault}"),
            )
            .with_hint("an id looks like org/name, for example openai-community/gpt2")),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn repo_id_fault(text: &str) -> Option<&'static str> {
    let mut parts = text.split('/');
    let (first, second, third) = (parts.next().unwrap_or(""), parts.next(), parts.next());
    if third.is_some() {
        return Some("it has more than one '/'");
    }
    if text.contains("--") || text.contains("..") {
        return Some("'--' and '..' are not allowed");
    }
    if text.strip_suffix(".git").is_some() {
        return Some("it must not end in '.git'");
    }
    [Some(first), second]
        .into_iter()
        .flatten()
        .find_map(repo_id_part_fault)
}

fn repo_id_part_fault(part: &str) -> Option<&'static str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    if part.is_empty() {
        Some("a part of it is empty")
    } else if part.len() > 96 {
        Some("a part of it is longer than 96 characters")
    } else if !part.chars().all(inside) {
        Some("only letters, digits, '-', '_' and '.' are allowed")
    } else if !edge(part.chars().next()) || !edge(part.chars().last()) {
        Some("a part of it must not begin or end with '-' or '.'")
    } else {
        None
    }
}

/// A repository: its kind and its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repo {
    /// Model, dataset or space.
    pub kind: RepoType,
    /// `namespace/name`.
    pub id: RepoId,
}

impl Repo {
    /// A repository of the given kind.
    pub fn new(kind: RepoType, id: RepoId) -> Self {
        Self { kind, id }
    }
}

impl fmt::Display for Repo {
    /// `org/name` for models, `datasets/org/name` and `spaces/org/name` for the others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.url_prefix(), self.id)
    }
}

/// A branch, a tag, a pull-request ref or a commit: what a user may name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision(String);

impl Revision {
    /// Checks `text` by the rules of `git check-ref-format`, since it becomes a file under `refs/`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it could not be the name of a revision.
    pub fn new(text: &str) -> Result<Self, Error> {
        let bad_char = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
        let bad_part = |part: &str| {
            part.is_empty()
                || part.starts_with('.')
                || part.ends_with('.')
                || std::path::Path::new(part)
                    .extension()
                    .is_some_and(|e| e == "lock")
        };
        let bad = text.len() > 250
            || text.starts_with('-')
            || text.contains("..")
            || text.contains("@{")
            || text.chars().any(bad_char)
            || text.split('/').any(bad_part);
        if bad {
            return Err(
                Error::new(ErrorKind::Usage, format!("invalid revision {text:?}"))
                    .with_hint("a revision is a branch, a tag, refs/pr/N or a 40-digit commit"),
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The commit that this revision is, if it is written as a full commit id.
    pub fn as_commit(&self) -> Option<Commit> {
        self.0.parse().ok()
    }
}

impl Default for Revision {
    fn default() -> Self {
        Self("main".to_owned())
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A full commit id: 40 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Commit(String);

impl Commit {
    /// The 40 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Commit {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::Protocol`]: commit ids come from servers.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            let shown: String = text.chars().take(60).collect();
            let message = format!("{shown:?} is not a commit id");
            Err(Error::new(ErrorKind::Protocol, message))
        }
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the Hub promises of a file's content; also the name of its blob in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Digest {
    /// SHA-256 of the content, as the Hub gives it for LFS and xet files.
    Sha256([u8; 32]),
    /// Git's blob id, SHA-1 of `blob <length>\0<content>`, as the Hub gives it for plain files.
    GitSha1([u8; 20]),
}

impl Digest {
    /// Reads 64 hexadecimal digits as SHA-256 and 40 as a git blob id; `None` for anything else.
    ///
    /// ```
    /// use hfast::Digest;
    /// assert!(Digest::from_hex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391").is_some());
    /// assert!(Digest::from_hex("../../etc/passwd").is_none());
    /// ```
    pub fn from_hex(text: &str) -> Option<Self> {
        match text.len() {
            64 => decode_hex(text).map(Self::Sha256),
            40 => decode_hex(text).map(Self::GitSha1),
            _ => None,
        }
    }

    /// Whether a listing can mean this digest for a content of `size` bytes. The Hub keeps no file above
    /// 10 MiB in git itself: a git digest for a larger one is that of an LFS pointer, from a listing that
    /// leaves the LFS part out.
    pub(crate) fn may_be_of(&self, size: u64) -> bool {
        matches!(self, Self::Sha256(_)) || size <= 10 << 20
    }

    /// The bytes of the digest, without its kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(bytes) => bytes,
            Self::GitSha1(bytes) => bytes,
        }
    }
}

impl fmt::Display for Digest {
    /// Lower-case hexadecimal, which is the blob's file name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The name of a content in Xet storage. It is no digest of the bytes as they are in the file.
///
/// Boxed: few of the hundred thousand files that a repository may have are in that storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XetHash(Box<[u8; 32]>);

impl XetHash {
    /// Reads 64 hexadecimal digits; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        (text.len() == 64).then(|| decode_hex(text).map(|bytes| Self(Box::new(bytes))))?
    }
}

impl fmt::Display for XetHash {
    /// Lower-case hexadecimal, as the Hub writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn decode_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |b: u8| {
            char::from(b)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repo_ids_follow_the_official_rules() {
        for good in ["gpt2", "org/name", "a.b/c-d_e", "_x/y_"] {
            assert!(RepoId::new(good).is_ok(), "{good}");
        }
        let long = format!("org/{}", "x".repeat(97));
        for bad in [
            "", "/", "a/", "/a", "a/b/c", "a--b", "a..b", "-a", "a-", ".a", "a/b.git", "é/x",
            "a b", &long,
        ] {
            assert!(RepoId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn revisions_become_paths_and_so_are_checked_as_refs() {
        for good in [
            "main",
            "refs/pr/1",
            "v1.0",
            "feature/x",
            "refs/convert/parquet",
        ] {
            assert!(Revision::new(good).is_ok(), "{good}");
        }
        for bad in [
            "", "/main", "a//b", "../x", "a/..", ".hidden", "a b", "a\nb", "x.lock", "a\\b", "-x",
        ] {
            assert!(Revision::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_digest_round_trips_through_hex() {
        for hex in [
            "00ff".repeat(16),
            "0123456789abcdef0123456789abcdef01234567".to_owned(),
        ] {
            assert_eq!(Digest::from_hex(&hex).map(|d| d.to_string()), Some(hex));
        }
        assert_eq!(Digest::from_hex(&"g".repeat(64)), None);
        assert_eq!(Digest::from_hex(&"é".repeat(20)), None);
    }
}
