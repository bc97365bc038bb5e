//! The open connections of a job, so that each can be compared with its siblings.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::stall::{LONGEST_PATIENCE, Meter, NOW, PROBE, Silence, Stall, judge};

/// The open connections.
#[derive(Default)]
pub(super) struct Board {
    open: Mutex<Vec<Entry>>,
    /// When the last byte came, over whichever connection.
    last_byte: Mutex<Duration>,
    /// When it was last tried whether the link has come back, and how often before since something came.
    probed: Mutex<(Duration, u32)>,
}

struct Entry {
    /// The source, by its lane, and whom the bytes are asked of.
    lane: usize,
    host: String,
    meter: Arc<Mutex<Meter>>,
    /// Nothing is expected of it now.
    waits: bool,
}

/// A connection on the board until it is dropped.
pub(super) struct MeterHandle<'a> {
    board: &'a Board,
    meter: Arc<Mutex<Meter>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// Enters a connection that is about to be asked for something.
    pub(super) fn enter(&self, lane: usize, host: &str, now: Duration) -> MeterHandle<'_> {
        let meter = Arc::new(Mutex::new(Meter::new(now)));
        locked(&self.open).push(Entry {
            lane,
            host: host.to_owned(),
            meter: Arc::clone(&meter),
            waits: true,
        });
        MeterHandle { board: self, meter }
    }

    /// Whether content has come on `lane` within the last few seconds.
    pub(super) fn is_receiving(&self, lane: usize, now: Duration) -> bool {
        let open = locked(&self.open);
        open.iter().any(|entry| {
            entry.lane == lane && locked(&entry.meter).has_received(now, LONGEST_PATIENCE)
        })
    }

    /// Whether something has come just now, over whichever connection.
    pub(super) fn link_works(&self, now: Duration) -> bool {
        now.saturating_sub(*locked(&self.last_byte)) < NOW
    }

    /// Whether it is time to try once more whether the link has come back. If so, it is tried now, after so
    /// many trials since something came.
    pub(super) fn is_time_to_probe(&self, now: Duration) -> Option<u32> {
        let mut probed = locked(&self.probed);
        // A trial may fail at once.
        let is_time = self.silence(now) >= PROBE && now.saturating_sub(probed.0) >= PROBE;
        if !is_time {
            return None;
        }
        let in_vain = probed.0 > *locked(&self.last_byte);
        let before = if in_vain { probed.1 + 1 } else { 0 };
        *probed = (now, before);
        Some(before)
    }

    /// For how long nothing has come over any connection, while something was to be expected.
    fn silence(&self, now: Duration) -> Duration {
        if locked(&self.open).iter().all(|entry| entry.waits) {
            return Duration::ZERO;
        }
        now.saturating_sub(*locked(&self.last_byte))
    }
}

impl MeterHandle<'_> {
    /// Notes whom the bytes come from.
    pub(super) fn is_from(&self, host: &str) {
        self.with_entry(|entry| host.clone_into(&mut entry.host));
    }

    /// Expects nothing for now.
    pub(super) fn wait(&self) {
        self.with_entry(|entry| entry.waits = true);
    }

    /// Expects something from now on.
    pub(super) fn restart(&self, now: Duration) {
        if self.board.silence(now).is_zero() {
            // Nothing was to be expected of anybody.
            *locked(&self.board.last_byte) = now;
        }
        self.with_entry(|entry| {
            entry.waits = false;
            *locked(&entry.meter) = Meter::new(now);
        });
    }

    fn with_entry(&self, act: impl FnOnce(&mut Entry)) {
        let mut open = locked(&self.board.open);
        let mut all = open.iter_mut();
        let own = all.find(|entry| Arc::ptr_eq(&entry.meter, &self.meter));
        if let Some(entry) = own {
            act(entry);
        }
    }

    pub(super) fn add(&self, bytes: u64, now: Duration) {
        locked(&self.meter).add(bytes, now);
        *locked(&self.board.last_byte) = now;
    }

    /// When it was asked for what it brings.
    pub(super) fn asked(&self) -> Duration {
        locked(&self.meter).started()
    }

    /// Takes a sample, and judges the connection by itself and by the others.
    pub(super) fn judge(&self, now: Duration, allowed: &Silence) -> Option<Stall> {
        let mut meter = locked(&self.meter);
        meter.tick(now);
        let own = meter.pulse(now);
        drop(meter);
        let link_works = self.board.link_works(now);
        let open = locked(&self.board.open);
        let is_own = |entry: &&Entry| Arc::ptr_eq(&entry.meter, &self.meter);
        let entry = open.iter().find(is_own).filter(|entry| !entry.waits)?;
        let others = open.iter().filter(|entry| !is_own(entry));
        let near = others.filter(|other| other.host == entry.host);
        let siblings: Vec<_> = near.map(|other| locked(&other.meter).pulse(now)).collect();
        judge(&own, &siblings, link_works, allowed)
    }
}

impl Drop for MeterHandle<'_> {
    fn drop(&mut self) {
        locked(&self.board.open).retain(|entry| !Arc::ptr_eq(&entry.meter, &self.meter));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_silent_link_is_tried_every_two_seconds_however_soon_a_trial_fails() {
        let board = Board::default();
        let meter = board.enter(0, "host", Duration::ZERO);
        meter.restart(Duration::ZERO);
        let trials = (0..100).map(|tick| Duration::from_millis(tick * 100));
        let trials = trials.filter_map(|now| Some((board.is_time_to_probe(now)?, now)));
        let expected = [(0, 2), (1, 4), (2, 6), (3, 8)].map(|(n, now)| (n, now * SECOND));
        assert_eq!(trials.collect::<Vec<_>>(), expected);
        meter.add(1, 10 * SECOND);
        let trials = [11, 12].map(|now| board.is_time_to_probe(now * SECOND));
        assert_eq!(trials, [None, Some(0)]);
    }
}
