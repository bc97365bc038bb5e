//! What the things that were seen of a source mean, by the rules of a download. Pure: no clock, no
//! question.

use std::time::Duration;

use super::report::{Holdings, SourceKind, SourceReport, Speed};
use super::seen::{Evidence, Head, Listed, Seen, Timing};
use crate::error::ErrorKind;
use crate::names::{Commit, Digest, Revision};
use crate::store::destination::Wanted;
use crate::transfer::ask::contradiction;
use crate::transfer::check::{Asked, Void, check};

/// The most files that a server is asked for: enough to meet a file of each kind, and fewer than the
/// connections of a download.
const LARGEST: usize = 6;
const SMALLEST: usize = 2;

/// A piece of a file takes no longer than this, even where there is time.
const LONGEST_PIECE: Duration = Duration::from_secs(3);

/// Fewer bytes than this may have come all at once, and say nothing of a rate, unless they took so long.
const TELLING: u64 = 256 << 10;
const TELLING_TIME: Duration = Duration::from_millis(500);

/// Names in a remark: enough to see of which kind they are.
const NAMES: usize = 2;

/// The files that each server is asked for, the largest first: all if they are few, else the largest and
/// the smallest. Only those of known size can be judged.
pub(super) fn sample(files: &[Wanted]) -> Vec<usize> {
    let sized = files.iter().enumerate();
    let mut sized: Vec<_> = sized
        .filter_map(|(index, file)| Some((file.size?, index)))
        .collect();
    sized.sort_by_key(|&(size, index)| (std::cmp::Reverse(size), index));
    let count = sized.len();
    let is_asked = |place: usize| place < LARGEST || place + SMALLEST >= count;
    let asked = sized.into_iter().enumerate();
    asked
        .filter(|(place, _)| is_asked(*place))
        .map(|(_, (_, index))| index)
        .collect()
}

/// How long the next of `sources` may take, of the time that is left for all of them.
pub(super) fn share(left: Duration, sources: usize) -> Duration {
    let sources = u32::try_from(sources.max(1)).unwrap_or(u32::MAX);
    (left / sources).min(LONGEST_PIECE)
}

/// The largest file that can be had there, by what was seen.
pub(super) fn largest(evidence: &[(usize, Evidence)], files: &[Wanted]) -> Option<usize> {
    let had = evidence.iter().filter(|(index, evidence)| {
        let holding = holding(&files[*index], evidence);
        matches!(holding, Holding::Same | Holding::BySize)
    });
    let sized = had.filter_map(|(index, _)| Some((files[*index].size?, *index)));
    let (size, index) = sized.max_by_key(|&(size, index)| (size, std::cmp::Reverse(index)))?;
    (size > 0).then_some(index)
}

/// How a source stands to one file.
enum Holding {
    Same,
    BySize,
    Other(String),
    Missing,
    Unanswered(ErrorKind, String),
}

fn holding(wanted: &Wanted, evidence: &Evidence) -> Holding {
    match evidence {
        Evidence::Listed(Listed::Same) => Holding::Same,
        Evidence::Listed(Listed::BySize) => Holding::BySize,
        Evidence::Listed(Listed::Absent) => Holding::Missing,
        Evidence::Listed(Listed::Other(Some(there))) => {
            Holding::Other(other_size(*there, wanted.size.unwrap_or_default()))
        }
        Evidence::Listed(Listed::Other(None)) => Holding::Other("has other content".to_owned()),
        Evidence::Answer(Err(error)) if error.kind() == ErrorKind::NotFound => Holding::Missing,
        Evidence::Answer(Err(error)) => Holding::Unanswered(error.kind(), error.to_string()),
        Evidence::Answer(Ok(head)) => answered(wanted, head),
    }
}

/// Judges the head of an answer as a download does.
fn answered(wanted: &Wanted, head: &Head) -> Holding {
    let size = wanted.size.unwrap_or_default();
    let is_of_hub = head.meta.commit.is_some() || head.meta.digest.is_some();
    let fault = contradiction(&head.meta, size, wanted.digest.as_ref());
    if let Some(fault) = fault.filter(|_| is_of_hub) {
        return Holding::Other(fault);
    }
    let asked = Asked {
        range: head.range.clone(),
        size,
        validator: None,
    };
    match check(&asked, head.status, &head.headers) {
        Ok(_) if wanted.digest.is_some() && head.meta.digest == wanted.digest => Holding::Same,
        Ok(_) => Holding::BySize,
        Err(Void::OtherSize { there, here }) => Holding::Other(other_size(there, here)),
        Err(void) => {
            let text = format!("the answer is void: {void}");
            Holding::Unanswered(ErrorKind::Protocol, text)
        }
    }
}

