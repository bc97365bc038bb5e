//! How far the servers are, by how fast they answered. Pure but for being shared.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The shortest time in which an answer began. It holds a round trip, those of the handshakes where
/// the connection was new, and what the server needed.
#[derive(Debug)]
pub(crate) struct Nearness(AtomicU64);

impl Default for Nearness {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl Nearness {
    /// Notes that an answer began after this time.
    pub(crate) fn note(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.fetch_min(micros, Relaxed);
    }

    /// The shortest so far; zero while nothing has answered.
    pub(crate) fn shortest(&self) -> Duration {
        match self.0.load(Relaxed) {
            u64::MAX => Duration::ZERO,
            micros => Duration::from_micros(micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_time_counts() {
        let nearness = Nearness::default();
        assert_eq!(nearness.shortest(), Duration::ZERO);
        for millis in [30, 10, 20] {
            nearness.note(Duration::from_millis(millis));
        }
        assert_eq!(nearness.shortest(), Duration::from_millis(10));
    }
}
