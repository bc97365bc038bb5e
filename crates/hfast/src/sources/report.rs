//! What a survey of the sources found, as values to show. Pure.

use std::time::Duration;

use crate::error::ErrorKind;
use crate::names::Commit;

/// What each source has of a repository at a commit, and how fast it is.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The commit that the revision stands for, by the first endpoint that answered.
    pub commit: Commit,
    /// The files that are wanted, by the listing of the endpoints.
    pub files: usize,
    /// Their bytes, as far as the listing tells them.
    pub bytes: u64,
    /// How many of these files each server was asked for: see [`Self::is_sample`].
    pub asked_of_servers: usize,
    /// Each source: the endpoints in their order, then the further sources in theirs.
    pub sources: Vec<SourceReport>,
    /// How long the survey took.
    pub elapsed: Duration,
}

impl Survey {
    /// Servers were asked for some of the files only: the largest and the smallest.
    pub fn is_sample(&self) -> bool {
        self.asked_of_servers < self.files
    }

    /// Why no source has everything: what is wrong with the first one. `None` if one has everything.
    pub fn fault(&self) -> Option<ErrorKind> {
        let has_all = self.sources.iter().any(|source| source.fault.is_none());
        let first = self.sources.first()?;
        first.fault.filter(|_| !has_all)
    }
}

/// One source.
#[derive(Clone, Debug)]
pub struct SourceReport {
    /// As it is named on the command line.
    pub name: String,
    /// What it is.
    pub kind: SourceKind,
    /// For an endpoint: the commit that the revision stands for there.
    pub commit: Option<Commit>,
    /// What it has of the files that it was asked for.
    pub holdings: Holdings,
    /// How fast it gave a piece of the largest file that it has; `None` if that was not measured.
    pub speed: Option<Speed>,
    /// The origin that sent these bytes (`https://cdn.example`), where it is another one.
    pub bytes_from: Option<String>,
    /// Why it does not have everything.
    pub fault: Option<ErrorKind>,
    /// What else is to be said of it, each a part of a sentence. No secrets are in it.
    pub remarks: Vec<String>,
}

impl SourceReport {
    /// How much of what it was asked for it has.
    pub fn extent(&self) -> Extent {
        match (self.fault, self.holdings.have()) {
            (None, _) => Extent::All,
            (Some(_), 0) => Extent::Nothing,
            (Some(_), _) => Extent::Part,
        }
    }
}

/// The kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// It is asked what the repository holds, and for bytes.
    Endpoint,
    /// A server with the Hub's addresses, which is asked for bytes.
    Server,
    /// `ModelScope`, or a server with its API.
    ModelScope,
    /// A folder or a cache on a disk.
    Folder,
}

impl SourceKind {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Server => "server",
            Self::ModelScope => "modelscope",
            Self::Folder => "folder",
        }
    }
}

/// How much a source has of what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    All,
    /// Some of it.
    Part,
    /// Nothing, or it does not say.
    Nothing,
}

impl Extent {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Part => "part",
            Self::Nothing => "nothing",
        }
    }
}

/// How many files a source was asked for, and what was found of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// All of them.
    pub asked: usize,
    /// It says the size and the digest of the listing.
    pub same: usize,
    /// The size is right, and the digest is not told: it is judged when the file is used.
    pub by_size: usize,
    /// Another content lies under the name.
    pub other: usize,
    /// It does not have them.
    pub missing: usize,
    /// It gave no answer that tells, or refused.
    pub unanswered: usize,
    /// Bytes of the files that it has.
    pub bytes: u64,
}

impl Holdings {
    /// How many files can be had from it, as far as it was asked.
    pub fn have(&self) -> usize {
        self.same + self.by_size
    }
}

/// How fast a piece of a file came over one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// From the question, over a new connection, to the first byte; redirects are in it.
    pub first_byte: Duration,
    /// Bytes in a second, from the first to the last; `None` if there were too few to tell.
    pub bytes_per_second: Option<u64>,
}
