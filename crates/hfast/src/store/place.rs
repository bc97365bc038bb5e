//! The acts that give names: folders, renames, links. Each is safe to repeat after a crash.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::owner::Owner;
use super::platform;
use crate::error::{Error, ErrorKind};

/// No note of ours or of the official clients is longer, in bytes.
const LONGEST_NOTE: u64 = 4096;

/// How often a note is written that is swept each time before it is in its place.
const NOTE_ATTEMPTS: usize = 3;

/// `path` with `ending` behind its name.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Creates the folders above `path`.
pub(crate) fn create_parents(path: &Path) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(|e| Error::disk("create the folder", parent, e))
}

/// Creates the folders between `root` and `root/relative`, none of which may be a link: a name
/// from a listing must not lead out of its target through a link that lies there.
pub(crate) fn create_parents_below(root: &Path, relative: &str) -> Result<PathBuf, Error> {
    let mut folder = root.to_owned();
    fs::create_dir_all(&folder).map_err(|e| Error::disk("create the folder", &folder, e))?;
    let (parents, name) = relative.rsplit_once('/').unwrap_or(("", relative));
    for part in parents.split('/').filter(|part| !part.is_empty()) {
        folder.push(part);
        match fs::symlink_metadata(&folder) {
            Ok(found) if found.is_symlink() => {
                let message = format!("{} is a link that leads elsewhere", folder.display());
                return Err(Error::new(ErrorKind::Disk, message)
                    .with_hint("move it away, or choose another folder"));
            }
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&folder)
                    .map_err(|e| Error::disk("create the folder", &folder, e))?;
            }
            Err(e) => return Err(Error::disk("look at", &folder, e)),
        }
    }
    Ok(folder.join(name))
}

/// Makes the content of a file durable that somebody else has written.
pub(crate) fn flush(path: &Path) -> Result<(), Error> {
    match fs::File::open(path) {
        Ok(file) => platform::sync_content(&file).map_err(|e| Error::disk("flush", path, e)),
        // What cannot be read was not written by this user.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(e) => Err(Error::disk("flush", path, e)),
    }
}

/// The text of a small file that need not be there. Nothing that is no file is waited for, and
/// nothing is read that cannot be what it should be.
pub(crate) fn read_small(path: &Path) -> Option<String> {
    read_note(path, LONGEST_NOTE)
}

/// The same for one that has up to `longest` bytes.
pub(crate) fn read_note(path: &Path, longest: u64) -> Option<String> {
    let mut text = String::new();
    let file = path
        .is_file()
        .then(|| platform::open_file(path).ok())
        .flatten()?;
    file.take(longest).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Gives a verified, flushed file its final name, replacing what has it.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|e| Error::disk("put in place", to, e))
}

/// Writes a small file under a temporary name in `folder`, where the leftovers of dead processes
/// are swept, flushes it, and moves it to `path`.
pub(crate) fn write_note(folder: &Path, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_note_with(folder, path, |file| file.write_all(bytes))
}

/// The same for a file that is written piece by piece.
pub(crate) fn write_note_with(
    folder: &Path,
    path: &Path,
    write: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    place_fresh(path, || {
        let temporary = temporary(folder, "note", path);
        create_parents(&temporary)?;
        or_remove(&temporary, write_flushed(&temporary, &write)).map(|()| temporary)
    })
}

/// Moves what `write` made to `path`. A process that cannot see that this one lives, on another
/// machine or in another container, may sweep it before: then it is made again.
fn place_fresh(path: &Path, write: impl Fn() -> Result<PathBuf, Error>) -> Result<(), Error> {
    for _ in 1..NOTE_ATTEMPTS {
        let pending = write()?;
        match rename(&pending, path) {
            Err(_) if is_gone(&pending) => {}
            done => return or_remove(&pending, done),
        }
    }
    let pending = write()?;
    or_remove(&pending, rename(&pending, path))
}

fn is_gone(path: &Path) -> bool {
    let found = path.symlink_metadata();
    found.is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
}

