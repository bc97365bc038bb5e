//! A lease under way, and whether it is worth helping: whoever is slow at the end keeps the whole file
//! waiting. Pure.
//!
//! Which bytes it may write, and what it shares with others, is told in `segments.rs`.

use std::ops::Range;
use std::time::Duration;

use super::piece::to_f64;

/// Younger leases, in waits for an answer and at least, have not shown their pace yet: the first wait brings
/// nothing, the second a first window. Where waits are short, a tick of `dispatch.rs` is.
const YOUNG: u32 = 2;
const YOUNGEST: Duration = Duration::from_millis(200);

/// A lease to which nothing comes for so many waits cannot be counted on: what was lost on the way is
/// missed after one and sent again by the second on a connection that flows; then its timers decide.
const SILENT: f64 = 3.0;

/// But one that has not been answered may take so many times as long as answers did of late: some may take much
/// longer than others. More costs the end on a path that loses packets.
const LATE: f64 = 1.5;

/// Of so little, a second copy costs next to nothing: it is begun when nothing has come for so many waits, which
/// is half of one after it should have (on a path of more than 130 ms; on others, after `YOUNGEST`).
const LITTLE: u64 = 64 << 10;
const SOON: f64 = 1.5;

/// Whoever helps needs a wait until anything comes: with less than so many to go it is not worth it, since with
/// half of the rest to bring afterwards it would be no sooner.
const WORTH: f64 = 2.0;

/// Each half is at least so long, about a first window: whoever has less left will have brought it before another
/// could. What is fetched twice instead costs both the whole of it.
pub(super) const SMALLEST_HALF: u64 = 16 << 10;

/// Whoever needs so many times as long as another connection would from its question on is as good as silent.
/// Connections that share a line fairly differ by twice and more for a while; what is raced between those is
/// fetched twice for nothing.
const LOST: f64 = 4.0;

/// How the end of a file is shared out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// How long an answer takes at least, and of late.
    pub(super) wait: Duration,
    pub(super) recent_wait: Duration,
    /// What a connection brings in bytes per second; 0 while that is not known.
    pub(super) rate: f64,
    /// Bytes may be fetched twice. Where a rate limit decides, that costs others their time.
    pub(super) may_race: bool,
}

/// A range that one connection brings.
#[derive(Clone, Debug)]
pub(super) struct Held {
    begin: u64,
    /// What is still to land.
    pub(super) rest: Range<u64>,
    /// Up to here bytes have come, be they written or not, and when the last did.
    come: u64,
    last: Duration,
    since: Duration,
    /// Until a pause is over that its server has asked for: what is not asked is not silent.
    pub(super) waits: bool,
}

impl Held {
    /// One that begins now.
    pub(super) fn new(range: Range<u64>, now: Duration) -> Self {
        Self {
            begin: range.start,
            come: range.start,
            rest: range,
            last: now,
            since: now,
            waits: false,
        }
    }

    /// Notes that it is asked for now: what it waited for before says nothing of its pace.
    pub(super) fn asked(&mut self, now: Duration) {
        (self.since, self.last, self.waits) = (now, now, false);
    }

    /// Notes that bytes have come up to `position`.
    pub(super) fn come(&mut self, position: u64, now: Duration) {
        (self.come, self.last) = (position, now);
    }

    /// What has not come yet.
    pub(super) fn left(&self) -> Range<u64> {
        let start = self.come.max(self.rest.start).min(self.rest.end);
        start..self.rest.end
    }

    /// Whether a part of what is still to land lies in `range`.
    pub(super) fn overlaps(&self, range: &Range<u64>) -> bool {
        self.rest.start < range.end && range.start < self.rest.end
    }

    /// Whether a part of `range` may be in its hand: still to land, or come before it was given to another.
    pub(super) fn may_bring(&self, range: &Range<u64>) -> bool {
        self.rest.start < range.end && range.start < self.rest.end.max(self.come)
    }

    /// The seconds that it still needs, if somebody else could make them fewer.
    pub(super) fn worth_help(&self, now: Duration, rules: &Rules) -> Option<f64> {
        let may_race = rules.may_race && !self.left().is_empty();
        if !may_race && !self.may_be_split(now, rules) {
            return None;
        }
        let seconds = self.seconds_left(now, rules)?;
        (seconds > WORTH * rules.wait.as_secs_f64()).then_some(seconds)
    }

    /// Whether both halves of what is left are worth a request, and the first one comes. Of what is not
    /// answered yet all may be on its way, and the half would wait for an answer of its own.
    pub(super) fn may_be_split(&self, now: Duration, rules: &Rules) -> bool {
        let left = self.left();
        self.is_answered()
            && left.end - left.start >= 2 * SMALLEST_HALF
            && !self.is_silent(now, rules)
    }

