//! When a link is dead. Pure.

use std::time::Duration;

/// A part of each period in which nothing passes, in neither direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outage {
    /// The period; zero: never.
    pub(crate) every: Duration,
    /// How long the link is dead at the beginning of each period.
    pub(crate) length: Duration,
    /// When the first period begins, counted from the start of the lab.
    pub(crate) after: Duration,
}

impl Outage {
    /// Whether the link is dead at `now`, counted from the start of the lab.
    pub(crate) fn covers(&self, now: Duration) -> bool {
        if self.every.is_zero() || now < self.after {
            return false;
        }
        let into_period = now.saturating_sub(self.after).as_nanos() % self.every.as_nanos();
        into_period < self.length.as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_dead_for_its_part_of_each_period() {
        let seconds = Duration::from_secs;
        let outage = Outage {
            every: seconds(60),
            length: seconds(20),
            after: seconds(5),
        };
        let dead: Vec<u64> = (0..130).filter(|s| outage.covers(seconds(*s))).collect();
        let expected: Vec<u64> = (5..25).chain(65..85).chain(125..130).collect();
        assert_eq!(dead, expected);
    }

    #[test]
    fn without_a_period_it_never_is() {
        let never = Outage {
            length: Duration::from_secs(1),
            ..Outage::default()
        };
        assert!(!never.covers(Duration::ZERO) && !never.covers(Duration::from_secs(9)));
    }
}
