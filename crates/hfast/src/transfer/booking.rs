//! The arithmetic of a rate limit: how much is granted at once, when, and to how many connections.
//! Pure: time is an argument.
//!
//! The rule is that of virtual scheduling (GCRA, ITU-T I.371): one moment says until when the link
//! is booked. It is all that processes share, so that none of them needs to know of the others.

use std::time::Duration;

/// What one grant takes of the link's time. Whoever dies leaves a debt of no more, and several
/// processes take turns so often that each gets its share of any second.
const GRANT: Duration = Duration::from_millis(50);

/// Who comes late may book what has passed by so much: a timer or a busy processor costs no rate.
const BURST: Duration = Duration::from_millis(100);

/// A booking further ahead is not believed: the clock was set back, or the state is not ours. A
/// hundred processes with a grant each are believed.
pub(crate) const BELIEVED: Duration = Duration::from_secs(5);

/// Bytes per second that are worth a connection of their own: less, and servers take it for dead.
const WORTH_A_CONNECTION: u64 = 64 << 10;

/// Bytes of one grant at this rate.
pub(super) fn grant(rate: u64) -> u64 {
    let grants = Duration::from_secs(1).as_millis() / GRANT.as_millis();
    (rate / u64::try_from(grants).unwrap_or(u64::MAX)).max(1)
}

/// The time that `bytes` take of a link that carries `rate` bytes a second, rounded up.
pub(super) fn cost(bytes: u64, rate: u64) -> Duration {
    let nanos = (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// How many of `most` connections make sense at this rate.
pub(super) fn connections(rate: Option<u64>, most: usize) -> usize {
    let worth = rate.map(|rate| usize::try_from(rate / WORTH_A_CONNECTION).unwrap_or(usize::MAX));
    worth.unwrap_or(most).min(most).max(1)
}

/// Until when the link is booked, on the clock that all who share it read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Booked(pub(crate) Duration);

impl Booked {
    /// Books the next `cost` of the link's time, and answers how long to wait for it: at most
    /// [`BELIEVED`].
    pub(crate) fn book(&mut self, now: Duration, cost: Duration) -> Duration {
        let begin = if self.0 > now + BELIEVED {
            now
        } else {
            self.0.max(now.saturating_sub(BURST))
        };
        self.0 = begin + cost;
        begin.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Duration = Duration::from_secs(1_000_000);

    /// Milliseconds that a timer or a busy processor costs in these worlds. One asker makes up for less
    /// than a [`GRANT`] each time.
    const LATEST: u64 = 40;

    /// Grants as `(moment, asker)` in the order of time: each asker books, sleeps, comes late by
    /// what `lateness` says, and asks again.
    fn run(askers: usize, rate: u64, lateness: &[u64], until: Duration) -> Vec<(Duration, usize)> {
        let mut booked = Booked::default();
        let mut lateness = lateness.iter().cycle();
        let mut due: Vec<Duration> = vec![START; askers];
        let mut grants = Vec::new();
        loop {
            let next = (0..askers).min_by_key(|asker| due[*asker]).unwrap();
            let now = due[next];
            if now > START + until {
                grants.sort_unstable();
                return grants;
            }
            let wait = booked.book(now, cost(grant(rate), rate));
            let late = Duration::from_millis(*lateness.next().unwrap());
            due[next] = now + wait + late;
            grants.push((due[next], next));
        }
    }

    proptest! {
        /// Whoever asks and whenever: no stretch of time gets more than its rate, what comes late, what
        /// the late may book afterwards, and the grant under way.
        #[test]
        fn no_stretch_of_time_gets_more_than_its_rate(
            askers in 1_usize..12,
            rate in 1_000_u64..1_000_000_000,
            lateness in proptest::collection::vec(0..=LATEST, 1..50),
        ) {
            let seconds = 4;
            let late = BURST + Duration::from_millis(LATEST);
            let grants = run(askers, rate, &lateness, Duration::from_secs(seconds));
            for first in (0..grants.len()).step_by(7) {
                for last in (first..grants.len()).step_by(5) {
                    let stretch = grants[last].0.saturating_sub(grants[first].0) + late;
                    let sent = u128::from(grant(rate)) * (last - first + 1) as u128;
                    let most = u128::from(rate) * stretch.as_nanos() / 1_000_000_000;
                    prop_assert!(sent <= most + u128::from(grant(rate)), "{sent} of {most}");
                }
            }
            // And nothing of it is wasted.
            let sent = grant(rate) * grants.len() as u64;
            prop_assert!(sent >= rate * seconds * 9 / 10, "{sent} of {}", rate * seconds);
        }

        #[test]
        fn askers_that_are_always_there_get_equal_shares(
            askers in 1_usize..10,
            lateness in proptest::collection::vec(0_u64..5, 1..50),
        ) {
            let grants = run(askers, 1_000_000, &lateness, Duration::from_secs(20));
            let share = |asker| grants.iter().filter(|(_, who)| *who == asker).count();
            let shares: Vec<_> = (0..askers).map(share).collect();
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            prop_assert!(most - least <= 2 + most / 10, "{shares:?}");
        }

        #[test]
        fn no_state_makes_anybody_wait_for_long(booked in any::<u64>(), now in any::<u64>()) {
            let mut booked = Booked(Duration::from_nanos(booked));
            let now = Duration::from_nanos(now);
            prop_assert!(booked.book(now, Duration::from_millis(50)) <= BELIEVED);
            prop_assert!(booked.0 <= now + BELIEVED + Duration::from_millis(50));
        }
    }

    #[test]
    fn a_link_that_was_idle_gives_no_more_than_a_burst() {
        let mut booked = Booked::default();
        let mut at_once = 0;
        while booked
            .book(START, cost(grant(1_000_000), 1_000_000))
            .is_zero()
        {
            at_once += grant(1_000_000);
        }
        assert_eq!(at_once, 150_000, "the burst, and the grant under way");
    }

    #[test]
    fn a_small_rate_is_not_cut_into_crumbs() {
        assert_eq!(connections(None, 16), 16);
        assert_eq!(connections(Some(100_000_000), 16), 16);
        assert_eq!(connections(Some(500_000), 16), 7);
        assert_eq!(connections(Some(1_000), 16), 1);
        assert_eq!(connections(Some(500_000), 4), 4);
    }

    #[test]
    fn the_cost_is_exact_and_rounded_against_the_asker() {
        assert_eq!(cost(100_000, 2_000_000), Duration::from_millis(50));
        assert_eq!(cost(1, 3), Duration::from_nanos(333_333_334));
        assert_eq!(grant(1_000), 50);
    }
}
