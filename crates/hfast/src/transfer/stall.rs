//! Whether a connection is dead or too slow, judged by its siblings. Pure: time is an argument.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::piece::to_f64;
use crate::transport::retry::doubled;

/// Nothing at all for this long, while nobody else receives anything either: the link may be down, and
/// that is not the connection's fault, but TCP itself would notice only after minutes. Probes go on
/// meanwhile, and what one of them brings shows that the link works.
pub(super) const SILENCE_ALONE: Duration = Duration::from_secs(20);

/// While others receive, a connection that has brought something may be silent for so many times the
/// longest silence that ended well, within these bounds: a lossy path is silent for a few
/// retransmission timeouts, each of which is twice the one before (two doublings are four times), and a
/// connection that lasts longer than that is cheaper to replace.
const GAPS: u32 = 4;
const SHORTEST_PATIENCE: Duration = Duration::from_secs(2);
pub(super) const LONGEST_PATIENCE: Duration = Duration::from_secs(5);

/// But not before so many times as long as answers take now: what is lost is missed after one round trip, and
/// comes with the next. Where seconds of others' packets or of acknowledgements stand in a queue, that is long.
const LOST: u32 = 2;

/// One that has not brought anything yet may take so many times as long as others did for their first
/// byte, and at least this long: a lost packet of the handshake costs a second. Each failure in a row
/// doubles that.
const WAITS: u32 = 8;
const FIRST_BYTE: Duration = Duration::from_secs(3);

/// Somebody received something within this time: the link works. Less than any patience, so that nobody's
/// own bytes count.
pub(super) const NOW: Duration = Duration::from_secs(1);

/// When nobody has received anything for this long, a further connection is tried, and another one each
/// time that much has passed: those that there are may wait for timers of TCP that have become long.
pub(super) const PROBE: Duration = Duration::from_secs(2);

/// The window over which a rate is taken. A connection below [`MIN_RATE`] for that long is cut: longer than
/// any silence that is borne, so that one silence alone is never a trickle.
pub(super) const WINDOW: Duration = Duration::from_secs(30);

/// Bytes per second below which a connection is a trickle, unless all connections to its host
/// together have more than [`MIN_TOTAL`]: a slow link that is shared is not a dead one. The slowest links that
/// people download over carry several times as much (a 56k modem 5 kB/s); with less a file of a gigabyte
/// would take weeks, and a new connection may do better.
const MIN_RATE: f64 = 1024.0;
const MIN_TOTAL: f64 = 4096.0;

/// Slower than the median of its siblings by this factor, a connection is on a bad path. Fair
/// sharing of one bottleneck rarely spreads rates by more than eight.
const FAR_BEHIND: f64 = 16.0;

/// A comparison with siblings needs this much history: slow start on a far and lossy path takes some seconds,
/// and a shorter one would cut what only begins. Of siblings at least that much, which is a few round trips: what
/// they are asked for is often done by then.
const SETTLED: Duration = Duration::from_secs(10);
const SIBLINGS_SETTLED: Duration = Duration::from_secs(1);

/// The recent past of one connection.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    started: Duration,
    last_byte: Duration,
    /// The longest silence that ended by a byte, and when.
    gap: (Duration, Duration),
    /// Bytes received by the time of each tick, oldest first; at most as long as the window.
    samples: VecDeque<(Duration, u64)>,
    total: u64,
}

impl Meter {
    /// A connection that was asked for its first byte at `now`.
    pub(super) fn new(now: Duration) -> Self {
        Self {
            started: now,
            last_byte: now,
            gap: (Duration::ZERO, now),
            samples: VecDeque::new(),
            total: 0,
        }
    }

    /// When it was asked for its first byte.
    pub(super) fn started(&self) -> Duration {
        self.started
    }

    /// Notes that `bytes` arrived.
    pub(super) fn add(&mut self, bytes: u64, now: Duration) {
        let silence = now.saturating_sub(self.last_byte);
        // The wait for the first byte is another matter, and what was long ago is forgotten.
        if self.total > 0 && (silence >= self.gap.0 || now.saturating_sub(self.gap.1) > WINDOW) {
            self.gap = (silence, now);
        }
        self.total += bytes;
        self.last_byte = now;
    }

