//! When to try again, when to stop. Pure: time and chance are arguments.
//!
//! A budget counts failures since the last progress. It is spent only when there were
//! enough of them *and* enough time has passed, so that neither a burst of fast refusals nor a few
//! slow timeouts end a job that could still succeed.

use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, HeaderName, StatusCode, header::RETRY_AFTER};

use super::headers::text;

/// The first wait, doubled with each failure in a row.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait between attempts: a link that comes back is noticed within this time.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// The longest time for which a host is left alone because it asks for that, one pause after another
/// until it answers something else; more is an error that says the time.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A pause that is worth asking somebody else for.
pub(crate) const LONG_PAUSE: Duration = Duration::from_secs(2);

/// The pause after a 429 that does not say how long; doubled each time up to the second value.
const FIRST_UNSAID_PAUSE: Duration = Duration::from_secs(1);
const UNSAID_PAUSE: Duration = Duration::from_secs(5);

/// How much failure is tolerated without any progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// At least this many failures in a row, and ...
    pub(crate) failures: u32,
    /// ... at least this long since the last progress.
    pub(crate) time: Duration,
    /// No pause of a host is sat out that takes longer.
    pub(crate) pause: Duration,
}

/// For questions to the Hub: enough for a burst of errors, not for an outage of minutes.
pub(crate) const FOR_QUESTIONS: Patience = Patience {
    failures: 6,
    time: Duration::from_secs(20),
    pause: LONGEST_PAUSE,
};

/// For questions of which an older answer is at hand.
pub(crate) const BRIEFLY: Patience = Patience {
    failures: 2,
    time: Duration::from_secs(1),
    pause: LONG_PAUSE,
};

/// For bytes: an outage of a minute (a tunnel, a router that restarts) is survived. Five silent
/// attempts of 20 s each end it within two minutes for each source.
pub(crate) const FOR_BYTES: Patience = Patience {
    failures: 5,
    time: Duration::from_secs(75),
    pause: LONGEST_PAUSE,
};

/// For bytes when some have come before and nothing answers any more: the link is down, and whoever
/// waits for a large download would rather wait than begin again.
pub(crate) const LINGERING: Patience = Patience {
    time: Duration::from_secs(300),
    ..FOR_BYTES
};

/// For bytes of a file that follows one for which all patience was in vain.
pub(crate) const ONCE: Patience = Patience {
    failures: 1,
    time: Duration::ZERO,
    pause: LONGEST_PAUSE,
};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again after this time.
    Wait(Duration),
    /// Stop.
    GiveUp,
}

/// Failures since the last progress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    patience: Patience,
    failures: u32,
    /// When the patience began to run: with the first failure in a row.
    failing_since: Duration,
}

impl Budget {
    /// A full budget at `now`, a time since any fixed start.
    pub(crate) fn new(patience: Patience, now: Duration) -> Self {
        Self {
            patience,
            failures: 0,
            failing_since: now,
        }
    }

    /// How much failure it tolerates.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Has another patience from now on.
    pub(crate) fn set(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Renews the budget: bytes were kept.
    pub(crate) fn progressed(&mut self, now: Duration) {
        *self = Self::new(self.patience, now);
    }

    /// Counts a failure. `chance` is uniform in `0.0..1.0`.
    pub(crate) fn failed(&mut self, now: Duration, chance: f64) -> Next {
        if self.failures == 0 {
            // Time spent waiting for a turn is no time of failure.
            self.failing_since = now;
        }
        self.failures += 1;
        let spent = now.saturating_sub(self.failing_since);
        if self.failures >= self.patience.failures && spent >= self.patience.time {
            return Next::GiveUp;
        }
        let wait = doubled(FIRST_WAIT, self.failures - 1, LONGEST_WAIT);
        Next::Wait(wait.mul_f64(0.5 + chance / 2.0))
    }
}

/// `first`, doubled so many `times`, and at most so long.
///
/// # Example
/// `doubled(1 s, 3, 5 s)` is 5 s: the third time would have made it eight.
pub(crate) fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    let factor = 1u32.checked_shl(times).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(most)
}

/// What an answer means for those who talk to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It answers: with what was asked for, or with a refusal that waiting would not change.
    Answered,
    /// It may do better later; nobody asks it anything during the pause, which may be zero.
    Pause(Duration),
    /// It wants to be left alone for longer than we are willing to wait.
    TooLong(Asked),
}

/// A pause that a host asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// From now on.
    pub(crate) pause: Duration,
    /// How long it was left alone before, without an answer.
    pub(crate) paused: Duration,
}

/// Judges an answer of a host that has been left alone for `paused` since it last answered. `serves`: it
/// brings content to others, so that a 429 that does not say how long is for this connection alone.
pub(crate) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    now: SystemTime,
    (paused, serves): (Duration, bool),
) -> Verdict {
    if !is_transient(status) {
        return Verdict::Answered;
    }
    let unsaid = if status == StatusCode::TOO_MANY_REQUESTS && !serves {
        paused.clamp(FIRST_UNSAID_PAUSE, UNSAID_PAUSE)
    } else {
        Duration::ZERO
    };
    let pause = requested_pause(headers, now).unwrap_or(unsaid);
    let in_all = paused.saturating_add(pause);
    if in_all > LONGEST_PAUSE && !pause.is_zero() {
        Verdict::TooLong(Asked { pause, paused })
    } else {
        Verdict::Pause(pause)
    }
}

