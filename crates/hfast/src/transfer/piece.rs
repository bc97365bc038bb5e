//! How much of a file one request asks for. Pure.
//!
//! A request costs the time until its answer begins. A piece is so long that this hardly matters
//! beside the time in which its bytes come, and no longer: what is fetched far ahead of the digest
//! has to be read back from disk, and a slow connection should not hold much.

use std::time::Duration;

/// While nothing is known: enough to learn the pace, little enough that all connections get a share
/// of the first file.
const SMALLEST: u64 = 8 << 20;

/// Enough for any path there is; what a connection holds must not grow without bound.
const LARGEST: u64 = 64 << 20;

/// The bytes take this many times as long as the wait for them.
const WAITS: f64 = 32.0;

/// What the last exchange of a file was like.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// From the question to the first line of the answer.
    pub(super) wait: Duration,
    /// Bytes that came after it.
    pub(super) bytes: u64,
    /// The time in which they came.
    pub(super) took: Duration,
}

impl Pace {
    /// How many bytes to ask for next.
    pub(super) fn piece(&self) -> u64 {
        let waits = self.took.as_secs_f64() / self.wait.as_secs_f64();
        let factor = WAITS / waits;
        if factor.is_nan() {
            return SMALLEST;
        }
        // As many times the bytes as the wait was too large a part of their time.
        let bytes = to_f64(self.bytes) * factor;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped; a cast saturates"
        )]
        let bytes = bytes as u64;
        bytes.clamp(SMALLEST, LARGEST)
    }
}

/// For rates only, where the last bits do not matter.
#[allow(clippy::cast_precision_loss, reason = "a rate needs no 53rd bit")]
pub(crate) fn to_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(wait_ms: u64, bytes: u64, took_ms: u64) -> u64 {
        let pace = Pace {
            wait: Duration::from_millis(wait_ms),
            bytes,
            took: Duration::from_millis(took_ms),
        };
        pace.piece() >> 20
    }

    #[test]
    fn the_wait_for_a_piece_is_a_small_part_of_its_time() {
        assert_eq!(piece(1, 8 << 20, 16), 16, "a fast network nearby");
        assert_eq!(piece(180, 8 << 20, 4000), 11, "throttled and far");
        assert_eq!(piece(300, 8 << 20, 800), 64, "fast and far");
        assert_eq!(piece(180, 1 << 20, 8000), 8, "slow and far");
    }

    #[test]
    fn nothing_known_and_nothing_measurable_are_bounded() {
        assert_eq!(Pace::default().piece(), SMALLEST);
        assert_eq!(piece(0, 8 << 20, 0), 8);
        assert_eq!(piece(5, 8 << 20, 0), 64);
        assert_eq!(piece(0, u64::MAX, 5), 8);
    }
}
