//! One place that has a file, and what became of asking it. Which is asked next is told in `source.rs`.
//! Pure.

use std::time::Duration;

use url::Url;

use super::streak::Streak;
use crate::error::Error;
use crate::transport::follow::Credentials;

/// Failures in a row after which another source is tried: one is the fate of any connection on a bad network,
/// and a warm source is worth a second try.
pub(super) const BEFORE_CHANGE: u32 = 2;

/// One that has served ranges and then gives the whole file so often in a row does not serve them any more: one
/// or two are a backend of the same name that is being changed.
pub(super) const WHOLES: u32 = 3;

/// One that turns a file away so often in a row may serve the others, and not this one. With a rest after each
/// that is two seconds at least, longer than a server needs to see that a connection has ended.
pub(super) const TURNED_AWAY: u32 = 8;

/// No request follows an answer that brought nothing sooner: where that comes at once, the same would be asked
/// without rest.
pub(super) const REST: Duration = Duration::from_millis(200);

/// One place that has a file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The host, with its port where that is not the usual one: as shown to people, and who makes pauses.
    pub(crate) name: String,
    /// Where a link to the bytes is asked for; for a plain URL, the bytes themselves.
    pub(crate) resolve: Url,
    /// The token that this source may see.
    pub(crate) credentials: Option<Credentials>,
    /// Which of the client's endpoints this is; `None` for what is not a Hub.
    pub(crate) endpoint: Option<usize>,
    /// The way to it, which other files use as well.
    pub(crate) lane: usize,
}

/// What a source does when it is asked for a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serves {
    Unknown,
    /// It has served one; since then it gave the whole file so often in a row.
    Ranges {
        wholes: u32,
    },
    /// It gives the whole file: one connection, from the front.
    Whole,
}

/// A source of a file, and what became of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) source: Source,
    /// Failures in a row, and the time that they cost.
    pub(super) failures: Streak,
    pub(super) cost: Duration,
    /// How often in a row it turned this file away while it served others.
    pub(super) turned_away: Streak,
    /// No new exchange begins before this time.
    pub(super) not_before: Duration,
    /// Nor before this one, after failures, unless something comes.
    pub(super) rests_until: Duration,
    /// Where it sends us for the bytes, if that host wanted to be left alone once.
    pub(super) storage: Option<String>,
    /// For how long it or its storage wants to be left alone, as far as that is worth asking another.
    pub(super) pause: Duration,
    pub(super) serves: Serves,
    /// It has brought some of this file.
    pub(super) brought: bool,
    /// A connection brings the whole file, beside which no other one is of use.
    pub(super) streams: bool,
    /// Asked no more.
    pub(super) out: bool,
    /// Why it is out, until that is told.
    pub(super) refused: Option<Error>,
}

impl Entry {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            failures: Streak::default(),
            cost: Duration::ZERO,
            turned_away: Streak::default(),
            not_before: Duration::ZERO,
            rests_until: Duration::ZERO,
            storage: None,
            pause: Duration::ZERO,
            serves: Serves::Unknown,
            brought: false,
            streams: false,
            out: false,
            refused: None,
        }
    }

    /// Whether it cannot serve ranges.
    pub(super) fn is_one_stream(&self) -> bool {
        self.serves == Serves::Whole
    }

    /// Whether ranges are to be had of it, and nothing speaks against it, nor against the way to it.
    pub(super) fn serves_ranges(&self, is_in_trouble: bool) -> bool {
        !self.is_one_stream() && self.faults() == 0 && !is_in_trouble
    }

    /// What speaks against it.
    pub(super) fn faults(&self) -> u32 {
        self.failures.count / BEFORE_CHANGE
    }
}
