//! What anything that calls itself a Hub must do, as named checks over HTTP. It runs against
//! any endpoint that serves a repository whose bytes are known: a fake, a mirror, a mirror of one.

mod api;
mod files;
mod judge;

use crate::corpus::{Content, Repo};
use judge::Judge;
use std::fmt;
use std::io;

/// The outcome of every check.
#[derive(Debug, Default)]
pub struct Report {
    /// The checks in the order they were made.
    pub checks: Vec<Check>,
}

/// The outcome of one check.
#[derive(Debug)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// What was wrong, if anything was.
    pub outcome: Result<(), String>,
}

impl Report {
    /// Whether every check passed.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.outcome.is_ok())
    }

    /// The names of the checks that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.checks
            .iter()
            .filter(|check| check.outcome.is_err())
            .map(|check| check.name)
            .collect()
    }

    fn add(&mut self, name: &'static str, outcome: Result<(), String>) {
        self.checks.push(Check { name, outcome });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            match &check.outcome {
                Ok(()) => writeln!(f, "ok    {}", check.name)?,
                Err(problem) => writeln!(f, "WRONG {}: {problem}", check.name)?,
            }
        }
        Ok(())
    }
}

/// A repository with one of everything the checks ask for.
pub fn sample() -> Repo {
    Repo::model("conformance-org/sample.repo_1")
        .file("config.json", b"{\"model_type\": \"none\"}\n")
        .file("empty.txt", b"")
        .file(
            "sub folder/deeper/x y+z%41.txt",
            b"a name with signs in it\n",
        )
        .file(
            "sub folder/\u{e9}t\u{e9}-\u{6a21}\u{578b}.txt",
            "text in an accent\n",
        )
        .content("plain.bin", Content::seeded(11, 70_000))
        .lfs("weights/large.bin", Content::seeded(12, 3_000_000))
        .lfs("weights/tiny.bin", Content::seeded(13, 5))
        .branch("dev")
        .tag("v1.0")
        .reference("refs/pr/1")
        .build()
}

/// Runs every check against an endpoint (`http://host:port[/prefix]`) that serves `repo`.
pub async fn run(endpoint: &str, repo: &Repo) -> io::Result<Report> {
    let judge = Judge::new(endpoint, repo)?;
    let mut report = Report::default();
    report.add("HEAD of every file describes it", judge.heads().await);
    report.add("GET of every file gives its bytes", judge.gets().await);
    report.add("HEAD has no body", judge.bodiless().await);
    report.add(
        "ranges: first, middle, last, open, clamped",
        judge.ranges().await,
    );
    report.add("a range outside is 416", judge.outside().await);
    report.add("a range of an empty file is 200", judge.empty().await);
    report.add("If-Range: the validator decides", judge.if_range().await);
    report.add(
        "every revision leads to the commit",
        judge.revisions().await,
    );
    report.add("raw gives what git holds", judge.raw().await);
    report.add("error: EntryNotFound", judge.no_entry().await);
    report.add("error: RevisionNotFound", judge.no_revision().await);
    report.add("error: RepoNotFound", judge.no_repo().await);
    report.add("repository info names commit and files", judge.info().await);
    report.add("repository info with blobs", judge.blobs().await);
    report.add("tree: every file on pages of this host", judge.tree().await);
    report.add("tree: one folder, not below it", judge.folder().await);
    report.add("paths-info as a form", judge.paths_form().await);
    report.add("paths-info as JSON", judge.paths_json().await);
    report.add("refs", judge.refs().await);
    Ok(report)
}
