//! An unfinished file of ours: the content at its offsets, and the journal behind its end.
//!
//! One file holds both, so that one rename takes it over and one truncation finishes it. It is
//! sparse: byte `n` of the content is at offset `n`, the journal begins at offset `size`.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::journal::{self, Claims, Extent, Identity};
use super::owner::Owner;
use super::platform;
use super::takeover::{create, is_locked, take_over};
use crate::error::Error;

/// A journal longer than this is not read: no file that exists needs it.
const MAX_JOURNAL: u64 = 256 << 20;

/// An open partial file, written to by any number of threads.
#[derive(Debug)]
pub(crate) struct Partial {
    file: File,
    owner: Owner,
    path: PathBuf,
    size: u64,
    /// Where the next record goes. `None`: the file is sealed or gone, and a claim that comes late
    /// from a worker must not touch what may have its final name already.
    journal_end: Mutex<Option<u64>>,
}

impl Partial {
    /// Opens a partial file of the blob `stem` in `folder`: one that a dead writer left
    /// (`leftovers` are candidates), or a new one. Returns what the journal claims is there.
    pub(crate) fn begin(
        folder: &Path,
        stem: &str,
        leftovers: &[PathBuf],
        identity: &Identity,
        size: u64,
    ) -> Result<(Self, Claims), Error> {
        for leftover in leftovers {
            let owner = Owner::of_new_file();
            let path = folder.join(owner.file_name(stem));
            match take_over(leftover, &path) {
                Ok(Some(file)) => return Self::new(file, owner, path, size).resume(identity),
                Ok(None) => {}
                Err(e) => tracing::debug!("cannot take over {}: {e}", leftover.display()),
            }
        }
        let (file, owner, path) = create(folder, stem)?;
        let partial = Self::new(file, owner, path, size);
        partial.begin_journal(identity)?;
        Ok((partial, Claims::default()))
    }

    fn new(file: File, owner: Owner, path: PathBuf, size: u64) -> Self {
        let journal_end = Mutex::new(Some(size + journal::HEADER as u64));
        Self {
            file,
            owner,
            path,
            size,
            journal_end,
        }
    }

    fn begin_journal(&self, identity: &Identity) -> Result<(), Error> {
        let header = journal::header(identity, self.size);
        platform::write_all_at(&self.file, &header, self.size)
            .map_err(|e| Error::disk("write", &self.path, e))
    }

    fn resume(self, identity: &Identity) -> Result<(Self, Claims), Error> {
        let bytes =
            read_journal(&self.file, self.size).map_err(|e| Error::disk("read", &self.path, e))?;
        let claims = Claims::parse(&bytes, identity, self.size);
        let valid = journal::valid_len(&bytes, identity, self.size);
        // Torn records at the end would hide later ones; what is good stays where it is. And the
        // records of another content must not end up behind a header of this one.
        let end = self.size + valid as u64;
        self.file
            .set_len(end)
            .map_err(|e| Error::disk("write", &self.path, e))?;
        if valid == 0 {
            self.begin_journal(identity)?;
        } else {
            *self.journal_end() = Some(end);
        }
        Ok((self, claims))
    }

    fn journal_end(&self) -> MutexGuard<'_, Option<u64>> {
        self.journal_end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes `bytes` at `offset`.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        platform::write_all_at(&self.file, bytes, offset)
            .map_err(|e| Error::disk("write", &self.path, e))
    }

    /// Claims that extents are on disk. Called after they were written.
    pub(crate) fn claim(&self, extents: &[Extent]) -> Result<(), Error> {
        let records: Vec<u8> = extents.iter().flat_map(journal::record).collect();
        let mut journal_end = self.journal_end();
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
        *self.journal_end() = None;
        let sealed = self
            .file
            .set_len(self.size)
            .and_then(|()| self.file.sync_all());
        sealed.map_err(|e| Error::disk("flush", &self.path, e))?;
        Ok(&self.path)
    }

    /// Deletes the file: its bytes are wrong.
    pub(crate) fn discard(&self) -> Result<(), Error> {
        *self.journal_end() = None;
        std::fs::remove_file(&self.path).map_err(|e| Error::disk("delete", &self.path, e))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // The last one who could write to it is gone; a write that outlives its job is one of them.
        if self.journal_end().is_some() {
            self.owner.abandon();
        }
    }
}

fn read_journal(file: &File, size: u64) -> io::Result<Vec<u8>> {
    let len = file.metadata()?.len().saturating_sub(size).min(MAX_JOURNAL);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    let read = platform::read_at(file, &mut bytes, size)?;
    bytes.truncate(read);
    Ok(bytes)
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

/// The partial files of ours in `folder` that are parts of the blob `stem`.
pub(crate) fn leftovers_of(folder: &Path, stem: &str) -> Vec<PathBuf> {
    let all = leftovers(folder).into_iter();
    all.filter(|(name, _)| name == stem)
        .map(|(_, path)| path)
        .collect()
}

/// Deletes a leftover whose owner is dead and whose content nobody needs.
pub(crate) fn sweep(leftover: &Path) {
    let Some(owner) = Owner::of(leftover) else {
        return;
    };
    let mut options = OpenOptions::new();
    // A link that was never moved to its place cannot be locked, and need not be.
    let is_free = leftover.is_symlink()
        || platform::open_no_follow(options.read(true).write(true), leftover)
            // A link to a file that nobody may write to.
            .or_else(|_| platform::open_no_follow(OpenOptions::new().read(true), leftover))
            .is_ok_and(|file| !is_locked(&file));
    if !is_free || owner.may_live(leftover) {
        return;
    }
    match std::fs::remove_file(leftover) {
        Ok(()) => owner.forget(),
        Err(e) => tracing::debug!("cannot delete {}: {e}", leftover.display()),
    }
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

    fn extent(start: u64, bytes: &[u8]) -> Extent {
        Extent {
            start,
            len: u32::try_from(bytes.len()).unwrap(),
            checksum: xxh3_64(bytes),
        }
    }

    /// Leaves a partial file as a process of this machine that died would.
    fn die(partial: Partial) -> PathBuf {
        let name = Owner::of_new_file().file_name("stem").replace('-', "-9");
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
        partial.claim(&[extent(10, b"abcde")]).unwrap();
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
        partial.claim(&[extent(0, b"abcde")]).unwrap();
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
            .join(Owner::of_new_file().file_name("stem").replace('-', "-9"));
        std::fs::rename(&alive.path, &other).unwrap();
        let (_second, claims) = begin(folder.path(), std::slice::from_ref(&other));
        assert!(other.exists() && claims == Claims::default());
    }

    #[test]
    fn two_jobs_of_one_process_never_share_a_file_and_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (first, _) = begin(folder.path(), &[]);
        first.write(0, b"first").unwrap();
        first.claim(&[extent(0, b"first")]).unwrap();
        let candidates = || leftovers_of(folder.path(), "stem");
        // A write of a job that was given up may still be under way when the next job begins.
        let (second, claims) = begin(folder.path(), &candidates());
        assert_eq!(claims, Claims::default());
        for path in candidates() {
            sweep(&path);
        }
        second.write(0, b"other").unwrap();
        let mut bytes = [0; 5];
        first.read(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"first");
        assert!(first.path.exists() && second.path.exists());

        second.discard().unwrap();
        drop((first, second));
        let (third, claims) = begin(folder.path(), &candidates());
        assert_eq!(claims.iter().count(), 1, "what has ended is taken over");
        drop(third);
        for path in candidates() {
            sweep(&path);
        }
        assert_eq!(candidates(), [] as [PathBuf; 0]);
    }
}
