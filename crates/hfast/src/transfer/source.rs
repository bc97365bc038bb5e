//! Where the bytes of a file can come from, and which source is asked next. Pure.
//!
//! A source is anything that gives ranges of the file; the digest judges, so all are equal but for
//! their health.

use std::time::Duration;

use ::http::StatusCode;
use url::Url;

use crate::error::Error;
use crate::hub::metadata::FileMeta;
use crate::names::Digest;
use crate::transport::follow::Credentials;
use crate::transport::retry::{LONG_PAUSE, LONGEST_PAUSE, Patience};

/// Failures in a row after which another source is tried.
const BEFORE_CHANGE: u32 = 2;

/// One place that has a file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The endpoint's host, as shown to people.
    pub(crate) name: String,
    /// Where a link to the bytes is asked for; for a plain URL, the bytes themselves.
    pub(crate) resolve: Url,
    /// The token that this source may see.
    pub(crate) credentials: Option<Credentials>,
    /// Which of the client's endpoints this is; `None` for a plain URL.
    pub(crate) endpoint: Option<usize>,
}

/// The sources of one file and what became of them.
#[derive(Debug)]
pub(crate) struct Sources {
    all: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    source: Source,
    /// Failures in a row, and the time that they cost.
    failures: u32,
    cost: Duration,
    /// For how long it wants to be left alone, as far as that is worth asking another one.
    pause: Duration,
    demoted: u32,
    /// It cannot serve ranges: one connection, from the front.
    one_stream: bool,
    /// Asked no more.
    out: bool,
    /// Why it is out, until that is told.
    refused: Option<Error>,
}

impl Sources {
    /// In the order in which they are preferred.
    pub(crate) fn new(sources: Vec<Source>) -> Self {
        let entry = |source| Entry {
            source,
            failures: 0,
            cost: Duration::ZERO,
            pause: Duration::ZERO,
            demoted: 0,
            one_stream: false,
            out: false,
            refused: None,
        };
        Self {
            all: sources.into_iter().map(entry).collect(),
        }
    }

    /// The source to ask next: the first that has not failed twice in a row, else the one that
    /// failed least; never one that refused, and one that wants to be left alone only if all do.
    pub(crate) fn pick(&self) -> Option<(usize, &Source)> {
        let open = self.all.iter().enumerate().filter(|(_, entry)| !entry.out);
        let best = open.min_by_key(|(_, entry)| {
            let faults = entry.demoted + entry.failures / BEFORE_CHANGE;
            (entry.pause, faults)
        })?;
        Some((best.0, &best.1.source))
    }

    /// Notes for how long each source wants to be left alone from now on.
    pub(crate) fn note_pauses(&mut self, pause: impl Fn(&Source) -> Duration) {
        for entry in &mut self.all {
            entry.pause = pause(&entry.source);
        }
    }

    /// The longest pause that is sat out on the way to the source that is asked next.
    pub(crate) fn longest_pause(&self) -> Duration {
        let has_choice = self.count() > 1 && self.left().any(|entry| entry.pause.is_zero());
        if has_choice {
            LONG_PAUSE
        } else {
            LONGEST_PAUSE
        }
    }

    /// Notes bytes from a source.
    pub(crate) fn progressed(&mut self, index: usize) {
        self.all[index].failures = 0;
        self.all[index].cost = Duration::ZERO;
    }

    /// Notes a failure that may pass, and the time that it cost. True if this makes another source
    /// the next one.
    pub(crate) fn failed(&mut self, index: usize, cost: Duration) -> bool {
        self.all[index].failures += 1;
        self.all[index].cost += cost;
        self.pick().is_some_and(|(next, _)| next != index)
    }

    /// Prefers every other source to one that wants to be left alone for a while.
    pub(crate) fn leave(&mut self, index: usize) {
        let failures = &mut self.all[index].failures;
        *failures = (*failures).max(BEFORE_CHANGE);
    }

    /// Whether a source has failed since it last gave something.
    pub(crate) fn has_failed(&self, index: usize) -> bool {
        self.all[index].failures > 0
    }

