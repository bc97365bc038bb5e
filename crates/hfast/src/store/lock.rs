//! The official lock of a blob: BSD `flock` on a file that is never deleted.
//!
//! It only saves work. Nothing is wrong if two processes hold it, as happens on some network file
//! systems: each writes to a name of its own and publishes by rename.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::place::create_parents;
use super::platform;
use crate::error::Error;

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    /// `None`: this file system has no locks, or the holder was not waited for.
    held: Option<File>,
}

/// How long to wait between attempts: short at first, since most holders are done at once.
const FIRST_POLL: Duration = Duration::from_millis(20);
const LONGEST_POLL: Duration = Duration::from_secs(1);

/// A holder whose partial file has not grown for this long is not waited for any longer.
const HOLDER_IS_STUCK: Duration = Duration::from_secs(60);

impl Lock {
    /// Waits for the lock at `path`. `growth` tells a number that changes while the holder makes
    /// progress; when it stands still for a minute we go on without the lock, which is safe.
    pub(crate) async fn acquire(
        path: PathBuf,
        growth: impl Fn() -> u64,
        mut waiting: impl FnMut(),
    ) -> Result<Self, Error> {
        let mut poll = FIRST_POLL;
        // Not looked at before somebody is in the way: in a large folder a look is expensive.
        let (mut last_growth, mut still_for) = (None, Duration::ZERO);
        loop {
            if let Some(lock) = Self::try_acquire(&path)? {
                return Ok(lock);
            }
            waiting();
            tokio::time::sleep(poll).await;
            let now = Some(growth());
            still_for = if now == last_growth {
                still_for + poll
            } else {
                Duration::ZERO
            };
            last_growth = now;
            if still_for >= HOLDER_IS_STUCK {
                tracing::warn!(
                    "the holder of {} makes no progress: going on without the lock",
                    path.display()
                );
                return Ok(Self { held: None });
            }
            poll = (poll * 2).min(LONGEST_POLL);
        }
    }

    /// Whether this process really holds it.
    pub(crate) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    fn try_acquire(path: &Path) -> Result<Option<Self>, Error> {
        create_parents(path)?;
        let file = open(path).map_err(|e| Error::disk("open the lock", path, e))?;
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
    use std::cell::Cell;

    #[tokio::test(start_paused = true)]
    async fn a_stuck_holder_is_not_waited_for_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/x.lock");
        let held = Lock::acquire(path.clone(), || 0, || {}).await.unwrap();
        let waits = Cell::new(0);
        let second = Lock::acquire(path.clone(), || 0, || waits.set(waits.get() + 1))
            .await
            .unwrap();
        assert!(waits.get() > 30 && !second.is_held());
        drop(held);
        assert!(
            Lock::acquire(path, || 0, || {})
                .await
                .unwrap()
                .held
                .is_some()
        );
    }
}
