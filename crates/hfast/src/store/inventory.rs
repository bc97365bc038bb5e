//! What lies in a cache or a local folder, and which digest each file should have: told from names, links
//! and notes, before anything is read.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::layout::RepoFolder;
use super::{local_dir, snapshot, tree_cache};
use crate::hub::listing::RemoteFile;
use crate::names::{Commit, Digest, Repo, Revision};
use crate::repo_path::RepoPath;

/// One content on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) repo: Repo,
    /// A commit that it belongs to, and its name there.
    pub(crate) commit: Commit,
    pub(crate) path: RepoPath,
    /// Where its bytes are.
    pub(crate) place: PathBuf,
    /// What it should have; where the size is not known, what it has.
    pub(crate) size: u64,
    /// Whether a file is there at all.
    pub(crate) is_there: bool,
    /// `None`: nothing here says what it should be.
    pub(crate) digest: Option<Digest>,
}

/// Files that a commit has, by a listing that lies here, and that have no name here: they were not asked
/// for, or are not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// The repository.
    pub repo: Repo,
    /// The commit.
    pub commit: Commit,
    /// How many are not here.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// How many the commit has.
    pub of: usize,
}

/// What lies here of some commits, and what does not.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) held: Vec<Held>,
    pub(crate) absent: Vec<Absent>,
}

impl Inventory {
    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.held.extend(other.held);
        self.absent.extend(other.absent);
        self
    }
}

/// The listing of a commit, where one lies here.
struct Listing {
    files: HashMap<RepoPath, RemoteFile>,
    /// Its files have proved right: what it says of them is believed.
    is_proved: bool,
}

impl Listing {
    fn read(trees: &[PathBuf; 2]) -> Self {
        let proved = tree_cache::read(trees);
        let is_proved = proved.is_some();
        // One whose files are still to prove right says as well what there should be.
        let files = proved.or_else(|| tree_cache::read(&[tree_cache::unproved(&trees[1])]));
        let files = files.unwrap_or_default().into_iter();
        Self {
            files: files.map(|file| (file.path.clone(), file)).collect(),
            is_proved,
        }
    }

    /// What is believed of a file.
    fn get(&self, path: &RepoPath) -> Option<&RemoteFile> {
        self.files.get(path).filter(|_| self.is_proved)
    }

    /// Which of its files are not here. `None`: all are, or there is no listing.
    fn absent(
        &self,
        (repo, commit): (&Repo, &Commit),
        is_here: impl Fn(&RepoPath) -> bool,
    ) -> Option<Absent> {
        let absent = self.files.values().filter(|file| !is_here(&file.path));
        let (files, bytes) = absent.fold((0, 0_u64), |(files, bytes), file| {
            (files + 1, bytes.saturating_add(file.size.unwrap_or(0)))
        });
        (files > 0).then(|| Absent {
            repo: repo.clone(),
            commit: commit.clone(),
            files,
            bytes,
            of: self.files.len(),
        })
    }
}

/// The repositories of a cache, by name.
pub(crate) fn repos(root: &Path) -> Vec<Repo> {
    let entries = fs::read_dir(root).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
        .iter()
        .filter_map(|name| RepoFolder::repo(name))
        .collect()
}

/// What a cache holds of a repository: of one revision, or of all commits. `None`: not that revision.
pub(crate) fn of_cache(root: &Path, repo: &Repo, revision: Option<&Revision>) -> Option<Inventory> {
    let folder = RepoFolder::new(root, repo);
    let commits = meant(&folder, revision)?;
    let each = commits
        .iter()
        .map(|commit| of_snapshot(&folder, repo, commit));
    let mut all = each.fold(Inventory::default(), Inventory::and);
    // Commits share what is alike in them.
    let mut seen = HashSet::new();
    all.held.retain(|held| seen.insert(held.place.clone()));
    Some(all)
}

/// The commits that are here of a revision, or of all. `None`: that revision is not.
fn meant(folder: &RepoFolder, revision: Option<&Revision>) -> Option<Vec<Commit>> {
    let Some(revision) = revision else {
        return Some(commits(folder));
    };
    let commit = revision
        .as_commit()
        .or_else(|| folder.read_reference(revision))?;
    let is_here = folder.snapshot(&commit).is_dir();
    Some(vec![is_here.then_some(commit)?])
}

