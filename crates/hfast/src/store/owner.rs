//! Who writes a partial file, told by its name, and whether that process still lives.
//!
//! A lock only saves work: on some network file systems every process gets it. So each process
//! writes to a name of its own, and takes over a dead one's file by renaming it.

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::xxh3_64;

use super::platform;

/// The ending of every partial file of ours.
const SUFFIX: &str = ".hfast";

/// A process on another machine that has not written for this long is taken for dead.
const SILENT_FOR: Duration = Duration::from_secs(600);

/// A process: machine, process id and start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    host: u32,
    pid: u32,
    started: u64,
}

impl Owner {
    /// This process.
    pub(crate) fn this() -> Self {
        static THIS: OnceLock<Owner> = OnceLock::new();
        *THIS.get_or_init(|| {
            let pid = std::process::id();
            let host =
                u32::try_from(xxh3_64(platform::host_name().as_bytes()) >> 32).unwrap_or_default();
            Self {
                host,
                pid,
                started: platform::process_start(pid).unwrap_or_default(),
            }
        })
    }

    /// The name of this owner's partial file for the blob `stem`.
    pub(crate) fn file_name(self, stem: &str) -> String {
        format!(
            "{stem}.{:08x}-{}-{}{SUFFIX}",
            self.host, self.pid, self.started
        )
    }

    /// Reads a name back: the stem and the owner.
    pub(crate) fn parse(file_name: &str) -> Option<(&str, Self)> {
        let (stem, owner) = file_name.strip_suffix(SUFFIX)?.rsplit_once('.')?;
        let mut parts = owner.split('-');
        let host = u32::from_str_radix(parts.next()?, 16).ok()?;
        let pid = parts.next()?.parse().ok()?;
        let started = parts.next()?.parse().ok()?;
        (parts.next().is_none() && !stem.is_empty()).then_some((stem, Self { host, pid, started }))
    }

    /// Whether the process may still write to `path`, as far as can be told without a lock.
    pub(crate) fn may_live(self, path: &Path) -> bool {
        if self.host == Self::this().host {
            let started = platform::process_start(self.pid);
            return started.is_some_and(|now| now == self.started);
        }
        let modified = path
            .metadata()
            .and_then(|m| m.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH);
        modified.elapsed().is_ok_and(|age| age < SILENT_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_owner() {
        let name = Owner::this().file_name("abc.def");
        assert_eq!(Owner::parse(&name), Some(("abc.def", Owner::this())));
        for other in [
            "abc.incomplete",
            "x.hfast",
            ".1-2-3.hfast",
            "a.zz-1-2.hfast",
            "a.1-2.hfast",
        ] {
            assert_eq!(Owner::parse(other), None, "{other}");
        }
    }

    #[test]
    fn this_process_lives_and_its_predecessor_with_the_same_id_does_not() {
        let this = Owner::this();
        assert!(this.may_live(Path::new("/nonexistent")));
        let predecessor = Owner {
            started: this.started + 1,
            ..this
        };
        assert!(!predecessor.may_live(Path::new("/nonexistent")));
    }
}
