//! How many connections one source gets: more while that pays, fewer when it did not. Pure.
//!
//! What holds the rate back cannot be seen from here. On a link that loses packets, and at a server
//! that holds each connection back, every connection carries its own share, and many carry more; once
//! the link, the disk or the processor is full, more connections only take from each other. The two
//! are told apart by trying. The rule, all of it:
//!
//! 1. Begin with so many connections that their first windows fill the first round trips.
//! 2. Wait until the rate no longer rises by itself: connections begin slowly.
//! 3. Double them. If the rate rises by a fair part of what the number rose by, double again.
//! 4. If it does not, go back to the number before, and rest. Networks change: after
//!    the rest half as many more are tried, and each time in vain makes the next rest longer.
//!    Where no answer comes as soon as the soonest did, they wait behind what fills the line: rest at once.
//! 5. A server that turns connections away keeps those that it let in; after a rest more are tried.
//!
//! A look counts only if the source was busy all the time: where there is nothing more to ask for, a
//! low rate says nothing.

use std::time::Duration;

use super::piece::to_f64;

/// What a connection brings in its first round trip: ten segments (RFC 6928).
const FIRST_WINDOW: f64 = 14_600.0;

/// The first windows together bring so many bytes per second: what a common line carries, so that slow
/// start costs few round trips.
const FIRST_RATE: f64 = 10e6;

/// Fewer leave a fast network nearby idle while one of them waits for an answer; more than the second
/// number cost a far server more than the round trip that they save.
const FEWEST: f64 = 4.0;
const MOST_AT_FIRST: f64 = 32.0;

/// A rate is taken over this time, or over so many round trips where that is longer: bytes behind a lost
/// packet come late and all at once, and in a shorter time that is all that would be seen.
const LOOK: Duration = Duration::from_secs(1);
const ROUND_TRIPS: u32 = 10;

/// In slow start the rate doubles with each round trip: a look with such a rise over the one before says
/// that it is not over.
const RISING: f64 = 1.25;

/// The rise of the rate that is worth a rise of the number: this part of it. Where each connection
/// carries its own share all of it comes, where they share a full line nothing does.
const FAIR: f64 = 0.2;

/// More connections have this many looks to show it: they begin slowly.
const LOOKS: u32 = 2;

/// So many answers, of which even the soonest took so many times as long as the soonest of all, stood in a
/// queue: the line is full. Fewer may have met an accident each.
const ANSWERS: u32 = 4;
const QUEUED: f64 = 1.25;

/// The rest after a trial that brought nothing, doubled each time up to the second value: what was
/// learnt holds for a while, and a download of an hour should not miss that the evening is over.
const REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(80);

const NO_ANSWER: (u32, Duration) = (0, Duration::MAX);

/// The number of connections for one source.
#[derive(Debug)]
pub(super) struct Controller {
    target: usize,
    most: usize,
    /// Over which time a rate is taken.
    look: Duration,
    /// When the look under way began, and what had been received until then.
    since: Option<(Duration, u64)>,
    state: State,
    /// The rate at the last look.
    last: f64,
    /// The soonest answer of all, and since the last look how many there were and the soonest of them.
    soonest: Duration,
    answers: (u32, Duration),
    rest: Duration,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Until the rate rises no more by itself.
    Settling,
    /// There are more connections now than these, which brought this rate.
    Trying { fewer: usize, rate: f64, looks: u32 },
    /// Until then.
    Resting(Duration),
}

impl Controller {
    /// Begins with as many connections as suit an answer that takes `round_trip`, and never has more
    /// than `most`.
    pub(super) fn new(round_trip: Duration, most: usize) -> Self {
        Self {
            target: first(round_trip).min(most).max(1),
            most: most.max(1),
            look: LOOK.max(round_trip * ROUND_TRIPS),
            since: None,
            state: State::Settling,
            last: 0.0,
            soonest: Duration::MAX,
            answers: NO_ANSWER,
            rest: REST,
        }
    }

    /// Keeps the number at `n`: somebody insists.
    pub(super) fn fixed(n: usize) -> Self {
        let mut controller = Self::new(Duration::ZERO, n);
        controller.target = controller.most;
        controller
    }

    /// How many connections there should be now.
    pub(super) fn target(&self) -> usize {
        self.target
    }

    /// Notes that an answer began after `wait`.
    pub(super) fn answered(&mut self, wait: Duration) {
        self.soonest = self.soonest.min(wait);
        let (number, soonest) = self.answers;
        self.answers = (number + 1, soonest.min(wait));
    }

    /// Whether all answers since the last look stood in a queue.
    fn is_full(&self) -> bool {
        let (number, soonest) = self.answers;
        number >= ANSWERS && soonest.as_secs_f64() > self.soonest.as_secs_f64() * QUEUED
    }

