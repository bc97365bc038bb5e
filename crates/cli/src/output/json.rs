//! Everything that is printed as JSON: reports, plans and errors on stdout, events on stderr.
//!
//! The field names are part of the interface.

use std::time::Duration;

use hfast::client::{Plan, Report};
use hfast::transfer::progress::{Event, FileSnapshot, Phase, Snapshot};
use hfast::{Error, ErrorKind};
use serde::Serialize;

use super::rate::Rate;
use crate::exit;
use crate::interrupt::Signal;

/// How often the numbers are told.
const EVERY: Duration = Duration::from_secs(1);

pub(crate) fn to_text(value: &impl Serialize) -> String {
    // Only maps with odd keys and failing writers can fail, and there are none.
    serde_json::to_string(value).unwrap_or_default()
}

/// What stdout gets about one thing that was asked for.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Document {
    Report(ReportJson),
    Error(ErrorDocument),
}

impl Document {
    pub(crate) fn report(report: &Report) -> Self {
        Self::Report(ReportJson::new(report))
    }

    pub(crate) fn error(error: &Error) -> Self {
        Self::Error(ErrorDocument {
            error: ErrorJson::new(error),
        })
    }

    pub(crate) fn stopped(signal: Signal, resume: &str) -> Self {
        Self::Error(ErrorDocument {
            error: ErrorJson::stopped(signal, resume),
        })
    }
}

/// What stdout gets about a download.
#[derive(Serialize)]
pub(crate) struct ReportJson {
    path: String,
    commit: Option<String>,
    files: usize,
    bytes: u64,
    received: u64,
    failed: Vec<FailedJson>,
    refused: Vec<RefusedJson>,
    /// Why there may be more files, or newer ones.
    caveat: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct FailedJson {
    path: String,
    error: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct RefusedJson {
    path: String,
    reason: String,
}

impl ReportJson {
    pub(crate) fn new(report: &Report) -> Self {
        let failed = report.failed.iter();
        let failed = failed.map(|(path, error)| FailedJson::new(path, error));
        let refused = report.refused.iter().map(|refused| RefusedJson {
            path: refused.name.clone(),
            reason: refused.fault.to_string(),
        });
        Self {
            path: report.path.display().to_string(),
            commit: report.commit.as_ref().map(ToString::to_string),
            files: report.files,
            bytes: report.bytes,
            received: report.received,
            failed: failed.collect(),
            refused: refused.collect(),
            caveat: report.caveat.clone(),
        }
    }
}

impl FailedJson {
    pub(crate) fn new(path: &str, error: &Error) -> Self {
        Self {
            path: path.to_owned(),
            error: error.to_string(),
            kind: exit::name(error.kind()),
        }
    }
}

/// One row of `--dry-run`.
#[derive(Serialize)]
pub(crate) struct PlannedJson<'a> {
    file: &'a str,
    size: Option<u64>,
    will_download: bool,
}

pub(crate) fn planned(plan: &Plan) -> Vec<PlannedJson<'_>> {
    let row = |file: &'_ hfast::client::PlannedFile| (file.remote.size, !file.present);
    let mut rows: Vec<_> = plan
        .files
        .iter()
        .map(|file| {
            let (size, will_download) = row(file);
            PlannedJson {
                file: file.remote.path.as_str(),
                size,
                will_download,
            }
        })
        .collect();
    rows.sort_by_key(|row| row.file);
    rows
}

/// An error, as a document of its own or as an event.
#[derive(Serialize)]
pub(crate) struct ErrorJson {
    kind: &'static str,
    message: String,
    hint: Option<String>,
    exit_code: u8,
}

impl ErrorJson {
    pub(crate) fn new(error: &Error) -> Self {
        Self {
            kind: exit::name(error.kind()),
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
            exit_code: exit::code_of(error),
        }
    }

    pub(crate) fn stopped(signal: Signal, resume: &str) -> Self {
        Self {
            kind: exit::name(ErrorKind::Cancelled),
            message: signal.word().to_owned(),
            hint: Some(resume.to_owned()),
            exit_code: signal.exit_code(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct ErrorDocument {
    pub(crate) error: ErrorJson,
}

/// A line on stderr with `--progress json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Line {
    Progress(Numbers),
    FileDone { name: String, bytes: u64 },
    FileFailed { name: String, reason: String },
    Notice { text: String },
    Error(ErrorJson),
    Stopped { why: &'static str, resume: String },
    End { exit_code: u8 },
}

impl From<Event> for Line {
    fn from(event: Event) -> Self {
        match event {
            Event::FileDone { name, bytes } => Self::FileDone { name, bytes },
            Event::FileFailed { name, reason } => Self::FileFailed { name, reason },
            Event::Notice(text) => Self::Notice { text },
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Numbers {
    total_bytes: u64,
    done_bytes: u64,
    received_bytes: u64,
    bytes_per_second: u64,
    seconds_left: Option<u64>,
    files_total: usize,
    files_done: usize,
    connections: usize,
    retries: u64,
    elapsed_ms: u64,
    files: Vec<FileNumbers>,
}

#[derive(Serialize)]
struct FileNumbers {
    name: String,
    size: u64,
    done: u64,
    connections: usize,
    phase: &'static str,
}

impl From<&FileSnapshot> for FileNumbers {
    fn from(file: &FileSnapshot) -> Self {
        let phase = match file.phase {
            Phase::Waiting => "waiting",
            Phase::Checking => "checking",
            Phase::Copying => "copying",
            Phase::Fetching => "fetching",
            Phase::Finishing => "finishing",
        };
        Self {
            name: file.name.clone(),
            size: file.size,
            done: file.done,
            connections: file.connections,
            phase,
        }
    }
}

/// Tells the numbers about once a second.
#[derive(Debug, Default)]
pub(crate) struct Ticker {
    rate: Rate,
    last: Option<Duration>,
}

impl Ticker {
    /// The numbers, when it is time for them; `insist` makes it time.
    pub(crate) fn line(&mut self, now: &Snapshot, insist: Insist) -> Option<Line> {
        self.rate.observe(now);
        let early = |last: Duration| (last..last + EVERY).contains(&now.elapsed);
        if insist == Insist::No && self.last.is_some_and(early) {
            return None;
        }
        self.last = Some(now.elapsed);
        Some(Line::Progress(Numbers {
            total_bytes: now.total_bytes,
            done_bytes: now.done_bytes,
            received_bytes: now.received_bytes,
            bytes_per_second: self.rate.bytes_per_second(),
            seconds_left: self.rate.time_left(now).map(|left| left.as_secs()),
            files_total: now.files_total,
            files_done: now.files_done,
            connections: now.connections,
            retries: now.retries,
            elapsed_ms: u64::try_from(now.elapsed.as_millis()).unwrap_or(u64::MAX),
            files: now.files.iter().map(Into::into).collect(),
        }))
    }
}

/// Whether the numbers are told even if they were told just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insist {
    No,
    Yes,
}
