//! Who writes a partial file, told by its name, and whether that writer still lives.
//!
//! A lock only saves work: on some network file systems every process gets it. So each file that is
//! being written has a name of its own, also among those of one process, and what a dead writer
//! left is taken over by renaming it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::xxh3_64;

use super::platform;

/// The ending of every partial file of ours.
const SUFFIX: &str = ".hfast";

/// A process on another machine that has not written for this long is taken for dead.
const SILENT_FOR: Duration = Duration::from_secs(600);

/// Numbers of files of this process that are written to no longer, and still lie on the disk.
static ABANDONED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// A process (machine, process id, start time), and which of its files. The machine is the set of
/// processes that see each other: a container is one, and so is each start of a computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    host: u32,
    pid: u32,
    started: u64,
    /// 0 in the names of older versions, which had one file for each content.
    file: u64,
}

impl Owner {
    fn this_process() -> Self {
        static THIS: OnceLock<Owner> = OnceLock::new();
        *THIS.get_or_init(|| {
            let pid = std::process::id();
            Self {
                host: host(&platform::machine()),
                pid,
                started: platform::process_start(pid).unwrap_or_default(),
                file: 0,
            }
        })
    }

    /// This process, for a file that it has not written to before.
    pub(crate) fn of_new_file() -> Self {
        static FILES: AtomicU64 = AtomicU64::new(1);
        Self {
            file: FILES.fetch_add(1, Relaxed),
            ..Self::this_process()
        }
    }

    /// The name of this owner's partial file for the blob `stem`.
    pub(crate) fn file_name(self, stem: &str) -> String {
        format!(
            "{stem}.{:08x}-{}-{}-{}{SUFFIX}",
            self.host, self.pid, self.started, self.file
        )
    }

    /// Reads a name back: the stem and the owner.
    pub(crate) fn parse(file_name: &str) -> Option<(&str, Self)> {
        let (stem, owner) = file_name.strip_suffix(SUFFIX)?.rsplit_once('.')?;
        let mut parts = owner.split('-');
        let owner = Self {
            host: u32::from_str_radix(parts.next()?, 16).ok()?,
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
            file: parts.next().map_or(Ok(0), str::parse).ok()?,
        };
        (parts.next().is_none() && !stem.is_empty()).then_some((stem, owner))
    }

    /// The owner of the file at `path`, by its name.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        Self::parse(name).map(|(_, owner)| owner)
    }

    /// Notes that nothing of this process writes to the file any more, and that it still lies there.
    pub(crate) fn abandon(self) {
        abandoned().insert(self.file);
    }

    /// Notes that the name is gone.
    pub(crate) fn forget(self) {
        if self.is_this_process() {
            abandoned().remove(&self.file);
        }
    }

    /// Whether somebody may still write to `path`, as far as can be told without a lock.
    pub(crate) fn may_live(self, path: &Path) -> bool {
        if self.is_this_process() {
            return !abandoned().contains(&self.file);
        }
        if self.is_of_this_machine() {
            let started = platform::process_start(self.pid);
            return started.is_some_and(|now| now == self.started);
        }
        let modified = path
            .metadata()
            .and_then(|m| m.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH);
        // A time that is still to come is that of another clock, and says nothing.
        modified.elapsed().map_or(true, |age| age < SILENT_FOR)
    }

    /// Whether this process would see it if it lived.
    pub(crate) fn is_of_this_machine(self) -> bool {
        self.host == Self::this_process().host
    }

    pub(crate) fn is_this_process(self) -> bool {
        Self { file: 0, ..self } == Self::this_process()
    }
}

fn host(machine: &str) -> u32 {
    u32::try_from(xxh3_64(machine.as_bytes()) >> 32).unwrap_or_default()
}

fn abandoned() -> MutexGuard<'static, BTreeSet<u64>> {
    ABANDONED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_owner_and_no_two_files_have_the_same() {
        let owner = Owner::of_new_file();
        let name = owner.file_name("abc.def");
        assert_eq!(Owner::parse(&name), Some(("abc.def", owner)));
        assert_ne!(Owner::of_new_file().file_name("abc.def"), name);
        let older = Owner {
            host: 0xab,
            pid: 2,
            started: 3,
            file: 0,
        };
        assert_eq!(Owner::parse("abc.000000ab-2-3.hfast"), Some(("abc", older)));
        for other in [
            "abc.incomplete",
            "x.hfast",
            ".1-2-3.hfast",
            "a.zz-1-2.hfast",
            "a.1-2.hfast",
            "a.1-2-3-x.hfast",
            "a.1-2-3-4-5.hfast",
        ] {
            assert_eq!(Owner::parse(other), None, "{other}");
        }
    }

    #[test]
    fn this_process_lives_and_its_predecessor_with_the_same_id_does_not() {
        let nowhere = Path::new("/nonexistent");
        let this = Owner::of_new_file();
        assert!(this.may_live(nowhere));
        this.abandon();
        assert!(!this.may_live(nowhere), "it says itself when it has ended");
        this.forget();
        let predecessor = Owner {
            started: this.started + 1,
            ..this
        };
        assert!(!predecessor.may_live(nowhere));
    }

    #[test]
    fn what_another_machine_has_written_to_lately_may_live() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // Such names were given by older versions, and mean another set of processes now.
        let other = Owner {
            host: host(&platform::host_name()) ^ u32::from(!cfg!(target_os = "linux")),
            pid: std::process::id(),
            started: 0,
            file: 1,
        };
        let minute = Duration::from_secs(60);
        let now = SystemTime::now();
        for (modified, may_live) in [
            (now, true),
            (now - 60 * minute, false),
            (now + 60 * minute, true),
        ] {
            file.as_file().set_modified(modified).unwrap();
            assert_eq!(other.may_live(file.path()), may_live, "{modified:?}");
        }
    }
}
