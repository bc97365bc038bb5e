//! What was seen of the sources, as values, before anybody judged it.
//!
//! These values hold headers as they came: they do not leave this module but through `judge.rs`.

use std::ops::Range;
use std::time::Duration;

use ::http::{HeaderMap, StatusCode};

use super::report::SourceKind;
use crate::error::Error;
use crate::hub::metadata::FileMeta;
use crate::names::Commit;

/// One source.
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) kind: SourceKind,
    /// For an endpoint: the commit that the revision stands for there.
    pub(super) commit: Option<Commit>,
    /// What was seen of the files that it was asked for, by their indices; or why it was not asked.
    pub(super) evidence: Result<Vec<(usize, Evidence)>, Error>,
    /// How a piece of a file came; `None` if none was asked for.
    pub(super) timing: Option<Result<Timing, Error>>,
}

/// What was seen of one file.
pub(super) enum Evidence {
    /// What a server answered to the question for some of its bytes, or why there is no answer to judge.
    Answer(Result<Box<Head>, Error>),
    /// What a list or a folder tells.
    Listed(Listed),
}

/// The head of an answer that brings bytes, or says that there are none in the range.
pub(super) struct Head {
    /// What was asked for.
    pub(super) range: Range<u64>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// What the whole chain of answers says of the file.
    pub(super) meta: FileMeta,
}

/// How a file stands in a list or a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// With this size and digest.
    Same,
    /// With this size; nobody has looked at the digest.
    BySize,
    /// With another content; of so many bytes, where that is known.
    Other(Option<u64>),
    Absent,
}

/// How a piece of a file came.
pub(super) struct Timing {
    /// From the question to the first byte.
    pub(super) first_byte: Duration,
    /// Bytes after the first ones, and the time from those to the last.
    pub(super) rest: (u64, Duration),
    /// The origin of the bytes, where it is not that of the source.
    pub(super) from: Option<String>,
}
