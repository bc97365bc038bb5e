//! What is to be deleted from a cache, as a value that can be shown. How it is carried out is told in `remove.rs`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::scan::{Blob, CachedRepo, CachedRevision, Scan};
use super::shared_blobs;
use crate::names::{Commit, Repo};

/// A content gets its name before the commit that it belongs to has it. Younger ones are not taken for forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// What somebody wants to be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A repository with all of its commits.
    Repo(Repo),
    /// A commit of a repository.
    Revision(Repo, Commit),
}

/// What is to be deleted from one repository.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) repo: Repo,
    pub(crate) path: PathBuf,
    /// All of it, if no other commit has come meanwhile.
    pub(crate) is_whole: bool,
    pub(crate) revisions: Vec<CachedRevision>,
    pub(crate) sweep: Sweep,
    /// About so many bytes.
    size: u64,
}

/// What goes beside the commits that were named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sweep {
    /// Contents that no commit has; and of the commits only those that no branch or tag is.
    pub(crate) unneeded: bool,
    /// Files that are not complete.
    pub(crate) unfinished: bool,
}

/// What is to be deleted from a cache.
#[derive(Clone, Debug, Default)]
pub struct Removal {
    pub(crate) root: PathBuf,
    pub(crate) parts: Vec<Part>,
    pub(crate) shared: Vec<shared_blobs::Unused>,
    unfinished: usize,
}

impl Removal {
    /// What has to go for `targets`. A repository of which no commit would be left goes as a whole. Targets that are
    /// not in the cache are passed over.
    pub fn of(scan: &Scan, targets: &[Target]) -> Self {
        let parts = scan.repos.iter().filter_map(|cached| {
            let is_meant = |revision: &CachedRevision| {
                targets.iter().any(|target| match target {
                    Target::Repo(repo) => *repo == cached.repo,
                    Target::Revision(repo, meant) => {
                        *repo == cached.repo && *meant == revision.commit
                    }
                })
            };
            let is_named = targets.contains(&Target::Repo(cached.repo.clone()));
            part(cached, is_named, is_meant, Sweep::default())
        });
        Self {
            root: scan.root.clone(),
            parts: parts.collect(),
            ..Self::default()
        }
    }

    /// What nobody needs: commits that no branch or tag is, and contents that no commit has. With `unfinished` also
    /// files that are not complete, and the commits that they may belong to: a download would go on with them.
    pub fn unneeded(scan: &Scan, unfinished: bool) -> Self {
        let sweep = Sweep {
            unneeded: true,
            unfinished,
        };
        let parts = scan.repos.iter().filter_map(|cached| {
            let may_go_on =
                |revision: &CachedRevision| revision.is_unproved || !cached.unfinished.is_empty();
            let is_detached = |revision: &CachedRevision| {
                revision.refs.is_empty() && (unfinished || !may_go_on(revision))
            };
            part(cached, false, is_detached, sweep)
        });
        let all = scan.repos.iter().flat_map(|cached| &cached.unfinished);
        Self {
            root: scan.root.clone(),
            parts: parts.collect(),
            shared: shared_blobs::unused(&scan.root),
            unfinished: all.filter(|_| unfinished).count(),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.shared.is_empty()
    }

    /// Repositories that go as a whole.
    pub fn repos(&self) -> impl Iterator<Item = &Repo> {
        let whole = self.parts.iter().filter(|part| part.is_whole);
        whole.map(|part| &part.repo)
    }

    /// All commits that go.
    pub fn revisions(&self) -> impl Iterator<Item = (&Repo, &CachedRevision)> {
        let parts = self.parts.iter();
        parts.flat_map(|part| part.revisions.iter().map(|revision| (&part.repo, revision)))
    }

    /// How many files go that are not complete.
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// How many contents go that several repositories had shared.
    pub fn shared(&self) -> usize {
        self.shared.len()
    }

    /// About so many bytes become free; what several repositories share may stay.
    pub fn size(&self) -> u64 {
        let shared: u64 = self.shared.iter().map(|unused| unused.size).sum();
        shared + self.parts.iter().map(|part| part.size).sum::<u64>()
    }
}

/// What goes of a repository. `None`: nothing.
fn part(
    cached: &CachedRepo,
    is_named: bool,
    goes: impl Fn(&CachedRevision) -> bool,
    sweep: Sweep,
) -> Option<Part> {
    let all = cached.revisions.iter();
    let (gone, kept): (Vec<_>, Vec<_>) = all.partition(|revision| is_named || goes(revision));
    let is_whole = is_named || !gone.is_empty() && kept.is_empty();
    let in_gone: HashSet<_> = gone.iter().flat_map(|revision| &revision.blobs).collect();
    let freed = cached.unused_but_for(kept.into_iter());
    let freed =
        freed.filter(|(name, blob)| in_gone.contains(name) || sweep.unneeded && is_forgotten(blob));
    let freed: Vec<u64> = freed.map(|(_, blob)| blob.size).collect();
    let unfinished = cached.unfinished.iter();
    let unfinished = unfinished.filter(|_| is_whole || sweep.unfinished);
    let unfinished: Vec<u64> = unfinished.map(|(_, size)| *size).collect();
    if gone.is_empty() && freed.is_empty() && unfinished.is_empty() && !is_named {
        return None;
    }
    let contents = if is_whole {
        cached.size
    } else {
        freed.iter().sum()
    };
    Some(Part {
        repo: cached.repo.clone(),
        path: cached.path.clone(),
        is_whole,
        revisions: gone.into_iter().cloned().collect(),
        sweep,
        size: contents + unfinished.iter().sum::<u64>(),
    })
}

/// Whether a content that no commit has has been there for a while.
pub(crate) fn is_forgotten(blob: &Blob) -> bool {
    let age = |at: SystemTime| SystemTime::now().duration_since(at);
    blob.modified
        .is_some_and(|at| age(at).is_ok_and(|age| age >= FORGOTTEN))
}
