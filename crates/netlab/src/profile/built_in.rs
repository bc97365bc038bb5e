//! The profiles that come with netlab, and finding one by its name.

use std::fmt::Write;
use std::fs;

use super::Profile;
use crate::failure::{Failure, Why};

/// A profile as it is written here.
struct BuiltIn {
    name: &'static str,
    about: &'static str,
    settings: &'static str,
}

const BUILT_IN: [BuiltIn; 11] = [
    BuiltIn {
        name: "raw",
        about: "no shaping at all, offload on: the emulator's own ceiling",
        settings: "gso=on queue=16M",
    },
    BuiltIn {
        name: "raw-packets",
        about: "no shaping, one packet at a time: the ceiling of every lossy profile",
        settings: "queue=16M",
    },
    BuiltIn {
        name: "lan",
        about: "1 Gbit/s, 0.2 ms RTT",
        settings: "gso=on delay=0.1ms rate=1gbit queue=1M",
    },
    BuiltIn {
        name: "good",
        about: "1 Gbit/s, 20 ms RTT, no loss",
        settings: "gso=on delay=10ms rate=1gbit queue=4M",
    },
    BuiltIn {
        name: "cn-mirror",
        about: "200 Mbit/s, 180 ms RTT, 1% loss: a far mirror over a lossy border",
        settings: "delay=90ms jitter=4ms down.loss=0.01 up.loss=0.002 rate=200mbit queue=2M",
    },
    BuiltIn {
        name: "cn-burst",
        about: "as cn-mirror, but the 1% comes in bursts of 8 packets on average",
        settings: "delay=90ms jitter=4ms down.burst_enter=0.00125 down.burst_leave=0.125 \
                   rate=200mbit queue=2M",
    },
    BuiltIn {
        name: "throttled",
        about: "100 Mbit/s, 60 ms RTT, 2 MB/s for each connection",
        settings: "delay=30ms jitter=1ms rate=100mbit queue=1M \
                   down.flow_rate=2MB/s down.flow_queue=256k",
    },
    BuiltIn {
        name: "flaky",
        about: "100 Mbit/s, 120 ms RTT, 0.5% loss, all connections reset every 7 s or so, \
                each silent for ever after 20 s on average",
        settings: "delay=60ms jitter=5ms down.loss=0.005 up.loss=0.002 rate=100mbit queue=1M \
                   rst_every=7s stall_mean=20s",
    },
    BuiltIn {
        name: "stall",
        about: "100 Mbit/s, 80 ms RTT, no loss, each connection silent for ever after 10 s on average",
        settings: "delay=40ms rate=100mbit queue=1M stall_mean=10s",
    },
    BuiltIn {
        name: "outage",
        about: "100 Mbit/s, 60 ms RTT, dead for 20 s of each 60 s, first 5 s after the start",
        settings: "delay=30ms jitter=1ms down.loss=0.0005 rate=100mbit queue=1M \
                   down_every=60s down_for=20s down_after=5s",
    },
    BuiltIn {
        name: "mobile",
        about: "20 Mbit/s, 5 Mbit/s up, 100 ms RTT, much jitter, short loss bursts, deep queue",
        settings: "delay=50ms jitter=30ms down.burst_enter=0.001 down.burst_leave=0.3 \
                   rate=20mbit up.rate=5mbit queue=1M",
    },
];

/// The list for people: what each is, and its settings.
pub(crate) fn list() -> String {
    let mut list = String::new();
    for BuiltIn {
        name,
        about,
        settings,
    } in BUILT_IN
    {
        // Writing to a string does not fail.
        let _ = writeln!(list, "{name:12} {about}\n{:12} {settings}", "");
    }
    list
}

impl Profile {
    /// The one of this name that comes with netlab.
    pub(crate) fn built_in(name: &str) -> Option<Self> {
        let found = BUILT_IN.iter().find(|built_in| built_in.name == name)?;
        let mut profile = Self::default();
        profile.apply(found.settings).ok()?;
        Some(profile)
    }

    /// A built-in by its name, or a file of `key=value` words in which `#` begins a comment.
    pub(crate) fn load(name: &str) -> Result<Self, Failure> {
        if let Some(profile) = Self::built_in(name) {
            return Ok(profile);
        }
        let text = fs::read_to_string(name).why(
            format!("{name:?} is no built-in profile and no file that can be read"),
            "see `netlab profiles`",
        )?;
        let mut profile = Self::default();
        for line in text.lines() {
            let words = line.split('#').next();
            profile.apply(words.unwrap_or_default())?;
        }
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_and_survives_its_text_form() {
        for BuiltIn { name, .. } in BUILT_IN {
            let profile = Profile::built_in(name).unwrap_or_else(|| panic!("{name}"));
            let mut again = Profile::default();
            again.apply(&profile.to_string()).unwrap();
            assert_eq!(again, profile, "{name}: {profile}");
        }
    }

    #[test]
    fn a_file_may_hold_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slow");
        fs::write(
            &path,
            "# a slow link\nrate=1mbit queue=64k # short\n\ndelay=1s\n",
        )
        .unwrap();
        let profile = Profile::load(path.to_str().unwrap()).unwrap();
        assert_eq!(profile.to_string(), "delay=1s rate=1mbit queue=64k");
        let missing = Profile::load("no-such-profile").unwrap_err().to_string();
        assert!(missing.contains("see `netlab profiles`"), "{missing}");
    }
}