/// A temporary name for what will be `path`; short, whatever the length of that.
fn temporary(folder: &Path, kind: &str, path: &Path) -> PathBuf {
    let hash = xxh3_64(path.as_os_str().as_encoded_bytes());
    folder.join(Owner::of_new_file().file_name(&format!("{kind}-{hash:016x}")))
}

/// Whether a leftover with this stem is temporary: it is swept once its owner is dead.
pub(crate) fn is_temporary(stem: &str) -> bool {
    ["note-", "link-", "copy-"]
        .iter()
        .any(|kind| stem.starts_with(kind))
}

/// Removes a temporary file of ours when what it was for has failed.
fn or_remove(temporary: &Path, done: Result<(), Error>) -> Result<(), Error> {
    done.inspect_err(|_| {
        if let Err(error) = remove_if_there(temporary) {
            tracing::debug!("cannot delete {}: {error}", temporary.display());
        }
    })
}

/// Writes a file of our own and makes it durable.
pub(crate) fn write_flushed(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    let written = platform::open_no_follow(options.write(true).create(true).truncate(true), path)
        .and_then(|file| {
            let mut buffered = BufWriter::new(file);
            write(&mut buffered)?;
            buffered
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?
                .sync_all()
        });
    written.map_err(|e| Error::disk("write", path, e))
}

/// Makes `link` a relative symbolic link to `target`, replacing whatever has that name. The link is
/// made in `folder`, where the leftovers of dead processes are swept, and moved from there.
pub(crate) fn link(target: &Path, link: &Path, folder: &Path) -> Result<(), Error> {
    if fs::read_link(link).is_ok_and(|now| now == target) {
        return Ok(());
    }
    let temporary = temporary(folder, "link", link);
    let made = remove_if_there(&temporary)
        .and_then(|()| platform::symlink(target, &temporary))
        .and_then(|()| fs::rename(&temporary, link));
    match (made, link.parent()) {
        // The folder is a link to another disk: then beside the name itself.
        (Err(e), Some(parent)) if e.kind() == io::ErrorKind::CrossesDevices && parent != folder => {
            or_remove(&temporary, Err(Error::disk("link", link, e)))
                .or_else(|_| self::link(target, link, parent))
        }
        (made, _) => or_remove(&temporary, made.map_err(|e| Error::disk("link", link, e))),
    }
}

/// Gives a file that has its final name another one; a copy gets it where that cannot be.
pub(crate) fn hard_link(from: &Path, to: &Path, folder: &Path) -> Result<(), Error> {
    let temporary = temporary(folder, "link", to);
    if fs::hard_link(from, &temporary).is_err() {
        return copy(from, to, folder);
    }
    or_remove(&temporary, rename(&temporary, to))?;
    // Between two names of one file a rename does nothing.
    remove(&temporary)
}

/// Puts a second copy of a file that has its final name under another: by reflink where the file
/// system can, else byte by byte, and never half.
pub(crate) fn copy(from: &Path, to: &Path, folder: &Path) -> Result<(), Error> {
    let temporary = temporary(folder, "copy", to);
    let copied = copy_bytes(from, &temporary).map_err(|e| Error::disk("copy to", to, e));
    or_remove(&temporary, copied.and_then(|()| rename(&temporary, to)))
}

/// Brings a file that belongs to somebody else to its final name, if it still `is_right` once it has
/// come; whatever it was before, nobody can have changed it since. It is copied, or it `links`: then both
/// names stand for one file, where the system allows that.
pub(crate) fn bring(
    from: &Path,
    to: &Path,
    folder: &Path,
    links: bool,
    is_right: impl Fn(&Path) -> bool,
) -> Result<bool, Error> {
    let temporary = temporary(folder, "copy", to);
    let come = if links {
        fs::hard_link(from, &temporary).map_err(|e| Error::disk("link", to, e))
    } else {
        copy_bytes(from, &temporary).map_err(|e| Error::disk("copy to", to, e))
    };
    let is_file = || {
        temporary
            .symlink_metadata()
            .is_ok_and(|found| found.is_file())
    };
    or_remove(&temporary, come)?;
    if !is_file() || !is_right(&temporary) {
        return remove(&temporary).map(|()| false);
    }
    // Whoever wrote a file that is shared need not have made it durable.
    let durable = if links { flush(&temporary) } else { Ok(()) };
    or_remove(&temporary, durable.and_then(|()| rename(&temporary, to)))?;
    // Between two names of one file a rename does nothing.
    remove(&temporary).map(|()| true)
}

