//! What `hfast cache verify` prints. Pure.

use hfast::client::{Audit, Report};
use hfast::repo_path::RepoPath;
use serde::Serialize;

use super::human::missing_lines;
use super::json::FailedJson;
use super::size;
use super::text::printable;

/// What was found, and what became of it.
pub(crate) struct Outcome<'a> {
    pub(crate) audit: &'a Audit,
    /// `None`: nothing was to be repaired.
    pub(crate) repaired: Option<&'a [Report]>,
    /// The command that repairs.
    pub(crate) repair: String,
}

impl Outcome<'_> {
    fn failed(&self) -> Vec<&(String, hfast::Error)> {
        let reports = self.repaired.into_iter().flatten();
        reports.flat_map(|report| &report.failed).collect()
    }

    fn received(&self) -> u64 {
        let reports = self.repaired.into_iter().flatten();
        reports.map(|report| report.received).max().unwrap_or(0)
    }

    /// Whether what was wrong with a file is right now.
    fn is_repaired(&self, path: &RepoPath) -> bool {
        let failed = |(failed, _): &&(String, hfast::Error)| failed == path.as_str();
        self.repaired.is_some() && !self.failed().iter().any(failed)
    }

    fn repaired(&self, path: &RepoPath) -> &'static str {
        if self.is_repaired(path) {
            "; repaired"
        } else {
            ""
        }
    }

    /// What people read.
    pub(crate) fn lines(&self, quiet: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for damaged in &self.audit.damaged {
            let name = printable(&format!("{} {}", damaged.repo, damaged.path));
            let size = size::bytes(damaged.size);
            let how = match damaged.wrong {
                Some(wrong) => format!("{} of {size} are wrong", size::bytes(wrong)),
                None => format!("something in {size} is wrong"),
            };
            let now = self.repaired(&damaged.path);
            lines.push(format!("damaged: {name}: {how}{now}"));
        }
        for missing in &self.audit.missing {
            let name = printable(&format!("{} {}", missing.repo, missing.path));
            let now = self.repaired(&missing.path);
            lines.push(format!(
                "missing: {name}: it has a name and no content{now}"
            ));
        }
        if !quiet {
            let unknown = self.audit.unknown.iter();
            lines.extend(unknown.map(|path| {
                let path = printable(&path.display().to_string());
                format!("unknown: {path}: nothing here says what it should be")
            }));
        }
        for report in self.repaired.into_iter().flatten() {
            lines.extend(missing_lines(report));
        }
        if !quiet {
            lines.push(self.summary());
        }
        lines
    }

    fn summary(&self) -> String {
        let audit = self.audit;
        let right = format!("{} right", size::plural(audit.right, "file"));
        let read = size::bytes(audit.bytes);
        let counts = [
            (audit.damaged.len(), "damaged"),
            (audit.missing.len(), "missing"),
        ];
        let wrong: usize = counts.iter().map(|(count, _)| count).sum();
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let counts = counts.join(", ");
        match (wrong, self.repaired) {
            (0, _) => format!("{right}, {read} read; nothing is damaged"),
            (_, None) => format!("{right}, {counts}, {read} read; to repair: {}", self.repair),
            (_, Some(_)) => format!(
                "{right}, {counts}, {} of {wrong} repaired, {read} read, {} fetched",
                wrong - self.failed().len().min(wrong),
                size::bytes(self.received())
            ),
        }
    }

    /// What programs read.
    pub(crate) fn document(&self, exit_code: u8) -> AuditJson<'_> {
        let damaged = self.audit.damaged.iter().map(|damaged| DamagedJson {
            repo: damaged.repo.to_string(),
            repo_type: damaged.repo.kind.singular(),
            commit: damaged.commit.as_str(),
            path: damaged.path.as_str(),
            file: damaged.place.display().to_string(),
            size: damaged.size,
            wrong_bytes: damaged.wrong,
            repaired: self.is_repaired(&damaged.path),
        });
        let missing = self.audit.missing.iter().map(|missing| MissingJson {
            repo: missing.repo.to_string(),
            repo_type: missing.repo.kind.singular(),
            commit: missing.commit.as_str(),
            path: missing.path.as_str(),
            repaired: self.is_repaired(&missing.path),
        });
        let unknown = self.audit.unknown.iter();
        AuditJson {
            right: self.audit.right,
            bytes: self.audit.bytes,
            damaged: damaged.collect(),
            missing: missing.collect(),
            unknown: unknown.map(|path| path.display().to_string()).collect(),
            received: self.received(),
            failed: self.failed().into_iter().map(FailedJson::new).collect(),
            exit_code,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct AuditJson<'a> {
    right: usize,
    bytes: u64,
    damaged: Vec<DamagedJson<'a>>,
    missing: Vec<MissingJson<'a>>,
    unknown: Vec<String>,
    received: u64,
    failed: Vec<FailedJson>,
    exit_code: u8,
}

#[derive(Serialize)]
struct DamagedJson<'a> {
    repo: String,
    repo_type: &'static str,
    commit: &'a str,
    path: &'a str,
    file: String,
    size: u64,
    wrong_bytes: Option<u64>,
    repaired: bool,
}

#[derive(Serialize)]
struct MissingJson<'a> {
    repo: String,
    repo_type: &'static str,
    commit: &'a str,
    path: &'a str,
    repaired: bool,
}
