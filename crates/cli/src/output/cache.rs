//! What `hfast cache ls`, `rm` and `prune` print. Pure.
//!
//! The field names of the documents are part of the interface; times are seconds since 1970, sizes are bytes.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hfast::Repo;
use hfast::cache::{CachedRepo, CachedRevision, Removal, Removed};
use serde::Serialize;

use super::size;
use super::table::table;
use super::text::printable;
use super::told::Told;
use crate::dialect::said;
use crate::dialect::words::{Said, Words};

/// A repository.
#[derive(Serialize)]
pub(crate) struct RepoRow {
    pub(crate) repo: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) size: u64,
    pub(crate) accessed: Option<u64>,
    pub(crate) modified: Option<u64>,
    /// Bytes of files that are not complete.
    unfinished: u64,
    pub(crate) path: PathBuf,
    revisions: Vec<RevisionRow>,
    /// How many contents there are.
    #[serde(skip)]
    pub(crate) contents: usize,
    #[serde(skip)]
    title: String,
}

/// A revision.
#[derive(Serialize)]
pub(crate) struct RevisionRow {
    pub(crate) repo: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) commit: String,
    pub(crate) refs: Vec<String>,
    pub(crate) files: usize,
    pub(crate) size: u64,
    pub(crate) modified: Option<u64>,
    pub(crate) path: PathBuf,
    #[serde(skip)]
    title: String,
}

impl RepoRow {
    pub(crate) fn new(cached: &CachedRepo) -> Self {
        let revisions = cached.revisions.iter();
        Self {
            repo: cached.repo.id.to_string(),
            kind: cached.repo.kind.to_string(),
            size: cached.size,
            accessed: cached.accessed.map(seconds),
            modified: cached.modified.map(seconds),
            unfinished: cached.unfinished.iter().map(|(_, size)| size).sum(),
            path: cached.path.clone(),
            revisions: revisions
                .map(|own| RevisionRow::new(&cached.repo, own))
                .collect(),
            contents: cached.contents(),
            title: cached.repo.to_string(),
        }
    }

    /// The branches and tags of all revisions.
    pub(crate) fn all_refs(&self) -> Vec<&str> {
        let refs = self.revisions.iter().flat_map(|own| &own.refs);
        let mut refs: Vec<_> = refs.map(String::as_str).collect();
        refs.sort_unstable();
        refs
    }
}

impl RevisionRow {
    pub(crate) fn new(repo: &Repo, own: &CachedRevision) -> Self {
        Self {
            repo: repo.id.to_string(),
            kind: repo.kind.to_string(),
            commit: own.commit.to_string(),
            refs: own.refs.clone(),
            files: own.files,
            size: own.size,
            modified: own.modified.map(seconds),
            path: own.path.clone(),
            title: repo.to_string(),
        }
    }
}

/// What is listed.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Listing {
    Repos(Vec<RepoRow>),
    Revisions(Vec<RevisionRow>),
}

/// What there is in all.
#[derive(Clone, Debug)]
pub(crate) struct Totals {
    pub(crate) repos: usize,
    pub(crate) revisions: usize,
    pub(crate) size: u64,
    /// Files that are not complete, and their bytes.
    pub(crate) unfinished: usize,
    pub(crate) unfinished_size: u64,
    pub(crate) root: PathBuf,
}

impl Totals {
    pub(crate) fn line(&self) -> String {
        let root = printable(&self.root.display().to_string());
        if self.repos == 0 {
            return format!("nothing is in {root}");
        }
        format!(
            "{}, {}, {} in {root}",
            size::counted(self.repos, "repository", "repositories"),
            size::plural(self.revisions, "revision"),
            size::bytes(self.size)
        )
    }
}

/// A listing for people has a width and a time.
pub(crate) struct Shown {
    pub(crate) listing: Listing,
    pub(crate) counts: Totals,
    pub(crate) now: SystemTime,
    /// Of the terminal; `None`: it goes elsewhere.
    pub(crate) columns: Option<usize>,
}

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.listing.serialize(serializer)
    }
}

impl Told for Shown {
    fn said(&self, words: &Words) -> Option<Said> {
        said::listed(words, self)
    }

    fn lines(&self) -> Vec<String> {
        let age = |at: Option<u64>| at.map_or_else(|| "-".to_owned(), |at| self.age(at));
        match &self.listing {
            Listing::Repos(rows) if !rows.is_empty() => {
                let row = |row: &RepoRow| {
                    let unfinished = match row.unfinished {
                        0 => String::new(),
                        bytes => format!(" (+{} unfinished)", size::bytes(bytes)),
                    };
                    [
                        row.title.clone(),
                        size::bytes(row.size) + &unfinished,
                        age(row.accessed),
                        age(row.modified),
                        printable(&row.all_refs().join(" ")),
                    ]
                };
                let rows: Vec<_> = rows.iter().map(row).collect();
                let head = ["REPOSITORY", "SIZE", "ACCESSED", "MODIFIED", "REFS"];
                table(head, &rows, self.columns)
            }
            Listing::Revisions(rows) if !rows.is_empty() => {
                let row = |row: &RevisionRow| {
                    [
                        row.title.clone(),
                        row.commit.chars().take(12).collect(),
                        size::bytes(row.size),
                        age(row.modified),
                        printable(&row.refs.join(" ")),
                    ]
                };
                let rows: Vec<_> = rows.iter().map(row).collect();
                let head = ["REPOSITORY", "COMMIT", "SIZE", "MODIFIED", "REFS"];
                table(head, &rows, self.columns)
            }
            Listing::Repos(_) | Listing::Revisions(_) => Vec::new(),
        }
    }

