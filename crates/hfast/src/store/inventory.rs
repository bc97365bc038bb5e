//! What lies in a cache or a local folder, and which digest each file should have: told from names, links
//! and notes, before anything is read.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::layout::RepoFolder;
use super::{local_dir, snapshot, tree_cache};
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

impl Absent {
    /// Compares a listing with what `is_here`. `None`: all is, or there is no listing.
    fn new(
        (repo, commit): (&Repo, &Commit),
        trees: [PathBuf; 2],
        is_here: impl Fn(&RepoPath) -> bool,
    ) -> Option<Self> {
        // One whose files are still to prove right says as well what there should be.
        let unproved = tree_cache::unproved(&trees[1]);
        let [official, own] = trees;
        let listed = tree_cache::read(&[official, own, unproved])?;
        let absent = listed.iter().filter(|file| !is_here(&file.path));
        let (files, bytes) = absent.fold((0, 0_u64), |(files, bytes), file| {
            (files + 1, bytes.saturating_add(file.size.unwrap_or(0)))
        });
        (files > 0).then(|| Self {
            repo: repo.clone(),
            commit: commit.clone(),
            files,
            bytes,
            of: listed.len(),
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
pub(crate) fn of_cache(root: &Path, repo: &Repo, revision: Option<&Revision>) -> Option<Vec<Held>> {
    let folder = RepoFolder::new(root, repo);
    let commits = meant(&folder, revision)?;
    let mut seen = HashSet::new();
    let all = commits
        .iter()
        .flat_map(|commit| of_snapshot(&folder, repo, commit));
    // Commits share what is alike in them.
    Some(all.filter(|held| seen.insert(held.place.clone())).collect())
}

/// What a cache does not hold of the same.
pub(crate) fn absent_in_cache(
    root: &Path,
    repo: &Repo,
    revision: Option<&Revision>,
) -> Vec<Absent> {
    let folder = RepoFolder::new(root, repo);
    let commits = meant(&folder, revision).unwrap_or_default();
    let absent = commits.iter().filter_map(|commit| {
        let entries = snapshot::entries(&folder.snapshot(commit)).into_iter();
        let here: HashSet<_> = entries.map(|(path, _)| path).collect();
        Absent::new((repo, commit), folder.trees(commit), |path| {
            here.contains(path)
        })
    });
    absent.collect()
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

fn of_snapshot(folder: &RepoFolder, repo: &Repo, commit: &Commit) -> Vec<Held> {
    let listed = tree_cache::read(&folder.trees(commit)).unwrap_or_default();
    let listed: HashMap<_, _> = listed
        .into_iter()
        .map(|file| (file.path, (file.size, file.digest)))
        .collect();
    let snapshot = folder.snapshot(commit);
    let entries = snapshot::entries(&snapshot).into_iter();
    let held = entries.map(|(path, found)| {
        let name = snapshot.join(path.as_str());
        // A link leads to a blob, which is called what its content should be.
        let blob = fs::read_link(&name).ok();
        let named = blob.and_then(|blob| Digest::from_hex(blob.file_name()?.to_str()?));
        let (size, digest) = listed.get(&path).copied().unwrap_or_default();
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
    held.collect()
}

/// What is noted of the files of a local folder, which are of `repo`. Files that were changed since have
/// no digest: nobody promised what they are now.
pub(crate) fn of_local_dir(root: &Path, repo: &Repo) -> Vec<Held> {
    let noted = snapshot::files(&local_dir::downloads(root));
    let mut listings: HashMap<Commit, HashMap<RepoPath, u64>> = HashMap::new();
    let held = noted.iter().filter_map(|note| {
        let path = note.path.as_str().strip_suffix(local_dir::METADATA)?;
        let path = RepoPath::new(path).ok()?;
        let place = root.join(path.as_str());
        let found = place.metadata().ok().filter(fs::Metadata::is_file);
        let (noted, is_unchanged) = local_dir::noted(root, &path)?;
        let commit = noted.commit?;
        let listing = listings.entry(commit.clone());
        let listing = listing.or_insert_with(|| sizes(&local_dir::trees(root, &commit)));
        let size = listing.get(&path).copied();
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
    held.collect()
}

/// What a local folder lacks of the commits that its files, which were found to be `held`, are of.
pub(crate) fn absent_in_local_dir(root: &Path, held: &[Held]) -> Vec<Absent> {
    let mut commits: Vec<_> = held.iter().map(|held| (&held.repo, &held.commit)).collect();
    commits.sort_unstable_by_key(|(_, commit)| commit.as_str());
    commits.dedup();
    let noted: HashSet<_> = held.iter().map(|held| &held.path).collect();
    let is_here = |path: &RepoPath| noted.contains(path) || root.join(path.as_str()).exists();
    let absent = commits
        .into_iter()
        .filter_map(|of| Absent::new(of, local_dir::trees(root, of.1), is_here));
    absent.collect()
}

fn sizes(trees: &[PathBuf]) -> HashMap<RepoPath, u64> {
    let listed = tree_cache::read(trees).unwrap_or_default().into_iter();
    listed
        .filter_map(|file| Some((file.path, file.size?)))
        .collect()
}
