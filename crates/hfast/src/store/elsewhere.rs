//! Where a content may lie that is wanted in another place: the official cache, for a local folder,
//! and the official store of contents that repositories share.
//!
//! This only says where to look, and reads what is there. Whatever lies there is hashed like anything
//! else, and never written to: the store keeps its own accounts of who refers to what.
//!
//! Into a cache a content of its own store comes as a hard link, where the system allows one: it takes
//! no room, and the official client may delete its own name without harm to ours. The file stays
//! read-only, as it is for those who reach it through the official link; nothing in a cache is ever
//! written to, only replaced. A local folder gets a copy, since people write to what is there.
//!
//! How copies are made, and how long a disk may take for that, is told in `supply.rs`.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::destination::Wanted;
use super::layout::RepoFolder;
use super::{platform, shared_blobs};
use crate::names::{Commit, XetHash};

/// How long a place may take for one small thing. A disk that slept needs up to 10 s; a network mount
/// whose server is gone never answers.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Where one content may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lying {
    pub(crate) path: PathBuf,
    /// Nobody writes to it: a cache may have it as another name of the same file.
    pub(crate) may_link: bool,
    /// The folder or cache that it is in, as people know it.
    pub(crate) root: Arc<Path>,
}

impl Lying {
    /// Opens what has `size` bytes. Blocks, for as long as the disk likes.
    pub(crate) fn open(&self, size: u64) -> io::Result<File> {
        let file = platform::open_file(&self.path)?;
        if file.metadata()?.len() == size {
            return Ok(file);
        }
        Err(io::Error::other("it has another size now"))
    }
}

