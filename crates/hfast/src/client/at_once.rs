//! How much is done at once: what was asked for, or what a process has room for that may have few files
//! and sockets open. Pure.

use super::ClientOptions;
use crate::transfer::engine::Limits;

/// As many connections as are tried where each brings little: many more than this are an attack on a
/// server, and with fewer a path that loses packets carries a fraction of what it could.
const MOST_CONNECTIONS: usize = 128;

/// What is open whatever is done: fourteen of the streams, the runtime and its signals, and what is opened
/// for a moment only: a listing, a note, the name server.
const OWN: usize = 18;

/// A connection has a socket, and mostly one that was kept, to whoever sent us on or from before. It may
/// bring a small file, which has its lock, its temporary file, and its folder while that is flushed.
const EACH_CONNECTION: usize = 5;

/// A large file has its lock, itself, what of it lies elsewhere, and its folder while that is flushed.
const EACH_FILE: usize = 4;

impl ClientOptions {
    /// What is done at once.
    pub(super) fn limits(&self) -> Limits {
        let asked = self.asked();
        self.open_files.map_or(asked, |most| within(asked, most))
    }

    fn asked(&self) -> Limits {
        Limits {
            connections: self.connections.unwrap_or(MOST_CONNECTIONS).max(1),
            insists: self.connections.is_some(),
            files: self.max_files.max(1),
        }
    }

    /// What is done less of because of [`Self::open_files`], if that is so, for people.
    pub fn narrowed(&self) -> Option<String> {
        let (asked, limits, most) = (self.asked(), self.limits(), self.open_files?);
        let less = |what: &str, limit: usize, asked: usize| {
            (limit < asked).then(|| format!("{limit} instead of {asked} {what}"))
        };
        let connections = less("connections", limits.connections, asked.connections);
        let files = less("large files at once", limits.files, asked.files);
        let told: Vec<_> = connections.into_iter().chain(files).collect();
        (!told.is_empty()).then(|| {
            let told = told.join(", ");
            format!("only {most} files and sockets may be open: at most {told}")
        })
    }
}

/// As much of `asked` as fits where so many files and sockets may be open; one of each in any case. Large
/// files get a quarter of the room at most: few are enough to keep the connections busy.
fn within(asked: Limits, open_files: usize) -> Limits {
    let room = open_files.saturating_sub(OWN);
    let files = asked.files.min(room / 4 / EACH_FILE).max(1);
    let room = room.saturating_sub(files * EACH_FILE);
    let connections = asked.connections.min(room / EACH_CONNECTION).max(1);
    Limits {
        connections,
        files,
        ..asked
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options(connections: Option<usize>, open_files: Option<usize>) -> ClientOptions {
        ClientOptions {
            connections,
            open_files,
            ..ClientOptions::default()
        }
    }

    #[test]
    fn fewer_open_files_mean_fewer_connections_and_files() {
        for (open_files, connections, files) in [
            (0, 1, 1),
            (24, 1, 1),
            (64, 7, 2),
            (256, 41, 8),
            (1024, 194, 8),
            (4096, 256, 8),
        ] {
            let limits = options(Some(256), Some(open_files)).limits();
            assert!(limits.insists);
            let found = (limits.connections, limits.files);
            assert_eq!(found, (connections, files), "{open_files}");
        }
        let limits = options(None, Some(1024)).limits();
        assert_eq!((limits.connections, limits.insists), (128, false));
    }

    #[test]
    fn it_is_told_when_there_is_too_little_room_and_only_then() {
        let told = options(Some(256), Some(24)).narrowed();
        let said = "only 24 files and sockets may be open: at most 1 instead of 256 connections, 1 instead of 8 large files at once";
        assert_eq!(told.as_deref(), Some(said));
        let told = options(None, Some(256)).narrowed();
        let said = "only 256 files and sockets may be open: at most 41 instead of 128 connections";
        assert_eq!(told.as_deref(), Some(said));
        assert_eq!(options(Some(256), None).narrowed(), None);
        assert_eq!(options(Some(256), Some(4096)).narrowed(), None);
    }

    proptest! {
        #[test]
        fn what_is_done_at_once_fits(connections in 1..300_usize, files in 1..300_usize, most in 0..9000_usize) {
            let asked = Limits { connections, insists: true, files };
            let limits = within(asked, most);
            prop_assert!((1..=connections).contains(&limits.connections));
            prop_assert!((1..=files).contains(&limits.files));
            let takes = OWN + limits.connections * EACH_CONNECTION + limits.files * EACH_FILE;
            prop_assert!(takes <= most.max(OWN + EACH_CONNECTION + EACH_FILE));
            let more = within(asked, most + 1);
            prop_assert!(more.connections + more.files >= limits.connections + limits.files);
        }
    }
}
