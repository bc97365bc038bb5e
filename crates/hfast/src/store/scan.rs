//! What a whole cache holds: repositories, revisions, sizes, times. Names and links are looked at, contents are not.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::layout::RepoFolder;
use super::owner::Owner;
use super::{platform, shared_blobs, snapshot};
use crate::error::{Error, ErrorKind};
use crate::names::{Commit, Repo, Revision};

/// What others put beside the repositories of a cache.
const NO_REPOS: [&str; 5] = [
    ".locks",
    ".DS_Store",
    "CACHEDIR.TAG",
    "version.txt",
    "version_diffusers_cache.txt",
];

/// A path of 1024 bytes has no more parts than this.
const DEEPEST: usize = 512;

/// The repositories of a cache.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Where it is.
    pub root: PathBuf,
    /// By type and name.
    pub repos: Vec<CachedRepo>,
    /// What lies there and is none, or is one that makes no sense, and why.
    pub odd: Vec<(PathBuf, String)>,
}

/// A repository.
#[derive(Clone, Debug)]
pub struct CachedRepo {
    /// Its type and name.
    pub repo: Repo,
    /// Its folder.
    pub path: PathBuf,
    /// Its commits that are here, by their ids.
    pub revisions: Vec<CachedRevision>,
    /// Bytes of its contents, each counted once.
    pub size: u64,
    /// When one of its contents was read last, as far as the file system notes that.
    pub accessed: Option<SystemTime>,
    /// When the last one came.
    pub modified: Option<SystemTime>,
    /// Files that are not complete, and the bytes of the disk that they take.
    pub unfinished: Vec<(PathBuf, u64)>,
    /// All contents by the names of their files.
    pub(crate) blobs: HashMap<OsString, Blob>,
}

/// A commit of a repository.
#[derive(Clone, Debug)]
pub struct CachedRevision {
    /// Its id.
    pub commit: Commit,
    /// Its folder.
    pub path: PathBuf,
    /// The branches and tags that are this commit, by name.
    pub refs: Vec<String>,
    /// How many files are here.
    pub files: usize,
    /// Their bytes, each content counted once.
    pub size: u64,
    /// When the last of its contents came.
    pub modified: Option<SystemTime>,
    /// How many of the files are links.
    linked: usize,
    /// The contents that it has, by the names of their files.
    pub(crate) blobs: HashSet<OsString>,
}

/// A content.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) size: u64,
    accessed: Option<SystemTime>,
    pub(crate) modified: Option<SystemTime>,
}

impl Blob {
    fn of(found: &Metadata) -> Self {
        Self {
            size: found.len(),
            accessed: found.accessed().ok(),
            modified: found.modified().ok(),
        }
    }
}

/// Looks at the cache in `root`, which blocks. One that is not there is empty.
///
/// # Errors
/// [`ErrorKind::Disk`] when it cannot be read.
///
/// ```
/// let scan = hfast::cache::scan(std::path::Path::new("/no/such/cache"))?;
/// assert!(scan.repos.is_empty());
/// # Ok::<(), hfast::Error>(())
/// ```
pub fn scan(root: &Path) -> Result<Scan, Error> {
    let mut scan = Scan {
        root: root.to_owned(),
        ..Scan::default()
    };
    let entries = match fs::read_dir(root) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(scan),
        entries => entries.map_err(|e| Error::disk("read", root, e))?,
    };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let path = entry.path();
        let is_ours = NO_REPOS.contains(&name) || Owner::parse(name).is_some();
        if is_ours || name == shared_blobs::FOLDER && shared_blobs::is_store(&path) {
            continue;
        }
        let Some(repo) = RepoFolder::repo(name).filter(|_| path.is_dir()) else {
            let why = "it is not the folder of a repository";
            scan.odd.push((path, why.to_owned()));
            continue;
        };
        match of_repo(root, repo) {
            Ok(repo) => scan.repos.push(repo),
            Err(e) => scan.odd.push((path, format!("it cannot be read: {e}"))),
        }
    }
    let by_name = |repo: &CachedRepo| (repo.repo.kind.plural(), repo.repo.id.to_string());
    scan.repos.sort_by_cached_key(by_name);
    scan.odd.sort();
    Ok(scan)
}

