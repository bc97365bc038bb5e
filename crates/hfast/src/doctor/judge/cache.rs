//! The disk that files go to: room, links, locks, speed. Pure.

use std::io;

use super::words::rate;
use super::{Check, ErrorKind, Examination, Finding};
use crate::error::describe_io;
use crate::store::survey::{Locks, Survey, Tried};
use crate::text::bytes;

/// Less room than for the smallest model and its notes. In bytes.
const NO_ROOM: u64 = 64 << 20;

/// Less than most models. In bytes.
const LITTLE_ROOM: u64 = 2 << 30;

/// A line of 100 Mbit/s brings more than such a disk takes. In bytes a second.
const SLOW: u64 = 12_000_000;

/// More than any disk: what is too short to be measured counts as this. In bytes a second.
const FASTEST: u64 = 99_000_000_000;

pub(super) fn judge(examination: &Examination, survey: Option<&Survey>) -> Finding {
    let folder = examination.folder.display().to_string();
    let fault = |what: String| Finding::fault(Check::Cache, ErrorKind::Disk, &folder, what);
    let elsewhere = elsewhere(examination);
    let Some(survey) = survey else {
        return fault("the disk does not answer".to_owned())
            .advise("look into the system's log; a network disk may have lost its server")
            .advise(elsewhere);
    };
    let mut details = vec![format!("tried in {}", survey.nearest.display())];
    details.extend(survey.kind.map(|kind| format!("file system: {kind}")));
    let tried = match &survey.tried {
        Ok(tried) => tried,
        Err(error) => {
            let what = format!(
                "nothing can be written in {}: {}",
                survey.nearest.display(),
                describe_io(error)
            );
            return fault(what)
                .advise(remedy(error))
                .advise(elsewhere)
                .detail(details);
        }
    };
    details.extend(abilities(tried));
    let free = survey.free.unwrap_or(u64::MAX);
    let room = match survey.free {
        Some(free) => format!("{} free", bytes(free)),
        None => "free room unknown".to_owned(),
    };
    if free < NO_ROOM {
        return fault(format!("the disk is full: {room}"))
            .advise("free some space")
            .advise(elsewhere)
            .detail(details);
    }
    let (written, took) = match &tried.written {
        Ok(written) => *written,
        Err(error) => {
            let what = format!("files can be made, but not written: {}", describe_io(error));
            return fault(what)
                .advise(remedy(error))
                .advise(elsewhere)
                .detail(details);
        }
    };
    let speed = rate(written, took).unwrap_or(u64::MAX);
    let told = format!("{room}, writes {}/s", bytes(speed.min(FASTEST)));
    let weak = weaknesses(
        tried,
        free < LITTLE_ROOM,
        speed < SLOW,
        examination.symlinks,
    );
    if weak.is_empty() {
        return Finding::ok(Check::Cache, &folder, told).detail(details);
    }
    let (what, advice): (Vec<&str>, Vec<&str>) = weak.into_iter().unzip();
    Finding::warning(
        Check::Cache,
        &folder,
        format!("{told}; {}", what.join("; ")),
    )
    .advise_all(advice.into_iter().map(str::to_owned))
    .advise(elsewhere)
    .detail(details)
}

/// What is weak, and what that means.
fn weaknesses(
    tried: &Tried,
    little: bool,
    slow: bool,
    links: bool,
) -> Vec<(&'static str, &'static str)> {
    let mut weak = Vec::new();
    if little {
        weak.push(("little room", "large models do not fit: free some space"));
    }
    if slow {
        weak.push(("slow", "downloads will not be faster than that"));
    }
    if links && !tried.symlinks {
        weak.push(if tried.hard_links {
            (
                "no symbolic links",
                "hard links stand for them, which costs nothing; on Windows, turn on the \
                 developer mode",
            )
        } else {
            (
                "neither symbolic nor hard links",
                "each file will be there twice",
            )
        });
    }
    let unlocked = match tried.locks {
        Locks::Work => None,
        Locks::Lie => Some("locks keep nobody out"),
        Locks::Absent => Some("no locks"),
    };
    let twice = "do not download the same thing twice at once: it comes out right, but costs twice";
    weak.extend(unlocked.map(|unlocked| (unlocked, twice)));
    weak
}

fn abilities(tried: &Tried) -> [String; 4] {
    let yes = |is: bool| if is { "yes" } else { "no" };
    let locks = match tried.locks {
        Locks::Work => "yes",
        Locks::Lie => "everybody gets them",
        Locks::Absent => "no",
    };
    [
        format!("symbolic links: {}", yes(tried.symlinks)),
        format!("hard links: {}", yes(tried.hard_links)),
        format!("locks: {locks}"),
        format!("upper and lower case differ: {}", yes(tried.case_sensitive)),
    ]
}

fn elsewhere(examination: &Examination) -> String {
    let from = match &examination.sources.folder {
        Some(source) => format!(" (now by {source})"),
        None => String::new(),
    };
    format!("or choose another place: --cache-dir DIR, or HF_HUB_CACHE=DIR for good{from}")
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "give this user the right to write there (ls -ld)",
        io::ErrorKind::ReadOnlyFilesystem => "mount the disk for writing",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file stands where a folder should be: move it away"
        }
        _ => "look into the system's log",
    }
}
