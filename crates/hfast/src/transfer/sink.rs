//! Where the bytes of one file are collected until all are there.
//!
//! Which of them may be written is told in `segments.rs`.

use std::sync::{Mutex, PoisonError};

use crate::error::Error;
use crate::store::journal::Extent;
use crate::store::partial::Partial;

/// Where bytes are collected.
pub(crate) enum Sink {
    /// Small files stay in memory until they are verified.
    Memory(Mutex<Vec<u8>>),
    /// Others lie on disk, at their offsets, with a journal.
    Partial(Partial),
}

impl Sink {
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Partial(partial) => partial.write(offset, bytes),
            Self::Memory(content) => {
                let mut content = content.lock().unwrap_or_else(PoisonError::into_inner);
                let at = usize::try_from(offset).unwrap_or(usize::MAX);
                content[at..at + bytes.len()].copy_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Notes in the journal that these are there.
    pub(super) fn claim(&self, extents: &[Extent]) -> Result<(), Error> {
        match self {
            Self::Partial(partial) if !extents.is_empty() => partial.claim(extents),
            Self::Partial(_) | Self::Memory(_) => Ok(()),
        }
    }

    pub(super) fn discard(&self) -> Result<(), Error> {
        match self {
            Self::Partial(partial) => partial.discard(),
            Self::Memory(_) => Ok(()),
        }
    }
}