/// The same for one repository.
pub(crate) fn of_repo(root: &Path, repo: Repo) -> io::Result<CachedRepo> {
    let folder = RepoFolder::new(root, &repo);
    let mut blobs = HashMap::new();
    let mut unfinished = Vec::new();
    for entry in entries(&folder.blobs())? {
        let path = entry.path();
        let name = entry.file_name();
        // A link leads to a content that several repositories share.
        let Ok(found) = fs::metadata(&path) else {
            continue;
        };
        if is_unfinished(&name) {
            unfinished.push((path, platform::allocated(&found)));
        } else if found.is_file() {
            blobs.insert(name, Blob::of(&found));
        }
    }
    let mut refs = refs(&folder);
    let mut revisions = Vec::new();
    let mut plain = Vec::new();
    for entry in entries(&folder.path().join("snapshots"))? {
        let name = entry.file_name();
        let Some(commit) = name.to_str().and_then(|name| name.parse::<Commit>().ok()) else {
            continue;
        };
        let mut refs = refs.remove(&commit).unwrap_or_default();
        refs.sort_unstable();
        let (revision, own) = of_revision(commit, entry.path(), refs, &blobs);
        revisions.push(revision);
        plain.extend(own);
    }
    revisions.sort_unstable_by(|a, b| a.commit.as_str().cmp(b.commit.as_str()));
    let all = || blobs.values().chain(&plain);
    let size = all().map(|blob| blob.size).sum();
    let accessed = all().filter_map(|blob| blob.accessed).max();
    let modified = all().filter_map(|blob| blob.modified).max();
    Ok(CachedRepo {
        path: folder.path(),
        size,
        accessed,
        modified,
        repo,
        revisions,
        unfinished,
        blobs,
    })
}

/// Branches and tags, by the commits that they are.
fn refs(folder: &RepoFolder) -> HashMap<Commit, Vec<String>> {
    let mut refs: HashMap<Commit, Vec<String>> = HashMap::new();
    for (path, _) in snapshot::entries(&folder.path().join("refs")) {
        let name = path.as_str();
        let commit = Revision::new(name).ok();
        let commit = commit.and_then(|name| folder.read_reference(&name));
        if let Some(commit) = commit {
            refs.entry(commit).or_default().push(name.to_owned());
        }
    }
    refs
}

/// A commit, and the contents that it has for itself, where there are no links.
fn of_revision(
    commit: Commit,
    path: PathBuf,
    refs: Vec<String>,
    blobs: &HashMap<OsString, Blob>,
) -> (CachedRevision, Vec<Blob>) {
    let (mut files, mut linked) = (0, 0);
    let (mut names, mut own) = (HashSet::new(), Vec::new());
    let mut folders = vec![(path.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in entries(&folder).into_iter().flatten() {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() && depth < DEEPEST {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_symlink() {
                let name = fs::read_link(entry.path()).ok();
                let name = name.and_then(|target| Some(target.file_name()?.to_owned()));
                // One that leads nowhere is no file.
                let name = name.filter(|name| blobs.contains_key(name));
                files += usize::from(name.is_some());
                linked += usize::from(name.is_some());
                names.extend(name);
            } else if kind.is_file() {
                files += 1;
                own.extend(entry.metadata().ok().map(|found| Blob::of(&found)));
            }
        }
    }
    let all = || names.iter().filter_map(|name| blobs.get(name)).chain(&own);
    let revision = CachedRevision {
        size: all().map(|blob| blob.size).sum(),
        modified: all().filter_map(|blob| blob.modified).max(),
        blobs: names.clone(),
        commit,
        path,
        refs,
        files,
        linked,
    };
    (revision, own)
}

/// What lies in a folder; nothing in one that is not there.
fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => Ok(entries?.filter_map(Result::ok).collect()),
    }
}

fn is_unfinished(name: &OsStr) -> bool {
    let name = name.to_str().unwrap_or_default();
    name.ends_with(".incomplete") || Owner::parse(name).is_some()
}

impl CachedRepo {
    /// How many different contents its commits have.
    pub fn contents(&self) -> usize {
        let own = |revision: &CachedRevision| revision.files.saturating_sub(revision.linked);
        let names: HashSet<_> = self.revisions.iter().flat_map(|own| &own.blobs).collect();
        names.len() + self.revisions.iter().map(own).sum::<usize>()
    }

    /// The contents that none of these commits has.
    pub(crate) fn unused_but_for<'a>(
        &'a self,
        commits: impl Iterator<Item = &'a CachedRevision>,
    ) -> impl Iterator<Item = (&'a OsString, &'a Blob)> {
        let used: HashSet<_> = commits.flat_map(|revision| &revision.blobs).collect();
        let all = self.blobs.iter();
        all.filter(move |(name, _)| !used.contains(name))
    }
}

impl Scan {
    /// The repository of this type and name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is not in the cache.
    pub fn find(&self, repo: &Repo) -> Result<&CachedRepo, Error> {
        let found = self.repos.iter().find(|cached| cached.repo == *repo);
        found.ok_or_else(|| {
            let text = format!("{repo} is not in {}", self.root.display());
            Error::new(ErrorKind::NotFound, text).with_hint("`hfast cache ls` lists what is")
        })
    }

    /// Bytes of all contents. Those that several repositories share are counted for each.
    pub fn size(&self) -> u64 {
        self.repos.iter().map(|repo| repo.size).sum()
    }
}
