//! What `hfast cache verify` prints. Pure.

use hfast::client::{Absent, Audit, Name, Repaired, Report};
use serde::Serialize;

use super::human::{error_lines, missing_lines};
use super::json::FailedJson;
use super::size;
use super::text::printable;

/// What was found, and what became of it.
pub(crate) struct Outcome<'a> {
    pub(crate) audit: &'a Audit,
    /// `None`: nothing was to be repaired.
    pub(crate) repaired: Option<&'a [Repaired]>,
    /// The command that repairs.
    pub(crate) repair: String,
}

impl Outcome<'_> {
    /// Reports of what was repaired.
    fn reports(&self) -> impl Iterator<Item = &Report> {
        let all = self.repaired.into_iter().flatten();
        all.filter_map(|repaired| repaired.outcome.as_ref().ok())
    }

    /// What could not be, for whole commits.
    fn errors(&self) -> impl Iterator<Item = (String, &hfast::Error)> {
        let all = self.repaired.into_iter().flatten();
        all.filter_map(|it| Some((it.repo.to_string(), it.outcome.as_ref().err()?)))
    }

    fn received(&self) -> u64 {
        self.reports()
            .map(|report| report.received)
            .max()
            .unwrap_or(0)
    }

    /// Whether what was wrong with a file is right now.
    fn is_repaired(&self, name: &Name) -> bool {
        let mut all = self.repaired.into_iter().flatten();
        let its = all.find(|it| (&it.repo, &it.commit) == (&name.repo, &name.commit));
        its.and_then(|it| it.outcome.as_ref().ok())
            .is_some_and(|report| {
                let mut failed = report.failed.iter();
                !failed.any(|(failed, _)| failed == name.path.as_str())
            })
    }

    /// What people read.
    pub(crate) fn lines(&self, quiet: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for damaged in &self.audit.damaged {
            let name = printable(&format!("{} {}", damaged.name.repo, damaged.name.path));
            let size = size::bytes(damaged.size);
            let how = match damaged.wrong {
                Some(wrong) => format!("{} of {size} are wrong", size::bytes(wrong)),
                None => format!("something in {size} is wrong"),
            };
            let now = said(self.is_repaired(&damaged.name));
            lines.push(format!("damaged: {name}: {how}{now}"));
        }
        for missing in &self.audit.missing {
            let name = printable(&format!("{} {}", missing.name.repo, missing.name.path));
            let now = said(self.is_repaired(&missing.name));
            lines.push(format!(
                "missing: {name}: it was downloaded, and is not there any more{now}"
            ));
        }
        if !quiet {
            let unknown = self.audit.unknown.iter();
            lines.extend(unknown.map(|path| {
                let path = printable(&path.display().to_string());
                format!(
                    "unknown: {path}: not compared; it was changed, or may not be read, or nothing says what it should be"
                )
            }));
            lines.extend(self.audit.absent.iter().map(absent));
        }
        for report in self.reports() {
            lines.extend(missing_lines(report));
        }
        for (repo, error) in self.errors() {
            lines.push(format!("not repaired: {}:", printable(&repo)));
            lines.extend(error_lines(error));
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
        let wrong = audit.wrong().count();
        let counts = [
            (audit.damaged.len(), "damaged"),
            (audit.missing.len(), "missing"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let counts = counts.join(", ");
        let absent: usize = audit.absent.iter().map(|absent| absent.files).sum();
        match (wrong, self.repaired) {
            (0, _) if absent > 0 => {
                let absent = size::plural(absent, "file");
                format!("{right}, {read} read; nothing of it is damaged; {absent} not here")
            }
            (0, _) => format!("{right}, {read} read; nothing is damaged"),
            (_, None) => format!("{right}, {counts}, {read} read; to repair: {}", self.repair),
            (_, Some(_)) => format!(
                "{right}, {counts}, {} of {wrong} repaired, {read} read, {} fetched",
                audit.wrong().filter(|name| self.is_repaired(name)).count(),
                size::bytes(self.received())
            ),
        }
    }

    /// What programs read.
    pub(crate) fn document(&self, exit_code: u8) -> AuditJson<'_> {
        let damaged = self.audit.damaged.iter().map(|damaged| DamagedJson {
            repo: damaged.name.repo.to_string(),
            repo_type: damaged.name.repo.kind.singular(),
            commit: damaged.name.commit.as_str(),
            path: damaged.name.path.as_str(),
            file: damaged.place.display().to_string(),
            size: damaged.size,
            wrong_bytes: damaged.wrong,
            repaired: self.is_repaired(&damaged.name),
        });
        let missing = self.audit.missing.iter().map(|missing| MissingJson {
            repo: missing.name.repo.to_string(),
            repo_type: missing.name.repo.kind.singular(),
            commit: missing.name.commit.as_str(),
            path: missing.name.path.as_str(),
            repaired: self.is_repaired(&missing.name),
        });
        let absent = self.audit.absent.iter().map(|absent| AbsentJson {
            repo: absent.repo.to_string(),
            repo_type: absent.repo.kind.singular(),
            commit: absent.commit.as_str(),
            files: absent.files,
            bytes: absent.bytes,
            of: absent.of,
        });
        let failed = self.reports().flat_map(|report| &report.failed);
        let failed = failed.map(|(path, error)| FailedJson::new(path, error));
        let errors = self.errors();
        let errors = errors.map(|(repo, error)| FailedJson::new(&repo, error));
        let unknown = self.audit.unknown.iter();
        AuditJson {
            right: self.audit.right,
            bytes: self.audit.bytes,
            damaged: damaged.collect(),
            missing: missing.collect(),
            unknown: unknown.map(|path| path.display().to_string()).collect(),
            absent: absent.collect(),
            received: self.received(),
            failed: failed.chain(errors).collect(),
            exit_code,
        }
    }
}

fn absent(absent: &Absent) -> String {
    format!(
        "not here: {} of {} of {} at {:.8} ({}): not asked for, or not there yet",
        absent.files,
        size::plural(absent.of, "file"),
        printable(&absent.repo.to_string()),
        absent.commit.as_str(),
        size::bytes(absent.bytes)
    )
}

fn said(is_repaired: bool) -> &'static str {
    if is_repaired { "; repaired" } else { "" }
}

#[derive(Serialize)]
pub(crate) struct AuditJson<'a> {
    right: usize,
    bytes: u64,
    damaged: Vec<DamagedJson<'a>>,
    missing: Vec<MissingJson<'a>>,
    unknown: Vec<String>,
    absent: Vec<AbsentJson<'a>>,
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

#[derive(Serialize)]
struct AbsentJson<'a> {
    repo: String,
    repo_type: &'static str,
    commit: &'a str,
    files: usize,
    bytes: u64,
    of: usize,
}