/// Only the bytes are copied: a file that nobody may write to can have a copy that is like any other.
fn copy_bytes(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = platform::open_file(from)?;
    let mut options = OpenOptions::new();
    let mut to = platform::open_no_follow(options.write(true).create(true).truncate(true), to)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()
}

/// Deletes a file of ours that is not needed after all.
fn remove(path: &Path) -> Result<(), Error> {
    remove_if_there(path).map_err(|e| Error::disk("delete", path, e))
}

/// A file under a temporary name, which is deleted unless it was moved to its place: also when the
/// download that it belongs to is given up.
#[derive(Debug)]
pub(crate) struct Aside(PathBuf);

impl Aside {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Gives the file its name.
    pub(crate) fn place(self, path: &Path) -> Result<(), Error> {
        rename(&self.0, path)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Err(error) = remove_if_there(&self.0) {
            tracing::debug!("cannot delete {}: {error}", self.0.display());
        }
    }
}

/// Deletes a file if it exists.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Whether symbolic links can be made in `folder`, found out by making one.
pub(crate) fn can_link(folder: &Path) -> bool {
    let probe = folder.join(Owner::of_new_file().file_name("link-probe"));
    let made = platform::symlink(Path::new("nowhere"), &probe);
    let removed = remove_if_there(&probe);
    made.is_ok() && removed.is_ok()
}

/// Whether a file in `folder` can have two names, found out by giving it two.
pub(crate) fn can_hard_link(folder: &Path) -> bool {
    let names = [(), ()].map(|()| folder.join(Owner::of_new_file().file_name("link-probe")));
    let made = fs::write(&names[0], b"").and_then(|()| fs::hard_link(&names[0], &names[1]));
    let removed = names.iter().all(|name| remove_if_there(name).is_ok());
    made.is_ok() && removed
}

/// Free bytes of the file system that will hold `path`, which need not exist yet.
pub(crate) fn free_space(path: &Path) -> Option<u64> {
    path.ancestors()
        .find(|p| p.exists())
        .and_then(|p| fs4::available_space(p).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_lies_in_the_way_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        platform::symlink(outside.path(), &root.path().join("sub")).unwrap();
        let error = create_parents_below(root.path(), "sub/deep/file").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disk);
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        assert!(
            create_parents_below(root.path(), "other/deep/file")
                .unwrap()
                .parent()
                .unwrap()
                .is_dir()
        );
    }

    #[test]
    fn a_note_that_was_swept_is_written_again_and_not_for_ever() {
        let root = tempfile::tempdir().unwrap();
        let (pending, path) = (root.path().join("pending"), root.path().join("note"));
        let swept = std::cell::Cell::new(0);
        let sweep_first = |times: usize| {
            swept.set(0);
            place_fresh(&path, || {
                if swept.replace(swept.get() + 1) >= times {
                    fs::write(&pending, "x").unwrap();
                }
                Ok(pending.clone())
            })
        };
        assert!(sweep_first(usize::MAX).is_err());
        assert_eq!(swept.get(), NOTE_ATTEMPTS);
        sweep_first(1).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn a_link_replaces_a_file_and_is_left_alone_when_right() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x");
        fs::write(&path, "old").unwrap();
        for _ in 0..2 {
            link(Path::new("../blobs/abc"), &path, root.path()).unwrap();
            assert_eq!(fs::read_link(&path).unwrap(), Path::new("../blobs/abc"));
        }
        assert!(can_link(root.path()));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
