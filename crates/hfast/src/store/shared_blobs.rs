//! The contents that repositories of a cache share, as the official clients keep them since 1.33: which they are,
//! and which nobody needs any more. None is put there by us.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::layout::RepoFolder;
use super::lock::Lock;
use super::place;
use crate::error::Error;

/// Their folder in the cache.
pub(crate) const FOLDER: &str = "blobs";

/// The file that marks it, and what is in that.
const MARK: &str = ".huggingface-shared-blobs";
const MARKED: &str = "1";

/// A list of references longer than this, in bytes, is not read.
const LONGEST: u64 = 4 << 20;

/// Whether the folder is theirs.
pub(crate) fn is_store(folder: &Path) -> bool {
    let mark = place::read_small(&folder.join(MARK));
    mark.is_some_and(|text| text.trim_end() == MARKED)
}

/// A shared content that no repository of the cache has any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unused {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
}

/// All of these. One whose references are not known counts as needed.
pub(crate) fn unused(root: &Path) -> Vec<Unused> {
    let store = root.join(FOLDER);
    if !is_store(&store) {
        return Vec::new();
    }
    let folders = fs::read_dir(&store).into_iter().flatten();
    let folders = folders.filter_map(|entry| fs::read_dir(entry.ok()?.path()).ok());
    let files = folders.flatten().filter_map(Result::ok);
    let unused = files.filter_map(|entry| {
        let path = entry.path();
        let found = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let is_content = path.extension().is_none();
        let size = found.len();
        (is_content && is_unused(root, &path)).then_some(Unused { path, size })
    });
    let mut unused: Vec<_> = unused.collect();
    unused.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    unused
}

fn is_unused(root: &Path, content: &Path) -> bool {
    let Some(references) = place::read_note(&content.with_extension("refs"), LONGEST) else {
        return false;
    };
    let is_whole = (references.len() as u64) < LONGEST;
    is_whole
        && !references
            .lines()
            .any(|line| is_reference(root, line, content))
}

/// Whether a line names a content of a repository that leads to `content`. The line is a hint of anybody.
fn is_reference(root: &Path, line: &str, content: &Path) -> bool {
    let path = Path::new(line);
    let parts: Vec<_> = path.components().collect();
    let [
        Component::Normal(repo),
        Component::Normal(blobs),
        Component::Normal(_),
    ] = parts[..]
    else {
        return false;
    };
    let is_repo = repo.to_str().and_then(RepoFolder::repo).is_some();
    let leads_to = || root.join(path).canonicalize().ok();
    is_repo && blobs == "blobs" && leads_to() == content.canonicalize().ok()
}

/// Deletes one, unless somebody has it locked or needs it by now, and says whether it is gone.
pub(crate) fn delete(root: &Path, content: &Path) -> Result<bool, Error> {
    let Some(_lock) = Lock::try_acquire(&content.with_extension("lock"))? else {
        return Ok(false);
    };
    if !is_unused(root, content) {
        return Ok(false);
    }
    for path in [content, &content.with_extension("refs")] {
        place::remove_if_there(path).map_err(|e| Error::disk("delete", path, e))?;
    }
    Ok(true)
}
