//! What was learnt of the ways to servers, for the next job: how many connections paid, in one small file
//! for all processes of a user.
//!
//! It is a hint of no great worth: it is not flushed, who writes last wins, and what makes no sense counts
//! as nothing. What follows from it is told in `transfer/controller.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{place, platform};
use crate::transfer::controller::Learnt;

const NAME: &str = "networks.json";

/// The same while it is written. One name for all: what a killed process leaves is written over, and what two
/// at once make of it is a file that makes no sense.
const WRITTEN: &str = "networks.json.new";

/// People come back to a network on the next day; what was learnt of it before that is old.
const WHILE: Duration = Duration::from_secs(24 * 3600);

/// Nobody uses more ways in that time; the oldest is forgotten.
const MOST: usize = 64;

/// What so many take, several times over.
const MAX_LEN: u64 = 64 << 10;

/// All ways, by the network and the server.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Networks(BTreeMap<String, Entry>);

#[derive(Debug, Deserialize, Serialize)]
struct Entry {
    connections: usize,
    bytes_per_second: f64,
    /// Seconds since 1970.
    at: u64,
}

impl Networks {
    /// What is known in `folder`.
    pub(crate) fn read(folder: &Path) -> Self {
        let text = place::read_note(&folder.join(NAME), MAX_LEN);
        let known: Option<Self> = text.and_then(|text| serde_json::from_str(&text).ok());
        let mut known = known.unwrap_or_default();
        let now = now();
        let is_new = |entry: &Entry| entry.at <= now && now - entry.at < WHILE.as_secs();
        known.0.retain(|_, entry| is_new(entry));
        known
    }

    /// What was learnt of a way.
    pub(crate) fn of(&self, way: &str) -> Option<Learnt> {
        let entry = self.0.get(way)?;
        let is_sensible = entry.connections > 0 && entry.bytes_per_second > 0.0;
        is_sensible.then_some(Learnt {
            connections: entry.connections,
            rate: entry.bytes_per_second,
        })
    }

    /// Adds what was learnt now.
    pub(crate) fn learn(&mut self, way: String, learnt: Learnt) {
        let entry = Entry {
            connections: learnt.connections,
            bytes_per_second: learnt.rate,
            at: now(),
        };
        self.0.insert(way, entry);
        while self.0.len() > MOST {
            let oldest = self.0.iter().min_by_key(|(_, entry)| entry.at);
            let Some(oldest) = oldest.map(|(way, _)| way.clone()) else {
                return;
            };
            self.0.remove(&oldest);
        }
    }

    /// Writes it to `folder`, which nobody else can write to.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        platform::private_folder(folder)?;
        let temporary = folder.join(WRITTEN);
        let written = fs::write(&temporary, serde_json::to_vec(self)?);
        written
            .and_then(|()| fs::rename(&temporary, folder.join(NAME)))
            .inspect_err(|_| drop(fs::remove_file(&temporary)))
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_is_known_for_a_while_and_nonsense_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().join("hfast");
        assert_eq!(Networks::read(&here).of("a"), None);
        let learnt = Learnt {
            connections: 64,
            rate: 1e7,
        };
        let mut networks = Networks::default();
        for way in 0..100 {
            networks.learn(way.to_string(), learnt);
        }
        assert_eq!(networks.0.len(), MOST);
        networks.learn("a".to_owned(), learnt);
        fs::create_dir(&here).unwrap();
        fs::write(here.join(WRITTEN), "{\"a\":").unwrap();
        networks.write(&here).unwrap();
        assert_eq!(Networks::read(&here).of("a"), Some(learnt));
        for bad in [
            r#"{"a":{"connections":64,"bytes_per_second":1.0,"at":1}}"#,
            r#"{"a":{"connections":0,"bytes_per_second":1.0,"at":4102444800}}"#,
            r#"{"a":{"connections":-1,"bytes_per_second":1.0,"at":1}}"#,
            "[",
        ] {
            fs::write(here.join(NAME), bad).unwrap();
            assert_eq!(Networks::read(&here).of("a"), None, "{bad}");
        }
        let left = fs::read_dir(&here).unwrap().count();
        assert_eq!(left, 1, "no temporary file is left");
    }
}
