//! The official metadata of a local folder: which commit and etag each file has, and whether that
//! can still be true.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use super::durable::Folders;
use super::layout::folder_name;
use super::place::{create_parents_below, read_small, write_note};
use crate::error::Error;
use crate::hash;
use crate::names::{Commit, Digest, Repo, Revision};
use crate::repo_path::RepoPath;

/// Where the official clients keep their state in a local folder.
const STATE: &str = ".cache/huggingface";
const DOWNLOADS: &str = "download";
/// What the name of a file's metadata has behind that of the file.
pub(crate) const METADATA: &str = ".metadata";
const LOCK: &str = ".lock";
/// Ours beside it.
const OURS: &str = "hfast";

/// What the metadata of one file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) commit: Option<Commit>,
    pub(crate) digest: Option<Digest>,
}

/// The metadata of `path` if it is there and the file has not been changed since.
pub(crate) fn read_metadata(root: &Path, path: &RepoPath) -> Option<Metadata> {
    let (noted, is_unchanged) = noted(root, path)?;
    is_unchanged.then_some(noted)
}

/// The metadata of `path`, and whether the file is there and unchanged since.
pub(crate) fn noted(root: &Path, path: &RepoPath) -> Option<(Metadata, bool)> {
    let text = read_small(&metadata_path(root, path))?;
    let mut lines = text.lines();
    let (commit, etag) = (lines.next()?, lines.next()?);
    let stamp = Duration::try_from_secs_f64(lines.next()?.trim().parse().ok()?).ok()?;
    let modified = fs::metadata(root.join(path.as_str())).and_then(|found| found.modified());
    let modified = modified
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let noted = Metadata {
        commit: commit.parse().ok(),
        digest: Digest::from_hex(etag),
    };
    // The official clients allow one second for clocks of different grain.
    let latest = stamp + Duration::from_secs(1);
    Some((noted, modified.is_some_and(|at| at <= latest)))
}

/// Writes the metadata of a file that was just put in place or found to be right.
pub(crate) fn write_metadata(
    root: &Path,
    path: &RepoPath,
    commit: &Commit,
    digest: &Digest,
) -> Result<(), Error> {
    if !fits(path, METADATA) {
        // Without a note the file is hashed by the next run.
        return Ok(());
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let text = format!("{commit}\n{digest}\n{:.6}\n", now.as_secs_f64());
    create_parents_below(root, &format!("{STATE}/{DOWNLOADS}/{path}"))?;
    write_note(&partials(root), &metadata_path(root, path), text.as_bytes())
}

/// Notes that a file is the same in another commit, so that the official clients need not ask.
pub(crate) fn refresh_metadata(root: &Path, path: &RepoPath, commit: &Commit) {
    let Some(found) = read_metadata(root, path) else {
        return;
    };
    let (Some(digest), true) = (found.digest, found.commit.as_ref() != Some(commit)) else {
        return;
    };
    if let Err(error) = write_metadata(root, path, commit, &digest) {
        tracing::debug!("{path}: the commit is not noted: {error}");
    }
}

/// The commit that `revision` was when the folder was last complete.
pub(crate) fn read_reference(root: &Path, repo: &Repo, revision: &Revision) -> Option<Commit> {
    read_small(&root.join(reference(repo, revision)))?
        .trim()
        .parse()
        .ok()
}

/// Notes the commit that `revision` is now that the folder is complete. The note serves who cannot
/// ask later, and so is not worth an error now.
pub(crate) fn note_reference(root: &Path, repo: &Repo, revision: &Revision, commit: &Commit) {
    if read_reference(root, repo, revision).as_ref() == Some(commit) {
        return;
    }
    let write = || {
        let place = create_parents_below(root, &reference(repo, revision))?;
        write_note(&partials(root), &place, commit.as_str().as_bytes())?;
        let folder = place.parent().map(Path::to_owned);
        Folders::between(folder.as_slice(), root).flush()
    };
    if let Err(error) = write() {
        tracing::debug!("the commit of {revision} is not noted: {error}");
    }
}

/// Where the commit of a revision is noted, below the folder, which may have been filled from several
/// repositories.
fn reference(repo: &Repo, revision: &Revision) -> String {
    format!("{STATE}/{OURS}/refs/{}/{revision}", folder_name(repo))
}

/// Creates the state folder with the file that keeps it out of git, and the one for our own files.
pub(crate) fn prepare(root: &Path) -> Result<(), Error> {
    create_parents_below(root, &format!("{STATE}/{OURS}/x"))?;
    let ignore = create_parents_below(root, &format!("{STATE}/.gitignore"))?;
    if ignore.exists() {
        return Ok(());
    }
    write_note(&partials(root), &ignore, b"*")
}

/// The folder of our own partial files; the official upload leaves it out with the rest.
pub(crate) fn partials(root: &Path) -> PathBuf {
    state(root).join(OURS)
}

/// Where the checksums of a content are noted, below the folder.
pub(crate) fn blocks(digest: &Digest) -> String {
    format!("{STATE}/{OURS}/blocks/{digest}")
}

/// Where a complete listing of `commit` lies: the official clients', then ours.
pub(crate) fn trees(root: &Path, commit: &Commit) -> [PathBuf; 2] {
    let name = format!("{commit}.json");
    [
        state(root).join("trees").join(&name),
        partials(root).join(&name),
    ]
}

/// What the names of the official clients' unfinished files of `path` begin with: a hash of the name
/// of its metadata (`_short_hash` in `huggingface_hub`).
pub(crate) fn short_hash(path: &RepoPath) -> String {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    let digest = hash::sha1(format!("{name}{METADATA}").as_bytes());
    URL_SAFE.encode(digest)
}

/// The folder where the official clients keep metadata, locks and partial files.
pub(crate) fn downloads(root: &Path) -> PathBuf {
    state(root).join(DOWNLOADS)
}

/// The official lock of one file, with the folders above it. `None`: its name is too long for one.
pub(crate) fn lock(root: &Path, path: &RepoPath) -> Result<Option<PathBuf>, Error> {
    if !fits(path, LOCK) {
        return Ok(None);
    }
    create_parents_below(root, &format!("{STATE}/{DOWNLOADS}/{path}{LOCK}")).map(Some)
}

/// Whether a name with this ending is no longer than a name can be.
fn fits(path: &RepoPath, ending: &str) -> bool {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    name.len() + ending.len() <= 255
}

fn state(root: &Path) -> PathBuf {
    root.join(STATE)
}

fn metadata_path(root: &Path, path: &RepoPath) -> PathBuf {
    downloads(root).join(format!("{path}{METADATA}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_believed_until_the_file_changes() {
        let root = tempfile::tempdir().unwrap();
        let path = RepoPath::new("a/b.txt").unwrap();
        let commit: Commit = "c".repeat(40).parse().unwrap();
        let digest = Digest::from_hex(&"d".repeat(64)).unwrap();
        fs::create_dir_all(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/b.txt"), "x").unwrap();
        write_metadata(root.path(), &path, &commit, &digest).unwrap();
        let expected = Metadata {
            commit: Some(commit),
            digest: Some(digest),
        };
        assert_eq!(read_metadata(root.path(), &path), Some(expected));
        let later = SystemTime::now() + Duration::from_secs(5);
        fs::File::options()
            .write(true)
            .open(root.path().join("a/b.txt"))
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert_eq!(read_metadata(root.path(), &path), None);
    }
}