/// Reads a part of a file that [`Lying::open`] has opened. Blocks as well.
pub(crate) fn read(file: &File, range: &Range<u64>) -> io::Result<Vec<u8>> {
    let len = usize::try_from(range.end - range.start).unwrap_or_default();
    let mut bytes = vec![0; len];
    if platform::read_at(file, &mut bytes, range.start)? < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// The places of one job. Making it blocks.
pub(crate) struct Elsewhere {
    root: Arc<Path>,
    repo: Option<(RepoFolder, Commit)>,
    store: Option<PathBuf>,
    may_link: bool,
    folder: Option<PathBuf>,
}

impl Elsewhere {
    /// A folder that may have files under their names.
    pub(crate) fn plain(folder: PathBuf) -> Self {
        Self {
            root: folder.as_path().into(),
            repo: None,
            store: None,
            may_link: false,
            folder: Some(folder),
        }
    }

    /// Looks at the cache that `folder` is in; its own contents count where `commit` is given. Where it
    /// is not, it is the cache that contents are wanted in.
    pub(crate) fn look(folder: &RepoFolder, commit: Option<Commit>) -> Self {
        let may_link = commit.is_none();
        let commit = commit.filter(|_| folder.path().is_dir());
        let store = folder.root().join(shared_blobs::FOLDER);
        let is_store = shared_blobs::is_store(&store);
        Self {
            root: folder.root().into(),
            may_link,
            repo: commit.map(|commit| (folder.clone(), commit)),
            store: is_store.then_some(store),
            folder: None,
        }
    }

    /// Files that have the size of the content.
    pub(crate) fn places(&self, wanted: &Wanted) -> Vec<Lying> {
        let mut places = Vec::new();
        let below = |folder: &PathBuf| wanted.paths.first().map(|path| folder.join(path.as_str()));
        places.extend(self.folder.as_ref().and_then(below));
        if let Some((folder, commit)) = &self.repo {
            places.extend(wanted.digest.map(|digest| folder.blob(&digest)));
            // Where links cannot be made, the snapshot holds the content.
            let snapshot = folder.snapshot(commit);
            places.extend(
                wanted
                    .paths
                    .first()
                    .map(|path| snapshot.join(path.as_str())),
            );
        }
        let has_size = |found: fs::Metadata| found.is_file() && Some(found.len()) == wanted.size;
        places.retain(|path| path.metadata().is_ok_and(has_size));
        let shared = self.store.as_deref().zip(wanted.xet.as_ref());
        let payload = shared.map(|(store, hash)| payload(store, hash));
        // What is no file itself is nothing of the store's.
        let payload = payload.filter(|path| path.symlink_metadata().is_ok_and(has_size));
        let lying = |path, may_link| Lying {
            path,
            may_link,
            root: Arc::clone(&self.root),
        };
        let places = places.into_iter().map(|path| lying(path, false));
        let mut places: Vec<_> = places.collect();
        places.extend(payload.map(|path| lying(path, self.may_link)));
        // There are as many of these lists as files.
        places.shrink_to_fit();
        places
    }
}

fn payload(store: &Path, hash: &XetHash) -> PathBuf {
    let name = hash.to_string();
    store.join(name.get(..2).unwrap_or_default()).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{Digest, Repo, RepoId, RepoType};
    use crate::repo_path::RepoPath;
    use crate::store::platform;
    use crate::store::shared_blobs::{MARK, MARKER};

    #[test]
    #[cfg(unix)]
    fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let lying = Lying {
            path: root.path().join("x.bin"),
            may_link: false,
            root: root.path().into(),
        };
        fs::write(&lying.path, "12345").unwrap();
        let file = lying.open(5).unwrap();
        assert_eq!(read(&file, &(1..4)).unwrap(), b"234");
        assert!(read(&file, &(1..6)).is_err());
        assert!(lying.open(4).is_err(), "it is another one now");
        fs::remove_file(&lying.path).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(&lying.path)
            .status();
        assert!(made.unwrap().success());
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || tell.send(lying.open(0).is_err()));
        assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(true));
    }

    #[test]
    fn only_a_marked_store_and_real_files_of_the_right_size_count() {
        let root = tempfile::tempdir().unwrap();
        let repo = Repo::new(RepoType::Model, RepoId::new("org/name").unwrap());
        let folder = RepoFolder::new(root.path(), &repo);
        let wanted = Wanted {
            paths: vec![RepoPath::new("x.bin").unwrap()],
            size: Some(5),
            digest: Digest::from_hex(&"d".repeat(64)),
            validator: None,
            xet: XetHash::from_hex(&"ab".repeat(32)),
            elsewhere: Vec::new(),
            damaged: None,
        };
        let paths = |places: Vec<Lying>| places.into_iter().map(|lying| lying.path);
        let found = |commit| -> Vec<PathBuf> {
            paths(Elsewhere::look(&folder, commit).places(&wanted)).collect()
        };
        let file = root.path().join("blobs/ab").join("ab".repeat(32));
        let marker = root.path().join("blobs").join(MARKER);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "12345").unwrap();
        assert_eq!(
            found(None),
            [] as [PathBuf; 0],
            "nobody says that it is a store"
        );
        fs::write(&marker, "2\n").unwrap();
        assert_eq!(found(None), [] as [PathBuf; 0]);
        fs::write(&marker, MARK).unwrap();
        assert_eq!(found(None), std::slice::from_ref(&file));
        fs::rename(&file, root.path().join("other")).unwrap();
        platform::symlink(&root.path().join("other"), &file).unwrap();
        assert_eq!(found(None), [] as [PathBuf; 0], "a link is not followed");
        fs::remove_file(&file).unwrap();
        fs::write(&file, "1234").unwrap();
        assert_eq!(found(None), [] as [PathBuf; 0], "another size");

        let blob = folder.blob(&wanted.digest.unwrap());
        fs::create_dir_all(folder.blobs()).unwrap();
        fs::write(&blob, "12345").unwrap();
        let commit: Commit = "c".repeat(40).parse().unwrap();
        assert_eq!(found(Some(commit)), [blob]);
        assert_eq!(found(None), [] as [PathBuf; 0]);
    }
}
