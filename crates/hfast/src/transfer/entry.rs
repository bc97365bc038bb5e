//! One place that has a file, and what became of asking it. Which is asked next is told in `source.rs`.
//! Pure.

use std::time::Duration;

use url::Url;

use crate::error::Error;
use crate::transport::follow::Credentials;

/// Failures in a row after which another source is tried.
pub(super) const BEFORE_CHANGE: u32 = 2;

/// One that has served ranges and then gives the whole file so often in a row does not serve them any more.
pub(super) const WHOLES: u32 = 3;

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

/// A source of a file, and what became of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) source: Source,
    /// Failures in a row, and the time that they cost.
    pub(super) failures: u32,
    pub(super) cost: Duration,
    /// No new exchange begins before this time.
    pub(super) not_before: Duration,
    /// Nor before this one, after failures, unless something comes.
    pub(super) rests_until: Duration,
    /// Where it sends us for the bytes, if that host wanted to be left alone once.
    pub(super) storage: Option<String>,
    /// For how long it or its storage wants to be left alone, as far as that is worth asking another.
    pub(super) pause: Duration,
    /// It cannot serve ranges: one connection, from the front.
    pub(super) one_stream: bool,
    /// It has served a range.
    pub(super) gave_part: bool,
    /// How often in a row it gave the whole file where a range was asked for.
    pub(super) wholes: u32,
    /// Asked no more.
    pub(super) out: bool,
    /// Why it is out, until that is told.
    pub(super) refused: Option<Error>,
}

impl Entry {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            failures: 0,
            cost: Duration::ZERO,
            not_before: Duration::ZERO,
            rests_until: Duration::ZERO,
            storage: None,
            pause: Duration::ZERO,
            one_stream: false,
            gave_part: false,
            wholes: 0,
            out: false,
            refused: None,
        }
    }

    /// What speaks against it.
    pub(super) fn faults(&self) -> u32 {
        self.failures / BEFORE_CHANGE
    }
}
