//! What the disk under a folder can do, found out by trying it in a folder of our own, which is gone
//! afterwards. What that means is decided by those who ask. Blocks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::owner::Owner;
use super::{place, platform};

/// Enough to see past the first caches of a disk. In bytes.
const WRITTEN: u64 = 64 << 20;

/// No more than this part of what is free: whoever else writes there must not meet a full disk.
const PART: u64 = 4;

/// As long as writing may take, without the flush.
const WRITING: Duration = Duration::from_millis(1500);

/// One write of the engine's order of size.
const BLOCK: usize = 1 << 20;

/// What was found.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The folder that is there: the one that was asked for, or the nearest above it.
    pub(crate) nearest: PathBuf,
    /// The kind of the file system, where the system tells.
    pub(crate) kind: Option<&'static str>,
    /// Free bytes.
    pub(crate) free: Option<u64>,
    /// What could be done in it, or why nothing could.
    pub(crate) tried: io::Result<Tried>,
}

/// What could be done.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) symlinks: bool,
    pub(crate) hard_links: bool,
    pub(crate) locks: Locks,
    /// `a` and `A` are two names.
    pub(crate) case_sensitive: bool,
    /// How many bytes were written, flush included, in which time; or why they were not.
    pub(crate) written: io::Result<(u64, Duration)>,
}

/// Whether a lock keeps others out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locks {
    /// It does.
    Work,
    /// Everybody gets it.
    Lie,
    /// There are none.
    Absent,
}

/// Tries what a download needs below `folder`, which need not exist. It ends soon after `stop` is set.
pub(crate) fn survey(folder: &Path, stop: &AtomicBool) -> Survey {
    let nearest = folder.ancestors().find(|path| path.exists());
    let nearest = nearest.unwrap_or(folder).to_owned();
    let kind = File::open(&nearest).ok();
    let free = place::free_space(&nearest);
    let most = free.map_or(WRITTEN, |free| WRITTEN.min(free / PART));
    Survey {
        kind: kind.and_then(|opened| platform::file_system(&opened)),
        free,
        tried: tried(&nearest, most, stop),
        nearest,
    }
}

fn tried(folder: &Path, most: u64, stop: &AtomicBool) -> io::Result<Tried> {
    let room = Room::new(folder)?;
    let marked = room.0.join("a");
    fs::write(&marked, b"")?;
    Ok(Tried {
        symlinks: place::can_link(&room.0),
        hard_links: place::can_hard_link(&room.0),
        locks: locks(&room.0.join("lock")),
        case_sensitive: !room.0.join("A").exists(),
        written: written(&room, most, stop),
    })
}

/// A folder that goes away.
struct Room(PathBuf);

impl Room {
    fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join(Owner::of_new_file().file_name(".doctor"));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("{} cannot be removed: {error}", self.0.display());
        }
    }
}

fn locks(path: &Path) -> Locks {
    let open = || {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).open(path)
    };
    let (Ok(first), Ok(second)) = (open(), open()) else {
        return Locks::Absent;
    };
    match (first.try_lock(), second.try_lock()) {
        (Ok(()), Err(fs::TryLockError::WouldBlock)) => Locks::Work,
        (Ok(()), Ok(())) => Locks::Lie,
        _ => Locks::Absent,
    }
}

/// Writes up to `most` bytes that no disk can make smaller, and flushes them.
fn written(room: &Room, most: u64, stop: &AtomicBool) -> io::Result<(u64, Duration)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = options.open(room.0.join("content"))?;
    // Where the system can, the file has no name any more: however this ends, it is gone. Elsewhere
    // the room goes away when it is dropped, which is after the file was closed.
    drop(fs::remove_dir_all(&room.0));
    let mut block = vec![0; BLOCK];
    let mut chance = fastrand::Rng::with_seed(0);
    chance.fill(&mut block);
    let begun = Instant::now();
    let mut bytes = 0;
    while bytes + BLOCK as u64 <= most && begun.elapsed() < WRITING && !stop.load(Relaxed) {
        // No two blocks are alike, for disks that keep one of two.
        block[..8].copy_from_slice(&bytes.to_le_bytes());
        file.write_all(&block)?;
        bytes += BLOCK as u64;
    }
    if !stop.load(Relaxed) {
        file.sync_data()?;
    }
    Ok((bytes, begun.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_tried_and_left_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("not/there/yet");
        let survey = survey(&folder, &AtomicBool::new(false));
        assert_eq!(survey.nearest, root.path());
        assert!(survey.free.is_some_and(|free| free > 0));
        let tried = survey.tried.unwrap();
        assert_eq!(tried.locks, Locks::Work);
        assert!(tried.hard_links);
        let (bytes, took) = tried.written.unwrap();
        assert!(bytes > 0 && took < Duration::from_secs(60));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn whoever_does_not_wait_gets_nothing_written() {
        let root = tempfile::tempdir().unwrap();
        let survey = survey(root.path(), &AtomicBool::new(true));
        let (bytes, _) = survey.tried.unwrap().written.unwrap();
        assert_eq!(bytes, 0);
    }

    #[test]
    fn a_file_in_the_way_is_told() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, b"").unwrap();
        let survey = survey(&file, &AtomicBool::new(false));
        let error = survey.tried.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }
}
