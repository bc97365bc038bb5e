//! What other tools left in a destination: where to look for it, and when to delete it.

use std::fs;
use std::path::Path;

use super::adopt::{self, Found};
use super::destination::{Destination, Wanted};
use super::{local_dir, place};
use crate::repo_path::RepoPath;

impl Destination {
    /// Whether the content lies in the destination already, judged by its size: it needs no space.
    pub(crate) fn has_content(&self, wanted: &Wanted) -> bool {
        let has_size = |path: &Path| {
            fs::metadata(path)
                .is_ok_and(|found| found.is_file() && Some(found.len()) == wanted.size)
        };
        match (self, wanted.digest) {
            (Self::Cache { folder, .. }, Some(digest)) => has_size(&folder.blob(&digest)),
            _ => wanted
                .paths
                .first()
                .is_some_and(|path| has_size(&self.final_path(path))),
        }
    }

    /// Parts of a file that other tools left where it goes, best first.
    pub(crate) fn parts(&self, wanted: &Wanted, size: u64) -> Vec<Found> {
        if wanted.digest.is_none() {
            // Nothing could tell whether they are parts of this content or of an older one.
            return Vec::new();
        }
        let named = || {
            wanted
                .paths
                .iter()
                .filter_map(|path| adopt::part_at(&self.final_path(path), size))
        };
        match self {
            Self::Cache { folder, .. } => {
                adopt::official_parts(&folder.blobs(), &self.stem(wanted), size)
            }
            Self::LocalDir { root, .. } => {
                let official = wanted
                    .paths
                    .iter()
                    .flat_map(|path| official_local(root, path, wanted, size));
                named().chain(official).collect()
            }
            Self::File { .. } => named().collect(),
        }
    }

    /// Deletes partial files of the official clients for a content that now has its final name. The
    /// caller holds the official lock, and so nobody writes to them.
    pub(crate) fn sweep_official(&self, wanted: &Wanted) {
        let Some(size) = wanted.size else { return };
        let found = match self {
            Self::Cache { folder, .. } => {
                adopt::official_parts(&folder.blobs(), &self.stem(wanted), size)
            }
            // Only the first name's lock is held.
            Self::LocalDir { root, .. } => {
                let first = wanted.paths.first();
                first.map_or_else(Vec::new, |path| official_local(root, path, wanted, size))
            }
            Self::File { .. } => Vec::new(),
        };
        for part in found {
            if let Err(error) = place::remove_if_there(&part.path) {
                tracing::debug!("cannot delete {}: {error}", part.path.display());
            }
        }
    }
}

fn official_local(root: &Path, path: &RepoPath, wanted: &Wanted, size: u64) -> Vec<Found> {
    // The official name begins with a hash of the metadata's name, which need not be computed: the
    // etag that follows it is what identifies the content.
    let folder = local_dir::downloads(root).join(path.as_str());
    let Some(etag) = wanted.digest.map(|digest| digest.to_string()) else {
        return Vec::new();
    };
    let entries = folder.parent().and_then(|folder| fs::read_dir(folder).ok());
    let names = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    let ours = names.filter(|path| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        name.contains(&format!(".{etag}.")) && name.strip_suffix(".incomplete").is_some()
    });
    ours.filter_map(|path| adopt::part_at(&path, size))
        .collect()
}
