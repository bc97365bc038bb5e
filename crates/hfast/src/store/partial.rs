//! An unfinished file of ours: the content at its offsets, and the journal behind its end.
//!
//! One file holds both, so that one rename takes it over and one truncation finishes it. It is
//! sparse: byte `n` of the content is at offset `n`, the journal begins at offset `size`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use super::journal::{self, Claims, Extent, Identity};
use super::owner::Owner;
use super::platform;
use crate::error::Error;

/// A journal longer than this is not read: no file that exists needs it.
const MAX_JOURNAL: u64 = 256 << 20;

/// An open partial file, written to by any number of threads.
#[derive(Debug)]
pub(crate) struct Partial {
    file: File,
    path: PathBuf,
    size: u64,
    /// Where the next record goes. `None`: the file is sealed, and a claim that comes late from a
    /// worker must not touch what may have its final name already.
    journal_end: Mutex<Option<u64>>,
}

impl Partial {
    /// Opens the partial file of the blob `stem` in `folder`: the one that a dead process left
    /// (`leftovers` are candidates), or a new one. Returns what the journal claims is there.
    pub(crate) fn begin(
        folder: &Path,
        stem: &str,
        leftovers: &[PathBuf],
        identity: &Identity,
        size: u64,
    ) -> Result<(Self, Claims), Error> {
        let path = folder.join(Owner::this().file_name(stem));
        for leftover in leftovers {
            match take_over(leftover, &path) {
                Ok(Some(file)) => return Self::resume(file, path, identity, size),
                Ok(None) => {}
                Err(e) => tracing::debug!("cannot take over {}: {e}", leftover.display()),
            }
        }
        let file = create(&path).map_err(|e| Error::disk("create", &path, e))?;
        let partial = Self::fresh(file, path, identity, size)?;
        Ok((partial, Claims::default()))
    }

    fn fresh(file: File, path: PathBuf, identity: &Identity, size: u64) -> Result<Self, Error> {
        platform::write_all_at(&file, &journal::header(identity, size), size)
            .map_err(|e| Error::disk("write", &path, e))?;
        let journal_end = Mutex::new(Some(size + journal::HEADER as u64));
        Ok(Self {
            file,
            path,
            size,
            journal_end,
        })
    }

    fn resume(
        file: File,
        path: PathBuf,
        identity: &Identity,
        size: u64,
    ) -> Result<(Self, Claims), Error> {
        let bytes = read_journal(&file, size).map_err(|e| Error::disk("read", &path, e))?;
        let claims = Claims::parse(&bytes, identity, size);
        let valid = journal::valid_len(&bytes, identity, size);
        if valid == 0 {
            // The records of another content must not end up behind a header of this one.
            file.set_len(size)
                .map_err(|e| Error::disk("write", &path, e))?;
            return Ok((Self::fresh(file, path, identity, size)?, claims));
        }
        // Torn records at the end would hide later ones; what is good stays where it is.
        let end = size + valid as u64;
        file.set_len(end)
            .map_err(|e| Error::disk("write", &path, e))?;
        Ok((
            Self {
                file,
                path,
                size,
                journal_end: Mutex::new(Some(end)),
            },
            claims,
        ))
    }

    /// Writes `bytes` at `offset`.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        platform::write_all_at(&self.file, bytes, offset)
            .map_err(|e| Error::disk("write", &self.path, e))
    }

    /// Claims that extents are on disk. Called after they were written.
    pub(crate) fn claim(&self, extents: &[Extent]) -> Result<(), Error> {
        let records: Vec<u8> = extents.iter().flat_map(journal::record).collect();
        let mut journal_end = self
            .journal_end
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(end) = journal_end.as_mut() else {
            return Ok(());
        };
        platform::write_all_at(&self.file, &records, *end)
            .map_err(|e| Error::disk("write", &self.path, e))?;
        *end += records.len() as u64;
        Ok(())
    }

    /// What the journal claims now.
    pub(crate) fn claims(&self, identity: &Identity) -> Result<Claims, Error> {
        let bytes =
            read_journal(&self.file, self.size).map_err(|e| Error::disk("read", &self.path, e))?;
        Ok(Claims::parse(&bytes, identity, self.size))
    }

    /// Fills `buffer` from `offset` on.
    pub(crate) fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        let read = platform::read_at(&self.file, buffer, offset).and_then(|n| {
            if n == buffer.len() {
                Ok(())
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        });
        read.map_err(|e| Error::disk("read", &self.path, e))
    }

    /// Cuts the journal off and makes the content durable. The caller has verified it, and gives
    /// the returned path its final name.
    pub(crate) fn seal(&self) -> Result<&Path, Error> {
        *self
            .journal_end
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        let sealed = self
            .file
            .set_len(self.size)
            .and_then(|()| self.file.sync_all());
        sealed.map_err(|e| Error::disk("flush", &self.path, e))?;
        Ok(&self.path)
    }

    /// Deletes the file: its bytes are wrong.
    pub(crate) fn discard(&self) -> Result<(), Error> {
        std::fs::remove_file(&self.path).map_err(|e| Error::disk("delete", &self.path, e))
    }
}

fn read_journal(file: &File, size: u64) -> io::Result<Vec<u8>> {
    let len = file.metadata()?.len().saturating_sub(size).min(MAX_JOURNAL);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    let read = platform::read_at(file, &mut bytes, size)?;
    bytes.truncate(read);
    Ok(bytes)
}

pub(super) fn create(path: &Path) -> io::Result<File> {
    // Of this name only our own process can have left a file, in a job that failed before.
    let mut options = OpenOptions::new();
    let file = platform::open_no_follow(
        options.read(true).write(true).create(true).truncate(true),
        path,
    )?;
    mark_alive(&file);
    Ok(file)
}

