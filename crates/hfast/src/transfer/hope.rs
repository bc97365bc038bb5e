//! Whether the files that are left are worth the full patience, once one was given up and nothing
//! comes. Pure: time is an argument.
//!
//! A dead server must not cost its patience once for each file, and a few broken files must not
//! cost the others. So those that follow are tried once each, until something comes or enough of
//! them have failed.

use std::time::Duration;

use crate::transport::retry::{FOR_BYTES, ONCE, Patience};

/// So many files in a row that failed at once, after one that had all patience, are no accident.
const MOST_TRIALS: u32 = 32;

/// And no more time than this is spent on trials, of all connections together: three that met silence.
const LONGEST_TRIALS: Duration = Duration::from_secs(60);

/// What became of the files since content came last.
#[derive(Debug, Default)]
pub(super) struct Hope {
    last_content: Duration,
    /// A file was given up, for all patience.
    given_up: bool,
    trials: u32,
    cost: Duration,
}

impl Hope {
    /// Content has come, of whichever file.
    pub(super) fn content_came(&mut self, now: Duration) {
        *self = Self {
            last_content: now,
            ..Self::default()
        };
    }

    /// How patiently the next file is fetched.
    pub(super) fn patience(&self) -> Patience {
        if self.given_up { ONCE } else { FOR_BYTES }
    }

    /// Notes a file that was given up, for a reason that may be that of all, after it was tried from
    /// `began` to `now`. True: no further file needs to be tried.
    pub(super) fn failed(&mut self, patience: Patience, began: Duration, now: Duration) -> bool {
        if self.last_content > began {
            // Others came meanwhile.
            return false;
        }
        if patience == ONCE {
            self.trials += 1;
            self.cost += now.saturating_sub(began);
        }
        self.given_up = true;
        self.trials >= MOST_TRIALS || self.cost >= LONGEST_TRIALS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_file_that_fails_while_others_come_says_nothing_of_them() {
        let mut hope = Hope::default();
        hope.content_came(100 * SECOND);
        assert!(!hope.failed(FOR_BYTES, 30 * SECOND, 120 * SECOND));
        assert_eq!(hope.patience(), FOR_BYTES);
    }

    #[test]
    fn a_dead_server_costs_its_patience_once() {
        let mut hope = Hope::default();
        assert!(!hope.failed(FOR_BYTES, SECOND, 80 * SECOND));
        assert_eq!(hope.patience(), ONCE);
        let refused = (1..=100).find(|_| hope.failed(ONCE, 81 * SECOND, 81 * SECOND));
        assert_eq!(refused, Some(MOST_TRIALS));
        let mut hope = Hope::default();
        assert!(!hope.failed(FOR_BYTES, SECOND, 108 * SECOND));
        let silent = (1..=100).find(|_| hope.failed(ONCE, 108 * SECOND, 128 * SECOND));
        assert_eq!(silent, Some(3));
    }

    #[test]
    fn broken_files_do_not_cost_those_that_follow() {
        let mut hope = Hope::default();
        for _ in 0..24 {
            assert!(!hope.failed(hope.patience(), 80 * SECOND, 81 * SECOND));
        }
        hope.content_came(82 * SECOND);
        assert_eq!(hope.patience(), FOR_BYTES);
        assert!(!hope.failed(FOR_BYTES, 81 * SECOND, 83 * SECOND));
        assert_eq!(hope.patience(), FOR_BYTES);
    }
}
