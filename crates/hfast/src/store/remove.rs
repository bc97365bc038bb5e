//! Deleting from a cache: what is to go is a value that can be shown; then it is carried out.
//!
//! What somebody has open, or is just downloading, stays. First goes what leads to a commit, then the commit, and
//! last the contents that no other commit has: whoever is stopped in between leaves nothing that looks whole and is
//! not.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::in_use::{self, Open};
use super::layout::RepoFolder;
use super::lock::Lock;
use super::owner::Owner;
use super::scan::{self, CachedRepo, CachedRevision, Scan};
use super::{place, shared_blobs, tree_cache};
use crate::error::Error;
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
struct Part {
    repo: Repo,
    path: PathBuf,
    /// All of it.
    is_whole: bool,
    revisions: Vec<CachedRevision>,
    /// Contents that no commit has.
    unused: Vec<(PathBuf, u64)>,
    unfinished: Vec<(PathBuf, u64)>,
    /// About so many bytes.
    size: u64,
}

/// What is to be deleted from a cache.
#[derive(Clone, Debug, Default)]
pub struct Removal {
    root: PathBuf,
    parts: Vec<Part>,
    shared: Vec<shared_blobs::Unused>,
}

/// What was deleted, and what was not.
#[derive(Debug, Default)]
pub struct Removed {
    /// Repositories of which nothing is left.
    pub repos: usize,
    /// Commits.
    pub revisions: usize,
    /// Files that were not complete.
    pub unfinished: usize,
    /// Contents that several repositories had shared.
    pub shared: usize,
    /// Bytes of the disk.
    pub freed: u64,
    /// What stays, and why.
    pub kept: Vec<(Repo, String)>,
    /// What could not be deleted.
    pub failed: Vec<(Repo, Error)>,
}

impl Removal {
    /// What has to go for `targets`. A repository of which no commit would be left goes as a whole. Targets that are not
    /// in the cache are passed over.
    pub fn of(scan: &Scan, targets: &[Target]) -> Self {
        let parts = scan.repos.iter().filter_map(|cached| {
            let is_meant = |commit: &Commit| {
                targets.iter().any(|target| match target {
                    Target::Repo(repo) => *repo == cached.repo,
                    Target::Revision(repo, meant) => *repo == cached.repo && meant == commit,
                })
            };
            let is_whole = targets.contains(&Target::Repo(cached.repo.clone()))
                || !cached.revisions.is_empty()
                    && cached.revisions.iter().all(|r| is_meant(&r.commit));
            part(cached, is_whole, is_meant)
        });
        Self {
            root: scan.root.clone(),
            parts: parts.collect(),
            shared: Vec::new(),
        }
    }

