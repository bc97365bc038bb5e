//! Carries out a removal: nothing that somebody has open, is downloading, or that is not understood.
//!
//! Each part is looked at again before it goes, since a question may have stood for a while. First goes what leads to
//! a commit; then the commit, by one rename; last the contents that no other commit has, each under its lock. So
//! whoever is stopped in between leaves nothing that looks whole and is not.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::in_use::{self, Open};
use super::layout::RepoFolder;
use super::lock::Lock;
use super::owner::Owner;
use super::removal::{Part, Removal, is_forgotten};
use super::scan::{self, CachedRepo, CachedRevision};
use super::{place, platform, shared_blobs, tree_cache};
use crate::error::Error;
use crate::names::{Commit, Repo};

/// So many contents are locked at a time: few open files, and few looks at what is still linked.
const AT_ONCE: usize = 64;

/// What is on its way out is called so, with the owner behind it.
const ASIDE: &str = "removed-";

/// What was deleted, and what was not.
#[derive(Debug, Default)]
pub struct Removed {
    /// Repositories of which nothing is left.
    pub repos: Vec<Repo>,
    /// Commits, with the branches and tags that they were.
    pub revisions: Vec<(Repo, Commit, Vec<String>)>,
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

/// What is carried out, and what came of it so far.
struct Work<'a> {
    root: &'a Path,
    /// What others have open; nothing where that is not to be minded.
    open: Vec<Open>,
    even_if_open: bool,
    /// Shared contents to which names of ours have led.
    unshared: Vec<PathBuf>,
    removed: Removed,
}

impl Removal {
    /// Deletes it, which blocks. What another process of this user has open stays, unless `even_if_open`; what is being
    /// downloaded stays in any case.
    pub fn carry_out(self, even_if_open: bool) -> Removed {
        let mut work = Work {
            root: &self.root,
            open: if even_if_open {
                Vec::new()
            } else {
                in_use::all()
            },
            even_if_open,
            unshared: self
                .shared
                .iter()
                .map(|unused| unused.path.clone())
                .collect(),
            removed: Removed::default(),
        };
        for part in &self.parts {
            match work.delete(part) {
                Ok(None) => {}
                Ok(Some(why)) => work.removed.kept.push((part.repo.clone(), why)),
                Err(error) => work.removed.failed.push((part.repo.clone(), error)),
            }
        }
        work.delete_shared();
        sweep_aside(&self.root);
        work.removed
    }
}

