//! Network namespaces: their names, what runs in one, and doing something inside one.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::LabName;
use crate::end::End;
use crate::failure::{Failure, Why};
use crate::tun::DEVICE;

/// `/proc/net` of the namespace that this thread, not its process, is in.
const PROC_NET: &str = "/proc/thread-self/net";
/// Where in a line of `/proc/net/dev` the packets are that a device did not take.
const TRANSMIT_DROPPED: usize = 11;
/// The state LISTEN in `/proc/net/tcp` (`net/tcp_states.h`).
const LISTEN: &str = "0A";

/// The namespace of one end.
pub(crate) fn namespace(name: &LabName, end: End) -> String {
    format!("netlab-{name}-{}", end.name())
}

fn path(space: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(space)
}

/// Whether there is such a namespace.
pub(crate) fn exists(space: &str) -> bool {
    path(space).exists()
}

/// Runs iproute2's `ip`.
pub(super) fn ip(words: &[&str]) -> Result<(), Failure> {
    let what = format!("`ip {}` failed", words.join(" "));
    let next = "run as root, with iproute2 installed";
    let output = Command::new("ip").args(words).stdin(Stdio::null()).output();
    let output = output.why(what.clone(), next)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{what}: {}", said.trim()), next))
}

/// Sets a value under `/proc/sys/net` of the namespace that this thread is in.
pub(super) fn sysctl(key: &str, value: &str) -> Result<(), Failure> {
    let written = fs::write(format!("/proc/sys/net/{key}"), value);
    written.why(
        format!("cannot set {key} to {value:?}"),
        "run as root, with a value that the kernel takes",
    )
}

/// Does something on a thread of its own that has entered the namespace.
pub(crate) fn inside<T: Send>(
    space: &str,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    let enter = || {
        let what = || format!("cannot enter the namespace {space}");
        let next = "see `ip netns list` for those that there are, and run as root";
        let file = File::open(path(space)).why(what(), next)?;
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(file.as_fd(), kind).why(what(), next)
    };
    let done = thread::scope(|scope| scope.spawn(|| enter().and_then(|()| work())).join());
    done.unwrap_or_else(|_| {
        Err(Failure::new(
            "a thread in a namespace panicked",
            "report it",
        ))
    })
}

/// What runs in a namespace, but for this process.
pub(super) fn processes(space: &str) -> Vec<Pid> {
    if !exists(space) {
        return Vec::new();
    }
    let listed = Command::new("ip").args(["netns", "pids", space]).output();
    let listed = listed.map(|output| output.stdout).unwrap_or_default();
    let own = rustix::process::getpid();
    String::from_utf8_lossy(&listed)
        .split_whitespace()
        .filter_map(|word| Pid::from_raw(word.parse().ok()?))
        .filter(|process| *process != own)
        .collect()
}

/// Packets that the device of an end dropped because nobody read them.
pub(super) fn overruns(name: &LabName, end: End) -> Result<u64, Failure> {
    inside(&namespace(name, end), || {
        let path = format!("{PROC_NET}/dev");
        let next = "leave the devices of a lab alone while it runs";
        let text = fs::read_to_string(&path).why(format!("cannot read {path}"), next)?;
        let dropped = dropped(&text);
        dropped.ok_or_else(|| Failure::new(format!("{path} does not tell of {DEVICE}"), next))
    })
}

fn dropped(dev: &str) -> Option<u64> {
    let ours = |line: &str| {
        line.trim()
            .strip_prefix(DEVICE)?
            .strip_prefix(':')
            .map(str::to_owned)
    };
    let counters = dev.lines().find_map(ours)?;
    counters
        .split_whitespace()
        .nth(TRANSMIT_DROPPED)?
        .parse()
        .ok()
}

/// Whether something listens at the server, on this TCP port or on any.
pub(crate) fn listening(name: &LabName, port: Option<u16>) -> Result<bool, Failure> {
    inside(&namespace(name, End::Server), || {
        let files = ["tcp", "tcp6"].map(|file| fs::read_to_string(format!("{PROC_NET}/{file}")));
        // A kernel without IPv6 has only the first.
        Ok(files
            .iter()
            .flatten()
            .any(|sockets| has_listener(sockets, port)))
    })
}

fn has_listener(sockets: &str, port: Option<u16>) -> bool {
    let wanted = port.map(|port| format!(":{port:04X}"));
    sockets.lines().any(|line| {
        let mut words = line.split_whitespace();
        let (local, state) = (words.nth(1).unwrap_or_default(), words.nth(1));
        let here = wanted
            .as_ref()
            .is_none_or(|wanted| local.ends_with(wanted.as_str()));
        here && state == Some(LISTEN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_read_from_their_column() {
        let dev = "Inter-|   Receive                            |  Transmit\n \
            face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop\n\
            \x20   lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
            \x20 lab0: 1 2 3 4 5 6 7 8 9 10 11 77 13 14 15 16\n";
        assert_eq!(dropped(dev), Some(77));
        assert_eq!(dropped("nothing"), None);
    }

    #[test]
    fn a_listener_is_found_by_its_port_and_state() {
        let sockets = "  sl  local_address rem_address   st tx_queue\n   \
            0: 00000000:1F40 00000000:0000 0A 00000000:00000000\n   \
            1: 0100007F:0050 0200007F:9C40 01 00000000:00000000\n";
        assert!(has_listener(sockets, Some(8000)));
        assert!(has_listener(sockets, None));
        assert!(!has_listener(sockets, Some(80)));
        assert!(!has_listener("", None));
    }
}
