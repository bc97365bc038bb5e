//! Where the files of a job go: what is there already, and where unfinished ones lie. How they get
//! their final names is told in `publish.rs`.
//!
//! A closed set of three layouts; the engine does not know which one it writes.

use std::fs;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::adopt;
use super::elsewhere::Lying;
use super::layout::RepoFolder;
use super::local_dir;
use super::place::{self, create_parents, create_parents_below};
use crate::error::{Error, ErrorKind};
use crate::hash::file_matches;
use crate::hub::listing::RemoteFile;
use crate::hub::metadata::{FileMeta, Validator};
use crate::names::{Commit, Digest, XetHash};
use crate::repo_path::RepoPath;

/// One content to be fetched, and all the names that it gets.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// At least one.
    pub(crate) paths: Vec<RepoPath>,
    pub(crate) size: Option<u64>,
    pub(crate) digest: Option<Digest>,
    /// Where there is no digest: what tells this content from another of the same size.
    pub(crate) validator: Option<Validator>,
    /// Its name in Xet storage.
    pub(crate) xet: Option<XetHash>,
    /// Where it may lie beside the destination.
    pub(crate) elsewhere: Vec<Lying>,
    /// What has its name is not it: only a digest proves the contrary. Where those bytes are, of which
    /// some may be right.
    pub(crate) damaged: Option<PathBuf>,
}

impl Wanted {
    /// The name under which it is shown.
    pub(crate) fn name(&self) -> &str {
        self.paths.first().map_or("", RepoPath::as_str)
    }

    /// Takes over what a source says where the listing says less.
    pub(crate) fn learn(&mut self, meta: &FileMeta) {
        self.validator.clone_from(&meta.validator);
        if self.damaged.is_some() && self.digest.is_some() {
            // What it was when it came is what it has to be.
            self.size = self.size.or(meta.size);
            return;
        }
        if let (Some(Digest::GitSha1(_)), Some(Digest::Sha256(_))) = (self.digest, meta.digest) {
            // The listing described the pointer, and not the content.
            (self.size, self.digest) = (meta.size.or(self.size), meta.digest);
        } else {
            (self.size, self.digest) = (self.size.or(meta.size), self.digest.or(meta.digest));
        }
    }
}

/// One of the three layouts.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// The official cache.
    Cache {
        folder: RepoFolder,
        commit: Commit,
        naming: Naming,
    },
    /// A plain folder with the official metadata.
    LocalDir { root: PathBuf, commit: Commit },
    /// One file.
    File { path: PathBuf },
}

/// How a snapshot of the cache gives a blob its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By relative symbolic links.
    Links,
    /// By hard links, where there may be no others.
    HardLinks,
    Copies,
}

impl Destination {
    /// Where `path` will be found.
    pub(crate) fn final_path(&self, path: &RepoPath) -> PathBuf {
        match self {
            Self::Cache { folder, commit, .. } => folder.snapshot(commit).join(path.as_str()),
            Self::LocalDir { root, .. } => root.join(path.as_str()),
            Self::File { path } => path.clone(),
        }
    }

    /// Where the whole job will be found.
    pub(crate) fn root(&self) -> PathBuf {
        match self {
            Self::Cache { folder, commit, .. } => folder.snapshot(commit),
            Self::LocalDir { root, .. } => root.clone(),
            Self::File { path } => path.clone(),
        }
    }

    /// Whether a file is in its place, told without reading its content.
    pub(crate) fn has(&self, file: &RemoteFile) -> bool {
        let found = fs::metadata(self.final_path(&file.path));
        let size_fits =
            found.is_ok_and(|m| m.is_file() && file.size.is_none_or(|size| size == m.len()));
        size_fits
            && match self {
                Self::Cache { .. } => true,
                Self::LocalDir { root, .. } => local_dir::read_metadata(root, &file.path)
                    .is_some_and(|m| m.digest.is_some() && m.digest == file.digest),
                Self::File { .. } => false,
            }
    }