/// What a cache has of a repository: its branches and tags, then its commits.
pub(crate) fn revisions(root: &Path, repo: &Repo) -> Vec<String> {
    let folder = RepoFolder::new(root, repo);
    let named = snapshot::files(&folder.path().join("refs"));
    let named = named.into_iter().map(|file| file.path.to_string());
    let commits = commits(&folder).into_iter();
    named
        .chain(commits.map(|commit| commit.to_string()))
        .collect()
}

fn commits(folder: &RepoFolder) -> Vec<Commit> {
    let entries = fs::read_dir(folder.path().join("snapshots"));
    let names = entries.into_iter().flatten().filter_map(Result::ok);
    let commits = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut commits: Vec<Commit> = commits.collect();
    commits.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    commits
}

fn of_snapshot(folder: &RepoFolder, repo: &Repo, commit: &Commit) -> Inventory {
    let listing = Listing::read(&folder.trees(commit));
    let snapshot = folder.snapshot(commit);
    let entries = snapshot::entries(&snapshot).into_iter();
    let held = entries.map(|(path, found)| {
        let name = snapshot.join(path.as_str());
        // A link leads to a blob, which is called what its content should be.
        let blob = fs::read_link(&name).ok();
        let named = blob.and_then(|blob| Digest::from_hex(blob.file_name()?.to_str()?));
        let listed = listing.get(&path);
        let (size, digest) = listed.map_or((None, None), |file| (file.size, file.digest));
        Held {
            repo: repo.clone(),
            commit: commit.clone(),
            size: size.or(found).unwrap_or(0),
            is_there: found.is_some(),
            // What is listed may be the digest of a pointer.
            digest: named.or(digest.filter(|digest| digest.may_be_of(size.unwrap_or(0)))),
            place: match named {
                Some(named) => folder.blob(&named),
                None => name,
            },
            path,
        }
    });
    let held: Vec<_> = held.collect();
    let here: HashSet<_> = held.iter().map(|held| &held.path).collect();
    let absent = listing.absent((repo, commit), |path| here.contains(path));
    let absent = absent.into_iter().collect();
    Inventory { held, absent }
}

/// What is noted of the files of a local folder, which are of `repo`. Files that were changed since have
/// no digest: nobody promised what they are now.
pub(crate) fn of_local_dir(root: &Path, repo: &Repo) -> Inventory {
    let noted = snapshot::files(&local_dir::downloads(root));
    let mut listings: HashMap<Commit, Listing> = HashMap::new();
    let held = noted.iter().filter_map(|note| {
        let path = note.path.as_str().strip_suffix(local_dir::METADATA)?;
        let path = RepoPath::new(path).ok()?;
        let place = root.join(path.as_str());
        let found = place.metadata().ok().filter(fs::Metadata::is_file);
        let (noted, is_unchanged) = local_dir::noted(root, &path)?;
        let commit = noted.commit?;
        let listing = listings.entry(commit.clone());
        let listing = listing.or_insert_with(|| Listing::read(&local_dir::trees(root, &commit)));
        let size = listing.get(&path).and_then(|file| file.size);
        Some(Held {
            repo: repo.clone(),
            commit,
            size: size.or(found.as_ref().map(fs::Metadata::len)).unwrap_or(0),
            is_there: found.is_some(),
            digest: noted.digest.filter(|_| is_unchanged || found.is_none()),
            place,
            path,
        })
    });
    let held: Vec<_> = held.collect();
    let named: HashSet<_> = held.iter().map(|held| &held.path).collect();
    let is_here = |path: &RepoPath| named.contains(path) || root.join(path.as_str()).exists();
    let absent = listings
        .iter()
        .filter_map(|(commit, listing)| listing.absent((repo, commit), is_here));
    let mut absent: Vec<_> = absent.collect();
    absent.sort_unstable_by(|a, b| a.commit.as_str().cmp(b.commit.as_str()));
    Inventory { held, absent }
}
