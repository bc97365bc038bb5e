//! What a whole cache holds: repositories, revisions, sizes, times. Names and links are looked at, contents are not.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::layout::RepoFolder;
use super::owner::Owner;
use super::{place, platform, shared_blobs, tree_cache};
use crate::error::{Error, ErrorKind};
use crate::names::{Commit, Repo};

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
    /// Why parts of it cannot be deleted without the rest: not all of it is understood.
    pub(crate) doubt: Option<String>,
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
    /// Its listing has not proved right: a download of it has not come to its end.
    pub(crate) is_unproved: bool,
    /// How many of the files are no names of contents, but hold their own.
    plain: usize,
    /// The contents that it has, by the names of their files.
    pub(crate) blobs: HashSet<OsString>,
}

/// A content.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) size: u64,
    accessed: Option<SystemTime>,
    pub(crate) modified: Option<SystemTime>,
    id: Option<(u64, u64)>,
}

impl Blob {
    fn of(found: &Metadata) -> Self {
        Self {
            id: platform::file_id(found),
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
    let mut doubt = None;
    let mut refs = refs(&folder, &mut doubt)?;
    let mut revisions = Vec::new();
    let mut plain = Vec::new();
    let contents = Contents::new(&blobs);
    for entry in entries(&folder.path().join("snapshots"))? {
        let name = entry.file_name();
        let Some(commit) = name.to_str().and_then(|name| name.parse::<Commit>().ok()) else {
            doubt.get_or_insert_with(|| {
                format!("{} is not named by a commit", entry.path().display())
            });
            continue;
        };
        let mut found = of_revision(commit, entry.path(), &contents, &mut doubt);
        found.0.refs = refs.remove(&found.0.commit).unwrap_or_default();
        found.0.refs.sort_unstable();
        let listing = &folder.trees(&found.0.commit)[1];
        found.0.is_unproved = tree_cache::unproved(listing).exists();
        revisions.push(found.0);
        plain.extend(found.1);
    }
    if !plain.is_empty() && !blobs.is_empty() && contents.by_id.is_empty() {
        doubt.get_or_insert_with(|| "its snapshots do not say which contents they have".to_owned());
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
        doubt,
        blobs,
    })
}

/// Branches and tags, by the commits that they are.
fn refs(
    folder: &RepoFolder,
    doubt: &mut Option<String>,
) -> io::Result<HashMap<Commit, Vec<String>>> {
    let root = folder.path().join("refs");
    let mut refs: HashMap<Commit, Vec<String>> = HashMap::new();
    let mut folders = vec![(root.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in entries(&folder)? {
            let path = entry.path();
            if entry.file_type()?.is_dir() && depth < DEEPEST {
                folders.push((path, depth + 1));
                continue;
            }
            let name = path.strip_prefix(&root).ok().and_then(Path::to_str);
            let commit = place::read_small(&path);
            let commit = commit.and_then(|text| text.trim().parse::<Commit>().ok());
            match name.zip(commit) {
                Some((name, commit)) => refs.entry(commit).or_default().push(name.to_owned()),
                None => {
                    doubt.get_or_insert_with(|| format!("{} names no commit", path.display()));
                }
            }
        }
    }
    Ok(refs)
}

/// The contents of a repository, by name and by what their files are.
struct Contents<'a> {
    blobs: &'a HashMap<OsString, Blob>,
    by_id: HashMap<(u64, u64), &'a OsString>,
}

impl<'a> Contents<'a> {
    fn new(blobs: &'a HashMap<OsString, Blob>) -> Self {
        let by_id = blobs
            .iter()
            .filter_map(|(name, blob)| Some((blob.id?, name)));
        Self {
            by_id: by_id.collect(),
            blobs,
        }
    }

    /// The content that a file of a snapshot is another name of.
    fn of_name(&self, entry: &DirEntry, found: &Metadata) -> Option<OsString> {
        if found.is_symlink() {
            let target = fs::read_link(entry.path()).ok()?;
            let name = target.file_name()?.to_owned();
            return self.blobs.contains_key(&name).then_some(name);
        }
        let name = self.by_id.get(&platform::file_id(found)?)?;
        Some((*name).clone())
    }
}

/// A commit without its refs, and the contents that it has for itself, where there are no links.
fn of_revision(
    commit: Commit,
    path: PathBuf,
    contents: &Contents<'_>,
    doubt: &mut Option<String>,
) -> (CachedRevision, Vec<Blob>) {
    let mut files = 0;
    let (mut names, mut own) = (HashSet::new(), Vec::new());
    let mut folders = vec![(path.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let found = entries(&folder).and_then(|entries| {
            let looked = entries.into_iter();
            let looked = looked.map(|entry| Ok((entry.metadata()?, entry)));
            looked.collect::<io::Result<Vec<_>>>()
        });
        let Ok(found) = found else {
            doubt.get_or_insert_with(|| format!("{} cannot be read", folder.display()));
            continue;
        };
        for (found, entry) in found {
            if found.is_dir() && depth < DEEPEST {
                folders.push((entry.path(), depth + 1));
            } else if let Some(name) = contents.of_name(&entry, &found) {
                files += 1;
                names.insert(name);
            } else if found.is_file() {
                files += 1;
                own.push(Blob::of(&found));
            }
        }
    }
    let blobs = names.iter().filter_map(|name| contents.blobs.get(name));
    let all = || blobs.clone().chain(&own);
    let size = all().map(|blob| blob.size).sum();
    let modified = all().filter_map(|blob| blob.modified).max();
    let revision = CachedRevision {
        size,
        modified,
        blobs: names,
        commit,
        path,
        refs: Vec::new(),
        files,
        is_unproved: false,
        plain: own.len(),
    };
    (revision, own)
}

/// What lies in a folder; nothing in one that is not there.
fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}

fn is_unfinished(name: &OsStr) -> bool {
    let name = name.to_str().unwrap_or_default();
    name.ends_with(".incomplete") || Owner::parse(name).is_some()
}

impl CachedRepo {
    /// How many different contents its commits have.
    pub fn contents(&self) -> usize {
        let names: HashSet<_> = self.revisions.iter().flat_map(|own| &own.blobs).collect();
        names.len() + self.revisions.iter().map(|own| own.plain).sum::<usize>()
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
