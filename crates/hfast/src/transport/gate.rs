//! One pause for everybody who talks to a host: a 429 to one worker slows all of them, unless it does not
//! say how long while content comes from there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::retry::{LONG_PAUSE, LONGEST_PAUSE, Verdict, judge};

/// What brings content brings some within this time: a connection that is silent for longer is given up,
/// except where answers take seconds.
const SERVING: Duration = Duration::from_secs(5);

/// Hosts that asked for a pause, each by its name and, where it is not the usual one, its port.
#[derive(Default)]
pub(crate) struct Gates {
    closed: Mutex<HashMap<String, Gate>>,
    /// When content came last from a host.
    serving: Mutex<HashMap<String, Instant>>,
}

/// The pauses of one host.
#[derive(Clone, Copy)]
struct Gate {
    opens: Instant,
    /// All pauses since the host last answered, that under way included.
    paused: Duration,
}

impl Gates {
    /// Judges an answer of `host`, and closes its gate for the pause that it asks for; a longer
    /// pause that is under way stays. Connections that are asked for the same pause at once are
    /// asked for one.
    pub(crate) fn judge(&self, host: &str, status: StatusCode, headers: &HeaderMap) -> Verdict {
        let mut closed = self.closed();
        let now = Instant::now();
        // A host that has been let alone for so long begins anew.
        closed.retain(|_, gate| now < gate.opens + LONGEST_PAUSE);
        let gate = closed.get(host).copied().unwrap_or(Gate {
            opens: now,
            paused: Duration::ZERO,
        });
        let under_way = gate.opens.saturating_duration_since(now);
        let over = gate.paused.saturating_sub(under_way);
        let before = (over, self.is_serving(host, now));
        let verdict = judge(status, headers, SystemTime::now(), before);
        let (pause, over) = match verdict {
            Verdict::Answered => (under_way, Duration::ZERO),
            Verdict::Pause(pause) => (pause.max(under_way), over),
            Verdict::TooLong(_) => return verdict,
        };
        let gate = Gate {
            opens: now + pause,
            paused: over + pause,
        };
        if gate.paused.is_zero() {
            closed.remove(host);
        } else {
            closed.insert(host.to_owned(), gate);
        }
        verdict
    }

    /// Notes that content comes from `host`: should it say 429 to another connection now, and not for how
    /// long, it does not want that one.
    pub(crate) fn serves(&self, host: &str) {
        let (mut serving, now) = (self.serving(), Instant::now());
        if let Some(last) = serving.get_mut(host) {
            *last = now;
        } else {
            serving.retain(|_, last| now < *last + SERVING);
            serving.insert(host.to_owned(), now);
        }
    }

    fn is_serving(&self, host: &str, now: Instant) -> bool {
        let last = self.serving().get(host).copied();
        last.is_some_and(|last| now < last + SERVING)
    }

    /// Waits until the gate of `host` is open, if that takes no longer than `longest`; else it
    /// returns at once how long it would take. `spread` (0 to 1) keeps those who waited from arriving
    /// all at once.
    pub(crate) async fn pass(
        &self,
        host: &str,
        longest: Duration,
        spread: f64,
    ) -> Result<(), Duration> {
        let start = Instant::now();
        loop {
            let remaining = self.remaining(host);
            if remaining.is_zero() {
                return Ok(());
            }
            if start.elapsed() + remaining > longest {
                return Err(remaining);
            }
            // Those who come first may be asked for another pause.
            let spread = Duration::from_secs_f64(spread.clamp(0.0, 1.0));
            tokio::time::sleep(remaining + spread).await;
        }
    }

    /// How long the gate of `host` stays closed.
    fn remaining(&self, host: &str) -> Duration {
        let gate = self.closed().get(host).copied();
        gate.map_or(Duration::ZERO, |gate| {
            gate.opens.saturating_duration_since(Instant::now())
        })
    }

    /// How long `host` wants to be left alone, if that is worth asking somebody else.
    pub(crate) fn long_pause(&self, host: &str) -> Duration {
        let remaining = self.remaining(host);
        if remaining < LONG_PAUSE {
            Duration::ZERO
        } else {
            remaining
        }
    }

    fn closed(&self) -> MutexGuard<'_, HashMap<String, Gate>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serving(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::header::RETRY_AFTER;

    fn busy(gates: &Gates, seconds: &str) -> Verdict {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, seconds.parse().unwrap())]);
        gates.judge("hub", StatusCode::TOO_MANY_REQUESTS, &headers)
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody_and_only_that_host() {
        let gates = Gates::default();
        busy(&gates, "30");
        busy(&gates, "5");
        let start = Instant::now();
        gates.pass("cdn", LONGEST_PAUSE, 1.0).await.unwrap();
        let refused = gates.pass("hub", LONG_PAUSE, 0.0).await;
        assert_eq!(refused, Err(Duration::from_secs(30)));
        assert_eq!(start.elapsed(), Duration::ZERO);
        gates.pass("hub", LONGEST_PAUSE, 0.0).await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_serves_and_does_not_say_how_long_makes_no_pause() {
        let gates = Gates::default();
        let said = || gates.judge("hub", StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new());
        gates.serves("hub");
        assert_eq!(said(), Verdict::Pause(Duration::ZERO));
        let seconds = Duration::from_secs;
        assert_eq!(busy(&gates, "7"), Verdict::Pause(seconds(7)));
        tokio::time::sleep(seconds(8)).await;
        gates.judge("hub", StatusCode::OK, &HeaderMap::new());
        for pause in [1, 1, 2, 4, 5, 5] {
            tokio::time::sleep(seconds(8)).await;
            assert_eq!(said(), Verdict::Pause(seconds(pause)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_add_up_until_the_host_answers() {
        let gates = Gates::default();
        let pause = Verdict::Pause(Duration::from_secs(100));
        for _ in 0..3 {
            // Ten connections are asked for the same pause.
            (0..10).for_each(|_| assert_eq!(busy(&gates, "100"), pause));
            gates.pass("hub", LONGEST_PAUSE, 0.0).await.unwrap();
        }
        let Verdict::TooLong(_) = busy(&gates, "100") else {
            unreachable!("a fourth pause is one too many")
        };
        gates.judge("hub", StatusCode::OK, &HeaderMap::new());
        assert_eq!(busy(&gates, "100"), pause);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_was_left_alone_for_long_begins_anew() {
        let gates = Gates::default();
        busy(&gates, "290");
        gates.pass("hub", LONGEST_PAUSE, 0.0).await.unwrap();
        assert!(matches!(busy(&gates, "290"), Verdict::TooLong(_)));
        tokio::time::sleep(LONGEST_PAUSE).await;
        assert!(matches!(busy(&gates, "290"), Verdict::Pause(_)));
    }
}
