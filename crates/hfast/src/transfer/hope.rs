//! Whether bytes are still to be hoped for when none come. Pure: time is an argument.
//!
//! A dead server must not cost its patience once for each file, and a few broken files must not
//! cost the others. So exchanges that fail while nothing comes speak against all files together; once
//! one was given up, those that follow are tried once each, until something comes or enough of them
//! have failed.

use std::time::Duration;

use super::streak::Streak;
use crate::transport::retry::{FOR_BYTES, LINGERING, ONCE, Patience};

/// So many files in a row that failed at once, after one that had all patience, are no accident.
const MOST_TRIALS: u32 = 32;

/// And no more time than this is spent on trials, of all connections together: three that met silence.
const LONGEST_TRIALS: Duration = Duration::from_secs(60);

/// What became of exchanges and files since content came last.
#[derive(Debug, Default)]
pub(super) struct Hope {
    last_content: Option<Duration>,
    /// Exchanges that failed one after another, and when the first did.
    failures: Streak,
    failing_since: Duration,
    /// When a file was given up, for all patience.
    given_up: Option<Duration>,
    trials: u32,
    cost: Duration,
}

impl Hope {
    /// Content has come, of whichever file.
    pub(super) fn content_came(&mut self, now: Duration) {
        *self = Self {
            last_content: Some(now),
            ..Self::default()
        };
    }

    /// Notes an exchange that failed, when it began and when it did, and answers how patiently its file is to be
    /// fetched now. `on_the_way`: no server answered.
    pub(super) fn exchange_failed(
        &mut self,
        times: (Duration, Duration),
        on_the_way: bool,
    ) -> Patience {
        let now = times.1;
        if self.failures.count == 0 {
            self.failing_since = now;
        }
        self.failures.add(times);
        // What has worked may work again: the link is down, and the file is not broken.
        let worked = self.last_content.is_some() && on_the_way;
        let patience = if worked { LINGERING } else { FOR_BYTES };
        let time = now.saturating_sub(self.failing_since);
        let is_spent = self.failures.count >= patience.failures && time >= patience.time;
        if is_spent || self.given_up.is_some() {
            ONCE
        } else {
            patience
        }
    }

    /// Notes a file that was given up, for a reason that may be that of all, after it was tried from
    /// `began` to `now`. True: no further file needs to be tried.
    pub(super) fn file_failed(&mut self, began: Duration, now: Duration) -> bool {
        if self.last_content.is_some_and(|last| last > began) {
            // Others came meanwhile.
            return false;
        }
        if let Some(given_up) = self.given_up {
            self.trials += 1;
            self.cost += now.saturating_sub(began.max(given_up));
        }
        self.given_up.get_or_insert(now);
        self.trials >= MOST_TRIALS || self.cost >= LONGEST_TRIALS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Exchanges of 20 s that fail, so many at a time, until the patience is at its end.
    fn silent_until(hope: &mut Hope, start: u32) -> Option<u32> {
        let ends = (start..start + 1000).step_by(20).skip(1);
        let mut times = ends.map(|end| {
            let times = ((end - 20) * SECOND, end * SECOND);
            let patience = [(); 4].map(|()| hope.exchange_failed(times, true));
            (end, patience[3])
        });
        times
            .find(|(_, patience)| *patience == ONCE)
            .map(|(end, _)| end)
    }

    #[test]
    fn a_file_that_fails_while_others_come_says_nothing_of_them() {
        let mut hope = Hope::default();
        hope.content_came(100 * SECOND);
        assert!(!hope.file_failed(30 * SECOND, 120 * SECOND));
        let failed = hope.exchange_failed((30 * SECOND, 101 * SECOND), false);
        assert_eq!(failed, FOR_BYTES);
    }

    #[test]
    fn silence_is_of_all_and_lasts_longer_where_something_came() {
        let mut hope = Hope::default();
        assert_eq!(silent_until(&mut hope, 0), Some(100));
        hope.content_came(1000 * SECOND);
        assert_eq!(silent_until(&mut hope, 1000), Some(1320));
    }

    #[test]
    fn a_dead_server_costs_its_patience_once() {
        let mut hope = Hope::default();
        assert!(!hope.file_failed(SECOND, 80 * SECOND));
        let failed = hope.exchange_failed((80 * SECOND, 81 * SECOND), true);
        assert_eq!(failed, ONCE);
        let refused = (1..=100).find(|_| hope.file_failed(81 * SECOND, 81 * SECOND));
        assert_eq!(refused, Some(MOST_TRIALS));
        let mut hope = Hope::default();
        assert!(!hope.file_failed(SECOND, 108 * SECOND));
        let silent = (1..=100).find(|_| hope.file_failed(SECOND, 128 * SECOND));
        assert_eq!(silent, Some(3));
    }

    #[test]
    fn broken_files_do_not_cost_those_that_follow() {
        let mut hope = Hope::default();
        for _ in 0..24 {
            assert!(!hope.file_failed(80 * SECOND, 81 * SECOND));
        }
        hope.content_came(82 * SECOND);
        assert!(!hope.file_failed(81 * SECOND, 83 * SECOND));
        let failed = hope.exchange_failed((82 * SECOND, 84 * SECOND), false);
        assert_eq!(failed, FOR_BYTES, "what was given up was given up before");
    }
}
