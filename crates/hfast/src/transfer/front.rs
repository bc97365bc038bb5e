//! The running digest of a file, at the front of what has arrived.
//!
//! Whoever writes the bytes that come next feeds it from memory, while they are in the processor's
//! cache. Bytes that arrived out of order are read back from disk by the verifier, which also
//! decides when the writers may feed: not while it reads itself, nor while it doubts a claim.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::hash::Hasher;

/// The door is closed: no byte is at this position.
const CLOSED: u64 = u64::MAX;

/// A digest of the bytes before a position.
pub(super) struct Front {
    state: Mutex<(Hasher, u64)>,
    /// Where the next byte is wanted, for a look without the lock.
    wanted: AtomicU64,
}

impl Front {
    /// Nothing was seen yet, and nobody may feed.
    pub(super) fn new(hasher: Hasher) -> Self {
        Self {
            state: Mutex::new((hasher, 0)),
            wanted: AtomicU64::new(CLOSED),
        }
    }

    fn state(&self) -> MutexGuard<'_, (Hasher, u64)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on from here, and lets the writers feed.
    pub(super) fn open(&self, hasher: Hasher, position: u64) {
        let mut state = self.state();
        *state = (hasher, position);
        self.wanted.store(position, Relaxed);
    }

    /// How far it has come.
    pub(super) fn position(&self) -> u64 {
        self.state().1
    }

    /// Lets nobody feed any more, and tells how far it has come.
    pub(super) fn close(&self) -> (Hasher, u64) {
        let state = self.state();
        self.wanted.store(CLOSED, Relaxed);
        state.clone()
    }

    /// Adds `bytes`, which are on disk at `offset` now, if they are the ones that come next.
    pub(super) fn feed(&self, offset: u64, bytes: &[u8]) {
        if self.wanted.load(Relaxed) != offset {
            return;
        }
        let mut state = self.state();
        // The verifier may have closed it, or gone on, since the look.
        if self.wanted.load(Relaxed) == offset {
            state.0.update(bytes);
            state.1 += bytes.len() as u64;
            self.wanted.store(state.1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(bytes: &[u8]) -> String {
        let mut hasher = Hasher::sha256();
        hasher.update(bytes);
        hasher.finish().to_string()
    }

    #[test]
    fn only_the_bytes_that_come_next_are_taken() {
        let front = Front::new(Hasher::sha256());
        front.feed(0, b"closed");
        front.open(Hasher::sha256(), 0);
        front.feed(3, b"too early");
        front.feed(0, b"abc");
        front.feed(0, b"abc");
        front.feed(3, b"def");
        let (hasher, position) = front.close();
        front.feed(6, b"closed");
        assert_eq!((position, front.position()), (6, 6));
        assert_eq!(hasher.finish().to_string(), digest_of(b"abcdef"));
    }
}