impl Work<'_> {
    /// Deletes what goes of one repository. `Some`: it stays, for this reason.
    fn delete(&mut self, part: &Part) -> Result<Option<String>, Error> {
        if let Some(link) = a_link(&part.path) {
            return Ok(Some(format!(
                "{} is a link, which is not followed",
                link.display()
            )));
        }
        let failed = |e| Error::disk("read", &part.path, e);
        let now = scan::of_repo(self.root, part.repo.clone()).map_err(failed)?;
        if let Some(why) = self.in_use(&now) {
            return Ok(Some(why));
        }
        let planned: HashSet<_> = part.revisions.iter().map(|own| &own.commit).collect();
        let (gone, kept): (Vec<_>, Vec<_>) = now.revisions.iter().partition(|own| {
            planned.contains(&own.commit) && (!part.sweep.unneeded || own.refs.is_empty())
        });
        if part.is_whole && kept.is_empty() {
            return self.delete_whole(part, &now).map(|()| None);
        }
        if let Some(doubt) = &now.doubt {
            return Ok(Some(format!("{doubt}; it can go as a whole only")));
        }
        for own in &gone {
            self.delete_revision(&part.repo, own)?;
        }
        let in_gone: HashSet<_> = gone.iter().flat_map(|own| &own.blobs).collect();
        let unused = now.unused_but_for(kept.into_iter());
        let unused = unused.filter(|(name, blob)| {
            in_gone.contains(name) || part.sweep.unneeded && is_forgotten(blob)
        });
        let names: Vec<OsString> = unused.map(|(name, _)| name.clone()).collect();
        for names in names.chunks(AT_ONCE) {
            self.delete_blobs(&part.repo, names)?;
        }
        for (path, size) in now.unfinished.iter().filter(|_| part.sweep.unfinished) {
            place::remove_if_there(path).map_err(|e| Error::disk("delete", path, e))?;
            self.removed.unfinished += 1;
            self.removed.freed += size;
        }
        Ok(None)
    }

    /// Why the repository cannot be touched now.
    fn in_use(&self, now: &CachedRepo) -> Option<String> {
        let is_written =
            |(path, _): &(PathBuf, u64)| Owner::of(path).is_some_and(|owner| owner.may_live(path));
        // Whoever fetches a content, with whatever client, has its lock.
        let locks = RepoFolder::new(self.root, &now.repo).locks();
        let locks = fs::read_dir(locks)
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        let mut locks = locks.filter(|lock| lock.path().extension().is_some_and(|e| e == "lock"));
        let is_locked = locks.any(|lock| !matches!(Lock::try_acquire(&lock.path()), Ok(Some(_))));
        if is_locked || now.unfinished.iter().any(is_written) {
            return Some("somebody is downloading it at this moment".to_owned());
        }
        let own = now.path.canonicalize().ok()?;
        let blobs = now
            .blobs
            .keys()
            .map(|name| now.path.join("blobs").join(name));
        // Where contents are shared, what is open lies elsewhere.
        let shared = blobs.filter(|path| path.is_symlink());
        let shared: HashSet<_> = shared.filter_map(|path| path.canonicalize().ok()).collect();
        let mut open = self.open.iter();
        let found = open.find(|it| it.path.starts_with(&own) || shared.contains(&it.path))?;
        Some(format!("{} has a file of it open", found.who))
    }

    fn delete_whole(&mut self, part: &Part, now: &CachedRepo) -> Result<(), Error> {
        let failed = |e| Error::disk("delete", &part.path, e);
        let blobs = part.path.join("blobs");
        let mut freed: u64 = now.unfinished.iter().map(|(_, size)| size).sum();
        for name in now.blobs.keys() {
            freed += self.size_of(&blobs.join(name));
        }
        discard(self.root, &part.path).map_err(failed)?;
        self.removed.freed += freed;
        self.removed.repos.push(part.repo.clone());
        let revisions = now.revisions.iter();
        let revisions =
            revisions.map(|own| (part.repo.clone(), own.commit.clone(), own.refs.clone()));
        self.removed.revisions.extend(revisions);
        Ok(())
    }

    fn delete_revision(&mut self, repo: &Repo, own: &CachedRevision) -> Result<(), Error> {
        let folder = RepoFolder::new(self.root, repo);
        let failed = |e| Error::disk("delete", &own.path, e);
        for name in &own.refs {
            place::remove_if_there(&folder.path().join("refs").join(name)).map_err(failed)?;
        }
        discard(self.root, &own.path).map_err(failed)?;
        let trees = folder.trees(&own.commit);
        let unproved = tree_cache::unproved(&trees[1]);
        for tree in trees.iter().chain([&unproved]) {
            place::remove_if_there(tree).map_err(failed)?;
        }
        let absent = folder.path().join(".no_exist").join(own.commit.as_str());
        discard(self.root, &absent).map_err(failed)?;
        let told = (repo.clone(), own.commit.clone(), own.refs.clone());
        self.removed.revisions.push(told);
        Ok(())
    }

    /// Deletes contents, but for those that somebody has locked, or that a commit has by now.
    fn delete_blobs(&mut self, repo: &Repo, names: &[OsString]) -> Result<(), Error> {
        let folder = RepoFolder::new(self.root, repo);
        let mut locked = Vec::new();
        for name in names {
            let path = place::with_ending(&folder.locks().join(name), ".lock");
            place::create_parents(&path)?;
            let lock = Lock::try_acquire(&path)?;
            let lock = lock.filter(|lock| lock.is_held() || self.even_if_open);
            locked.extend(lock.map(|lock| (name, lock)));
        }
        let failed = |e| Error::disk("read", &folder.path(), e);
        let now = scan::of_repo(self.root, repo.clone()).map_err(failed)?;
        let unused = now.unused_but_for(now.revisions.iter());
        let unused: HashSet<_> = unused.map(|(name, _)| name).collect();
        for (name, _lock) in locked.iter().filter(|(name, _)| unused.contains(*name)) {
            let path = folder.blobs().join(name);
            let freed = self.size_of(&path);
            place::remove_if_there(&path).map_err(|e| Error::disk("delete", &path, e))?;
            let blocks = folder.path().join(".hfast/blocks").join(name);
            place::remove_if_there(&blocks).map_err(|e| Error::disk("delete", &blocks, e))?;
            self.removed.freed += freed;
        }
        Ok(())
    }

    /// The bytes that become free with this name; a link gives none, and what it leads to is noted.
    fn size_of(&mut self, blob: &Path) -> u64 {
        match fs::symlink_metadata(blob) {
            Ok(found) if found.is_symlink() => {
                self.unshared.extend(blob.canonicalize());
                0
            }
            Ok(found) if found.is_file() => platform::allocated(&found).min(found.len()),
            Ok(_) | Err(_) => 0,
        }
    }

    fn delete_shared(&mut self) {
        self.unshared.sort_unstable();
        self.unshared.dedup();
        for path in &self.unshared {
            if self.open.iter().any(|open| open.path == *path) {
                continue;
            }
            match shared_blobs::delete(self.root, path) {
                Ok(Some(size)) => {
                    self.removed.shared += 1;
                    self.removed.freed += size;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!("{error}"),
            }
        }
    }
}

/// The repository's folder, or one of those in it that are gone through, if it is a link.
fn a_link(repo: &Path) -> Option<PathBuf> {
    let inner = ["blobs", "refs", "snapshots", ".no_exist", "trees", ".hfast"];
    let inner = inner.iter().map(|name| repo.join(name));
    let mut all = std::iter::once(repo.to_owned()).chain(inner);
    all.find(|path| path.is_symlink())
}

/// Moves a folder aside by one rename, and deletes it there. One that is not there is gone already.
fn discard(root: &Path, path: &Path) -> io::Result<()> {
    let hash = xxh3_64(path.as_os_str().as_encoded_bytes());
    let name = Owner::of_new_file().file_name(&format!("{ASIDE}{hash:016x}"));
    let aside = root.join(name);
    match fs::rename(path, &aside) {
        Ok(()) => fs::remove_dir_all(&aside),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        // On another disk than the cache it is deleted where it is.
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices => fs::remove_dir_all(path),
        Err(e) => Err(e),
    }
}

/// Deletes what those have moved aside who were stopped.
fn sweep_aside(root: &Path) {
    let entries = fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let is_dead = Owner::parse(name)
            .is_some_and(|(stem, owner)| stem.starts_with(ASIDE) && !owner.may_live(&path));
        if is_dead && let Err(error) = fs::remove_dir_all(&path) {
            tracing::debug!("cannot delete {}: {error}", path.display());
        }
    }
}
