//! The official lock of a blob: BSD `flock` on a file that is never deleted.
//!
//! It only saves work. Nothing is wrong if two processes hold it, as happens on some network file
//! systems: each writes to a name of its own and publishes by rename. So whoever waits for it may
//! go on without it, and [`Patience`] says when.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use super::platform;
use crate::error::Error;

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    /// `None`: this file system has no locks, or the holder was not waited for.
    held: Option<File>,
}

impl Lock {
    /// No lock: there is none for this content, or its holder is not waited for.
    pub(crate) fn none() -> Self {
        Self { held: None }
    }

    /// Whether this process really holds it.
    pub(crate) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// One attempt to get the lock at `path`, whose folder exists. `None`: somebody has it.
    pub(crate) fn try_acquire(path: &Path) -> Result<Option<Self>, Error> {
        let file = match open(path) {
            // Somebody else's, and closed to us.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied && path.is_file() => {
                tracing::debug!("{} cannot be locked: {e}", path.display());
                return Ok(Some(Self::none()));
            }
            opened => opened.map_err(|e| Error::disk("open the lock", path, e))?,
        };
        match file.try_lock() {
            // Somebody deleted the file between our open and our lock: what we hold is nothing.
            Ok(()) if !platform::has_name(&file).unwrap_or(true) => Ok(None),
            Ok(()) => Ok(Some(Self { held: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            // A file system without locks: work may be done twice, never wrongly.
            Err(TryLockError::Error(e)) => {
                tracing::debug!("{} cannot be locked: {e}", path.display());
                Ok(Some(Self { held: None }))
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut create = OpenOptions::new();
    create.read(true).write(true).create_new(true);
    match platform::open_no_follow(&mut create, path) {
        Ok(file) => {
            platform::allow_group(&file)?;
            return Ok(file);
        }
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        Err(_) => {}
    }
    let writable = platform::open_no_follow(OpenOptions::new().read(true).write(true), path);
    writable.or_else(|e| match e.kind() {
        // Another user's lock file: reading is enough to lock it.
        io::ErrorKind::PermissionDenied => {
            platform::open_no_follow(OpenOptions::new().read(true), path)
        }
        _ => Err(e),
    })
}

/// How long to wait between attempts: short at first, since most holders are done at once.
const FIRST_POLL: Duration = Duration::from_millis(20);
const LONGEST_POLL: Duration = Duration::from_secs(1);

/// A holder of whom nothing is seen for this long has stopped. A network file system may show what
/// another machine writes a minute late.
const SILENCE: Duration = Duration::from_secs(120);

/// A holder that hashes what is there changes nothing on the disk. It reads at least this fast, in
/// bytes for each second.
const SLOWEST_READ: u64 = 50_000_000;

/// No holder is waited for longer, whatever is seen of it.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Decides how long the holder of a lock is waited for. Pure.
#[derive(Debug)]
pub(crate) struct Patience {
    began: Duration,
    /// The last sign of life, and when it was new.
    last: Option<(u64, Duration)>,
    /// How long nothing may be seen: what stopping looks like, and the time to hash the content.
    silence: Duration,
    poll: Duration,
}

impl Patience {
    /// For a content of `size` bytes, as far as that is known; `now` is any clock that goes on.
    pub(crate) fn new(size: Option<u64>, now: Duration) -> Self {
        let hashing = Duration::from_secs(size.unwrap_or_default() / SLOWEST_READ);
        Self {
            began: now,
            last: None,
            silence: SILENCE + hashing,
            poll: FIRST_POLL,
        }
    }

    /// The pause before the next attempt, given a number that changes while the holder writes.
    /// `None`: it is time to go on without the lock.
    pub(crate) fn after(&mut self, growth: u64, now: Duration) -> Option<Duration> {
        let seen = match self.last {
            Some((before, seen)) if before == growth => seen,
            _ => now,
        };
        self.last = Some((growth, seen));
        if now >= seen + self.silence || now >= self.began + LONGEST_WAIT {
            return None;
        }
        let poll = self.poll;
        self.poll = (poll * 2).min(LONGEST_POLL);
        Some(poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a holder of a content of `size` bytes is waited for; `growth` is what is seen of it
    /// at a time.
    fn waited(size: Option<u64>, growth: impl Fn(Duration) -> u64) -> Duration {
        let start = Duration::from_secs(7);
        let mut waited = Duration::ZERO;
        let mut patience = Patience::new(size, start);
        while let Some(pause) = patience.after(growth(waited), start + waited) {
            assert!(pause <= LONGEST_POLL);
            waited += pause;
        }
        waited
    }

    #[test]
    fn a_holder_is_waited_for_while_it_works_and_never_for_ever() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let silent = |_| 5;
        assert!((minutes(2)..minutes(3)).contains(&waited(None, silent)));
        let hashing = waited(Some(100 << 30), silent);
        assert!((minutes(30)..minutes(40)).contains(&hashing), "{hashing:?}");
        let ten_minutes = |at: Duration| at.as_secs().min(600);
        let stopped = waited(None, ten_minutes);
        assert!((minutes(12)..minutes(13)).contains(&stopped), "{stopped:?}");
        assert!(waited(None, |at| at.as_secs() / 100) >= LONGEST_WAIT);
    }

    #[test]
    fn a_lock_is_had_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let held = Lock::try_acquire(&path).unwrap().unwrap();
        assert!(held.is_held());
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_acquire(&path).unwrap().unwrap().is_held());
    }
}