    /// Looks at how many bytes have come until `now`; called several times a second. `busy`: since the
    /// last call there were as many connections as there should be. `left` bytes are not there yet.
    pub(super) fn look(&mut self, now: Duration, received: u64, busy: bool, left: u64) {
        let Some((since, before)) = self.since.filter(|_| busy) else {
            self.since = busy.then_some((now, received));
            return;
        };
        let time = now.saturating_sub(since);
        if time < self.look {
            return;
        }
        self.since = Some((now, received));
        let rate = to_f64(received - before) / time.as_secs_f64();
        // What is left has come before more connections could show that they pay.
        let worth = to_f64(left) >= rate * (self.look * LOOKS).as_secs_f64();
        self.judge(now, rate, worth);
        self.answers = NO_ANSWER;
    }

    fn judge(&mut self, now: Duration, rate: f64, worth: bool) {
        let last = std::mem::replace(&mut self.last, rate);
        match self.state {
            State::Settling if rate >= last * RISING || !worth => {}
            State::Settling if self.is_full() => self.begin_rest(now),
            State::Settling => self.add(self.target, rate.max(last)),
            State::Trying {
                fewer,
                rate: before,
                looks,
            } => {
                let more = ratio(self.target, fewer) - 1.0;
                if rate >= before * (1.0 + FAIR * more) {
                    self.rest = REST;
                    self.state = State::Settling;
                    if worth && !self.is_full() {
                        self.add(self.target, rate);
                    }
                } else if looks < LOOKS {
                    self.state = State::Trying {
                        fewer,
                        rate: before,
                        looks: looks + 1,
                    };
                } else {
                    self.target = fewer;
                    self.begin_rest(now);
                }
            }
            State::Resting(until) if now >= until && worth => {
                self.add(self.target / 2, rate.max(last));
            }
            State::Resting(_) => {}
        }
    }

    /// Tries `more` connections than those that bring `rate`, if there may be any.
    fn add(&mut self, more: usize, rate: f64) {
        let fewer = self.target;
        self.target = fewer.saturating_add(more.max(1)).min(self.most);
        self.state = State::Trying {
            fewer,
            rate,
            looks: 1,
        };
    }

    fn begin_rest(&mut self, now: Duration) {
        self.state = State::Resting(now + self.rest);
        self.rest = (self.rest * 2).min(LONGEST_REST);
    }

    /// The server turned a connection away while it served `served` others.
    pub(super) fn turned_away(&mut self, now: Duration, served: usize) {
        if served < self.target {
            self.target = served.max(1);
            self.begin_rest(now);
        }
    }
}

fn ratio(a: usize, b: usize) -> f64 {
    to_f64(a as u64) / to_f64(b as u64)
}

