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
use crate::transport::retry::{Budget, LONG_PAUSE, LONGEST_WAIT, Next, Patience};

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

/// The sources of one file, what became of them, and the patience with them.
#[derive(Debug)]
pub(crate) struct Sources {
    all: Vec<Entry>,
    patience: Patience,
    budget: Budget,
}

/// What follows a failure that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Another source comes next, at once: the pause is for the one that failed.
    Another,
    /// The same one comes next, after this time.
    Wait(Duration),
    /// All patience is spent.
    GiveUp,
}

#[derive(Debug)]
struct Entry {
    source: Source,
    /// Failures in a row, and the time that they cost.
    failures: u32,
    cost: Duration,
    /// Where it sends us for the bytes, if that host wanted to be left alone once.
    storage: Option<String>,
    /// For how long it or its storage wants to be left alone, as far as that is worth asking another.
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
    pub(crate) fn new(sources: Vec<Source>, patience: Patience, now: Duration) -> Self {
        let entry = |source| Entry {
            source,
            failures: 0,
            cost: Duration::ZERO,
            storage: None,
            pause: Duration::ZERO,
            demoted: 0,
            one_stream: false,
            out: false,
            refused: None,
        };
        Self {
            all: sources.into_iter().map(entry).collect(),
            patience,
            budget: Budget::new(patience, now),
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

    /// Notes for how long each source is to be left alone from now on, given the pause of a host.
    pub(crate) fn note_pauses(&mut self, pause: impl Fn(&str) -> Duration) {
        for entry in &mut self.all {
            let storage = entry.storage.as_deref().map(&pause);
            entry.pause = pause(&entry.source.name).max(storage.unwrap_or_default());
        }
    }

    /// Notes that a source leads to a host that wants to be left alone.
    pub(crate) fn leads_to(&mut self, index: usize, host: &str) {
        self.all[index].storage = Some(host.to_owned());
    }

    /// The longest pause that is sat out on the way to the source that is asked next.
    pub(crate) fn longest_pause(&self) -> Duration {
        let has_choice = self.count() > 1 && self.left().any(|entry| entry.pause.is_zero());
        if has_choice {
            LONG_PAUSE.min(self.patience.pause)
        } else {
            self.patience.pause
        }
    }

    /// Notes bytes from a source: the patience is new.
    pub(crate) fn progressed(&mut self, index: usize, now: Duration) {
        self.all[index].failures = 0;
        self.all[index].cost = Duration::ZERO;
        self.renew(now);
    }

    /// Begins the patience anew, for fetching again what turned out to be wrong.
    pub(crate) fn renew(&mut self, now: Duration) {
        self.budget.progressed(now);
    }

    /// Counts a failure that may pass, of an exchange that began at `since`, and says what comes next.
    /// `chance` is uniform in `0.0..1.0`.
    pub(crate) fn failed(
        &mut self,
        index: usize,
        (since, now): (Duration, Duration),
        chance: f64,
    ) -> After {
        let next = self.budget.failed(now, chance);
        let wait = match next {
            Next::Wait(wait) => wait,
            Next::GiveUp => LONGEST_WAIT,
        };
        self.all[index].failures += 1;
        self.all[index].cost += now.saturating_sub(since) + wait;
        // Those that are dead must not use up the patience with one that can serve.
        if next == Next::GiveUp && self.are_all_spent() {
            After::GiveUp
        } else if self.pick().is_some_and(|(next, _)| next != index) {
            After::Another
        } else {
            After::Wait(wait)
        }
    }

    /// Prefers every other source to one that wants to be left alone for a while.
    pub(crate) fn leave(&mut self, index: usize) {
        let failures = &mut self.all[index].failures;
        *failures = (*failures).max(BEFORE_CHANGE);
    }

    /// Whether a source is asked over a new connection next: after a failure, which may be that of
    /// one that was kept. After two in a row it may be that no further one is let in, and those that
    /// were kept are all there will be.
    pub(crate) fn wants_fresh(&self, index: usize) -> bool {
        self.all[index].failures % 2 == 1
    }

    /// Whether every source that is left has failed so often in a row, and cost so much time, that
    /// nothing is to be hoped for.
    fn are_all_spent(&self) -> bool {
        let Patience { failures, time, .. } = self.patience;
        self.left()
            .all(|entry| entry.failures >= failures && entry.cost >= time)
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

    /// Asks this source no more. Returns why the file cannot be had, if it was the last one.
    pub(crate) fn refuse(&mut self, index: usize, error: Error) -> Option<Error> {
        self.all[index].out = true;
        self.all[index].refused = Some(error);
        self.refusal()
    }

    /// Whether there was nobody to ask from the beginning.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether no source but this one is left to be asked.
    pub(crate) fn is_last(&self, index: usize) -> bool {
        self.count() <= usize::from(!self.all[index].out)
    }

    /// Why the last source is gone, once all are. The first refusal is the one worth telling: it
    /// comes from the source that was wanted most.
    fn refusal(&mut self) -> Option<Error> {
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
    use crate::transport::retry::FOR_BYTES;

    const SECOND: Duration = Duration::from_secs(1);

    fn sources(n: usize) -> Sources {
        let source = |i: usize| Source {
            name: format!("s{i}"),
            resolve: Url::parse("http://host/").unwrap(),
            credentials: None,
            endpoint: Some(i),
        };
        Sources::new((0..n).map(source).collect(), FOR_BYTES, Duration::ZERO)
    }

    /// A failure at `now` that took a second.
    fn fail(sources: &mut Sources, index: usize, now: u32) -> After {
        let now = now * SECOND;
        sources.failed(index, (now.saturating_sub(SECOND), now), 0.5)
    }

    #[test]
    fn two_failures_in_a_row_change_the_source_and_progress_forgives() {
        let mut sources = sources(2);
        assert!(matches!(fail(&mut sources, 0, 1), After::Wait(_)));
        sources.progressed(0, 2 * SECOND);
        assert!(matches!(fail(&mut sources, 0, 3), After::Wait(_)));
        assert_eq!(fail(&mut sources, 0, 4), After::Another);
        assert_eq!(sources.pick().unwrap().0, 1);
        fail(&mut sources, 1, 5);
        assert_eq!(fail(&mut sources, 1, 6), After::Another);
        assert_eq!(
            sources.pick().unwrap().0,
            0,
            "both failed alike: the preferred one again"
        );
    }

    #[test]
    fn a_source_that_is_dead_does_not_use_up_the_patience_with_another() {
        let mut sources = sources(2);
        let ends = (1..50).find(|n| fail(&mut sources, 0, n * 20) == After::GiveUp);
        assert_eq!(ends, None, "nobody has asked the other one");
    }

    #[test]
    fn one_that_wants_to_be_left_alone_is_asked_only_if_all_do() {
        let mut sources = sources(2);
        let pause = |first: u32, second: u32, storage: u32| {
            move |host: &str| match host {
                "s0" => first * SECOND,
                "s1" => second * SECOND,
                _ => storage * SECOND,
            }
        };
        sources.note_pauses(pause(60, 0, 0));
        assert_eq!(
            (sources.pick().unwrap().0, sources.longest_pause()),
            (1, LONG_PAUSE)
        );
        sources.note_pauses(pause(60, 30, 0));
        assert_eq!(
            (sources.pick().unwrap().0, sources.longest_pause()),
            (1, FOR_BYTES.pause)
        );
        // Both lead to one storage, which is what wants to be left alone.
        (0..2).for_each(|index| sources.leads_to(index, "storage"));
        sources.note_pauses(pause(0, 0, 90));
        assert_eq!(
            (sources.pick().unwrap().0, sources.longest_pause()),
            (0, FOR_BYTES.pause)
        );
    }

    #[test]
    fn a_source_that_refused_is_not_asked_again() {
        let mut sources = sources(2);
        let refusal = |text: &str| Error::new(ErrorKind::NotFound, text);
        assert!(!sources.is_last(1));
        assert!(sources.refuse(0, refusal("first")).is_none() && sources.is_last(1));
        let told = sources.refuse(1, refusal("second")).unwrap();
        assert_eq!(told.to_string(), "first");
    }
}
