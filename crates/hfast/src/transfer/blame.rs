//! Finds out which source sent wrong bytes, when the digest of a file is wrong and its disk is not at
//! fault: what one source brought is fetched again from the others, one source after another, until the
//! digest matches.
//!
//! Blocks that changed on the disk, and what other tools left, are met before that in `verify.rs`.

use std::sync::Arc;

use super::engine::Engine;
use super::job::Job;
use super::ranges::Ranges;
use super::verify::{Verifier, checksum, is_right, whole};
use crate::error::Error;
use crate::names::Digest;

/// Fetched again at a time: what one wrong bit may cost once it is reached.
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

/// Whose bytes may be wrong, by the way to it; `None`: anybody's, also those of earlier runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suspicion(Option<usize>);

/// All that can be suspected, likeliest first: a source that was wanted less before one that was
/// wanted more.
pub(super) fn suspicions(job: &Job) -> Vec<Suspicion> {
    let lanes = job.with_sources(|sources| sources.lanes());
    let (count, several) = (lanes.len(), lanes.len() > 1);
    let each = lanes.into_iter().rev().filter(|_| several).map(Some);
    let order: Vec<_> = each.chain([None]).map(Suspicion).collect();
    let looks = looks(job.size, count);
    order.into_iter().cycle().take(looks).collect()
}

/// The ranges in parts of [`WINDOW`] bytes: what lies apart comes together, over all connections.
fn windows(ranges: &Ranges) -> Vec<Ranges> {
    let (mut windows, mut room) = (Vec::new(), 0);
    for range in ranges.iter() {
        let mut start = range.start;
        while start < range.end {
            if room == 0 {
                windows.push(Ranges::default());
                room = WINDOW;
            }
            let end = range.end.min(start + room);
            if let Some(window) = windows.last_mut() {
                window.insert(start..end);
            }
            room -= end - start;
            start = end;
        }
    }
    windows
}

impl Verifier {
    /// Fetches again what is suspected, a window at a time, until the digest is right.
    pub(super) async fn fetch_again(
        &mut self,
        engine: &Engine,
        job: &Arc<Job>,
        Suspicion(suspect): Suspicion,
    ) -> Result<Option<Digest>, Error> {
        let ranges = match suspect {
            Some(lane) => job.brought_by(lane),
            None => std::iter::once(0..job.size).collect(),
        };
        if ranges.is_empty() {
            return Ok(None);
        }
        job.renew(engine.now());
        job.with_sources(|sources| sources.suspect(suspect));
        job.forget_links().await;
        announce(engine, job, suspect, ranges.len());
        let (mut differ, mut judged) = (0_u32, 0);
        for window in windows(&ranges) {
            let before = checksum(engine, job, window.clone()).await?;
            window.iter().for_each(|range| job.forget(range));
            engine.wake.notify_one();
            for range in window.iter() {
                whole(job, &range).await?;
            }
            if checksum(engine, job, window).await? != before {
                differ += 1;
                // One wrong bit is mended by now. Where much is wrong, the file is read seldom.
                if differ.is_power_of_two() {
                    judged = differ;
                    if let Some(digest) = self.judge(engine, job, suspect).await? {
                        return Ok(Some(digest));
                    }
                }
            }
        }
        if differ > judged {
            return self.judge(engine, job, suspect).await;
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

fn announce(engine: &Engine, job: &Job, suspect: Option<usize>, bytes: u64) {
    let what = match suspect {
        None => "fetching it once more".to_owned(),
        Some(lane) => {
            let name = job.with_sources(|sources| sources.name(lane).to_owned());
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
    fn windows_cover_the_ranges_and_nothing_else() {
        let long = 100..2 * WINDOW + 101;
        let ranges = [5..7, long].into_iter().collect();
        let windows = windows(&ranges);
        let bounds = |window: &Ranges| -> Vec<_> {
            window
                .iter()
                .map(|range| (range.start, range.end))
                .collect()
        };
        let windows: Vec<_> = windows.iter().map(bounds).collect();
        let (second, third) = (WINDOW + 98, 2 * WINDOW + 98);
        let end = 2 * WINDOW + 101;
        let expected = [
            vec![(5, 7), (100, second)],
            vec![(second, third)],
            vec![(third, end)],
        ];
        assert_eq!(windows, expected);
    }

    #[test]
    fn each_source_is_suspected_and_small_files_more_than_once() {
        assert_eq!([1, 2, 3].map(|n| looks(WINDOW + 1, n)), [1, 3, 4]);
        assert_eq!([1, 2, 5].map(|n| looks(WINDOW, n)), [4, 4, 6]);
    }
}
