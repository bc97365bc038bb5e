//! Whether a connection is dead or too slow, judged by its siblings. Pure: time is an argument.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::piece::to_f64;

/// Nothing at all for this long, with nobody to compare with, is a dead connection. TCP itself
/// would notice only after minutes; a lossy path is silent for a few retransmission timeouts.
pub(super) const SILENCE_ALONE: Duration = Duration::from_secs(20);

/// The same while siblings receive: the link works, so this connection does not.
pub(super) const SILENCE_AMONG_SIBLINGS: Duration = Duration::from_secs(5);

/// The window over which a rate is taken. A connection below [`MIN_RATE`] for that long is cut.
pub(super) const WINDOW: Duration = Duration::from_secs(30);

/// Bytes per second below which a connection is a trickle, unless all connections to its host
/// together have more than [`MIN_TOTAL`]: a slow link that is shared is not a dead one.
const MIN_RATE: f64 = 1024.0;
const MIN_TOTAL: f64 = 4096.0;

/// Slower than the median of its siblings by this factor, a connection is on a bad path. Fair
/// sharing of one bottleneck rarely spreads rates by more than eight.
const FAR_BEHIND: f64 = 16.0;

/// A comparison with siblings needs this much history.
const SETTLED: Duration = Duration::from_secs(10);

/// The recent past of one connection.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    started: Duration,
    last_byte: Duration,
    /// Bytes received by the end of each second, oldest first; at most as long as the window.
    seconds: VecDeque<(Duration, u64)>,
    total: u64,
}

impl Meter {
    /// A connection that was asked for its first byte at `now`.
    pub(super) fn new(now: Duration) -> Self {
        Self {
            started: now,
            last_byte: now,
            seconds: VecDeque::new(),
            total: 0,
        }
    }

    /// Notes that `bytes` arrived.
    pub(super) fn add(&mut self, bytes: u64, now: Duration) {
        self.total += bytes;
        self.last_byte = now;
    }

    /// Whether bytes have arrived within the last `time`.
    pub(super) fn has_received(&self, now: Duration, time: Duration) -> bool {
        self.total > 0 && now.saturating_sub(self.last_byte) < time
    }

    /// Takes a sample; called about once a second.
    pub(super) fn tick(&mut self, now: Duration) {
        self.seconds.push_back((now, self.total));
        while self
            .seconds
            .front()
            .is_some_and(|(at, _)| now.saturating_sub(*at) > WINDOW)
        {
            self.seconds.pop_front();
        }
    }

    /// The state of the connection at `now`.
    pub(super) fn pulse(&self, now: Duration) -> Pulse {
        let (since, before) = self.seconds.front().copied().unwrap_or((self.started, 0));
        // Before the window is full its first sample is not the connection's start.
        let (since, before) = if now.saturating_sub(self.started) <= WINDOW {
            (self.started, 0)
        } else {
            (since, before)
        };
        let span = now.saturating_sub(since).as_secs_f64().max(0.001);
        Pulse {
            age: now.saturating_sub(self.started),
            silence: now.saturating_sub(self.last_byte),
            rate: to_f64(self.total - before) / span,
        }
    }
}

/// What is known of a connection at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    /// Time since it was asked for its first byte.
    pub(super) age: Duration,
    /// Time since its last byte.
    pub(super) silence: Duration,
    /// Bytes per second over the last half minute, or its whole life if shorter.
    pub(super) rate: f64,
}

/// Why a connection is given up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stall {
    /// Nothing came, while others may or may not have received.
    Silent(Duration),
    /// Something comes, but too little to ever matter.
    Trickle(f64),
    /// Far slower than its siblings: own rate and their median.
    Behind(f64, f64),
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(time) => write!(f, "silent for {} s", time.as_secs()),
            Self::Trickle(rate) => write!(f, "only {rate:.0} B/s"),
            Self::Behind(rate, median) => {
                write!(
                    f,
                    "{:.0} kB/s where its siblings have {:.0}",
                    rate / 1e3,
                    median / 1e3
                )
            }
        }
    }
}

/// Judges one connection by itself and by its siblings (which do not include it).
pub(super) fn judge(own: &Pulse, siblings: &[Pulse]) -> Option<Stall> {
    let link_works = siblings.iter().any(|s| s.silence < Duration::from_secs(1));
    let patience = if link_works {
        SILENCE_AMONG_SIBLINGS
    } else {
        SILENCE_ALONE
    };
    if own.silence >= patience {
        return Some(Stall::Silent(own.silence));
    }
    let total = own.rate + siblings.iter().map(|sibling| sibling.rate).sum::<f64>();
    if own.age >= WINDOW && own.rate < MIN_RATE && total < MIN_TOTAL {
        return Some(Stall::Trickle(own.rate));
    }
    let mut rates: Vec<f64> = siblings
        .iter()
        .filter(|s| s.age >= SETTLED)
        .map(|s| s.rate)
        .collect();
    rates.sort_by(f64::total_cmp);
    let median = rates.get(rates.len() / 2).copied()?;
    let behind = rates.len() >= 2 && own.age >= SETTLED && own.rate * FAR_BEHIND < median;
    behind.then_some(Stall::Behind(own.rate, median))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(age: u64, silence: u64, rate: f64) -> Pulse {
        Pulse {
            age: Duration::from_secs(age),
            silence: Duration::from_secs(silence),
            rate,
        }
    }

    #[test]
    fn silence_is_noticed_sooner_when_siblings_receive() {
        let silent = pulse(30, 5, 1e6);
        assert!(matches!(
            judge(&silent, &[pulse(30, 0, 1e6)]),
            Some(Stall::Silent(_))
        ));
        assert_eq!(
            judge(&silent, &[pulse(30, 5, 1e6)]),
            None,
            "the whole link is silent: wait"
        );
        assert!(judge(&pulse(30, 20, 1e6), &[]).is_some());
    }

    #[test]
    fn a_trickle_is_cut_and_a_slow_link_is_not() {
        assert!(matches!(
            judge(&pulse(30, 0, 500.0), &[]),
            Some(Stall::Trickle(_))
        ));
        let shared = [pulse(30, 0, 740.0); 15];
        assert_eq!(judge(&shared[0], &shared), None, "12 kB/s in all");
        assert!(judge(&shared[0], &shared[..3]).is_some());
        assert_eq!(
            judge(
                &pulse(300, 0, 5e3),
                &[pulse(300, 0, 5e3), pulse(300, 0, 6e3)]
            ),
            None
        );
    }

    #[test]
    fn the_far_behind_are_replaced_once_settled() {
        let siblings = [pulse(20, 0, 2e6), pulse(20, 0, 1.5e6), pulse(20, 0, 1e6)];
        assert!(matches!(
            judge(&pulse(12, 0, 5e4), &siblings),
            Some(Stall::Behind(..))
        ));
        assert_eq!(judge(&pulse(5, 0, 5e4), &siblings), None);
        assert_eq!(judge(&pulse(12, 0, 3e5), &siblings), None);
    }

    #[test]
    fn a_meter_forgets_what_is_older_than_its_window() {
        let mut meter = Meter::new(Duration::ZERO);
        for second in 1..=100u64 {
            let now = Duration::from_secs(second);
            meter.add(if second <= 50 { 1_000_000 } else { 100 }, now);
            meter.tick(now);
        }
        let pulse = meter.pulse(Duration::from_secs(100));
        assert!((90.0..110.0).contains(&pulse.rate), "{}", pulse.rate);
        assert!(meter.seconds.len() <= 32);
    }
}
