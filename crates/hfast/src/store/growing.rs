//! A file whose size nobody tells: written from the front, without a journal.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::takeover::create;
use super::{place, platform};
use crate::error::Error;
use crate::hash::{Hasher, hash_file};
use crate::names::Digest;

/// A file of unknown size that is written from the front; deleted unless it is published.
#[derive(Debug)]
pub(crate) struct Growing {
    file: File,
    path: PathBuf,
    len: u64,
}

impl Growing {
    pub(crate) fn begin(folder: &Path, stem: &str) -> Result<Self, Error> {
        let (file, _, path) = create(folder, stem)?;
        Ok(Self { file, path, len: 0 })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        platform::write_all_at(&self.file, bytes, self.len)
            .map_err(|e| Error::disk("write", &self.path, e))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The digest of what was written, of the kind that was promised.
    pub(crate) fn digest(&self, promised: Option<&Digest>) -> Result<Digest, Error> {
        let hasher =
            promised.map_or_else(Hasher::sha256, |promised| Hasher::like(promised, self.len));
        hash_file(&self.path, hasher)
    }

    /// Makes the content durable.
    pub(crate) fn seal(&self) -> Result<&Path, Error> {
        self.file
            .sync_all()
            .map_err(|e| Error::disk("flush", &self.path, e))?;
        Ok(&self.path)
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        // After publication the name is gone, and there is nothing to delete.
        if let Err(e) = place::remove_if_there(&self.path) {
            tracing::debug!("cannot delete {}: {e}", self.path.display());
        }
    }
}
