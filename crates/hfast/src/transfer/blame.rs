//! Finds out which source sent wrong bytes, when the digest of a file is wrong and its disk is not at
//! fault: what one source brought is fetched again from the others, one source after another, until the
//! digest matches; then, for more than one may send them, what each of them says alone.
//!
//! What other tools left is suspected before any source. Blocks that changed on the disk are met before
//! that in `verify.rs`.

use std::sync::Arc;

use super::engine::Engine;
use super::job::Job;
use super::ranges::Ranges;
use super::source::Trust;
use super::verify::{Verifier, checksum, is_right, whole};
use crate::error::{Error, ErrorKind};
use crate::names::Digest;
use crate::transport::failure::WRONG;

/// Fetched again at first: what one wrong bit may cost once it is reached. Where that was not enough, much
/// is wrong, and twice as much comes before the file is read again.
const WINDOW: u64 = 64 << 20;

/// A fault that strikes a small file several times in a row is cheap to outlast; a large file that is
/// wrong twice is wrong there.
const LOOKS_AT_SMALL: usize = 4;

/// A content came whole, and is not what was promised.
pub(super) fn wrong_bytes(name: &str, promised: Option<&Digest>, found: Option<&Digest>) -> Error {
    let both = promised.zip(found);
    let told = both.map(|(promised, found)| format!(": expected {promised}, found {found}"));
    let told = told.unwrap_or_default();
    let text = format!("{name}: the bytes do not have the promised digest{told}");
    Error::new(ErrorKind::Integrity, text).with_hint(WRONG)
}

/// How often a content of `size` bytes is fetched again before it is given up, if it comes in one stream: from
/// each of several sources, and once more.
pub(super) fn looks(size: u64, sources: usize) -> usize {
    let each = if sources > 1 { sources + 1 } else { 1 };
    at_least(size, each)
}

fn at_least(size: u64, looks: usize) -> usize {
    if size <= WINDOW {
        looks.max(LOOKS_AT_SMALL)
    } else {
        looks
    }
}

/// Whose bytes may be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// Of whoever wrote what was not fetched: other tools, folders, and runs whose notes are lost.
    Leftover(Ranges),
    /// Of one source, by the way to it.
    Source(usize),
    /// Of all sources but one.
    AllBut(usize),
    /// Anybody's.
    All,
}

/// All that can be suspected, likeliest first: what was `adopted`, then what the sources brought.
pub(super) fn suspicions(job: &Job, adopted: Ranges) -> Vec<Suspicion> {
    let of_sources = of_sources(job.size, &job.with_sources(|sources| sources.lanes()));
    let leftover = (!adopted.is_empty()).then_some(Suspicion::Leftover(adopted));
    leftover.into_iter().chain(of_sources).collect()
}

/// A source that was wanted less before one that was wanted more; then, where more than one can be wrong and
/// another still right, all but one, and it is that which was wanted most that is trusted first.
fn of_sources(size: u64, lanes: &[usize]) -> Vec<Suspicion> {
    let each = lanes.iter().rev().filter(|_| lanes.len() > 1);
    let alone = lanes.iter().filter(|_| lanes.len() > 2);
    let order: Vec<_> = each
        .map(|lane| Suspicion::Source(*lane))
        .chain(alone.map(|lane| Suspicion::AllBut(*lane)))
        .chain([Suspicion::All])
        .collect();
    let looks = at_least(size, order.len());
    order.into_iter().cycle().take(looks).collect()
}

impl Suspicion {
    /// Whom to ask instead.
    fn trust(&self) -> Trust {
        match self {
            Self::Leftover(_) | Self::All => Trust::All,
            Self::Source(lane) => Trust::AllBut(*lane),
            Self::AllBut(lane) => Trust::Only(*lane),
        }
    }

