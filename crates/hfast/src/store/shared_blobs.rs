//! The contents that repositories of a cache share, as the official clients keep them since 1.33: which they are,
//! and which nobody needs any more. None is put there by us.
//!
//! Whoever refers to one writes a line before. What cannot be understood or seen counts as a reference: to keep
//! what nobody needs costs room, to delete what somebody needs costs a file.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::lock::Lock;
use super::place;
use crate::error::Error;
use crate::names::XetHash;

/// Their folder in the cache.
pub(crate) const FOLDER: &str = "blobs";

/// The file that makes a folder such a store, and all that it says.
pub(super) const MARKER: &str = ".huggingface-shared-blobs";
pub(super) const MARK: &[u8] = b"1\n";

/// A list of references longer than this, in bytes, is not understood.
const LONGEST: u64 = 4 << 20;

/// Whether the folder is theirs. A link to that of another cache is not: its lists tell of that one.
pub(crate) fn is_store(folder: &Path) -> bool {
    let is_folder = folder.symlink_metadata().is_ok_and(|found| found.is_dir());
    let marker = folder.join(MARKER);
    let found = marker.symlink_metadata();
    let is_mark = found.is_ok_and(|found| found.is_file() && found.len() == MARK.len() as u64);
    is_folder && is_mark && fs::read(&marker).is_ok_and(|mark| mark == MARK)
}

/// A shared content that no repository of the cache has any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unused {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
}

/// All of these.
pub(crate) fn unused(root: &Path) -> Vec<Unused> {
    let store = root.join(FOLDER);
    if !is_store(&store) {
        return Vec::new();
    }
    let folders = fs::read_dir(&store)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let folders = folders.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let files = folders.filter_map(|entry| fs::read_dir(entry.path()).ok());
    let files = files.flatten().filter_map(Result::ok);
    let unused = files.filter_map(|entry| {
        let path = entry.path();
        let size = content(root, &path)?;
        is_unused(root, &path).then_some(Unused { path, size })
    });
    let mut unused: Vec<_> = unused.collect();
    unused.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    unused
}

/// The size of the content at `path`, if it is one of the store of this cache.
fn content(root: &Path, path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let prefix = path.parent()?;
    let is_named = XetHash::from_hex(name).is_some()
        && prefix.file_name()?.to_str()? == &name[..2]
        && prefix.parent()?.canonicalize().ok()? == root.join(FOLDER).canonicalize().ok()?;
    let found = path.symlink_metadata().ok()?;
    (is_named && found.is_file()).then_some(found.len())
}

fn is_unused(root: &Path, content: &Path) -> bool {
    let Some(references) = place::read_note(&content.with_extension("refs"), LONGEST) else {
        return false;
    };
    let is_whole = (references.len() as u64) < LONGEST;
    is_whole
        && !references
            .lines()
            .any(|line| may_refer(root, line, content))
}

/// Whether a line may name a content of a repository that leads to `content`. The line is a hint of anybody.
fn may_refer(root: &Path, line: &str, content: &Path) -> bool {
    let path = Path::new(line);
    let parts: Vec<_> = path.components().collect();
    let [
        Component::Normal(_),
        Component::Normal(_),
        Component::Normal(_),
    ] = parts[..]
    else {
        // It names nothing in this cache.
        return false;
    };
    match root.join(path).canonicalize() {
        Ok(target) => content.canonicalize().is_ok_and(|own| own == target),
        Err(e) => e.kind() != io::ErrorKind::NotFound,
    }
}

/// Deletes one, unless somebody has it locked or may need it, and returns its size.
pub(crate) fn delete(root: &Path, path: &Path) -> Result<Option<u64>, Error> {
    let Some(size) = content(root, path).filter(|_| is_store(&root.join(FOLDER))) else {
        return Ok(None);
    };
    let lock = Lock::try_acquire(&path.with_extension("lock"))?;
    let is_ours = lock.as_ref().is_some_and(Lock::is_held);
    if !is_ours || !is_unused(root, path) {
        return Ok(None);
    }
    for path in [path, &path.with_extension("refs")] {
        place::remove_if_there(path).map_err(|e| Error::disk("delete", path, e))?;
    }
    Ok(Some(size))
}
