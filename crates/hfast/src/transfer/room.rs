//! What is known of a way to a source at one moment, for those who choose where the next connection goes. Pure.
//!
//! It comes from `lanes.rs`.

use std::time::Duration;

use super::held::Rules;

/// Where connections have to be shared out among several ways, one that brings less by this factor gets no
/// further one: what differs by less is soon the other way round.
const SLOWER: f64 = 2.0;

/// Whether one more connection may go some way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// So many more connections may be opened.
    pub(super) free: usize,
    /// It fails again and again.
    pub(super) trouble: bool,
    /// It is time to see whether that has passed.
    pub(super) trial: bool,
    /// It has neither answered nor failed, and nobody is asking it.
    pub(super) is_untried: bool,
    /// How long an answer takes at least, what pauses between requests cost beside it, and how long answers
    /// took of late.
    pub(super) wait: Duration,
    pub(super) cost: Duration,
    pub(super) recent_wait: Duration,
    /// So many are open, and what one of them brings in bytes per second; 0 while that is not known.
    pub(super) active: usize,
    pub(super) rate: f64,
}

impl Room {
    /// How the end of a file is shared out among those that go this way.
    pub(super) fn rules(&self, may_race: bool) -> Rules {
        Rules {
            wait: self.cost,
            recent_wait: self.recent_wait,
            rate: self.rate,
            may_race,
        }
    }

    /// Whether it is left to those for whom another way, which brings `best`, has no room: also while the only
    /// connection there has not shown what it brings.
    pub(super) fn is_slow(&self, best: f64) -> bool {
        let is_seen = self.active > 0 || self.rate > 0.0;
        is_seen && self.rate * SLOWER < best
    }
}
