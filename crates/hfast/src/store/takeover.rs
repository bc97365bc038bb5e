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
            Ok(file) => {
                mark_alive(&file);
                return Ok((file, owner, path));
            }
        }
    }
}

/// The lock tells others that the writer lives; where locks do nothing, the name tells them.
fn mark_alive(file: &File) {
    if let Err(e) = file.try_lock() {
        tracing::debug!("a partial file cannot be locked: {e}");
    }
}

/// Whether somebody holds the lock of a partial file; takes it otherwise. A file system without
/// locks says nothing: then the name tells whether the owner lives.
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// Renames a dead writer's file to our name. `None`: its owner may live, or somebody was faster.
pub(super) fn take_over(leftover: &Path, ours: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    if !leftover.symlink_metadata()?.is_file() {
        return Ok(None);
    }
    let file = platform::open_no_follow(options.read(true).write(true), leftover)?;
    let owner = Owner::of(leftover);
    let may_live = owner.is_some_and(|owner| owner.may_live(leftover));
    if is_locked(&file) || may_live || !platform::has_name(&file)? {
        return Ok(None);
    }
    std::fs::rename(leftover, ours)?;
    owner.into_iter().for_each(Owner::forget);
    Ok(Some(file))
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
