//! One pause for everybody who talks to a host: a 429 to one worker slows all of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Hosts that asked for a pause, and until when.
#[derive(Default)]
pub(crate) struct Gates {
    closed: Mutex<HashMap<String, Instant>>,
}

impl Gates {
    /// Closes the gate of `host` for `pause` from now; a longer pause that is under way stays.
    /// Returns by how much the gate stays closed longer than before: many connections that are
    /// asked for the same pause at once are asked for one.
    pub(crate) fn pause(&self, host: &str, pause: Duration) -> Duration {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        closed.retain(|_, until| *until > now);
        let until = now + pause;
        let before = closed.get(host).copied().unwrap_or(now);
        closed.insert(host.to_owned(), until.max(before));
        until.saturating_duration_since(before)
    }

    /// How long the gate of `host` stays closed, if it is.
    pub(crate) fn remaining(&self, host: &str) -> Option<Duration> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed
            .get(host)
            .and_then(|until| until.checked_duration_since(Instant::now()))
            .filter(|d| !d.is_zero())
    }

    /// Waits until the gate of `host` is open. `spread` (0 to 1) keeps those who waited from
    /// arriving all at once.
    pub(crate) async fn pass(&self, host: &str, spread: f64) {
        let mut waited = false;
        while let Some(remaining) = self.remaining(host) {
            waited = true;
            tokio::time::sleep(remaining).await;
        }
        if waited {
            tokio::time::sleep(Duration::from_secs_f64(spread.clamp(0.0, 1.0))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody_and_only_that_host() {
        let gates = Gates::default();
        assert_eq!(
            gates.pause("hub", Duration::from_secs(30)),
            Duration::from_secs(30)
        );
        assert_eq!(gates.pause("hub", Duration::from_secs(5)), Duration::ZERO);
        let start = Instant::now();
        gates.pass("cdn", 1.0).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        gates.pass("hub", 0.0).await;
        assert!(start.elapsed() >= Duration::from_secs(30));
    }
}
