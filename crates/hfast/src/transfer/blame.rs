//! Finds out which source sent wrong bytes, when the digest of a file is wrong and its disk is not at
//! fault: what one source brought is fetched again from the others, one source after another, until the
//! digest matches.
//!
//! What other tools left is suspected before any source. Blocks that changed on the disk are met before
//! that in `verify.rs`.

use std::sync::Arc;

use super::engine::Engine;
use super::job::Job;
use super::ranges::Ranges;
use super::verify::{Verifier, checksum, is_right, whole};
use crate::error::Error;
use crate::names::Digest;

/// Fetched again at first: what one wrong bit may cost once it is reached. Where that was not enough, much
/// is wrong, and twice as much comes before the file is read again.
const WINDOW: u64 = 64 << 20;

/// A fault that strikes a small file several times in a row is cheap to outlast; a large file that is
/// wrong twice is wrong there.
const LOOKS_AT_SMALL: usize = 4;

/// What to do when a content came whole and wrong.
pub(super) const WRONG_BYTES: &str =
    "check the digest if you gave it; else the source sends wrong bytes: try another --endpoint";

/// How often a content of `size` bytes is fetched again before it is given up: each of several sources
/// may be the one, and then all together.
pub(super) fn looks(size: u64, sources: usize) -> usize {
    let each = if sources > 1 { sources + 1 } else { 1 };
    if size <= WINDOW {
        each.max(LOOKS_AT_SMALL)
    } else {
        each
    }
}

/// Whose bytes may be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// Of whoever wrote what was not fetched: other tools, folders, and runs whose notes are lost.
    Leftover(Ranges),
    /// Of one source, by the way to it.
    Source(usize),
    /// Anybody's.
    All,
}

/// All that can be suspected, likeliest first: what was `adopted`, then a source that was wanted less
/// before one that was wanted more.
pub(super) fn suspicions(job: &Job, adopted: Ranges) -> Vec<Suspicion> {
    let lanes = job.with_sources(|sources| sources.lanes());
    let (count, several) = (lanes.len(), lanes.len() > 1);
    let each = lanes.into_iter().rev().filter(|_| several);
    let order: Vec<_> = each
        .map(Suspicion::Source)
        .chain([Suspicion::All])
        .collect();
    let of_sources = order.into_iter().cycle().take(looks(job.size, count));
    let leftover = (!adopted.is_empty()).then_some(Suspicion::Leftover(adopted));
    leftover.into_iter().chain(of_sources).collect()
}

/// Takes the first `len` bytes out of `ranges`: what lies apart comes together, over all connections.
fn take_first(ranges: &mut Ranges, len: u64) -> Ranges {
    let (mut first, mut room) = (Ranges::default(), len);
    for range in ranges.iter() {
        let end = range.end.min(range.start.saturating_add(room));
        first.insert(range.start..end);
        room -= end - range.start;
    }
    first.iter().for_each(|range| ranges.remove(range));
    first
}

impl Verifier {
    /// Fetches again what is suspected, a window at a time, until the digest is right.
    pub(super) async fn fetch_again(
        &mut self,
        engine: &Engine,
        job: &Arc<Job>,
        suspicion: Suspicion,
    ) -> Result<Option<Digest>, Error> {
        let (suspect, mut ranges) = match &suspicion {
            Suspicion::Leftover(ranges) => (None, ranges.clone()),
            Suspicion::Source(lane) => (Some(*lane), job.brought_by(*lane)),
            Suspicion::All => (None, std::iter::once(0..job.size).collect()),
        };
        if ranges.is_empty() {
            return Ok(None);
        }
        job.renew(engine.now());
        job.with_sources(|sources| sources.suspect(suspect));
        job.forget_links().await;
        announce(engine, job, &suspicion, ranges.len());
        let mut window = WINDOW;
        while !ranges.is_empty() {
            let again = take_first(&mut ranges, window);
            let before = checksum(engine, job, again.clone()).await?;
            again.iter().for_each(|range| job.forget(range));
            engine.wake.notify_one();
            for range in again.iter() {
                whole(job, &range).await?;
            }
            if checksum(engine, job, again).await? == before {
                continue;
            }
            if let Some(digest) = self.judge(engine, job, suspect).await? {
                return Ok(Some(digest));
            }
            window = window.saturating_mul(2);
        }
        Ok(None)
    }

    /// The digest, if it is right; then the suspicion was, too.
    async fn judge(
        &mut self,
        engine: &Engine,
        job: &Arc<Job>,
        suspect: Option<usize>,
    ) -> Result<Option<Digest>, Error> {
        let digest = self.pass(engine, job).await?;
        if !is_right(job, &digest) {
            return Ok(None);
        }
        if let Some(lane) = suspect {
            let name = job.with_sources(|sources| sources.name(lane).to_owned());
            let text = format!(
                "{}: the bytes of {name} were wrong, and it is asked only if there is no other",
                job.name
            );
            engine.setup.progress.notice(text);
            engine.lanes.lies(lane);
        }
        Ok(Some(digest))
    }
}

fn announce(engine: &Engine, job: &Job, suspicion: &Suspicion, bytes: u64) {
    let what = match suspicion {
        Suspicion::All => "fetching it once more".to_owned(),
        Suspicion::Leftover(_) => {
            format!("fetching again what of the {bytes} bytes that were not fetched is wrong")
        }
        Suspicion::Source(lane) => {
            let name = job.with_sources(|sources| sources.name(*lane).to_owned());
            format!("fetching the {bytes} bytes of {name} again from elsewhere")
        }
    };
    let text = format!("{}: the digest is wrong; {what}", job.name);
    engine.setup.progress.notice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_apart_is_taken_together_and_nothing_twice() {
        let mut ranges: Ranges = [5..7, 100..210].into_iter().collect();
        let bounds = |ranges: &Ranges| -> Vec<_> {
            let each = ranges.iter();
            each.map(|range| (range.start, range.end)).collect()
        };
        let mut taken = Vec::new();
        while !ranges.is_empty() {
            taken.push(bounds(&take_first(&mut ranges, 50)));
        }
        let expected = [vec![(5, 7), (100, 148)], vec![(148, 198)], vec![(198, 210)]];
        assert_eq!(taken, expected);
    }

    #[test]
    fn each_source_is_suspected_and_small_files_more_than_once() {
        assert_eq!([1, 2, 3].map(|n| looks(WINDOW + 1, n)), [1, 3, 4]);
        assert_eq!([1, 2, 5].map(|n| looks(WINDOW, n)), [4, 4, 6]);
    }
}
