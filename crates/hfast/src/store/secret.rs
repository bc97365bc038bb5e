//! Small files that only their owner may read. What is in them is nobody's business here.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lock::Lock;
use super::{place, platform};
use crate::error::Error;

/// No such file is longer, in bytes: thousands of tokens.
const LONGEST: u64 = 1 << 20;

/// The text of the file; `None`: there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, Error> {
    let failed = |e| Error::disk("read", path, e);
    let file = match platform::open_file(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mut text = String::new();
    file.take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > LONGEST {
        return Err(failed(io::Error::new(
            ErrorKind::InvalidData,
            "it is unreasonably long",
        )));
    }
    Ok(Some(text))
}

/// Writes the file as a whole, or leaves the old one. A link stays one: what it leads to is written. Of two who
/// write at once the caller makes one wait.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let path = &led_to(path);
    let folder = path.parent().unwrap_or(path);
    platform::create_closed_folders(folder)
        .map_err(|e| Error::disk("create the folder", folder, e))?;
    // One name for all: what a killed process leaves is gone with the next that writes.
    let temporary = place::with_ending(path, ".new");
    remove(&temporary)?;
    let written = platform::create_private(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        platform::sync_folder(folder)
    });
    written.map_err(|e| {
        drop(fs::remove_file(&temporary));
        Error::disk("write", path, e)
    })
}

/// Makes whoever else changes the file at `path` wait, as the official clients do. Gives up after ten seconds, since no
/// honest change takes one.
pub(crate) async fn lock(path: &Path) -> Result<Lock, Error> {
    const ATTEMPTS: u32 = 100;
    let path = &place::with_ending(path, ".lock");
    let folder = path.parent().unwrap_or(path);
    platform::create_closed_folders(folder)
        .map_err(|e| Error::disk("create the folder", folder, e))?;
    for _ in 0..ATTEMPTS {
        if let Some(lock) = Lock::try_acquire(path)? {
            return Ok(lock);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let text = "another program has kept it locked for ten seconds";
    let cause = io::Error::new(ErrorKind::TimedOut, text);
    Err(Error::disk("lock", path, cause))
}

/// Removes the file, and says whether there was one.
pub(crate) fn remove(path: &Path) -> Result<bool, Error> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::disk("delete", path, e)),
    }
}

/// Who keeps settings in a folder of their own has links to them.
fn led_to(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