    /// What nobody needs: commits that no branch or tag is, contents that no commit has, and, if wanted, files that are
    /// not complete, which a download would go on with.
    pub fn unneeded(scan: &Scan, unfinished: bool) -> Self {
        let parts = scan.repos.iter().filter_map(|cached| {
            let is_detached = |commit: &Commit| {
                let mut all = cached.revisions.iter();
                all.any(|revision| revision.commit == *commit && revision.refs.is_empty())
            };
            let is_whole = !cached.revisions.is_empty()
                && cached
                    .revisions
                    .iter()
                    .all(|revision| revision.refs.is_empty())
                && (unfinished || cached.unfinished.is_empty());
            let mut part = part(cached, is_whole, is_detached).unwrap_or_else(|| empty(cached));
            if !is_whole {
                part.unused = forgotten(cached);
                let files = cached.unfinished.iter().filter(|_| unfinished);
                part.unfinished = files.cloned().collect();
                let files = part.unused.iter().chain(&part.unfinished);
                part.size += files.map(|(_, size)| size).sum::<u64>();
            }
            let is_empty =
                part.revisions.is_empty() && part.unused.is_empty() && part.unfinished.is_empty();
            (!is_empty).then_some(part)
        });
        Self {
            root: scan.root.clone(),
            parts: parts.collect(),
            shared: shared_blobs::unused(&scan.root),
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
        self.parts
            .iter()
            .flat_map(|part| part.revisions.iter().map(|revision| (&part.repo, revision)))
    }

    /// How many files go that are not complete.
    pub fn unfinished(&self) -> usize {
        self.parts.iter().map(|part| part.unfinished.len()).sum()
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

    /// Deletes it, which blocks. What another process of this user has open stays, unless `even_if_open`.
    pub fn carry_out(self, even_if_open: bool) -> Removed {
        let open = if even_if_open {
            Vec::new()
        } else {
            in_use::below(&self.root)
        };
        let mut removed = Removed::default();
        for part in &self.parts {
            let why = part.under_way(&self.root).or_else(|| part.open_in(&open));
            if let Some(why) = why {
                removed.kept.push((part.repo.clone(), why));
            } else if let Err(error) = part.delete(&self.root, &mut removed) {
                removed.failed.push((part.repo.clone(), error));
            }
        }
        for unused in shared_blobs::unused(&self.root) {
            let path = unused.path.canonicalize().ok();
            if open.iter().any(|open| Some(&open.path) == path.as_ref()) {
                continue;
            }
            match shared_blobs::delete(&self.root, &unused.path) {
                Ok(true) => {
                    removed.shared += 1;
                    removed.freed += unused.size;
                }
                Ok(false) => {}
                Err(error) => tracing::warn!("{error}"),
            }
        }
        removed
    }
}

/// What goes of a repository with these commits. `None`: nothing.
fn part(cached: &CachedRepo, is_whole: bool, goes: impl Fn(&Commit) -> bool) -> Option<Part> {
    let (gone, kept): (Vec<_>, Vec<_>) = cached
        .revisions
        .iter()
        .partition(|revision| is_whole || goes(&revision.commit));
    if gone.is_empty() && !is_whole {
        return None;
    }
    let in_gone: HashSet<_> = gone.iter().flat_map(|revision| &revision.blobs).collect();
    let freed = cached.unused_but_for(kept.into_iter());
    let freed = freed.filter(|(name, _)| in_gone.contains(name));
    let unfinished: u64 = cached.unfinished.iter().map(|(_, size)| size).sum();
    let size = if is_whole {
        cached.size + unfinished
    } else {
        freed.map(|(_, blob)| blob.size).sum()
    };
    Some(Part {
        is_whole,
        size,
        revisions: gone.into_iter().cloned().collect(),
        ..empty(cached)
    })
}

fn empty(cached: &CachedRepo) -> Part {
    Part {
        repo: cached.repo.clone(),
        path: cached.path.clone(),
        is_whole: false,
        revisions: Vec::new(),
        unused: Vec::new(),
        unfinished: Vec::new(),
        size: 0,
    }
}

/// Contents that no commit has, and that have been there for a while.
fn forgotten(cached: &CachedRepo) -> Vec<(PathBuf, u64)> {
    let now = SystemTime::now();
    let is_old = |modified: &SystemTime| {
        now.duration_since(*modified)
            .is_ok_and(|age| age >= FORGOTTEN)
    };
    let unused = cached.unused_but_for(cached.revisions.iter());
    let unused = unused.filter(|(_, blob)| blob.modified.as_ref().is_some_and(is_old));
    let blobs = cached.path.join("blobs");
    let mut unused: Vec<_> = unused
        .map(|(name, blob)| (blobs.join(name), blob.size))
        .collect();
    unused.sort_unstable();
    unused
}

impl Part {
    fn folder(&self, root: &Path) -> RepoFolder {
        RepoFolder::new(root, &self.repo)
    }

    /// Says that somebody is downloading the repository at this moment.
    fn under_way(&self, root: &Path) -> Option<String> {
        let blobs = fs::read_dir(self.folder(root).blobs())
            .into_iter()
            .flatten();
        let mut names = blobs.filter_map(|entry| Some(entry.ok()?.path()));
        let is_written = |path: &PathBuf| match Owner::of(path) {
            Some(owner) => owner.may_live(path),
            // Those of the official clients are told by their lock.
            None if path.extension().is_some_and(|end| end == "incomplete") => {
                let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
                let content = name.split('.').next().unwrap_or_default();
                lock(root, &self.repo, OsStr::new(content)).is_ok_and(|lock| lock.is_none())
            }
            None => false,
        };
        let found = names.any(|path| is_written(&path));
        found.then(|| "somebody is downloading it at this moment".to_owned())
    }

    /// Says that somebody has one of its files open.
    fn open_in(&self, open: &[Open]) -> Option<String> {
        let own = self.path.canonicalize().ok()?;
        let mut open = open.iter();
        let found = open.find(|open| open.path.starts_with(&own))?;
        Some(format!("{} has a file of it open", found.who))
    }

    fn delete(&self, root: &Path, removed: &mut Removed) -> Result<(), Error> {
        for revision in &self.revisions {
            self.delete_revision(root, revision)?;
            removed.revisions += 1;
        }
        let failed = |e| Error::disk("delete", &self.path, e);
        if self.is_whole {
            removed.freed += on_disk(&self.path.join("blobs")).map_err(failed)?;
            fs::remove_dir_all(&self.path).map_err(failed)?;
            removed.repos += 1;
            return Ok(());
        }
        let mut gone: HashSet<_> = self
            .revisions
            .iter()
            .flat_map(|r| r.blobs.clone())
            .collect();
        gone.extend(
            self.unused
                .iter()
                .filter_map(|(path, _)| Some(path.file_name()?.to_owned())),
        );
        // Somebody may have made use of one of them meanwhile.
        let now = scan::of_repo(root, self.repo.clone()).map_err(failed)?;
        for (name, _) in now.unused_but_for(now.revisions.iter()) {
            if gone.contains(name) {
                removed.freed += self.delete_blob(root, name)?;
            }
        }
        for (path, size) in &self.unfinished {
            place::remove_if_there(path).map_err(|e| Error::disk("delete", path, e))?;
            removed.unfinished += 1;
            removed.freed += size;
        }
        Ok(())
    }

    fn delete_revision(&self, root: &Path, revision: &CachedRevision) -> Result<(), Error> {
        let folder = self.folder(root);
        let failed = |e| Error::disk("delete", &revision.path, e);
        for name in &revision.refs {
            place::remove_if_there(&folder.path().join("refs").join(name)).map_err(failed)?;
        }
        let trees = folder.trees(&revision.commit);
        let unproved = tree_cache::unproved(&trees[1]);
        for tree in trees.iter().chain([&unproved]) {
            place::remove_if_there(tree).map_err(failed)?;
        }
        let absent = folder.path().join(".no_exist");
        for folder in [absent.join(revision.commit.as_str()), revision.path.clone()] {
            match fs::remove_dir_all(&folder) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Deletes a content, unless somebody has it locked, and returns the bytes that are free.
    fn delete_blob(&self, root: &Path, name: &OsStr) -> Result<u64, Error> {
        let folder = self.folder(root);
        let Some(_lock) = lock(root, &self.repo, name)? else {
            return Ok(0);
        };
        let path = folder.blobs().join(name);
        let failed = |e| Error::disk("delete", &path, e);
        let found = match fs::symlink_metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
            found => found.map_err(failed)?,
        };
        place::remove_if_there(&path).map_err(failed)?;
        let blocks = folder.path().join(".hfast/blocks").join(name);
        place::remove_if_there(&blocks).map_err(failed)?;
        // What a link leads to is shared.
        Ok(if found.is_file() { found.len() } else { 0 })
    }
}

/// The lock of a content. `None`: somebody has it.
fn lock(root: &Path, repo: &Repo, name: &OsStr) -> Result<Option<Lock>, Error> {
    let mut file = name.to_owned();
    file.push(".lock");
    let folder = super::layout::folder_name(repo);
    let path = root.join(".locks").join(folder).join(file);
    if !path.is_file() {
        // Nobody has had it yet.
        return Ok(Some(Lock::none()));
    }
    Lock::try_acquire(&path)
}

/// The bytes of the files in a folder, without what their links lead to.
fn on_disk(folder: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let files = entries.filter_map(|entry| entry.ok()?.metadata().ok());
    Ok(files
        .filter(fs::Metadata::is_file)
        .map(|file| super::platform::allocated(&file))
        .sum())
}
