//! How many connections a server lets in, told by those that it turns away. Pure: time is an argument.
//!
//! It may refuse or reset a connection, answer 429 or 503, or accept it and never answer. One by one that is
//! what a bad network does, too. But when several meet it, while others are served and no new one is, the
//! server has as many as it wants. What follows is decided in `controller.rs`.

use std::time::Duration;

/// So many that were turned away within this time are a limit; a single one may have met an accident.
const REFUSALS: u32 = 3;
const AT_ONCE: Duration = Duration::from_secs(2);

/// Those who are served, and those who are not.
#[derive(Debug, Default)]
pub(super) struct Door {
    /// Connections that were answered and have not ended, and how many there were at once.
    inside: usize,
    most: usize,
    /// When the last new connection was asked for what it answered, and when one ended that had brought
    /// something.
    let_in: Duration,
    left: Option<Duration>,
    refusals: u32,
    refused_since: Duration,
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

    /// Notes the end of what was answered, and whether it brought something.
    pub(super) fn leaves(&mut self, now: Duration, brought: bool) {
        self.inside = self.inside.saturating_sub(1);
        if brought {
            self.left = Some(now);
        }
    }

    /// Whether a limit was found, and no new connection was answered since.
    pub(super) fn is_shut(&self) -> bool {
        self.judged.is_some_and(|judged| self.let_in <= judged)
    }

    /// Judges a connection that was asked for something at `since` and not answered.
    pub(super) fn turned_away(&mut self, since: Duration, now: Duration) -> Refusal {
        let was_just_left = |left| now.saturating_sub(left) < AT_ONCE;
        let serves = self.inside > 0 || self.left.is_some_and(was_just_left);
        if !serves || self.let_in > since {
            return Refusal::Accident;
        }
        if self.judged.is_some_and(|judged| since < judged) {
            return Refusal::TurnedAway;
        }
        if now.saturating_sub(self.refused_since) > AT_ONCE {
            (self.refusals, self.refused_since) = (0, now);
        }
        self.refusals += 1;
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
        let each = [(); 5].map(|()| door.turned_away(at(since), at(now)));
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
        assert_eq!(five(&mut door, 5, 6), limit);
        door.enters(at(7), true);
        let fewer = [TurnedAway, TurnedAway, Limit(1), TurnedAway, TurnedAway];
        assert_eq!(five(&mut door, 8, 9), fewer);
        door.enters(at(10), false);
        assert!(!door.is_shut());
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
        let lone = [30, 60, 90].map(|now| door.turned_away(at(now - 1), at(now)));
        assert_eq!(lone, [Refusal::TurnedAway; 3]);
        door.leaves(at(100), false);
        assert_eq!(five(&mut door, 101, 102), [Refusal::Accident; 5]);
    }
}
