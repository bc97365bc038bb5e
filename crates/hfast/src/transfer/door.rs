//! How many connections a server lets in, told by those that it turns away. Pure: time is an argument.
//!
//! It may refuse or reset a connection, answer 429 or 503, or accept it and never answer. One by one that is
//! what a bad network does, too. But when several meet it, while others are served and no new one is, the
//! server has as many as it wants. What follows is decided in `controller.rs`.

use std::time::Duration;

/// So many that were turned away within this time are a limit. Two may be the two that a bad network strikes in a
/// second; who asks for more than there are is refused for each of them, at once or after one patience.
const REFUSALS: u32 = 3;
const AT_ONCE: Duration = Duration::from_secs(2);

/// Those that are let in ask for the next part within this time of the last.
const BETWEEN: Duration = Duration::from_secs(2);

/// Those who are served, and those who are not.
#[derive(Debug, Default)]
pub(super) struct Door {
    /// Connections that were answered and have not ended, and how many there were at once.
    inside: usize,
    most: usize,
    /// When the last new connection was asked for what it answered, and when one ended well.
    let_in: Duration,
    left: Option<Duration>,
    refusals: u32,
    refused_since: Option<Duration>,
    /// When a limit was found. What had been asked before was turned away at the same time.
    judged: Option<Duration>,
}

/// What it says that a connection was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing: nobody else is served, or a new one was meanwhile.
    Accident,
    /// Others are served.
    TurnedAway,
    /// No more than these are served.
    Limit(usize),
}

impl Door {
    /// Notes an answer to what was asked at `since`, and whether over a connection that was `kept`.
    pub(super) fn enters(&mut self, since: Duration, kept: bool) {
        self.inside += 1;
        self.most = self.most.max(self.inside);
        if !kept {
            self.let_in = self.let_in.max(since);
        }
    }

    /// Notes the end of what was answered, and whether it ended `well`.
    pub(super) fn leaves(&mut self, now: Duration, well: bool) {
        self.inside = self.inside.saturating_sub(1);
        if well {
            self.left = Some(now);
        }
    }

    /// How many connections were answered and have not ended.
    pub(super) fn inside(&self) -> usize {
        self.inside
    }

    /// Whether a limit was found, and no new connection was answered since.
    pub(super) fn is_shut(&self) -> bool {
        self.judged.is_some_and(|judged| self.let_in <= judged)
    }

    /// Judges a connection that was asked for something at `since` and not answered. `others_receive`: those that
    /// were are known to receive something; all of them may have met the same. `was_served`: some of the same
    /// file came before. Another file may be refused for itself, one request after the other, and so many
    /// at once only for their number.
    pub(super) fn turned_away(
        &mut self,
        (since, now): (Duration, Duration),
        (others_receive, was_served): (bool, bool),
    ) -> Refusal {
        let was_just_left = |left| now.saturating_sub(left) < BETWEEN;
        let serves = self.inside > 0 && others_receive || self.left.is_some_and(was_just_left);
        if !serves || self.let_in > since {
            return Refusal::Accident;
        }
        // How many are inside shows only after a while.
        if self.judged.is_some_and(|judged| since < judged + BETWEEN) {
            return Refusal::TurnedAway;
        }
        let is_recent = |at: &Duration| now.saturating_sub(*at) <= AT_ONCE;
        let first = self.refused_since.filter(is_recent).unwrap_or_else(|| {
            self.refusals = 0;
            now
        });
        self.refused_since = Some(first);
        self.refusals += u32::from(was_served || since <= first);
        if self.refusals < REFUSALS {
            return Refusal::TurnedAway;
        }
        let most = std::mem::replace(&mut self.most, self.inside);
        (self.judged, self.refusals) = (Some(now), 0);
        Refusal::Limit(most.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tenths: u32) -> Duration {
        Duration::from_millis(100) * tenths
    }

    /// What is said of each of five that were asked and not answered.
    fn five(door: &mut Door, since: u32, now: u32) -> Vec<Refusal> {
        let each = [(); 5].map(|()| door.turned_away((at(since), at(now)), (true, false)));
        each.to_vec()
    }

    #[test]
    fn several_that_are_turned_away_while_others_are_served_are_a_limit() {
        use Refusal::{Limit, TurnedAway};
        let mut door = Door::default();
        (0..4).for_each(|_| door.enters(at(1), false));
        let limit = [TurnedAway, TurnedAway, Limit(4), TurnedAway, TurnedAway];
        assert!(!door.is_shut());
        assert_eq!(five(&mut door, 2, 3), limit);
        assert!(door.is_shut());
        // Between two answers over those that were kept nobody is inside.
        (0..4).for_each(|_| door.leaves(at(4), true));
        assert_eq!(five(&mut door, 5, 6), [TurnedAway; 5]);
        (0..2).for_each(|_| door.enters(at(7), true));
        (0..2).for_each(|_| door.leaves(at(30), true));
        assert_eq!(five(&mut door, 24, 31), limit);
        let fewer = [TurnedAway, TurnedAway, Limit(2), TurnedAway, TurnedAway];
        door.enters(at(33), true);
        door.enters(at(33), true);
        assert_eq!(five(&mut door, 52, 53), fewer);
        door.enters(at(60), false);
        assert!(!door.is_shut());
    }

    #[test]
    fn a_file_that_is_refused_for_itself_is_no_limit() {
        for (was_served, limits) in [(false, 0), (true, 2)] {
            let mut door = Door::default();
            door.enters(at(1), false);
            let judged = (5..15).map(|n| {
                let times = (at(5 * n), at(5 * n + 1));
                door.turned_away(times, (true, was_served))
            });
            let found = judged.filter(|refusal| *refusal == Refusal::Limit(1));
            assert_eq!(found.count(), limits, "{was_served}");
        }
    }

    #[test]
    fn accidents_are_none() {
        let mut door = Door::default();
        assert_eq!(five(&mut door, 0, 1), [Refusal::Accident; 5], "a dead one");
        door.enters(at(5), false);
        assert_eq!(
            five(&mut door, 0, 30),
            [Refusal::Accident; 5],
            "one came in"
        );
        let lone = [30, 60, 90].map(|now| door.turned_away((at(now - 1), at(now)), (true, true)));
        assert_eq!(lone, [Refusal::TurnedAway; 3]);
        let silent = door.turned_away((at(99), at(100)), (false, true));
        assert_eq!(silent, Refusal::Accident, "also those that are inside");
        door.leaves(at(100), false);
        assert_eq!(five(&mut door, 101, 102), [Refusal::Accident; 5]);
    }
}