/// How many connections to begin with.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between the two bounds"
)]
fn first(round_trip: Duration) -> usize {
    let number = FIRST_RATE * round_trip.as_secs_f64() / FIRST_WINDOW;
    number.clamp(FEWEST, MOST_AT_FIRST).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a network carries over `n` connections that are all up, in bytes per second.
    struct Network {
        line: f64,
        each: f64,
    }

    impl Network {
        fn rate(&self, n: usize) -> f64 {
            self.line.min(self.each * ratio(n, 1))
        }
    }

    /// Lets a controller run on a network for so many seconds; `chance` varies each look's rate by up
    /// to the given part. Returns the numbers at the end of each second.
    fn run(network: &Network, seconds: u64, rtt: u64, (noise, seed): (f64, u64)) -> Vec<usize> {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut controller = Controller::new(Duration::from_millis(rtt), 128);
        let (mut received, mut numbers, mut up) = (0.0, Vec::new(), 0.0);
        for tick in 0..seconds * 4 {
            // Connections come up over about half a second.
            up += (ratio(controller.target(), 1) - up) * 0.5;
            let rate = network.line.min(network.each * up);
            received += rate * 0.25 * (1.0 + noise * (chance.f64() * 2.0 - 1.0));
            let now = Duration::from_millis((tick + 1) * 250);
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a test"
            )]
            controller.look(now, received as u64, true, u64::MAX);
            if tick % 4 == 3 {
                numbers.push(controller.target());
            }
        }
        numbers
    }

    #[test]
    fn the_first_windows_fill_the_first_round_trips() {
        let of = |millis| first(Duration::from_millis(millis));
        assert_eq!([0, 5, 20, 60, 2000].map(of), [4, 4, 14, 32, 32]);
    }

    #[test]
    fn where_each_connection_carries_its_share_there_are_soon_very_many() {
        let lossy = Network {
            line: 25e6,
            each: 0.12e6,
        };
        let numbers = run(&lossy, 20, 180, (0.1, 1));
        assert!(numbers[6] >= 64, "{numbers:?}");
        assert_eq!(numbers.last(), Some(&128), "{numbers:?}");
    }

    #[test]
    fn a_full_line_gets_no_more_than_it_needs() {
        let fast = Network {
            line: 100e6,
            each: 90e6,
        };
        let numbers = run(&fast, 60, 1, (0.02, 1));
        let more = numbers.iter().filter(|n| **n > 4).count();
        assert!(numbers.iter().all(|n| *n <= 8) && more <= 16, "{numbers:?}");
    }

    #[test]
    fn a_network_that_becomes_another_is_learnt_again() {
        let mut controller = Controller::new(Duration::from_millis(20), 128);
        let (mut received, mut now) = (0, Duration::ZERO);
        let mut pass = |controller: &mut Controller, seconds: u32, rate: &dyn Fn(usize) -> u64| {
            for _ in 0..seconds * 4 {
                now += Duration::from_millis(250);
                received += rate(controller.target()) / 4;
                controller.look(now, received, true, u64::MAX);
            }
        };
        pass(&mut controller, 60, &|_| 10_000_000);
        assert_eq!(controller.target(), 14);
        pass(&mut controller, 100, &|n| n as u64 * 500_000);
        assert!(controller.target() >= 64, "{}", controller.target());
    }

    #[test]
    fn what_a_server_lets_in_is_not_exceeded_for_a_while() {
        let mut controller = Controller::new(Duration::from_millis(180), 128);
        controller.turned_away(Duration::from_secs(1), 3);
        assert_eq!(controller.target(), 3);
        controller.turned_away(Duration::from_secs(1), 5);
        assert_eq!(controller.target(), 3, "fewer were let in before");
        let looks = (1..40u64).map(Duration::from_secs);
        looks.for_each(|now| controller.look(now, now.as_secs() * 1_000_000, true, u64::MAX));
        assert!(controller.target() <= 4, "{}", controller.target());
    }

    #[test]
    fn idleness_says_nothing() {
        let mut controller = Controller::new(Duration::from_millis(180), 128);
        let before = controller.target();
        for second in 0..100 {
            controller.look(Duration::from_secs(second), 0, false, u64::MAX);
        }
        assert_eq!(controller.target(), before);
    }

    #[test]
    fn at_the_end_no_more_are_tried() {
        let mut controller = Controller::new(Duration::from_millis(180), 128);
        let before = controller.target();
        let looks = (1..10u64).map(|n| Duration::from_secs(2 * n));
        looks.for_each(|now| controller.look(now, now.as_secs() * 1_000_000, true, 3_000_000));
        assert_eq!(controller.target(), before);
    }

    #[test]
    fn behind_a_full_line_no_more_are_tried_before_a_rest() {
        let numbers = |waits: [u64; 4]| {
            let mut controller = Controller::new(Duration::from_millis(180), 128);
            controller.answered(Duration::from_millis(180));
            let looks = (1..=6u64).map(|n| Duration::from_secs(2 * n));
            let after = looks.map(|now| {
                for wait in waits.map(Duration::from_millis) {
                    controller.answered(wait);
                }
                controller.look(now, now.as_secs() * 1_000_000, true, u64::MAX);
                controller.target()
            });
            after.collect::<Vec<_>>()
        };
        assert_eq!(numbers([260, 270, 400, 265]), [32, 32, 32, 32, 32, 48]);
        // One that did not wait says that there is no queue.
        assert_eq!(numbers([260, 270, 400, 182])[2], 64);
    }

    #[test]
    fn who_insists_gets_the_number() {
        let mut controller = Controller::fixed(24);
        for second in 0..100 {
            let now = Duration::from_secs(second);
            controller.look(now, second * 1_000_000, true, u64::MAX);
            assert_eq!(controller.target(), 24);
        }
    }

    proptest! {
        /// Whatever comes, the number stays within its bounds; and where more connections always carry
        /// more, most of what can be had is had within half a minute, however much the rate varies.
        #[test]
        fn the_number_is_bounded_and_finds_the_knee(
            line in 1e6f64..1e9, share in 0.01f64..1.0, rtt in 1u64..400, seed in any::<u64>()
        ) {
            let network = Network { line, each: line * share };
            let numbers = run(&network, 40, rtt, (0.1, seed));
            prop_assert!(numbers.iter().all(|n| (1..=128).contains(n)));
            let last = *numbers.last().unwrap();
            prop_assert!(network.rate(last) >= 0.7 * network.rate(128), "{:?}", numbers);
        }
    }
}
