//! Which unfinished file a process may write to or delete: a new one, or one that a dead writer left.
//!
//! What is in the file is told in `partial.rs`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::owner::Owner;
use super::platform;
use crate::error::Error;

/// Names that are tried for a new file. One is taken only where a system does not tell when a process
/// started, and a dead one had our number.
const NAMES_TRIED: usize = 100;

/// Creates a file that nobody has written to.
pub(super) fn create(folder: &Path, stem: &str) -> Result<(File, Owner, PathBuf), Error> {
    let mut others = 0..NAMES_TRIED;
    loop {
        let owner = Owner::of_new_file();
        let path = folder.join(owner.file_name(stem));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        match platform::open_no_follow(&mut options, &path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && others.next().is_some() => {}
            Err(e) => return Err(Error::disk("create", &path, e)),
            // The lock tells others that the writer lives; where locks do nothing, the name does.
            Ok(file) if !is_locked(&file) => return Ok((file, owner, path)),
            // Somebody was faster and took it for a leftover.
            Ok(_) if others.next().is_some() => owner.abandon(),
            Ok(_) => return Err(Error::disk("lock", &path, io::ErrorKind::WouldBlock.into())),
        }
    }
}

/// Whether somebody holds the lock of a partial file; takes it otherwise. A file system without
/// locks says nothing: then the name tells whether the owner lives.
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// How sure it is that nobody will write to a file any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Its owner is dead.
    Sure,
    /// Nothing has been seen of its owner for long, who may only be frozen: a laptop that sleeps.
    Likely,
}

/// Opens and locks an unfinished file. `None`: its owner may live, or somebody was faster.
fn open_free(leftover: &Path) -> io::Result<Option<(File, Rest)>> {
    if !leftover.symlink_metadata()?.is_file() {
        return Ok(None);
    }
    let mut options = OpenOptions::new();
    let file = platform::open_no_follow(options.read(true).write(true), leftover)?;
    let owner = Owner::of(leftover);
    let is_ours = owner.is_some_and(Owner::is_this_process);
    let (may_live, rest) = match file.try_lock() {
        Err(TryLockError::WouldBlock) => (true, Rest::Likely),
        // After a restart of the machine or of a container, the name says nothing for a while.
        Ok(()) if !is_ours && platform::has_sure_locks(&file) => (false, Rest::Sure),
        _ => {
            let is_seen = owner.is_some_and(Owner::is_of_this_machine);
            let rest = if is_seen { Rest::Sure } else { Rest::Likely };
            (owner.is_some_and(|owner| owner.may_live(leftover)), rest)
        }
    };
    let is_free = !may_live && platform::has_name(&file)?;
    Ok(is_free.then_some((file, rest)))
}

/// Whether a leftover can be taken over.
pub(super) fn is_free(leftover: &Path) -> bool {
    let may_live = Owner::of(leftover).is_none_or(|owner| owner.may_live(leftover));
    // Its lock is tried only if need be: for a moment, it is in the way of whoever takes it over.
    !may_live || open_free(leftover).is_ok_and(|file| file.is_some())
}

/// What became of an attempt to take a file over.
pub(super) enum Taken {
    /// It has our name now, and nobody else writes to it.
    Whole(File),
    /// Its writer may come back: what it holds can be copied.
    ToCopy(File),
    /// Its owner may live, or somebody was faster.
    Nothing,
}

/// Renames a dead writer's file to our name, or opens what can only be copied.
pub(super) fn take_over(leftover: &Path, ours: &Path) -> io::Result<Taken> {
    match open_free(leftover)? {
        None => Ok(Taken::Nothing),
        Some((file, Rest::Likely)) => Ok(Taken::ToCopy(file)),
        Some((file, Rest::Sure)) => {
            std::fs::rename(leftover, ours)?;
            Owner::of(leftover).into_iter().for_each(Owner::forget);
            Ok(Taken::Whole(file))
        }
    }
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

    /// A file that another machine has written to just now.
    fn of_another_machine(folder: &Path) -> PathBuf {
        let (_, _, path) = create(folder, "stem").unwrap();
        let other = folder.join("stem.00000001-1-1-1.hfast");
        std::fs::rename(path, &other).unwrap();
        other
    }

    #[test]
    fn a_free_lock_says_that_the_owner_is_dead_where_locks_are_sure() {
        let folder = tempfile::tempdir().unwrap();
        let left = of_another_machine(folder.path());
        let held = File::open(&left).unwrap();
        let is_sure = platform::has_sure_locks(&held);
        held.try_lock().unwrap();
        assert!(!is_free(&left));
        drop(held);
        assert_eq!(is_free(&left), is_sure);
        let ours = folder.path().join("ours");
        let taken = matches!(take_over(&left, &ours).unwrap(), Taken::Whole(_));
        assert_eq!(taken, is_sure);
        assert_eq!(ours.exists(), is_sure);
    }
}