    /// What may be wrong, and by which way it came if it was one.
    fn parts(&self, job: &Job) -> Vec<(Option<usize>, Ranges)> {
        let of = |lane: usize| (Some(lane), job.brought_by(lane));
        let all = || -> Ranges { std::iter::once(0..job.size).collect() };
        match self {
            Self::Leftover(ranges) => vec![(None, ranges.clone())],
            Self::Source(lane) => vec![of(*lane)],
            Self::AllBut(trusted) => {
                let lanes = job.with_sources(|sources| sources.lanes());
                let others = lanes.into_iter().filter(|lane| lane != trusted);
                let mut parts: Vec<_> = others.map(of).collect();
                // And what was brought by a source that is gone, or in an earlier run.
                let mut rest = all();
                let known = parts.iter().map(|(_, ranges)| ranges);
                for ranges in known.chain([&job.brought_by(*trusted)]) {
                    ranges.iter().for_each(|range| rest.remove(range));
                }
                parts.push((None, rest));
                parts
            }
            Self::All => vec![(None, all())],
        }
    }
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
        let mut parts = suspicion.parts(job);
        parts.retain(|(_, ranges)| !ranges.is_empty());
        if parts.is_empty() {
            return Ok(None);
        }
        job.renew(engine.now());
        job.with_sources(|sources| sources.trust(suspicion.trust()));
        job.forget_links().await;
        let bytes = parts.iter().map(|(_, ranges)| ranges.len()).sum();
        announce(engine, job, &suspicion, bytes);
        let mut window = WINDOW;
        let mut liars = Vec::new();
        for (lane, mut ranges) in parts {
            while !ranges.is_empty() {
                let again = take_first(&mut ranges, window);
                if !bring_other(engine, job, again).await? {
                    continue;
                }
                liars.extend(lane.filter(|lane| !liars.contains(lane)));
                let digest = self.pass(engine, job).await?;
                if is_right(job, &digest) {
                    for lane in liars {
                        blame(engine, job, lane);
                    }
                    return Ok(Some(digest));
                }
                window = window.saturating_mul(2);
            }
        }
        Ok(None)
    }
}

/// Fetches `ranges` again, and says whether other bytes came.
async fn bring_other(engine: &Engine, job: &Arc<Job>, ranges: Ranges) -> Result<bool, Error> {
    let before = checksum(engine, job, ranges.clone()).await?;
    ranges.iter().for_each(|range| job.forget(range));
    engine.wake.notify_one();
    for range in ranges.iter() {
        whole(job, &range).await?;
    }
    Ok(checksum(engine, job, ranges).await? != before)
}

/// The digest is right without what came by this way: that was wrong.
fn blame(engine: &Engine, job: &Job, lane: usize) {
    let name = name(job, lane);
    let text = format!(
        "{}: the bytes of {name} were wrong, and it is asked only if there is no other",
        job.name
    );
    engine.setup.progress.leave_aside(text);
    engine.lanes.lies(lane);
}

fn name(job: &Job, lane: usize) -> String {
    job.with_sources(|sources| sources.name(lane).to_owned())
}

fn announce(engine: &Engine, job: &Job, suspicion: &Suspicion, bytes: u64) {
    let what = match suspicion {
        Suspicion::All => "fetching it once more".to_owned(),
        Suspicion::Leftover(_) => {
            format!("fetching again what is wrong of the {bytes} bytes that were found on a disk")
        }
        Suspicion::Source(lane) => {
            let name = name(job, *lane);
            format!("fetching the {bytes} bytes of {name} again from elsewhere")
        }
        Suspicion::AllBut(lane) => {
            let name = name(job, *lane);
            format!("fetching the {bytes} bytes of others again from {name} alone")
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
    fn each_source_is_suspected_then_all_but_each_and_small_files_more_than_once() {
        use Suspicion::{All, AllBut, Source};
        let large = |lanes: &[usize]| of_sources(WINDOW + 1, lanes);
        assert_eq!(large(&[0]), [All]);
        assert_eq!(large(&[0, 1]), [Source(1), Source(0), All]);
        let of_three = [2, 1, 0].map(Source).into_iter();
        let of_three = of_three.chain([0, 1, 2].map(AllBut)).chain([All]);
        assert_eq!(large(&[0, 1, 2]), of_three.collect::<Vec<_>>());
        let small = [&[0][..], &[0, 1]].map(|lanes| of_sources(WINDOW, lanes).len());
        assert_eq!(small, [LOOKS_AT_SMALL; 2]);
    }

    #[test]
    fn a_stream_is_asked_for_of_each_source_and_once_more() {
        assert_eq!([1, 2, 3].map(|n| looks(WINDOW + 1, n)), [1, 3, 4]);
        assert_eq!([1, 2, 5].map(|n| looks(WINDOW, n)), [4, 4, 6]);
    }
}
