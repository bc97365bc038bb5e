//! The speed of the last seconds, from samples of what came. Pure: time is passed in.

use std::collections::VecDeque;
use std::time::Duration;

use hfast::transfer::progress::{FileSnapshot, Phase, Snapshot};

use super::size;

/// Long enough to be calm on a path that stutters, short enough to show a change.
const WINDOW: Duration = Duration::from_secs(6);

/// Shorter than this, nothing is worth a word.
const SILENCE: Duration = Duration::from_secs(3);

/// Samples of the last [`WINDOW`], at most one for every eighth of a second.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    samples: VecDeque<(Duration, u64)>,
    /// When the last byte had come.
    last_byte: Duration,
}

impl Rate {
    pub(crate) fn observe(&mut self, now: &Snapshot) {
        let came = now.received_bytes.saturating_add(now.copied_bytes);
        if self
            .samples
            .back()
            .is_some_and(|(last, _)| *last > now.elapsed)
        {
            // A new job has begun.
            *self = Self::default();
        }
        if self
            .samples
            .back()
            .is_none_or(|(_, before)| *before != came)
        {
            self.last_byte = now.elapsed;
        }
        self.samples.push_back((now.elapsed, came));
        let old = |(at, _): &(Duration, u64)| *at + WINDOW < now.elapsed;
        while self.samples.front().is_some_and(old) {
            self.samples.pop_front();
        }
    }

    pub(crate) fn bytes_per_second(&self) -> u64 {
        let (Some((start, before)), Some((end, after))) =
            (self.samples.front(), self.samples.back())
        else {
            return 0;
        };
        size::rate(after.saturating_sub(*before), end.saturating_sub(*start)).unwrap_or(0)
    }

    /// How long nothing has come for files that wait for bytes, if it is long.
    pub(crate) fn silence(&self, now: &Snapshot) -> Option<Duration> {
        let waits = |file: &FileSnapshot| {
            let waits = matches!(file.phase, Phase::Fetching | Phase::Copying);
            waits && (file.size == 0 || file.done < file.size)
        };
        let silence = now.elapsed.saturating_sub(self.last_byte);
        (silence >= SILENCE && now.files.iter().any(waits)).then_some(silence)
    }

    /// The time that the rest will take at this speed.
    pub(crate) fn time_left(&self, now: &Snapshot) -> Option<Duration> {
        let rest = now.total_bytes.saturating_sub(now.done_bytes);
        let rest_in_seconds = rest.checked_div(self.bytes_per_second())?;
        (rest > 0).then(|| Duration::from_secs(rest_in_seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(seconds: u64, received_bytes: u64) -> Snapshot {
        Snapshot {
            total_bytes: 10_000,
            done_bytes: received_bytes,
            received_bytes,
            elapsed: Duration::from_secs(seconds),
            ..Snapshot::default()
        }
    }

    #[test]
    fn the_speed_forgets_what_is_long_ago() {
        let mut rate = Rate::default();
        for (second, received) in [(0, 0), (1, 5000), (20, 5000), (22, 5200), (25, 5700)] {
            rate.observe(&snapshot(second, received));
        }
        assert_eq!(rate.bytes_per_second(), 140);
        let left = rate.time_left(&snapshot(25, 5800));
        assert_eq!(left, Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_silence_is_counted_while_a_file_waits_for_bytes() {
        let mut rate = Rate::default();
        let mut now = snapshot(0, 0);
        for (second, received) in [(0, 0), (1, 500), (9, 500)] {
            now = snapshot(second, received);
            rate.observe(&now);
        }
        assert_eq!(rate.silence(&now), None, "nothing is being fetched");
        now.files = vec![FileSnapshot {
            name: String::new(),
            size: 1000,
            done: 500,
            connections: 0,
            phase: Phase::Fetching,
        }];
        assert_eq!(rate.silence(&now), Some(Duration::from_secs(8)));
        now.files[0].done = 1000;
        assert_eq!(rate.silence(&now), None, "it waits for the disk");
        now = snapshot(10, 501);
        rate.observe(&now);
        assert_eq!(rate.silence(&now), None);
    }

    #[test]
    fn a_standstill_has_no_end_in_sight() {
        let mut rate = Rate::default();
        rate.observe(&snapshot(0, 0));
        assert_eq!(rate.time_left(&snapshot(0, 0)), None);
        rate.observe(&snapshot(5, 0));
        assert_eq!(rate.time_left(&snapshot(5, 0)), None);
    }
}
