//! How a fake Hub differs from the plain one. Every field has the value today's Hub has.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a fake Hub does beyond serving its repositories.
#[derive(Debug, Clone)]
pub struct Options {
    /// Entries on one page of a tree.
    pub page_size: usize,
    /// Whether files held in git are answered with a relative redirect, as the Hub does.
    pub small_redirect: bool,
    /// Where files in large storage are served.
    pub lfs_redirect: LfsRedirect,
    /// How long a signed URL is good.
    pub signed_url_ttl: Duration,
    /// The etag at the storage, which need not be the Hub's.
    pub cdn_etag: CdnEtag,
    /// The tokens that are known; with none, tokens are not looked at.
    pub tokens: Vec<Token>,
    /// What stands before every path (`/hf`).
    pub path_prefix: String,
    /// The scheme of the absolute URLs it hands out.
    pub scheme: String,
    /// Deviations from today's Hub.
    pub odd: BTreeSet<Odd>,
    /// Seconds since 1970, for the expiry of signed URLs.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            page_size: 1000,
            small_redirect: true,
            lfs_redirect: LfsRedirect::WhenServed,
            signed_url_ttl: Duration::from_secs(3600),
            cdn_etag: CdnEtag::Opaque,
            tokens: Vec::new(),
            path_prefix: String::new(),
            scheme: "http".to_owned(),
            odd: BTreeSet::new(),
            clock: Clock::default(),
        }
    }
}

/// Where files in large storage are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LfsRedirect {
    /// At the second origin of a [`crate::loopback::Loopback`]; by the Hub itself without one.
    WhenServed,
    /// By the Hub itself.
    Never,
    /// At this origin (`http://cdn.test`).
    To(String),
}

/// The etag of an object at the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CdnEtag {
    /// One of the storage's own making, as S3 makes them.
    Opaque,
    /// The SHA-256 of the object.
    Sha256,
    /// None at all.
    Absent,
}

/// A token the Hub knows.
#[derive(Debug, Clone)]
pub struct Token {
    /// What stands after `Bearer`.
    pub value: String,
    /// Whose it is.
    pub user: String,
    /// What it was called when it was made.
    pub name: String,
    /// Whether its user was granted access to gated repositories.
    pub gated_access: bool,
}

impl Token {
    /// A token with access to everything.
    pub fn new(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            user: "tester".to_owned(),
            name: "test".to_owned(),
            gated_access: true,
        }
    }
}

/// Ways of a server that calls itself a Hub and is not quite one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Odd {
    /// Files come without `Content-Length` and `X-Linked-Size`.
    NoContentLength,
    /// Files come without `ETag` and `X-Linked-Etag`.
    NoEtag,
    /// Nothing says which commit was resolved.
    NoRepoCommit,
    /// Ranges are ignored: always 200.
    IgnoreRanges,
    /// The tree answers with a 307 first.
    TreeRedirect,
    /// There is no tree route.
    NoTree,
    /// Listings do not tell which files are in large storage.
    ListingWithoutLfs,
    /// Nothing at all without a known token.
    TokenAlways,
    /// A repository that does not exist is answered with 401, as the Hub does for strangers.
    MissingRepoIs401,
}

/// A source of seconds since 1970.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// A clock that asks `now`; for virtual time.
    pub fn new(now: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Seconds since 1970.
    pub fn now(&self) -> u64 {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| d.as_secs())
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
