//! Collects what arrives until it is worth a system call, and loses none of it when the exchange is
//! given up.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use bytes::Bytes;

use super::disk::Disk;
use super::extent::ExtentBuilder;
use super::job::Job;
use super::segments::LeaseId;

/// Collects pieces until they are worth a system call.
pub(super) struct Writer {
    /// Where the first pending byte goes.
    pub(super) offset: u64,
    pieces: Vec<Bytes>,
    pub(super) pending: usize,
    /// Where the lease ends now, or what the answer says it holds.
    pub(super) wanted: u64,
    pub(super) extents: ExtentBuilder,
}

impl Writer {
    /// For the bytes from `offset` to `end` of a file of `size` bytes.
    pub(super) fn new((offset, end): (u64, u64), size: u64) -> Self {
        let extents = ExtentBuilder::new(offset, size);
        Self {
            offset,
            pieces: Vec::new(),
            pending: 0,
            wanted: end,
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

/// A writer whose bytes land also when nobody waits for the exchange any more: the user has pressed
/// Ctrl-C, or the caller has dropped the job.
pub(super) struct Landing {
    writer: Writer,
    job: Arc<Job>,
    /// Which source the bytes come from, and for which lease.
    of: (Option<usize>, LeaseId),
    disk: Disk,
}

impl Landing {
    /// For the bytes from one offset to another that come `of` the source with this index, for a lease.
    pub(super) fn new(
        range: (u64, u64),
        job: &Arc<Job>,
        (source, lease): (usize, LeaseId),
        disk: &Disk,
    ) -> Self {
        Self {
            writer: Writer::new(range, job.size),
            job: Arc::clone(job),
            of: (Some(source), lease),
            disk: disk.clone(),
        }
    }

    /// Gives up what could not be written: it must not be claimed.
    pub(super) fn forget(&mut self) {
        let offset = self.writer.offset;
        self.writer = Writer::new((offset, offset), self.job.size);
    }
}

impl Deref for Landing {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        &self.writer
    }
}

impl DerefMut for Landing {
    fn deref_mut(&mut self) -> &mut Writer {
        &mut self.writer
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let (offset, pieces) = self.writer.take();
        let mut extents = self.writer.extents.add(&pieces);
        extents.extend(self.writer.extents.close());
        if extents.is_empty() {
            return;
        }
        let write = || self.job.write(self.of, offset, &pieces, &extents);
        if let Err(error) = self.disk.run_now(write) {
            tracing::debug!("{}: what came last is lost: {error}", self.job.name);
        }
    }
}
