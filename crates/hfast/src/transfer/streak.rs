//! Failures in a row, of which those that meet one event count once. Pure: time is an argument.
//!
//! What follows from their number is decided where they are counted.

use std::time::Duration;

/// How many there were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Streak {
    pub(super) count: u32,
    /// When the last one was counted.
    last: Duration,
}

impl Streak {
    /// Counts what began at `since` and failed. False: it was under way when the last one was counted, and
    /// met the same event.
    pub(super) fn add(&mut self, (since, now): (Duration, Duration)) -> bool {
        let is_another = self.count == 0 || since >= self.last;
        if is_another {
            self.count += 1;
            self.last = now;
        }
        is_another
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_under_way_met_the_same_event() {
        let mut streak = Streak::default();
        let times = [(0, 5), (0, 5), (4, 6), (5, 7), (6, 8), (7, 9)];
        let counted = times.map(|times| {
            let (since, now) = times;
            streak.add((Duration::from_secs(since), Duration::from_secs(now)))
        });
        assert_eq!(counted, [true, false, false, true, false, true]);
        assert_eq!(streak.count, 3);
    }
}
