//! How much of a file one request asks for. Pure.
//!
//! A request costs the time until its answer begins. A piece is so long that this hardly matters
//! beside the time in which its bytes come, and no longer: what is fetched far ahead of the digest
//! has to be read back from disk, and a slow connection should not hold much. Towards the end pieces
//! become smaller, so that all connections end at the same time and none is left with a long one.

use std::time::Duration;

/// While nothing is known: enough to learn the pace, also of a connection that begins slowly, and little enough
/// that one of a few kB/s does not hold much.
const UNKNOWN: u64 = 2 << 20;

/// Enough for any path there is; what a connection holds must not grow without bound.
const LARGEST: u64 = 64 << 20;

/// Less is not worth a request, whatever the pace.
pub(super) const SMALLEST: u64 = 64 << 10;

/// The bytes take so many times as long as the wait for them, most of which the next request does not cost
/// either, for it is asked before they have all come ...
const WAITS: f64 = 16.0;

/// ... and at the end still as long as this many times the wait: smaller pieces would leave the
/// connection idle half of the time. But no more than its share, or than is asked for while nothing is known.
const LEAST_WAITS: f64 = 2.0;

/// Of what would be left to one of several connections if all got the same, a request asks for one in so many
/// parts: those who turn out to be half as fast as the others do not keep them waiting.
const PARTS: u64 = 2;

/// What exchanges of a source are like.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// From the question to the first line of the answer.
    pub(super) wait: Duration,
    /// What pauses add to it that servers ask for between requests.
    pub(super) toll: Duration,
    /// Bytes per second on one connection, the wait included: what comes in a burst after it says little of
    /// what comes in the long run.
    pub(super) rate: f64,
}

impl Pace {
    /// An exchange that waited and then took some time for so many bytes.
    pub(super) fn of(wait: Duration, bytes: u64, took: Duration) -> Self {
        let rate = to_f64(bytes) / (wait + took).as_secs_f64().max(1e-6);
        Self {
            wait,
            toll: Duration::ZERO,
            rate,
        }
    }

    /// How many bytes to ask for next, when `left` bytes are for nobody yet and `connections` share
    /// them.
    pub(super) fn piece(&self, left: u64, connections: usize) -> u64 {
        let all = left / connections.max(1) as u64;
        let share = if connections > 1 { all / PARTS } else { all };
        if self.rate <= 0.0 {
            return share.clamp(SMALLEST, UNKNOWN);
        }
        let of_waits = |waits: f64| bytes(self.wait.as_secs_f64() * self.rate * waits);
        // Each request may cost a pause in which nobody asks for more: no rest is small beside that.
        let toll = bytes(self.toll.as_secs_f64() * self.rate * WAITS);
        let most = of_waits(WAITS).saturating_add(toll);
        let most = most.clamp(UNKNOWN, LARGEST);
        let least = of_waits(LEAST_WAITS).clamp(SMALLEST, all.max(UNKNOWN));
        let least = least.saturating_add(toll);
        share.clamp(least.min(most), most)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and the number is clamped"
)]
fn bytes(number: f64) -> u64 {
    number as u64
}

/// For rates only, where the last bits do not matter.
#[allow(clippy::cast_precision_loss, reason = "a rate needs no 53rd bit")]
pub(crate) fn to_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn piece(wait_ms: u64, bytes: u64, took_ms: u64, left: u64) -> u64 {
        let millis = Duration::from_millis;
        Pace::of(millis(wait_ms), bytes, millis(took_ms)).piece(left, 8)
    }

    #[test]
    fn the_wait_for_a_piece_is_a_small_part_of_its_time() {
        let mib = |wait, took| piece(wait, 8 * MIB, took, u64::MAX) / MIB;
        assert_eq!(mib(1, 16), 7, "a fast network nearby");
        assert_eq!(mib(180, 4000), 5, "throttled and far");
        assert_eq!(mib(300, 800), 34, "fast and far");
        assert_eq!(mib(180, 80_000), 2, "slow and far");
    }

    #[test]
    fn the_end_is_shared_out_in_small_pieces() {
        let at = |left| piece(60, 4 * MIB, 1000, left);
        assert_eq!(at(1024 * MIB) / (MIB / 10), 36, "sixteen waits");
        assert_eq!(at(16 * MIB), MIB, "a share");
        assert_eq!(at(0), 474_826, "two waits");
        assert_eq!(piece(1, 2 * MIB, 1000, 0), SMALLEST);
    }

    #[test]
    fn who_is_alone_leaves_nothing_for_another_request() {
        let pace = Pace::of(Duration::from_millis(60), 4 * MIB, Duration::from_secs(1));
        assert_eq!(pace.piece(3 * MIB, 1), 3 * MIB);
        assert_eq!(pace.piece(3 * MIB, 2), 3 * MIB / 4);
    }

    #[test]
    fn where_answers_take_long_few_are_asked_for() {
        let slow = |left| piece(8000, 2 * MIB, 10, left) / 1000;
        assert_eq!(slow(200 * MIB), 13_107, "a share");
        assert_eq!(slow(20 * MIB), 2621, "all that is left for each");
        assert_eq!(slow(MIB), 2097);
        assert_eq!(piece(8000, 200 * MIB, 10, u64::MAX), LARGEST);
    }

    #[test]
    fn where_requests_cost_pauses_one_asks_for_all() {
        let pace = Pace {
            toll: Duration::from_secs(1),
            ..Pace::of(Duration::from_millis(1), 2 * MIB, Duration::from_secs(1))
        };
        assert!(pace.piece(20 * MIB, 8) >= 20 * MIB);
        assert_eq!(pace.piece(u64::MAX, 8) / MIB, 31);
        let passed = Pace {
            toll: Duration::from_millis(1),
            ..pace
        };
        assert_eq!(passed.piece(20 * MIB, 8) / (MIB / 10), 12);
    }

    #[test]
    fn nothing_known_and_nothing_measurable_are_bounded() {
        assert_eq!(Pace::default().piece(u64::MAX, 1), UNKNOWN);
        assert_eq!(Pace::default().piece(0, 0), SMALLEST);
        assert_eq!(piece(0, 8 * MIB, 0, u64::MAX), UNKNOWN);
        assert_eq!(piece(5, 8 * MIB, 0, u64::MAX), LARGEST);
    }
}
