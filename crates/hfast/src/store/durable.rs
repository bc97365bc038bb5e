//! Which folders have to be flushed so that a power failure takes no name that was given.
//!
//! Contents are flushed before they get a name (`place`, `partial`); this is about the names alone.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::destination::Destination;
use super::{local_dir, platform};
use crate::error::Error;
use crate::repo_path::RepoPath;

/// Folders that get names, each once, and first those that the names in others speak of: the
/// contents before the links to them, the files before what is noted of them.
#[derive(Debug, Default)]
pub(crate) struct Folders(Vec<PathBuf>);

impl Folders {
    /// The folders where `paths` get their names in `destination`, and those above them that will
    /// be created. Looks at what is there, and so comes before the first is created.
    pub(crate) fn of<'a>(
        destination: &Destination,
        paths: &(impl Iterator<Item = &'a RepoPath> + Clone),
    ) -> Self {
        // Many files share few folders.
        let parents = |name: &dyn Fn(&RepoPath) -> PathBuf| -> Vec<PathBuf> {
            let (mut seen, mut folders) = (HashSet::new(), Vec::new());
            for name in paths.clone().map(name) {
                let folder = parent(&name);
                if !seen.contains(folder) {
                    seen.insert(folder.to_owned());
                    folders.push(folder.to_owned());
                }
            }
            folders
        };
        let mut leaves = parents(&|path| destination.final_path(path));
        let Some(first) = leaves.first() else {
            return Self::default();
        };
        let base = match destination {
            Destination::Cache { folder, .. } => {
                let base = folder.path();
                leaves.insert(0, folder.blobs());
                base
            }
            Destination::LocalDir { root, .. } => {
                leaves.extend(parents(&|path| {
                    local_dir::downloads(root).join(path.as_str())
                }));
                root.clone()
            }
            Destination::File { .. } => first.clone(),
        };
        let top = base.ancestors().map(or_here).find(|path| path.is_dir());
        Self::between(&leaves, top.unwrap_or(Path::new("/")))
    }

    /// `leaves` and what is above them, up to `top`.
    pub(crate) fn between(leaves: &[PathBuf], top: &Path) -> Self {
        let mut seen = HashSet::new();
        let mut folders = Vec::new();
        for leaf in leaves {
            for folder in leaf.ancestors().map(or_here) {
                // What is above a known one is known.
                if !seen.insert(folder) {
                    break;
                }
                folders.push(folder.to_owned());
                if folder == top {
                    break;
                }
            }
        }
        Self(folders)
    }

    /// Makes the names in these folders durable.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.0
            .iter()
            .try_for_each(|folder| flush(folder).map_err(|e| Error::disk("flush", folder, e)))
    }
}

fn flush(folder: &Path) -> io::Result<()> {
    match platform::sync_folder(folder) {
        // No file came so far as to need it.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        // A folder that may be written but not read cannot be opened for this.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        // Nothing was named there.
        Err(e) if e.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(()),
        done => done,
    }
}

fn parent(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or(path))
}

/// The folder above a relative name has an empty name, by which it cannot be opened.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{Commit, Repo, RepoId, RepoType, Revision};
    use crate::store::destination::Naming;
    use crate::store::layout::RepoFolder;

    fn commit() -> Commit {
        "c".repeat(40).parse().unwrap()
    }

    fn found(root: &Path, destination: &Destination, paths: &[&str]) -> Vec<String> {
        let paths: Vec<_> = paths.iter().map(|p| RepoPath::new(p).unwrap()).collect();
        let folders = Folders::of(destination, &paths.iter()).0.into_iter();
        let below = |path: PathBuf| path.strip_prefix(root).map(Path::to_owned).unwrap_or(path);
        folders.map(|f| below(f).display().to_string()).collect()
    }

    #[test]
    fn every_folder_that_gets_a_name_is_flushed_once_and_contents_first() {
        let disk = tempfile::tempdir().unwrap();
        let cache = |root: &Path| Destination::Cache {
            folder: RepoFolder::new(
                root,
                &Repo::new(RepoType::Model, RepoId::new("o/n").unwrap()),
            ),
            commit: commit(),
            naming: Naming::Links,
        };
        let snapshot = format!("hub/models--o--n/snapshots/{}", commit());
        let expected = [
            "hub/models--o--n/blobs".to_owned(),
            "hub/models--o--n".to_owned(),
            "hub".to_owned(),
            String::new(),
            format!("{snapshot}/a/b"),
            format!("{snapshot}/a"),
            snapshot.clone(),
            "hub/models--o--n/snapshots".to_owned(),
        ];
        let new = cache(&disk.path().join("hub"));
        let paths = ["a/b/x", "a/b/y", "a/z", "w"];
        assert_eq!(found(disk.path(), &new, &paths), expected);
        std::fs::create_dir_all(disk.path().join("hub/models--o--n")).unwrap();
        let above = ["hub", ""];
        let there = expected.iter().filter(|f| !above.contains(&f.as_str()));
        assert!(there.eq(&found(disk.path(), &new, &paths)));
        assert!(found(disk.path(), &new, &[]).is_empty());
    }

    #[test]
    fn so_are_those_of_a_local_folder_and_of_a_single_file() {
        let disk = tempfile::tempdir().unwrap();
        let local = Destination::LocalDir {
            root: disk.path().join("new/here"),
            commit: commit(),
        };
        let state = "new/here/.cache/huggingface/download";
        let expected = [
            "new/here/a",
            "new/here",
            "new",
            "",
            &format!("{state}/a"),
            state,
            "new/here/.cache/huggingface",
            "new/here/.cache",
        ];
        assert_eq!(found(disk.path(), &local, &["a/x"]), expected);
        let file = |path: PathBuf| Destination::File { path };
        let deep = file(disk.path().join("d/x"));
        assert_eq!(found(disk.path(), &deep, &["x"]), ["d", ""]);
        assert_eq!(found(disk.path(), &file("x".into()), &["x"]), ["."]);
        let relative = file("no-such-folder/x".into());
        let expected = ["no-such-folder", "."];
        assert_eq!(found(disk.path(), &relative, &["x"]), expected);
    }

    #[test]
    fn a_name_that_cannot_be_made_durable_is_an_error() {
        let disk = tempfile::tempdir().unwrap();
        std::fs::write(disk.path().join("file"), "").unwrap();
        let broken = Folders(vec![disk.path().join("file/sub")]);
        let pinned = Revision::new(commit().as_str()).unwrap();
        let local = Destination::LocalDir {
            root: disk.path().to_owned(),
            commit: commit(),
        };
        assert!(local.finish(None, &pinned, &broken).is_err());
        assert!(local.finish(None, &pinned, &Folders::default()).is_ok());
        let absent = Folders(vec![disk.path().join("absent")]);
        assert!(local.finish(None, &pinned, &absent).is_ok());
    }
}