/// Whether a status may pass by itself.
fn is_transient(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        408 | 425 | 429 | 500 | 502 | 503 | 504 | 507 | 509 | 520..=530
    )
}

/// The pause that a server asks for, by `Retry-After` (RFC 9110 section 10.2.3, seconds or a date)
/// or by the Hub's `RateLimit: "bucket";r=0;t=SECONDS`.
fn requested_pause(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    if let Some(value) = text(headers, &RETRY_AFTER) {
        let by_date = || {
            httpdate::parse_http_date(value)
                .ok()?
                .duration_since(now)
                .ok()
        };
        // Digits that do not fit are an absurd time, not an absent one.
        let absurd = || {
            value
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then_some(Duration::MAX)
        };
        let pause = value.parse().ok().map(Duration::from_secs).or_else(by_date);
        return pause.or_else(|| absurd().filter(|_| !value.is_empty()));
    }
    let limit = text(headers, &RATE_LIMIT)?;
    let field = |name: &str| {
        limit
            .split(';')
            .find_map(|part| part.trim().strip_prefix(name)?.parse::<u64>().ok())
    };
    (field("r=") == Some(0))
        .then(|| field("t=").map(|t| Duration::from_secs(t.saturating_add(1))))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(value: &str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        requested_pause(
            &headers,
            SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777),
        )
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            after("Sun, 06 Nov 1994 08:50:37 GMT"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), None);
        assert_eq!(after("99999999999999999999999"), Some(Duration::MAX));
        assert_eq!(after("soon"), None);
        assert_eq!(after(""), None);
    }

    #[test]
    fn the_hubs_own_rate_limit_header_counts_only_when_nothing_remains() {
        let pause = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("ratelimit", value.parse().unwrap());
            requested_pause(&headers, SystemTime::UNIX_EPOCH)
        };
        assert_eq!(pause("\"api\";r=0;t=41"), Some(Duration::from_secs(42)));
        assert_eq!(pause("\"api\";r=3;t=41"), None);
    }

    #[test]
    fn pauses_are_obeyed_up_to_five_minutes_in_all() {
        let answer = |code: u16, after: Option<&str>, paused: u64| {
            let mut headers = HeaderMap::new();
            headers.extend(after.map(|value| (RETRY_AFTER, value.parse().unwrap())));
            let status = StatusCode::from_u16(code).unwrap();
            judge(
                status,
                &headers,
                SystemTime::UNIX_EPOCH,
                (Duration::from_secs(paused), false),
            )
        };
        let seconds = Duration::from_secs;
        let too_long = |pause, paused| {
            Verdict::TooLong(Asked {
                pause: seconds(pause),
                paused: seconds(paused),
            })
        };
        assert_eq!(answer(429, Some("300"), 0), Verdict::Pause(seconds(300)));
        assert_eq!(answer(503, Some("301"), 0), too_long(301, 0));
        assert_eq!(answer(503, Some("30"), 270), Verdict::Pause(seconds(30)));
        assert_eq!(answer(503, Some("30"), 271), too_long(30, 271));
        assert_eq!(answer(429, None, 0), Verdict::Pause(seconds(1)));
        assert_eq!(answer(429, None, 4), Verdict::Pause(seconds(4)));
        assert_eq!(answer(429, None, 295), Verdict::Pause(UNSAID_PAUSE));
        assert_eq!(answer(429, None, 296), too_long(5, 296));
        assert_eq!(answer(503, None, 300), Verdict::Pause(Duration::ZERO));
        for code in [200, 206, 302, 404] {
            assert_eq!(answer(code, Some("900"), 0), Verdict::Answered);
        }
    }

    proptest! {
        #[test]
        fn a_budget_is_spent_when_both_are_and_it_never_waits_long(steps in proptest::collection::vec(0u64..60, 1..200), chance in 0.0f64..1.0) {
            let mut budget = Budget::new(FOR_BYTES, Duration::ZERO);
            let mut now = Duration::ZERO;
            for step in steps {
                now += Duration::from_secs(step);
                let is_spent = budget.failures + 1 >= FOR_BYTES.failures
                    && now.saturating_sub(budget.failing_since) >= FOR_BYTES.time
                    && budget.failures > 0;
                match budget.failed(now, chance) {
                    Next::Wait(wait) => {
                        prop_assert!(wait <= LONGEST_WAIT && !is_spent);
                        now += wait;
                    }
                    Next::GiveUp => {
                        prop_assert!(is_spent);
                        return Ok(());
                    }
                }
            }
        }

        #[test]
        fn without_progress_it_ends_after_a_known_time(step in 0u64..60, chance in 0.0f64..1.0) {
            let mut budget = Budget::new(FOR_BYTES, Duration::ZERO);
            let mut now = Duration::ZERO;
            while let Next::Wait(wait) = budget.failed(now, chance) {
                now += wait + Duration::from_secs(step);
            }
            let longest = LONGEST_WAIT + Duration::from_secs(step);
            prop_assert!(now <= FOR_BYTES.time.max(longest * (FOR_BYTES.failures - 2)) + longest);
        }

        #[test]
        fn progress_renews_the_budget(n in 0u32..50) {
            let mut budget = Budget::new(FOR_BYTES, Duration::ZERO);
            for i in 0..n {
                let now = Duration::from_secs(u64::from(i) * 100);
                budget.progressed(now);
                prop_assert_ne!(budget.failed(now, 0.5), Next::GiveUp);
            }
        }
    }
}