    fn bare(&self) -> Vec<String> {
        match &self.listing {
            Listing::Repos(rows) => rows.iter().map(|row| row.title.clone()).collect(),
            Listing::Revisions(rows) => rows.iter().map(|row| row.commit.clone()).collect(),
        }
    }
}

impl Shown {
    /// `3 days ago`.
    fn age(&self, at: u64) -> String {
        let at = UNIX_EPOCH + Duration::from_secs(at);
        let age = self.now.duration_since(at).unwrap_or_default().as_secs();
        let units = [
            (365 * 86_400, "year"),
            (30 * 86_400, "month"),
            (86_400, "day"),
            (3600, "hour"),
            (60, "minute"),
        ];
        let unit = units.iter().find(|(seconds, _)| age >= *seconds);
        unit.map_or_else(
            || "just now".to_owned(),
            |(seconds, unit)| {
                let count = usize::try_from(age / seconds).unwrap_or(usize::MAX);
                format!("{} ago", size::plural(count, unit))
            },
        )
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// What is deleted, or would be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Deletion {
    dry_run: bool,
    /// Those of which nothing is left.
    repos: Vec<String>,
    revisions: Vec<DeletedRevision>,
    unfinished: usize,
    shared: usize,
    freed: u64,
    kept: Vec<Kept>,
}

#[derive(Clone, Debug, Serialize)]
struct DeletedRevision {
    repo: String,
    commit: String,
    refs: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Kept {
    repo: String,
    reason: String,
}

impl Deletion {
    /// What would be deleted.
    pub(crate) fn planned(removal: &Removal) -> Self {
        let revisions = removal.revisions().map(|(repo, own)| DeletedRevision {
            repo: repo.to_string(),
            commit: own.commit.to_string(),
            refs: own.refs.clone(),
        });
        Self {
            dry_run: true,
            repos: removal.repos().map(Repo::to_string).collect(),
            revisions: revisions.collect(),
            unfinished: removal.unfinished(),
            shared: removal.shared(),
            freed: removal.size(),
            kept: Vec::new(),
        }
    }

    /// What became of it.
    pub(crate) fn done(removed: &Removed) -> Self {
        let revisions = removed.revisions.iter();
        let revisions = revisions.map(|(repo, commit, refs)| DeletedRevision {
            repo: repo.to_string(),
            commit: commit.to_string(),
            refs: refs.clone(),
        });
        let kept = removed.kept.iter();
        let kept = kept.map(|(repo, reason)| (repo, reason.clone()));
        let failed = removed.failed.iter();
        let kept = kept.chain(failed.map(|(repo, error)| (repo, error.to_string())));
        let kept = kept.map(|(repo, reason)| Kept {
            repo: repo.to_string(),
            reason,
        });
        Self {
            dry_run: false,
            repos: removed.repos.iter().map(Repo::to_string).collect(),
            revisions: revisions.collect(),
            unfinished: removed.unfinished,
            shared: removed.shared,
            freed: removed.freed,
            kept: kept.collect(),
        }
    }

    /// A line for each repository or revision that goes.
    pub(crate) fn parts(&self) -> Vec<String> {
        let whole = |repo: &String| self.repos.contains(repo);
        let mut lines: Vec<String> = self.repos.clone();
        let others = self.revisions.iter().filter(|own| !whole(&own.repo));
        lines.extend(others.map(|own| {
            let commit: String = own.commit.chars().take(12).collect();
            let refs = own.refs.join(" ");
            format!("{} {commit} {refs}", own.repo)
                .trim_end()
                .to_owned()
        }));
        lines.iter().map(|line| printable(line)).collect()
    }

    fn summary(&self) -> String {
        let counts = [
            (self.repos.len(), "repository", "repositories"),
            (self.revisions.len(), "revision", "revisions"),
            (self.unfinished, "unfinished file", "unfinished files"),
            (self.shared, "shared file", "shared files"),
        ];
        let counts = counts.iter().filter(|(count, _, _)| *count > 0);
        let counts: Vec<_> = counts
            .map(|(count, one, many)| size::counted(*count, one, many))
            .collect();
        let freed = size::bytes(self.freed);
        match (counts.as_slice(), self.freed) {
            ([], 0) if self.dry_run => "there is nothing to delete".to_owned(),
            ([], 0) => "nothing was deleted".to_owned(),
            ([], _) if self.dry_run => format!("would free {freed}"),
            ([], _) => format!("freed {freed}"),
            (_, _) if self.dry_run => format!("would free {freed}: {}", counts.join(", ")),
            (_, _) => format!("freed {freed}: {}", counts.join(", ")),
        }
    }
}

impl Told for Deletion {
    fn lines(&self) -> Vec<String> {
        let mut lines = self.parts();
        lines.push(self.summary());
        lines
    }

    fn bare(&self) -> Vec<String> {
        self.parts()
    }
}
