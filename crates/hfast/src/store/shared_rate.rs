//! The booking of the link that all processes of a user share: one moment, in one small file.
//!
//! The file is of no worth to anybody later: it is not flushed, and whatever is found in it that
//! makes no sense counts as nothing booked. What a booking means is in `transfer/booking.rs`.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::platform;
use crate::transfer::booking::Booked;

/// The moment in nanoseconds since 1970, and its checksum; both little-endian.
const LENGTH: usize = 16;

/// Version 1 of the content: another version of the program may mean something else by it.
const SEED: u64 = 1;

const NAME: &str = "rate-limit";

/// The folder that all processes of this user on this machine find: in the `runtime` folder of the
/// user if it is there, else in that of the system, else in `temporary`.
pub(crate) fn usual_folder(runtime: Option<&Path>, temporary: &Path) -> PathBuf {
    let user = platform::user();
    // Jobs that run without a session have no variable, but may have the folder.
    let of_system = Path::new("/run/user").join(user.to_string());
    let folders = [runtime, Some(&of_system)];
    let found = folders.into_iter().flatten().find(|folder| folder.is_dir());
    found.map_or_else(
        || temporary.join(format!("hfast-{user}")),
        |folder| folder.join("hfast"),
    )
}

/// The file, in a folder that nobody else can write to.
#[derive(Debug)]
pub(crate) struct SharedRate {
    folder: PathBuf,
    file: Mutex<Option<File>>,
}

impl SharedRate {
    /// Touches nothing yet.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            file: Mutex::default(),
        }
    }

    /// Books `cost` of the link's time and answers how long to wait for it. `None`: another process
    /// is booking at this moment.
    pub(crate) fn book(&self, now: Duration, cost: Duration) -> io::Result<Option<Duration>> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = slot.take();
        // It may have been swept out of a folder for temporary files.
        let kept = kept.filter(|file| platform::has_name(file).unwrap_or(false));
        let file = kept.map_or_else(|| self.open(), Ok)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                *slot = Some(file);
                return Ok(None);
            }
            Err(TryLockError::Error(e)) => return Err(e),
        }
        let mut booked = read(&file)?;
        let wait = booked.book(now, cost);
        platform::write_all_at(&file, &encode(booked), 0)?;
        // Were this to fail, dropping the file would do it.
        if file.unlock().is_ok() {
            *slot = Some(file);
        }
        Ok(Some(wait))
    }

    fn open(&self) -> io::Result<File> {
        platform::private_folder(&self.folder)?;
        platform::open_private(&self.folder.join(NAME))
    }

    /// Where it lies, for messages.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

fn read(file: &File) -> io::Result<Booked> {
    let mut content = [0; LENGTH];
    let length = platform::read_at(file, &mut content, 0)?;
    Ok(decode(&content[..length]).unwrap_or_default())
}

fn encode(booked: Booked) -> [u8; LENGTH] {
    let nanos = u64::try_from(booked.0.as_nanos()).unwrap_or(u64::MAX);
    let (mut content, moment) = ([0; LENGTH], nanos.to_le_bytes());
    content[..8].copy_from_slice(&moment);
    content[8..].copy_from_slice(&xxh3_64_with_seed(&moment, SEED).to_le_bytes());
    content
}

fn decode(content: &[u8]) -> Option<Booked> {
    let (moment, sum) = content.split_first_chunk::<8>()?;
    let is_whole = xxh3_64_with_seed(moment, SEED).to_le_bytes() == *sum;
    is_whole.then(|| Booked(Duration::from_nanos(u64::from_le_bytes(*moment))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::booking::BELIEVED;

    const NOW: Duration = Duration::from_secs(1_800_000_000);
    const COST: Duration = Duration::from_millis(500);

    fn shared(folder: &Path) -> SharedRate {
        SharedRate::new(folder.join("hfast"))
    }

    #[test]
    fn a_folder_that_is_not_there_is_passed_by() {
        let here = tempfile::tempdir().unwrap();
        let temporary = Path::new("/nowhere/tmp");
        let named = usual_folder(Some(here.path()), temporary);
        assert_eq!(named, here.path().join("hfast"));
        let stale = usual_folder(Some(Path::new("/nowhere/run")), temporary);
        assert_eq!(stale, usual_folder(None, temporary));
        assert!(stale.starts_with("/run/user") || stale.starts_with(temporary));
    }

    #[test]
    fn those_who_share_it_queue_up() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (shared(folder.path()), shared(folder.path()));
        let waits = [&one, &other, &one, &other].map(|rate| rate.book(NOW, COST).unwrap().unwrap());
        // Whoever is first on an idle link may book a tenth of a second that has passed by.
        let expected = [0, 400, 900, 1400].map(Duration::from_millis);
        assert_eq!(waits, expected);
    }

    #[test]
    fn whoever_holds_the_lock_is_not_waited_for_here() {
        let folder = tempfile::tempdir().unwrap();
        let rate = shared(folder.path());
        rate.book(NOW, COST).unwrap().unwrap();
        let holder = File::open(rate.folder().join(NAME)).unwrap();
        holder.lock().unwrap();
        assert_eq!(rate.book(NOW, COST).unwrap(), None);
        drop(holder);
        assert!(rate.book(NOW, COST).unwrap().is_some());
    }

    #[test]
    fn what_makes_no_sense_counts_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let rate = shared(folder.path());
        let first = rate.book(NOW, COST).unwrap();
        let far = encode(Booked(NOW + BELIEVED + COST));
        for content in [&b""[..], b"short", &[7; LENGTH], &[0; 100], &far] {
            std::fs::write(rate.folder().join(NAME), content).unwrap();
            assert_eq!(rate.book(NOW, COST).unwrap(), first, "{content:?}");
        }
    }

    #[test]
    fn a_file_that_was_swept_away_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (shared(folder.path()), shared(folder.path()));
        one.book(NOW, COST).unwrap();
        std::fs::remove_dir_all(one.folder()).unwrap();
        one.book(NOW, COST).unwrap();
        let wait = other.book(NOW, COST).unwrap().unwrap();
        assert!(cfg!(not(unix)) || !wait.is_zero(), "it is the same file");
    }

    #[test]
    #[cfg(unix)]
    fn a_folder_or_file_of_doubtful_origin_is_refused() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let rate = shared(folder.path());
        let place = rate.folder();
        let elsewhere = folder.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, place).unwrap();
        assert!(rate.book(NOW, COST).is_err(), "a link to a folder");
        std::fs::remove_file(place).unwrap();
        std::fs::create_dir(place).unwrap();
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(rate.book(NOW, COST).is_err(), "others could write there");
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o700)).unwrap();
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        symlink(&victim, place.join(NAME)).unwrap();
        assert!(rate.book(NOW, COST).is_err(), "a link to a file");
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
        std::fs::remove_file(place.join(NAME)).unwrap();
        assert!(rate.book(NOW, COST).is_ok());
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place.join(NAME)), 0o600);
    }
}