/// The lock tells others that the writer lives; where locks do nothing, the name tells them.
fn mark_alive(file: &File) {
    if let Err(e) = file.try_lock() {
        tracing::debug!("a partial file cannot be locked: {e}");
    }
}

/// Whether somebody holds the lock of a partial file; takes it otherwise. A file system without
/// locks says nothing: then the name tells whether the owner lives.
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// Renames a dead process's file to our name. `None`: its owner may live, or somebody was faster.
fn take_over(leftover: &Path, ours: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    if !leftover.symlink_metadata()?.is_file() {
        return Ok(None);
    }
    let file = platform::open_no_follow(options.read(true).write(true), leftover)?;
    if is_locked(&file) || owner_may_live(leftover, ours) || !platform::has_name(&file)? {
        return Ok(None);
    }
    if leftover != ours {
        std::fs::rename(leftover, ours)?;
    }
    Ok(Some(file))
}

fn owner_may_live(leftover: &Path, ours: &Path) -> bool {
    let name = leftover.file_name().and_then(|name| name.to_str());
    leftover != ours
        && name
            .and_then(Owner::parse)
            .is_some_and(|(_, owner)| owner.may_live(leftover))
}

/// The partial files of ours that lie in `folder`, as stem and path.
pub(crate) fn leftovers(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let named = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let (stem, _) = Owner::parse(path.file_name()?.to_str()?)?;
        Some((stem.to_owned(), path))
    });
    named.collect()
}

/// Deletes a leftover whose owner is dead and whose content nobody needs.
pub(crate) fn sweep(leftover: &Path) {
    let mut options = OpenOptions::new();
    // A link that was never moved to its place cannot be locked, and need not be.
    let is_free = leftover.is_symlink()
        || platform::open_no_follow(options.read(true).write(true), leftover)
            .is_ok_and(|file| !is_locked(&file));
    if is_free
        && !owner_may_live(leftover, Path::new(""))
        && let Err(e) = std::fs::remove_file(leftover)
    {
        tracing::debug!("cannot delete {}: {e}", leftover.display());
    }
}

/// A number that changes while somebody writes to an unfinished file of the blob `stem`.
pub(crate) fn growth(folder: &Path, stem: &str) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let named = entries.filter_map(Result::ok).filter(|entry| {
        entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(stem))
    });
    let stamps = named.filter_map(|entry| {
        let modified = entry.metadata().ok()?.modified().ok()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(u64::try_from(since.as_millis()).unwrap_or_default())
    });
    stamps.fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Digest;
    use xxhash_rust::xxh3::xxh3_64;

    const ID: Identity = Identity::Content(Digest::Sha256([1; 32]));

    fn begin(folder: &Path, leftovers: &[PathBuf]) -> (Partial, Claims) {
        Partial::begin(folder, "stem", leftovers, &ID, 100).unwrap()
    }

    /// Leaves a partial file as a process of this machine that died would.
    fn die(partial: Partial) -> PathBuf {
        let name = Owner::this().file_name("stem").replace('-', "-9");
        let dead = partial.path.with_file_name(name);
        std::fs::rename(&partial.path, &dead).unwrap();
        drop(partial);
        dead
    }

    #[test]
    fn what_was_written_and_claimed_is_there_for_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, claims) = begin(folder.path(), &[]);
        assert_eq!(claims, Claims::default());
        partial.write(10, b"abcde").unwrap();
        partial
            .claim(&[Extent {
                start: 10,
                len: 5,
                checksum: xxh3_64(b"abcde"),
            }])
            .unwrap();
        let dead = die(partial);

        let found = leftovers(folder.path());
        assert_eq!(found, [("stem".to_owned(), dead.clone())]);
        let (resumed, claims) = begin(folder.path(), std::slice::from_ref(&dead));
        assert!(!dead.exists());
        assert_eq!(
            claims.iter().collect::<Vec<_>>(),
            [(10, 15, xxh3_64(b"abcde"))]
        );
        assert_eq!(
            resumed.claims(&ID).unwrap(),
            claims,
            "the claims survive being taken over"
        );
        let mut bytes = [0; 5];
        resumed.read(&mut bytes, 10).unwrap();
        assert_eq!(&bytes, b"abcde");
        let sealed = resumed.seal().unwrap();
        resumed
            .claim(&[Extent {
                start: 0,
                len: 1,
                checksum: 0,
            }])
            .unwrap();
        assert_eq!(
            sealed.metadata().unwrap().len(),
            100,
            "a late claim changes nothing"
        );
    }

    #[test]
    fn the_claims_of_another_content_are_gone_when_it_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, _) = begin(folder.path(), &[]);
        partial.write(0, b"abcde").unwrap();
        partial
            .claim(&[Extent {
                start: 0,
                len: 5,
                checksum: xxh3_64(b"abcde"),
            }])
            .unwrap();
        let dead = die(partial);
        let other = Identity::Validator([2; 32]);
        let leftovers = std::slice::from_ref(&dead);
        let (taken, claims) =
            Partial::begin(folder.path(), "stem", leftovers, &other, 100).unwrap();
        assert_eq!(claims, Claims::default());
        assert_eq!(taken.claims(&other).unwrap(), Claims::default());
    }

    #[test]
    fn a_file_that_somebody_writes_to_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (alive, _) = begin(folder.path(), &[]);
        let other = folder
            .path()
            .join(Owner::this().file_name("stem").replace('-', "-9"));
        std::fs::rename(&alive.path, &other).unwrap();
        let (_second, claims) = begin(folder.path(), std::slice::from_ref(&other));
        assert!(other.exists() && claims == Claims::default());
    }
}
