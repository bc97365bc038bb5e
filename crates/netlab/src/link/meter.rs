//! A rate with a bounded queue in front of it: when a packet has gone through, or that there is no
//! room. Pure: it is told the time.

use std::num::NonZeroU64;
use std::time::Duration;

const NANOS: u128 = 1_000_000_000;

/// How fast something carries bytes, and how many may wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// IP bytes per second; `None` carries anything at once.
    pub(crate) rate: Option<NonZeroU64>,
    /// Bytes that may wait. A packet that finds nothing waiting is taken whatever its size.
    pub(crate) queue: u64,
}

/// The state of a [`Limit`]: until when it is busy.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    free_at: Duration,
}

impl Meter {
    /// Bytes that are taken and not yet through at `now`.
    pub(crate) fn waiting(&self, limit: &Limit, now: Duration) -> u64 {
        let left = self.free_at.saturating_sub(now).as_nanos();
        let bytes = limit.rate.map_or(0, |rate| left * u128::from(rate.get()));
        u64::try_from(bytes / NANOS).unwrap_or(u64::MAX)
    }

    /// Takes a packet of `bytes` at `now`; says when its last byte is through, or `None` if it
    /// finds the queue full.
    pub(crate) fn take(&mut self, limit: &Limit, bytes: u64, now: Duration) -> Option<Duration> {
        let Some(rate) = limit.rate else {
            return Some(now);
        };
        let waiting = self.waiting(limit, now);
        if waiting > 0 && waiting.saturating_add(bytes) > limit.queue {
            return None;
        }
        let span = u128::from(bytes) * NANOS / u128::from(rate.get());
        let span = Duration::from_nanos(u64::try_from(span).unwrap_or(u64::MAX));
        self.free_at = self.free_at.max(now).saturating_add(span);
        Some(self.free_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(rate: u64, queue: u64) -> Limit {
        Limit {
            rate: NonZeroU64::new(rate),
            queue,
        }
    }

    #[test]
    fn a_packet_takes_its_bytes_over_the_rate() {
        let mut meter = Meter::default();
        let limit = limit(25_000_000, 1 << 20);
        let now = Duration::from_secs(3);
        assert_eq!(
            meter.take(&limit, 25_000, now),
            Some(now + Duration::from_millis(1))
        );
        assert_eq!(meter.waiting(&limit, now), 25_000);
        assert_eq!(
            meter.waiting(&limit, now + Duration::from_micros(400)),
            15_000
        );
    }

    #[test]
    fn a_full_queue_takes_nothing_until_there_is_room() {
        let mut meter = Meter::default();
        let limit = limit(1_000_000, 3_000);
        let taken = (0..10).filter(|_| meter.take(&limit, 1_000, Duration::ZERO).is_some());
        assert_eq!(taken.count(), 3);
        let later = Duration::from_millis(1);
        assert!(meter.take(&limit, 1_000, later).is_some());
        assert!(meter.take(&limit, 1_000, later).is_none());
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut meter = Meter::default();
        let now = Duration::from_secs(1);
        for _ in 0..1000 {
            assert_eq!(meter.take(&limit(0, 0), 60_000, now), Some(now));
        }
    }

    proptest! {
        #[test]
        fn the_rate_is_kept_within_a_packet_and_the_queue_within_its_bound(
            rate in 1_000_u64..1_000_000_000,
            queue in 1_500_u64..4_000_000,
            packets in prop::collection::vec((40_u64..=1_500, 0_u64..2_000_000), 1..300),
        ) {
            let limit = limit(rate, queue);
            let mut meter = Meter::default();
            let mut now = Duration::ZERO;
            let (mut bytes, mut last) = (0_u64, Duration::ZERO);
            for (size, pause) in packets {
                now += Duration::from_nanos(pause);
                if let Some(through) = meter.take(&limit, size, now) {
                    prop_assert!(through >= last, "packets overtake each other");
                    (bytes, last) = (bytes + size, through);
                }
                prop_assert!(meter.waiting(&limit, now) <= queue);
                // Since the start, no more went through than the rate allows. Each packet's span
                // is rounded down, by less than a nanosecond.
                let most = (last.as_nanos() + 300) * u128::from(rate) / NANOS + 1;
                prop_assert!(u128::from(bytes) <= most, "{bytes} bytes in {last:?}");
            }
        }
    }
}
