//! An unfinished file of ours: the content at its offsets, and the journal behind its end.
//!
//! One file holds both, so that one rename takes it over and one truncation finishes it. It is
//! sparse: byte `n` of the content is at offset `n`, the journal begins at offset `size`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::journal::{self, Claims, Extent, Identity};
use super::owner::Owner;
use super::{place, platform};
use crate::error::Error;

/// A journal longer than this is not read: no file that exists needs it.
pub(super) const MAX_JOURNAL: u64 = 256 << 20;

/// An open partial file, written to by any number of threads.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(super) file: File,
    owner: Owner,
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) size: u64,
    /// Where the next record goes; at `size` the header comes first. `None`: the file is sealed or
    /// gone, and a claim that comes late from a worker must not touch what may have its final name
    /// already.
    journal_end: Mutex<Option<u64>>,
}

impl Partial {
    pub(super) fn new(
        file: File,
        owner: Owner,
        path: PathBuf,
        identity: Identity,
        size: u64,
    ) -> Self {
        Self {
            file,
            owner,
            path,
            identity,
            size,
            journal_end: Mutex::new(Some(size)),
        }
    }

    pub(super) fn journal_end(&self) -> MutexGuard<'_, Option<u64>> {
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
        let mut journal_end = self.journal_end();
        let Some(end) = journal_end.as_mut() else {
            return Ok(());
        };
        let mut records = Vec::new();
        if *end == self.size {
            records.extend(journal::header(&self.identity, self.size));
        }
        records.extend(extents.iter().flat_map(journal::record));
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

    /// Makes the content durable and cuts the journal off. The caller has verified it, and gives
    /// the returned path its final name.
    ///
    /// The long flush comes first: until it is over, a later run finds what it needs in the journal.
    /// Where it fails the file is deleted: the system may have dropped what it could not write, and
    /// still show it to whoever reads or flushes again.
    pub(crate) fn seal(&self) -> Result<&Path, Error> {
        *self.journal_end() = None;
        let flush = || self.file.sync_all();
        let cut = flush().and_then(|()| self.file.set_len(self.size));
        cut.and_then(|()| flush()).map_err(|e| {
            if let Err(error) = self.discard() {
                tracing::warn!("{error}");
            }
            Error::disk("flush", &self.path, e).with_hint(
                "the disk may have lost what was written to it: this file is fetched again by the \
                 next run, once the disk works and has room",
            )
        })?;
        Ok(&self.path)
    }

    /// Deletes the file: its bytes are wrong.
    pub(crate) fn discard(&self) -> Result<(), Error> {
        *self.journal_end() = None;
        place::remove_if_there(&self.path).map_err(|e| Error::disk("delete", &self.path, e))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // The last one who could write to it is gone; a write that outlives its job is one of them.
        // A file that was published or deleted has this name no longer.
        if self.path.try_exists().unwrap_or(true) {
            self.owner.abandon();
        }
    }
}

pub(super) fn read_journal(file: &File, size: u64) -> io::Result<Vec<u8>> {
    let len = file.metadata()?.len().saturating_sub(size).min(MAX_JOURNAL);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    let read = platform::read_at(file, &mut bytes, size)?;
    bytes.truncate(read);
    Ok(bytes)
}
