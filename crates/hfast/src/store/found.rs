//! What other tools left in a destination: where to look for it, and when to delete it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

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

    /// A number that changes while somebody, we or an official client, writes what this content will
    /// be: unfinished files, and the name in a local folder that a copy goes to.
    pub(crate) fn growth(&self, wanted: &Wanted) -> u64 {
        let stem = self.stem(wanted);
        let begins = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(&stem))
        };
        let unfinished = entries(&self.partials()).filter(|path| begins(path));
        let mut written: Vec<_> = unfinished.collect();
        if let (Self::LocalDir { root, .. }, Some(first)) = (self, wanted.paths.first()) {
            written.extend(official_names(root, first, wanted));
            written.push(self.final_path(first));
        }
        let stamps = written.iter().filter_map(|path| {
            let found = path.symlink_metadata().ok()?;
            let modified = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            let millis = u64::try_from(modified.as_millis()).unwrap_or_default();
            Some(millis.wrapping_add(found.len()))
        });
        stamps.fold(0, u64::wrapping_add)
    }

    /// Parts of a file that other tools left where it goes, best first.
    pub(crate) fn parts(&self, wanted: &Wanted, size: u64) -> Vec<Found> {
        if wanted.digest.is_none() {
            // Nothing could tell whether they are parts of this content or of an older one.
            return Vec::new();
        }
        if let Some(found) = self.right_parts(wanted, size) {
            return vec![found];
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
                let mut found: Vec<_> = named().chain(official).collect();
                found.sort_by_key(|found| std::cmp::Reverse(found.ranges.len()));
                found
            }
            Self::File { .. } => named().collect(),
        }
    }

    /// Deletes partial files of the official clients for a content that now has its final name. The
    /// caller holds the official lock, and so nobody writes to them.
    pub(crate) fn sweep_official(&self, wanted: &Wanted) {
        let found = match self {
            Self::Cache { folder, .. } => {
                adopt::official_names(&folder.blobs(), &self.stem(wanted))
            }
            // Only the first name's lock is held.
            Self::LocalDir { root, .. } => {
                let first = wanted.paths.first();
                first.map_or_else(Vec::new, |path| {
                    let hash = local_dir::short_hash(path);
                    let is_its = |found: &PathBuf| {
                        let name = found.file_name().and_then(|name| name.to_str());
                        name.is_some_and(|name| name.starts_with(&hash))
                    };
                    official_names(root, path, wanted).filter(is_its).collect()
                })
            }
            Self::File { .. } => Vec::new(),
        };
        for path in found {
            if let Err(error) = place::remove_if_there(&path) {
                tracing::debug!("cannot delete {}: {error}", path.display());
            }
        }
    }
}

fn official_local(root: &Path, path: &RepoPath, wanted: &Wanted, size: u64) -> Vec<Found> {
    official_names(root, path, wanted)
        .filter_map(|path| adopt::official_part(&path, size))
        .collect()
}

/// Unfinished files of the official clients in a local folder.
fn official_names(
    root: &Path,
    path: &RepoPath,
    wanted: &Wanted,
) -> impl Iterator<Item = PathBuf> + use<> {
    // What follows the hash of the metadata's name is the etag, which identifies the content.
    let folder = local_dir::downloads(root).join(path.as_str());
    let etag = wanted.digest.map(|digest| format!(".{digest}."));
    let all = folder.parent().map(entries).into_iter().flatten();
    all.filter(move |path| {
        let name = path.file_name().and_then(|name| name.to_str());
        etag.as_ref().zip(name).is_some_and(|(etag, name)| {
            name.contains(etag.as_str()) && name.ends_with(".incomplete")
        })
    })
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Digest;

    /// A local folder, a content of 100 bytes that is wanted there, and its digest.
    fn local_dir_that_wants(root: &Path, name: &str) -> (Destination, Wanted, Digest) {
        let here = Destination::LocalDir {
            root: root.to_owned(),
            commit: "c".repeat(40).parse().unwrap(),
        };
        let digest = Digest::from_hex(&"d".repeat(64)).unwrap();
        let wanted = Wanted {
            paths: vec![RepoPath::new(name).unwrap()],
            size: Some(100),
            digest: Some(digest),
            validator: None,
            xet: None,
            elsewhere: Vec::new(),
            damaged: None,
        };
        (here, wanted, digest)
    }

    #[test]
    fn what_an_official_client_writes_in_a_local_folder_is_seen_to_grow() {
        let root = tempfile::tempdir().unwrap();
        let (here, wanted, digest) = local_dir_that_wants(root.path(), "sub/x.bin");
        let folder = root.path().join(".cache/huggingface/download/sub");
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(root.path().join("sub")).unwrap();
        fs::create_dir_all(here.partials()).unwrap();
        let ours = format!("{}.1-2-3.hfast", here.stem(&wanted));
        let hash = local_dir::short_hash(&wanted.paths[0]);
        let writes = [
            folder.join(format!("{hash}.{digest}.0a1b2c3d.incomplete")),
            here.partials().join(ours),
            root.path().join("sub/x.bin"),
        ];
        let mut before = here.growth(&wanted);
        for (path, len) in writes.iter().flat_map(|path| [(path, 10), (path, 20)]) {
            fs::write(path, vec![0; len]).unwrap();
            let now = here.growth(&wanted);
            assert_ne!(now, before, "{}", path.display());
            before = now;
        }
        fs::write(folder.join(format!("{hash}.other.incomplete")), "other").unwrap();
        assert_eq!(here.growth(&wanted), before);
        // The same content under another name may be on its way, under a lock of its own.
        let other = folder.join(format!("aGFzaA==.{digest}.incomplete"));
        fs::write(&other, "other").unwrap();
        assert_eq!(here.parts(&wanted, 100).len(), 3);
        here.sweep_official(&wanted);
        assert!(other.exists() && !writes[0].exists());
        // Computed by huggingface_hub 2.4.0.
        assert_eq!(hash, "Rw6HN3nDC2RV5-Sn50bbfVKF42I=");
    }

    #[test]
    fn what_there_is_most_of_is_taken_first() {
        let root = tempfile::tempdir().unwrap();
        let (here, wanted, digest) = local_dir_that_wants(root.path(), "x.bin");
        let folder = root.path().join(".cache/huggingface/download");
        fs::create_dir_all(&folder).unwrap();
        let hash = local_dir::short_hash(&wanted.paths[0]);
        fs::write(root.path().join("x.bin"), vec![0; 10]).unwrap();
        fs::write(
            folder.join(format!("{hash}.{digest}.incomplete")),
            vec![0; 90],
        )
        .unwrap();
        let found = here.parts(&wanted, 100);
        let lengths: Vec<_> = found.iter().map(|found| found.ranges.len()).collect();
        assert_eq!(lengths, [90, 10]);
    }
}