    /// Whether every source that is left has failed so often in a row, and cost so much time, that
    /// nothing is to be hoped for.
    pub(crate) fn are_all_spent(&self, patience: Patience) -> bool {
        self.left()
            .all(|entry| entry.failures >= patience.failures && entry.cost >= patience.time)
    }

    /// How many sources are left.
    pub(crate) fn count(&self) -> usize {
        self.left().count()
    }

    fn left(&self) -> impl Iterator<Item = &Entry> {
        self.all.iter().filter(|entry| !entry.out)
    }

    /// Prefers every other source from now on: the bytes of this one were wrong.
    pub(crate) fn demote_current(&mut self) {
        if let Some((index, _)) = self.pick() {
            self.all[index].demoted += 1;
        }
    }

    /// Notes that a source cannot serve ranges.
    pub(crate) fn be_one_stream(&mut self, index: usize) {
        self.all[index].one_stream = true;
    }

    /// Whether the source that is asked next cannot serve ranges.
    pub(crate) fn is_one_stream(&self) -> bool {
        self.pick()
            .is_some_and(|(index, _)| self.all[index].one_stream)
    }

    /// Asks this source no more.
    pub(crate) fn refuse(&mut self, index: usize, error: Error) {
        self.all[index].out = true;
        self.all[index].refused = Some(error);
    }

    /// Whether no source but this one is left to be asked.
    pub(crate) fn is_last(&self, index: usize) -> bool {
        self.count() <= usize::from(!self.all[index].out)
    }

    /// Why the last source is gone, once all are. The first refusal is the one worth telling: it
    /// comes from the source that was wanted most.
    pub(crate) fn refusal(&mut self) -> Option<Error> {
        if self.pick().is_some() {
            return None;
        }
        self.all.iter_mut().find_map(|entry| entry.refused.take())
    }
}

/// Why what a source offers is not the file we want, by what its headers say.
pub(crate) fn contradiction(meta: &FileMeta, size: u64, digest: Option<&Digest>) -> Option<String> {
    if let Some(there) = meta.size.filter(|there| *there != size) {
        return Some(format!("has {there} bytes instead of {size}"));
    }
    let other = match (meta.digest, digest) {
        (Some(Digest::Sha256(there)), Some(Digest::Sha256(here))) => there != *here,
        (Some(Digest::GitSha1(there)), Some(Digest::GitSha1(here))) => there != *here,
        // A mirror that gives another kind of digest does not contradict.
        _ => false,
    };
    other.then(|| "has other content under this name".to_owned())
}

/// Whether a status from storage means that the link, not the file, is gone.
pub(crate) fn means_stale_link(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 403 | 404 | 410)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const SECOND: Duration = Duration::from_secs(1);

    fn sources(n: usize) -> Sources {
        let source = |i: usize| Source {
            name: format!("s{i}"),
            resolve: Url::parse("http://host/").unwrap(),
            credentials: None,
            endpoint: Some(i),
        };
        Sources::new((0..n).map(source).collect())
    }

    #[test]
    fn two_failures_in_a_row_change_the_source_and_progress_forgives() {
        let mut sources = sources(2);
        assert!(!sources.failed(0, SECOND));
        sources.progressed(0);
        assert!(!sources.failed(0, SECOND));
        assert!(sources.failed(0, SECOND));
        assert_eq!(sources.pick().unwrap().0, 1);
        sources.failed(1, SECOND);
        sources.failed(1, SECOND);
        assert_eq!(
            sources.pick().unwrap().0,
            0,
            "both failed alike: the preferred one again"
        );
    }

    #[test]
    fn a_source_that_refused_is_not_asked_again() {
        let mut sources = sources(2);
        let refusal = |text: &str| Error::new(ErrorKind::NotFound, text);
        assert!(!sources.is_last(1));
        sources.refuse(0, refusal("first"));
        assert!(sources.refusal().is_none() && sources.is_last(1));
        sources.refuse(1, refusal("second"));
        assert_eq!(sources.refusal().unwrap().to_string(), "first");
    }
}