fn other_size(there: u64, here: u64) -> String {
    format!("has {there} bytes instead of {here}")
}

/// What is to be said of a source that was asked for `files` of a commit, for which `revision` stands.
pub(super) fn report(
    seen: Seen,
    files: &[Wanted],
    (revision, commit): (&Revision, &Commit),
) -> SourceReport {
    let mut report = SourceReport {
        name: seen.name,
        kind: seen.kind,
        commit: seen.commit,
        holdings: Holdings::default(),
        speed: None,
        bytes_from: None,
        fault: None,
        remarks: Vec::new(),
    };
    match seen.evidence {
        Ok(evidence) => add_evidence(&mut report, files, &evidence),
        Err(error) => {
            report.fault = Some(error.kind());
            report.remarks.push(error.to_string());
        }
    }
    let other = report.commit.as_ref().filter(|there| *there != commit);
    if let Some(short) = other.and_then(|there| there.as_str().get(..12)) {
        report
            .remarks
            .push(format!("{revision} is commit {short} there"));
    }
    match seen.timing {
        Some(Ok(timing)) => {
            report.speed = Some(speed(&timing));
            report.bytes_from = timing.from;
        }
        Some(Err(error)) => report
            .remarks
            .push(format!("its speed is not known: {error}")),
        None => {}
    }
    report
}

fn add_evidence(report: &mut SourceReport, files: &[Wanted], evidence: &[(usize, Evidence)]) {
    let (mut others, mut missing, mut small, mut silent) = (vec![], vec![], 0, vec![]);
    let holdings = &mut report.holdings;
    for (index, evidence) in evidence {
        let wanted = &files[*index];
        holdings.asked += 1;
        let kind = match holding(wanted, evidence) {
            holding @ (Holding::Same | Holding::BySize) => {
                match holding {
                    Holding::Same => holdings.same += 1,
                    _ => holdings.by_size += 1,
                }
                let size = wanted.size.unwrap_or_default();
                holdings.bytes = holdings.bytes.saturating_add(size);
                continue;
            }
            Holding::Other(text) => {
                holdings.other += 1;
                others.push(format!("{} {text}", wanted.name()));
                ErrorKind::Integrity
            }
            Holding::Missing => {
                holdings.missing += 1;
                // It gives no digest by which they could be told.
                let is_small = !matches!(wanted.digest, Some(Digest::Sha256(_)));
                if is_small && report.kind == SourceKind::ModelScope {
                    small += 1;
                } else {
                    missing.push(wanted.name().to_owned());
                }
                ErrorKind::NotFound
            }
            Holding::Unanswered(kind, text) => {
                holdings.unanswered += 1;
                silent.push(text);
                kind
            }
        };
        report.fault.get_or_insert(kind);
    }
    if holdings.asked == 0 && !files.is_empty() {
        report.fault = Some(ErrorKind::Protocol);
        silent.push("no file has a size to judge by".to_owned());
    }
    let by_size = (holdings.by_size > 0).then(|| "digests are judged on use".to_owned());
    let small = (small > 0).then(|| format!("{small} small only at the endpoints"));
    let lacks = listed(&missing, NAMES).map(|names| format!("lacks {names}"));
    let all = [
        listed(&silent, 1),
        listed(&others, 1),
        lacks,
        small,
        by_size,
    ];
    report.remarks.extend(all.into_iter().flatten());
}

/// The first `most` of them, and how many more there are.
fn listed(texts: &[String], most: usize) -> Option<String> {
    let shown = texts.iter().take(most).map(String::as_str);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match texts.len() {
        0 => None,
        count if count <= most => Some(shown),
        count => Some(format!("{shown} and {} more", count - most)),
    }
}

fn speed(timing: &Timing) -> Speed {
    let (bytes, took) = timing.rest;
    let tells = !took.is_zero() && (bytes >= TELLING || took >= TELLING_TIME);
    let rate = tells.then(|| u128::from(bytes) * 1_000_000_000 / took.as_nanos());
    Speed {
        first_byte: timing.first_byte,
        bytes_per_second: rate.map(|rate| u64::try_from(rate).unwrap_or(u64::MAX)),
    }
}