    /// Settles a file from what already lies in the destination, reading and hashing where that is
    /// needed; `others` are files of the right size under other names. True if it is in its place.
    pub(crate) fn settle(&self, wanted: &Wanted, others: &[PathBuf]) -> Result<bool, Error> {
        let (Some(size), Some(digest)) = (wanted.size, wanted.digest) else {
            return Ok(false);
        };
        let is_whole = |found: &fs::Metadata| found.is_file() && found.len() == size;
        let has_size = |path: &Path| fs::metadata(path).is_ok_and(|found| is_whole(&found));
        let matches = |path: &Path| file_matches(path, &digest).unwrap_or(false);
        // A blob that proved wrong is not read again by its other names.
        let mut wrong = None;
        if let Self::Cache { folder, naming, .. } = self {
            let blob = folder.blob(&digest);
            let found = fs::metadata(&blob).ok();
            if found.as_ref().is_some_and(fs::Metadata::is_dir) {
                // Before it is fetched in vain.
                let text = format!("{} is a folder, and a file should be there", blob.display());
                return Err(Error::new(ErrorKind::Disk, text).with_hint("move it away"));
            }
            let is_whole = found.as_ref().is_some_and(is_whole);
            if is_whole && wanted.damaged.is_some() && !matches(&blob) {
                wrong = fs::canonicalize(&blob).ok();
            } else if is_whole {
                place::flush(&blob)?;
                wanted
                    .paths
                    .iter()
                    .try_for_each(|path| self.name_blob(&blob, path, &digest, *naming))?;
                return Ok(true);
            }
        }
        let is_right = |path: &Path| {
            let is_wrong = || fs::canonicalize(path).ok() == wrong;
            has_size(path)
                && !adopt::has_control(path, size)
                && !(wrong.is_some() && is_wrong())
                && matches(path)
        };
        for named in wanted.paths.iter().map(|path| self.final_path(path)) {
            if is_right(&named) {
                // Whoever wrote it need not have: what is noted of it must not outlive it.
                place::flush(&named)?;
                self.spread(&named, wanted)?;
                return Ok(true);
            }
        }
        // What can be linked is known by more than its size, and so is not read twice. What has to be
        // copied comes as what is fetched does.
        let linked = wanted.elsewhere.iter().filter(|lying| lying.may_link);
        let linked = linked.map(|lying| (&lying.path, true));
        let others = others.iter().filter(|path| is_right(path));
        for place in linked.chain(others.map(|path| (path, false))) {
            if self.bring(place, wanted, &digest)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes a content from a place that is not ours, if it is there. What cannot be had from there
    /// is fetched.
    fn bring(
        &self,
        (from, links): (&PathBuf, bool),
        wanted: &Wanted,
        digest: &Digest,
    ) -> Result<bool, Error> {
        let to = match self {
            Self::Cache { folder, .. } => folder.blob(digest),
            Self::LocalDir { root, .. } => create_parents_below(root, wanted.name())?,
            Self::File { path } => path.clone(),
        };
        // People write to files of a local folder, and to nothing in a cache.
        if links && !matches!(self, Self::Cache { .. }) {
            return Ok(false);
        }
        let is_right = |path: &Path| file_matches(path, digest).unwrap_or(false);
        match place::bring(from, &to, &self.partials(), links, is_right) {
            Ok(true) => tracing::info!("{}: found as {}", wanted.name(), from.display()),
            Ok(false) => return Ok(false),
            Err(error) => {
                tracing::info!(
                    "{}: not taken from {}: {error}",
                    wanted.name(),
                    from.display()
                );
                return Ok(false);
            }
        }
        if let Self::Cache { naming, .. } = self {
            let mut paths = wanted.paths.iter();
            paths.try_for_each(|path| self.name_blob(&to, path, digest, *naming))?;
        }
        self.spread(&to, wanted)?;
        Ok(true)
    }

    /// The official lock for a content, with the folders above it.
    pub(crate) fn lock(&self, wanted: &Wanted) -> Result<Option<PathBuf>, Error> {
        let path = match self {
            Self::Cache { folder, .. } => wanted.digest.map(|digest| folder.lock(&digest)),
            Self::LocalDir { root, .. } => {
                let first = wanted.paths.first();
                return first.map_or(Ok(None), |path| local_dir::lock(root, path));
            }
            Self::File { .. } => None,
        };
        path.iter().try_for_each(|path| create_parents(path))?;
        Ok(path)
    }

    /// The folder of our partial files. It is on the file system of the final names.
    pub(crate) fn partials(&self) -> PathBuf {
        match self {
            Self::Cache { folder, .. } => folder.blobs(),
            Self::LocalDir { root, .. } => local_dir::partials(root),
            Self::File { path } => path
                .parent()
                .filter(|p| !p.as_os_str().is_empty())
                .unwrap_or(Path::new("."))
                .to_owned(),
        }
    }

    /// The first part of the name of our partial file. No two contents of a job have the same one,
    /// also where the listing does not tell that they are equal.
    pub(crate) fn stem(&self, wanted: &Wanted) -> String {
        match wanted.paths.first() {
            Some(path) => self.stem_of(path, wanted.digest),
            None => String::new(),
        }
    }

    pub(super) fn stem_of(&self, path: &RepoPath, digest: Option<Digest>) -> String {
        let name = xxh3_64(path.as_str().as_bytes());
        match (self, digest) {
            (Self::File { path }, _) => {
                let file_name = path.file_name().unwrap_or_default().to_string_lossy();
                // The owner follows, and 255 bytes is all that a name can have.
                let short: String = file_name.chars().take(40).collect();
                format!(".{short}-{:08x}", xxh3_64(file_name.as_bytes()) >> 32)
            }
            (Self::Cache { .. }, Some(digest)) => digest.to_string(),
            (Self::LocalDir { .. }, Some(digest)) => format!("{digest}-{:08x}", name >> 32),
            (_, None) => format!("{name:016x}"),
        }
    }

    /// Where a complete listing of the commit may lie: the official clients' place, then ours.
    pub(crate) fn trees(&self) -> Option<[PathBuf; 2]> {
        match self {
            Self::Cache { folder, commit, .. } => Some(folder.trees(commit)),
            Self::LocalDir { root, commit } => Some(local_dir::trees(root, commit)),
            Self::File { .. } => None,
        }
    }

    /// The size of the file at its final place, if it is there.
    pub(crate) fn size_of(&self, path: &RepoPath) -> Option<u64> {
        fs::metadata(self.final_path(path))
            .ok()
            .filter(fs::Metadata::is_file)
            .map(|m| m.len())
    }

    /// A file where a folder should be, or the reverse, or something that is neither: a device or a
    /// link would be replaced by a file.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`]: it is the caller who chose the place.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (path, fault) = match self {
            Self::Cache { folder, .. } => (folder.root(), "is a file, not a folder"),
            Self::LocalDir { root, .. } => (root.as_path(), "is a file, not a folder"),
            Self::File { path } => (path.as_path(), "is not a file that could be replaced"),
        };
        let is_right = match self {
            Self::Cache { .. } | Self::LocalDir { .. } => {
                fs::metadata(path).map_or(true, |found| found.is_dir())
            }
            Self::File { path } => path
                .symlink_metadata()
                .map_or(true, |found| found.is_file()),
        };
        let name = path.file_name().unwrap_or_default().len();
        if is_right && name <= 255 {
            return Ok(());
        }
        let fault = if is_right {
            "is too long a name"
        } else {
            fault
        };
        Err(
            Error::new(ErrorKind::Usage, format!("{} {fault}", path.display()))
                .with_hint("choose another place, or move it away"),
        )
    }
}
