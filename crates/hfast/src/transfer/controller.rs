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
//! Where an earlier job learnt how many pay, begin with these. If they bring far more or less than then, or
//! stand in a queue, the network is another one: go on as if nothing had been known.
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

/// One that took longer says nothing of a queue: over a new connection it takes twice as long at least, and
/// longer still when a packet is lost.
const NEW: f64 = 1.75;

/// The rest after a trial that brought nothing, doubled each time up to the second value: what was
/// learnt holds for a while, and a download of an hour should not miss that the evening is over.
const REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(80);

const NO_ANSWER: (u32, Duration) = (0, Duration::MAX);

/// What was learnt holds while the rate is that of then, more or less by this factor.
const ALIKE: f64 = 2.0;

/// How many connections were found to pay, and what they brought in bytes per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Learnt {
    pub(crate) connections: usize,
    pub(crate) rate: f64,
}

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
    /// What turned out by trying.
    learnt: Option<Learnt>,
    /// The rate at the last look.
    last: f64,
    /// The soonest answer of all, and since the last look how many there were and the soonest of them.
    soonest: Duration,
    answers: (u32, Duration),
    rest: Duration,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// There are as many as brought this rate when it was learnt; else there would be `first`.
    Recalling { rate: f64, first: usize },
    /// Until the rate rises no more by itself.
    Settling,
    /// There are more connections now than these, which brought this rate.
    Trying { fewer: usize, rate: f64, looks: u32 },
    /// Until then.
    Resting(Duration),
}

impl Controller {
    /// Begins with as many connections as are `known` to pay, or suit an answer that takes `round_trip`, and
    /// never has more than `most`.
    pub(super) fn new(round_trip: Duration, most: usize, known: Option<Learnt>) -> Self {
        let first = first(round_trip).min(most).max(1);
        let recall = |known: Learnt| {
            let rate = known.rate;
            (known.connections, State::Recalling { rate, first })
        };
        let (target, state) = known.map_or((first, State::Settling), recall);
        Self {
            target: target.clamp(1, most.max(1)),
            most: most.max(1),
            look: LOOK.max(round_trip * ROUND_TRIPS),
            since: None,
            state,
            learnt: None,
            last: 0.0,
            soonest: Duration::MAX,
            answers: NO_ANSWER,
            rest: REST,
        }
    }

    /// Keeps the number at `n`: somebody insists.
    pub(super) fn fixed(n: usize) -> Self {
        let mut controller = Self::new(Duration::ZERO, n, None);
        controller.target = controller.most;
        controller
    }

    /// What can be told to the next job.
    pub(super) fn learnt(&self) -> Option<Learnt> {
        self.learnt
    }

    /// How many connections there should be now.
    pub(super) fn target(&self) -> usize {
        self.target
    }

    /// Notes that an answer began after `wait`.
    pub(super) fn answered(&mut self, wait: Duration) {
        self.soonest = self.soonest.min(wait);
        if wait < self.soonest.mul_f64(NEW) {
            let (number, soonest) = self.answers;
            self.answers = (number + 1, soonest.min(wait));
        }
    }

    /// Whether all answers since the last look stood in a queue.
    fn is_full(&self) -> bool {
        let (number, soonest) = self.answers;
        number >= ANSWERS && soonest > self.soonest.mul_f64(QUEUED)
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
            State::Settling | State::Recalling { .. } if rate >= last * RISING || !worth => {}
            State::Recalling { rate: then, first } => {
                if self.is_full() || rate > then * ALIKE || rate * ALIKE < then {
                    self.target = first;
                    self.state = State::Settling;
                } else {
                    self.pays(self.target, rate);
                    self.begin_rest(now);
                }
            }
            State::Settling if self.is_full() => {
                self.pays(self.target, rate);
                self.begin_rest(now);
            }
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
                    self.pays(self.target, rate);
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
                    self.pays(fewer, before);
                    self.begin_rest(now);
                }
            }
            State::Resting(until) if now >= until && worth => {
                self.add(self.target / 2, rate.max(last));
            }
            State::Resting(_) => {}
        }
    }

    fn pays(&mut self, connections: usize, rate: f64) {
        self.learnt = Some(Learnt { connections, rate });
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
            // What was learnt was more than are let in.
            self.learnt = None;
            // Many are turned away at once, and that is one reason to rest.
            if !matches!(self.state, State::Resting(until) if now < until) {
                self.begin_rest(now);
            }
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
mod tests;
