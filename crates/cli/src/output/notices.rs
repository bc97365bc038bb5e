//! Which notices are shown to people: none twice in a short time, and few at once. Pure: time is
//! passed in.

use std::collections::VecDeque;
use std::time::Duration;

/// More lines than this in a second cannot be read.
const MOST_IN_A_SECOND: usize = 3;
/// A notice that comes again within this time says nothing new.
const REPEAT_AFTER: Duration = Duration::from_secs(30);

/// What was shown lately.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    shown: VecDeque<(Duration, String)>,
    held_back: usize,
    /// They are steps that follow one another, and few.
    pub(crate) are_steps: bool,
}

impl Notices {
    /// Those of `texts` that may be shown now.
    pub(crate) fn admit(&mut self, now: Duration, texts: Vec<String>) -> Vec<String> {
        self.shown
            .retain(|(at, _)| *at + REPEAT_AFTER > now && *at <= now);
        let mut admitted = Vec::new();
        for text in texts {
            if self.shown.iter().any(|(_, earlier)| *earlier == text) {
                continue;
            }
            if !self.are_steps && self.shown_within_a_second(now) >= MOST_IN_A_SECOND {
                self.held_back += 1;
                continue;
            }
            self.shown.push_back((now, text.clone()));
            admitted.push(text);
        }
        if self.held_back > 0 && self.shown_within_a_second(now) < MOST_IN_A_SECOND {
            admitted.push(format!("and {} more like these", self.held_back));
            self.held_back = 0;
        }
        admitted
    }

    fn shown_within_a_second(&self, now: Duration) -> usize {
        let late = |(at, _): &&(Duration, String)| *at + Duration::from_secs(1) > now;
        self.shown.iter().filter(late).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(from: usize, to: usize) -> Vec<String> {
        (from..to).map(|n| format!("notice {n}")).collect()
    }

    #[test]
    fn a_flood_becomes_a_few_lines() {
        let mut notices = Notices::default();
        let at = Duration::from_secs;
        assert_eq!(notices.admit(at(1), texts(0, 500)), texts(0, 3));
        assert_eq!(
            notices.admit(at(3), Vec::new()),
            ["and 497 more like these"]
        );
        assert!(notices.admit(at(4), texts(0, 3)).is_empty());
        assert_eq!(notices.admit(at(40), texts(0, 1)), texts(0, 1));
    }
}