    /// Whether bytes have arrived within the last `time`.
    pub(super) fn has_received(&self, now: Duration, time: Duration) -> bool {
        self.total > 0 && now.saturating_sub(self.last_byte) < time
    }

    /// Takes a sample; called about twice a second.
    pub(super) fn tick(&mut self, now: Duration) {
        self.samples.push_back((now, self.total));
        while self
            .samples
            .front()
            .is_some_and(|(at, _)| now.saturating_sub(*at) > WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// The state of the connection at `now`.
    pub(super) fn pulse(&self, now: Duration) -> Pulse {
        let (since, before) = self.samples.front().copied().unwrap_or((self.started, 0));
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
            gap: self.gap.0,
            has_begun: self.total > 0,
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
    /// The longest silence that ended by a byte.
    pub(super) gap: Duration,
    /// Something has come.
    pub(super) has_begun: bool,
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

/// How long one connection may be silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// Before its first byte, while others receive.
    pub(super) first_byte: Duration,
    /// Then, at least.
    pub(super) begun: Duration,
    /// While nobody does.
    pub(super) alone: Duration,
}

impl Silence {
    /// Of a connection on a way where the first byte takes `wait`, after so many failures in a row. A
    /// probe is there to find out, and another one may.
    pub(super) fn new(wait: Duration, failures: u32, is_probe: bool) -> Self {
        let first_byte = first_byte_patience(wait, failures);
        let alone = if is_probe { first_byte } else { SILENCE_ALONE };
        let begun = wait
            .saturating_mul(LOST)
            .clamp(SHORTEST_PATIENCE, SILENCE_ALONE);
        Self {
            first_byte,
            begun,
            alone,
        }
    }
}

/// How long a connection may be silent before its first byte, on a way where that takes `wait`, after so
/// many failures in a row.
fn first_byte_patience(wait: Duration, failures: u32) -> Duration {
    let patience = wait.saturating_mul(WAITS).max(FIRST_BYTE);
    doubled(patience, failures, SILENCE_ALONE)
}

/// Judges one connection by itself and by its siblings, the others to the same host. `link_works`:
/// something came within the time [`NOW`], over whichever connection, also one that has ended.
pub(super) fn judge(
    own: &Pulse,
    siblings: &[Pulse],
    link_works: bool,
    patience: &Silence,
) -> Option<Stall> {
    let longest_gap = siblings.iter().map(|other| other.gap).max();
    let patience = match (link_works, own.has_begun) {
        (false, _) => patience.alone,
        (true, false) => patience.first_byte,
        (true, true) => {
            let gaps = longest_gap.unwrap_or_default().max(own.gap) * GAPS;
            gaps.min(LONGEST_PATIENCE).max(patience.begun)
        }
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
        .filter(|s| s.age >= SIBLINGS_SETTLED)
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

    const PATIENCE: Silence = Silence {
        first_byte: FIRST_BYTE,
        begun: SHORTEST_PATIENCE,
        alone: SILENCE_ALONE,
    };

    fn pulse(age: u64, silence: u64, rate: f64) -> Pulse {
        Pulse {
            age: Duration::from_secs(age),
            silence: Duration::from_secs(silence),
            gap: Duration::ZERO,
            has_begun: true,
            rate,
        }
    }

    fn judged(own: &Pulse, siblings: &[Pulse]) -> Option<Stall> {
        let all = siblings.iter().chain([own]);
        let link_works = all.clone().any(|it| it.has_begun && it.silence < NOW);
        judge(own, siblings, link_works, &PATIENCE)
    }

    #[test]
    fn silence_is_noticed_sooner_when_others_receive() {
        let silent = pulse(30, 2, 1e6);
        let receives = [pulse(30, 0, 1e6)];
        assert!(matches!(judged(&silent, &receives), Some(Stall::Silent(_))));
        let from_elsewhere = judge(&silent, &[], true, &PATIENCE);
        assert!(matches!(from_elsewhere, Some(Stall::Silent(_))));
        assert_eq!(
            judged(&silent, &[pulse(30, 2, 1e6)]),
            None,
            "all are silent: wait"
        );
        assert_eq!(judged(&pulse(30, 19, 1e6), &[]), None);
        assert!(judged(&pulse(30, 20, 1e6), &[]).is_some());
    }

    #[test]
    fn a_path_that_is_often_silent_gets_more_patience() {
        let gap = |millis| Pulse {
            gap: Duration::from_millis(millis),
            ..pulse(30, 0, 1e6)
        };
        assert_eq!(judged(&pulse(30, 3, 1e6), &[gap(1000)]), None);
        assert!(judged(&pulse(30, 3, 1e6), &[gap(700)]).is_some());
        assert!(judged(&pulse(30, 5, 1e6), &[gap(9000)]).is_some());
    }

    #[test]
    fn behind_a_long_queue_silence_lasts_longer() {
        let receives = [pulse(30, 0, 1e6)];
        let is_cut = |silence, wait| {
            let patience = Silence::new(Duration::from_secs(wait), 0, false);
            judge(&pulse(30, silence, 1e6), &receives, true, &patience).is_some()
        };
        assert!(is_cut(2, 0) && !is_cut(2, 3) && is_cut(6, 3));
        assert!(!is_cut(15, 8) && is_cut(16, 8) && is_cut(20, 60));
    }

    #[test]
    fn the_first_byte_may_take_longer_and_with_each_failure_more() {
        let asking = Pulse {
            has_begun: false,
            ..pulse(4, 4, 0.0)
        };
        let receives = [pulse(30, 0, 1e6)];
        let of = |wait, failures| Silence::new(Duration::from_millis(wait), failures, false);
        let is_cut = |patience| judge(&asking, &receives, true, &patience).is_some();
        assert!(is_cut(of(100, 0)));
        assert!(!is_cut(of(1000, 0)));
        assert!(!is_cut(of(100, 1)));
        assert_eq!(of(100, 40).first_byte, SILENCE_ALONE);
        let alone = |is_probe| {
            let patience = Silence::new(Duration::from_millis(100), 0, is_probe);
            judge(&asking, &[], false, &patience).is_some()
        };
        assert!(alone(true) && !alone(false), "another probe may do better");
    }

    #[test]
    fn a_trickle_is_cut_and_a_slow_link_is_not() {
        assert!(matches!(
            judged(&pulse(30, 0, 500.0), &[]),
            Some(Stall::Trickle(_))
        ));
        let shared = [pulse(30, 0, 740.0); 15];
        assert_eq!(judged(&shared[0], &shared), None, "12 kB/s in all");
        assert!(judged(&shared[0], &shared[..3]).is_some());
        let slow = [pulse(300, 0, 5e3), pulse(300, 0, 6e3)];
        assert_eq!(judged(&slow[0], &slow), None);
    }

    #[test]
    fn the_far_behind_are_replaced_once_settled() {
        let siblings = [pulse(20, 0, 2e6), pulse(20, 0, 1.5e6), pulse(20, 0, 1e6)];
        assert!(matches!(
            judged(&pulse(12, 0, 5e4), &siblings),
            Some(Stall::Behind(..))
        ));
        assert_eq!(judged(&pulse(5, 0, 5e4), &siblings), None);
        assert_eq!(judged(&pulse(12, 0, 3e5), &siblings), None);
    }

    #[test]
    fn a_meter_forgets_what_is_older_than_its_window() {
        let mut meter = Meter::new(Duration::ZERO);
        let second = Duration::from_secs;
        for n in 1..=100u64 {
            meter.add(if n <= 50 { 1_000_000 } else { 100 }, second(n));
            meter.tick(second(n));
        }
        let pulse = meter.pulse(second(100));
        assert!((90.0..110.0).contains(&pulse.rate), "{}", pulse.rate);
        assert_eq!(pulse.gap, second(1));
        assert!(meter.samples.len() <= 32);
        meter.add(1, second(110));
        assert_eq!(meter.pulse(second(110)).gap, second(10));
        meter.add(1, second(141));
        meter.add(1, second(142));
        assert_eq!(meter.pulse(second(142)).gap, second(31));
        meter.add(1, second(173));
        meter.add(1, second(175));
        assert_eq!(meter.pulse(second(175)).gap, second(31));
    }
}
