//! What `hfast sources` prints: a table with a line for each source, or one JSON document. Pure.
//!
//! The field names are part of the interface. Only ASCII beside the names, as elsewhere.

use hfast::client::DownloadRequest;
use hfast::sources::{Extent, SourceReport, Survey};
use serde::Serialize;

use super::size;
use super::table::table;
use super::text::printable;
use crate::exit;

const HEADINGS: [&str; 5] = ["SOURCE", "HAS", "FIRST BYTE", "RATE", "REMARK"];

/// The lines for people; with `quiet` the table alone.
pub(crate) fn lines(request: &DownloadRequest, survey: &Survey, quiet: bool) -> Vec<String> {
    let rows = survey.sources.iter().map(|source| row(survey, source));
    let table = table(HEADINGS, &rows.collect::<Vec<_>>(), None);
    if quiet {
        return table;
    }
    let head = format!(
        "{} at {}: commit {}, {}, {}",
        request.repo,
        request.revision,
        survey.commit.as_str().get(..12).unwrap_or_default(),
        size::plural(survey.files, "file"),
        size::bytes(survey.bytes)
    );
    let mut lines = vec![head];
    lines.extend(table);
    if survey.is_sample() {
        lines.push(format!(
            "servers were asked for {} of {} files, the largest and the smallest",
            survey.asked_of_servers, survey.files
        ));
    }
    lines.push("rates are those of one connection, one source after the other".to_owned());
    lines.push(summary(survey));
    lines
}

fn summary(survey: &Survey) -> String {
    let whole = survey.sources.iter();
    let whole = whole.filter(|source| source.extent() == Extent::All);
    let names: Vec<_> = whole.map(|source| printable(&source.name)).collect();
    if names.is_empty() {
        return "no source has everything".to_owned();
    }
    format!("everything is at {}", names.join(", "))
}

fn row(survey: &Survey, source: &SourceReport) -> [String; 5] {
    let holdings = &source.holdings;
    let has = match holdings.asked {
        0 if source.fault.is_some() => "-".to_owned(),
        asked if asked < survey.files => format!("{} of {asked} asked", holdings.have()),
        asked => format!("{} of {asked}", holdings.have()),
    };
    let first = source.speed.map(|speed| size::span(speed.first_byte));
    let rate = source.speed.and_then(|speed| speed.bytes_per_second);
    let rate = rate.map(|rate| format!("{}/s", size::bytes(rate)));
    let nothing = || "-".to_owned();
    let from = source.bytes_from.as_ref();
    let from = from.map(|origin| format!("bytes from {origin}"));
    let remarks = source.remarks.iter().chain(&from);
    let remarks: Vec<_> = remarks.map(|remark| printable(remark)).collect();
    [
        printable(&source.name),
        has,
        first.unwrap_or_else(nothing),
        rate.unwrap_or_else(nothing),
        remarks.join("; "),
    ]
}

/// The whole survey.
#[derive(Serialize)]
pub(crate) struct SurveyJson<'a> {
    repo: String,
    revision: &'a str,
    commit: &'a str,
    files: usize,
    bytes: u64,
    /// Of how many of the files each server was asked.
    asked_of_servers: usize,
    exit_code: u8,
    elapsed_ms: u64,
    sources: Vec<SourceJson<'a>>,
}

#[derive(Serialize)]
struct SourceJson<'a> {
    source: &'a str,
    kind: &'static str,
    /// `all`, `part` or `nothing`.
    has: &'static str,
    commit: Option<&'a str>,
    asked: usize,
    same: usize,
    by_size: usize,
    other: usize,
    missing: usize,
    unanswered: usize,
    bytes: u64,
    first_byte_ms: Option<u64>,
    bytes_per_second: Option<u64>,
    bytes_from: Option<&'a str>,
    /// Why it does not have everything.
    error: Option<&'static str>,
    remarks: &'a [String],
}

impl<'a> SourceJson<'a> {
    fn new(source: &'a SourceReport) -> Self {
        let holdings = &source.holdings;
        let first = source.speed.map(|speed| speed.first_byte.as_millis());
        Self {
            source: &source.name,
            kind: source.kind.name(),
            has: source.extent().name(),
            commit: source.commit.as_ref().map(hfast::Commit::as_str),
            asked: holdings.asked,
            same: holdings.same,
            by_size: holdings.by_size,
            other: holdings.other,
            missing: holdings.missing,
            unanswered: holdings.unanswered,
            bytes: holdings.bytes,
            first_byte_ms: first.map(|first| u64::try_from(first).unwrap_or(u64::MAX)),
            bytes_per_second: source.speed.and_then(|speed| speed.bytes_per_second),
            bytes_from: source.bytes_from.as_deref(),
            error: source.fault.map(exit::name),
            remarks: &source.remarks,
        }
    }
}

pub(crate) fn document<'a>(
    request: &'a DownloadRequest,
    survey: &'a Survey,
    exit_code: u8,
) -> SurveyJson<'a> {
    SurveyJson {
        repo: request.repo.to_string(),
        revision: request.revision.as_str(),
        commit: survey.commit.as_str(),
        files: survey.files,
        bytes: survey.bytes,
        asked_of_servers: survey.asked_of_servers,
        exit_code,
        elapsed_ms: u64::try_from(survey.elapsed.as_millis()).unwrap_or(u64::MAX),
        sources: survey.sources.iter().map(SourceJson::new).collect(),
    }
}
