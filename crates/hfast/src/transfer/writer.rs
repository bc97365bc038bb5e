//! Collects what arrives until it is worth a system call. Pure.

use bytes::Bytes;

use super::extent::ExtentBuilder;

/// Collects pieces until they are worth a system call.
pub(super) struct Writer {
    /// Where the first pending byte goes.
    pub(super) offset: u64,
    pieces: Vec<Bytes>,
    pub(super) pending: usize,
    /// Where the lease ends now.
    pub(super) wanted: u64,
    pub(super) extents: ExtentBuilder,
}

impl Writer {
    pub(super) fn new(offset: u64, size: u64) -> Self {
        let extents = ExtentBuilder::new(offset, size);
        Self {
            offset,
            pieces: Vec::new(),
            pending: 0,
            wanted: size,
            extents,
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.offset + self.pending as u64
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.end() >= self.wanted
    }

    /// Adds bytes, but none past the end of what is wanted.
    pub(super) fn push(&mut self, mut bytes: Bytes) {
        let room = usize::try_from(self.wanted.saturating_sub(self.end())).unwrap_or(usize::MAX);
        bytes.truncate(room);
        self.pending += bytes.len();
        if !bytes.is_empty() {
            self.pieces.push(bytes);
        }
    }

    pub(super) fn take(&mut self) -> (u64, Vec<Bytes>) {
        let offset = self.offset;
        self.offset = self.end();
        self.pending = 0;
        (offset, std::mem::take(&mut self.pieces))
    }
}