    /// Seconds until it is done at its own pace; infinite for one that is silent, and `None` while it
    /// is too young to tell.
    fn seconds_left(&self, now: Duration, rules: &Rules) -> Option<f64> {
        let age = now.saturating_sub(self.since);
        if self.is_silent(now, rules) {
            return Some(f64::INFINITY);
        }
        if !self.is_answered() || age < (rules.wait * YOUNG).max(YOUNGEST) {
            return None;
        }
        let left = self.left();
        let rate = to_f64(self.come.saturating_sub(self.begin)) / age.as_secs_f64();
        Some(to_f64(left.end - left.start) / rate.max(1.0))
    }

    fn is_answered(&self) -> bool {
        self.come > self.begin
    }

    /// Whether it cannot be counted on, and cannot give a part of the little that it has left away.
    pub(super) fn is_lost(&self, now: Duration, rules: &Rules) -> bool {
        let left = self.left();
        if left.is_empty() || self.may_be_split(now, rules) {
            return false;
        }
        self.is_slow(now, rules)
    }

    /// Whether another connection would have brought what is left long ago.
    pub(super) fn is_slow(&self, now: Duration, rules: &Rules) -> bool {
        let left = self.left();
        let anew = WORTH * rules.wait.as_secs_f64() + to_f64(left.end - left.start) / rules.rate;
        let seconds = self.seconds_left(now, rules);
        seconds.is_some_and(|seconds| seconds > LOST * anew || seconds.is_infinite())
    }

    fn is_silent(&self, now: Duration, rules: &Rules) -> bool {
        let left = self.left();
        let is_little = left.end - left.start <= LITTLE;
        let waits = if is_little { SOON } else { SILENT };
        let mut patience = rules.wait.mul_f64(waits).max(YOUNGEST);
        if !self.is_answered() {
            patience = patience.max(rules.recent_wait.mul_f64(LATE));
        }
        !self.waits && now.saturating_sub(self.last) > patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const RULES: Rules = Rules {
        wait: Duration::from_millis(100),
        recent_wait: Duration::from_millis(100),
        rate: 1e6,
        may_race: true,
    };

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Of 64 MiB so many have come, the last of them then.
    fn held(come: u64, last: u64) -> Held {
        let mut held = Held::new(0..64 * MIB, Duration::ZERO);
        held.come(come * MIB, millis(last));
        held
    }

    #[test]
    fn what_is_young_or_nearly_done_is_left_alone() {
        assert_eq!(held(0, 0).worth_help(millis(190), &RULES), None);
        let nearly = held(63, 10_000);
        assert_eq!(nearly.worth_help(millis(10_000), &RULES), None);
        let seconds = held(32, 10_000).worth_help(millis(10_000), &RULES);
        assert_eq!(seconds, Some(10.0));
    }

    #[test]
    fn a_little_that_does_not_come_is_raced_at_once() {
        let mut little = Held::new(0..LITTLE, Duration::ZERO);
        assert_eq!(little.worth_help(millis(190), &RULES), None);
        let silent = Some(f64::INFINITY);
        assert_eq!(little.worth_help(millis(210), &RULES), silent);
        assert!(!little.may_be_split(millis(210), &RULES));
        little.come(LITTLE / 2, millis(210));
        assert_eq!(
            little.worth_help(millis(300), &RULES),
            Some(0.3),
            "it comes"
        );
    }

    #[test]
    fn what_is_not_answered_is_raced_when_it_is_late_and_never_split() {
        let asked = Held::new(0..64 * MIB, Duration::ZERO);
        assert_eq!(asked.worth_help(millis(290), &RULES), None);
        let silent = Some(f64::INFINITY);
        assert_eq!(asked.worth_help(millis(310), &RULES), silent);
        assert!(!asked.may_be_split(millis(310), &RULES));
        let uneven = Rules {
            recent_wait: Duration::from_secs(2),
            ..RULES
        };
        assert_eq!(asked.worth_help(millis(2900), &uneven), None);
        assert_eq!(asked.worth_help(millis(3100), &uneven), silent);
        assert!(held(1, 200).may_be_split(millis(400), &uneven));
    }

    #[test]
    fn what_dribbles_is_as_good_as_silent() {
        let mut little = Held::new(0..LITTLE, Duration::ZERO);
        little.come(LITTLE - 20_000, millis(9_900));
        let now = millis(10_000);
        assert!(
            little.is_lost(now, &RULES),
            "4.4 s, where another needs 0.2"
        );
        let all_are_slow = Rules { rate: 5e3, ..RULES };
        assert!(!little.is_lost(now, &all_are_slow));
        let unknown = Rules { rate: 0.0, ..RULES };
        assert!(!little.is_lost(now, &unknown));
        assert!(little.is_lost(millis(12_000), &unknown), "nothing comes");
        assert!(!held(32, 9_900).is_lost(now, &RULES), "it can be split");
    }

    #[test]
    fn what_is_silent_is_raced_and_not_split() {
        let now = millis(10_000);
        let silent = held(32, 9_600);
        assert_eq!(silent.worth_help(now, &RULES), Some(f64::INFINITY));
        assert!(!silent.may_be_split(now, &RULES));
        let limited = Rules {
            may_race: false,
            ..RULES
        };
        assert_eq!(silent.worth_help(now, &limited), None);
        assert!(held(32, 9_900).worth_help(now, &limited).is_some());
    }
}
