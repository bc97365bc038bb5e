//! How many connections one source gets: more while that pays, fewer when it did not. Pure.
//!
//! What holds the rate back cannot be seen from here. On a link that loses packets, and at a server
//! that holds each connection back, every connection carries its own share, and many carry more; once
//! the link, the disk or the processor is full, more connections only take from each other. The two
//! are told apart by trying. The rule, all of it:
//!
//! 1. Begin with so many connections that their first windows fill the first round trips.
//! 2. Wait until the rate no longer rises by itself: connections begin slowly.
//! 3. Double them, or take all that there may be if that is less than half as many more than those. If the rate rises
//!    by a fair part, double again.
//! 4. If it does not, go back to the number before, and rest. Networks change: after the rest half as many more are
//!    tried, which takes less from a full line, and each rest is longer than the one before, until more pay again.
//!    Where nearly all answers wait behind what fills the line (`queue.rs`), rest at once; unless more paid there once.
//! 5. A server that turns connections away keeps those that it let in; after a rest more are tried. One that
//!    asks for a pause has too many requests: half as many, but not fewer than a near one would begin with.
//!
//! Where an earlier job learnt how many pay, begin with these. If they bring far more or less than then, or
//! stand in a queue, the network is another one: go on as if nothing had been known.
//!
//! A look counts only if the source was busy all the time and something came: where there is nothing more to
//! ask for, and while the network is down, a low rate says nothing of the number.

use std::time::Duration;

use super::piece::to_f64;
use super::queue::{Queue, without_handshake};

/// What a connection brings in its first round trip: ten segments (RFC 6928).
const FIRST_WINDOW: f64 = 14_600.0;

/// The first windows together bring so many bytes per second: what a common line (80 Mbit/s) carries, so
/// that slow start costs few round trips.
const FIRST_RATE: f64 = 10e6;

/// Fewer leave a fast network nearby idle while one of them waits for an answer; more than the second
/// number cost a far server more than the round trip that they save.
const FEWEST: f64 = 4.0;
const MOST_AT_FIRST: f64 = 32.0;

/// A rate is taken over this time, or over so many round trips where that is longer: bytes behind a lost
/// packet come one to three round trips late and all at once. Not over more: on a lossy link a connection begins
/// with a burst, and what the first ones brought in theirs is no measure for those that come when it is over.
const LOOK: Duration = Duration::from_secs(1);
const ROUND_TRIPS: u32 = 5;

/// In slow start the rate doubles with each round trip, and a look that still holds some of that is a good
/// deal above the one before: then it is not over.
const RISING: f64 = 1.25;

/// The rise of the rate that is worth more connections. Where each one carries its own share, it rises as their
/// number does, by half at least; where they share a full line, not at all. Two looks at the same thing differ
/// by a tenth, and a bar that they pass by chance would be passed again and again; a higher one would stop
/// on a lossy link where half of the new connections are still slow.
const FAIR: f64 = 1.2;

/// More connections have this many looks to show it: the first one holds their handshakes and slow start.
const LOOKS: u32 = 2;

/// The rest after a trial that brought nothing, doubled each time up to the second value: what was
/// learnt holds for a while, and a download of an hour should not miss that the evening is over.
const REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(80);

/// What was learnt holds while the rate is that of then, more or less by this factor: one network differs by
/// less from hour to hour, and what is taken for another one costs only the trials.
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
    /// How long an answer takes; zero while that is not known, and a guess until the source has answered.
    round_trip: Duration,
    is_measured: bool,
    /// When the look under way began, and what had been received until then.
    since: Option<(Duration, u64)>,
    state: State,
    /// What turned out by trying, or was near enough to it.
    learnt: Option<Learnt>,
    /// The rate at the last look.
    last: f64,
    queue: Queue,
    rest: Duration,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// There are as many as brought this rate when it was learnt.
    Recalling { rate: f64 },
    /// Until the rate rises no more by itself.
    Settling,
    /// There are more connections now than these, which brought this rate, and seemed to stand in a queue or not.
    Trying {
        fewer: usize,
        rate: f64,
        looks: u32,
        was_full: bool,
    },
    /// Until then.
    Resting(Duration),
}

impl Controller {
    /// Begins with as many connections as are `known` to pay, or suit an answer that takes `round_trip`, and
    /// never has more than `most`. The `round_trip` is that of other servers; zero where none has answered.
    pub(super) fn new(round_trip: Duration, most: usize, known: Option<Learnt>) -> Self {
        let recall = |known: Learnt| {
            let rate = known.rate;
            (known.connections, State::Recalling { rate })
        };
        let (target, state) = known.map_or((first(round_trip), State::Settling), recall);
        Self {
            target: target.clamp(1, most.max(1)),
            most: most.max(1),
            round_trip,
            is_measured: false,
            since: None,
            state,
            learnt: None,
            last: 0.0,
            queue: Queue::default(),
            rest: REST,
        }
    }

    /// Keeps the number at `n`, which only rule 5 lowers: somebody insists.
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

    /// Notes that an answer of a host began after `wait`, and whether over a connection that was kept.
    pub(super) fn answered(&mut self, of: (&str, bool), wait: Duration) {
        self.queue.answered(of, wait);
        if !std::mem::replace(&mut self.is_measured, true) {
            self.round_trip = without_handshake(of.1, wait);
            if let State::Settling = self.state {
                self.target = self.target.max(first(self.round_trip)).min(self.most);
            }
        }
        self.round_trip = self.round_trip.min(wait);
    }

    /// Looks at how many bytes have come until `now`; called several times a second. `busy`: since the
    /// last call there were as many connections as there should be. `left` bytes are not there yet.
    pub(super) fn look(&mut self, now: Duration, received: u64, busy: bool, left: u64) {
        let Some((since, before)) = self.since.filter(|_| busy) else {
            // A trial goes on when there is work again, and its measure is what came before it.
            self.since = busy.then_some((now, received));
            self.queue.forget();
            return;
        };
        let time = now.saturating_sub(since);
        let look = LOOK.max(self.round_trip * ROUND_TRIPS);
        if time < look {
            return;
        }
        self.since = Some((now, received));
        if received == before {
            self.stand_still();
            return;
        }
        let rate = to_f64(received - before) / time.as_secs_f64();
        // What is left has come before more connections could show that they pay.
        let worth = to_f64(left) >= rate * (look * LOOKS).as_secs_f64();
        self.judge(now, rate, worth);
        self.queue.forget();
    }

    /// Nothing comes, and no number would change that. Afterwards the network may be another one.
    fn stand_still(&mut self) {
        self.end_trial();
        if !matches!(self.state, State::Recalling { .. }) {
            self.state = State::Settling;
        }
        self.last = 0.0;
        self.queue.forget();
    }

    fn judge(&mut self, now: Duration, rate: f64, worth: bool) {
        let last = std::mem::replace(&mut self.last, rate);
        let is_full = self.queue.is_full();
        match self.state {
            State::Settling | State::Recalling { .. } if rate >= last * RISING || !worth => {}
            State::Recalling { rate: then } if !is_full && are_alike(rate, then) => {
                self.keep(self.target, rate, now);
            }
            State::Recalling { .. } => {
                self.target = first(self.round_trip).min(self.most);
                self.state = State::Settling;
            }
            State::Settling if is_full => self.keep(self.target, rate, now),
            State::Settling => self.add(self.target, rate, now),
            State::Trying {
                fewer,
                rate: before,
                looks,
                was_full,
            } => {
                if rate >= before * FAIR {
                    if was_full {
                        self.queue.refute();
                    }
                    self.rest = REST;
                    self.state = State::Settling;
                    self.pays(self.target, rate);
                    if worth && !is_full {
                        self.add(self.target, rate, now);
                    }
                } else if looks < LOOKS {
                    self.state = State::Trying {
                        fewer,
                        rate: before,
                        looks: looks + 1,
                        was_full,
                    };
                } else {
                    self.keep(fewer, before, now);
                }
            }
            State::Resting(until) if now >= until && worth => {
                self.add(self.target / 2, rate, now);
            }
            State::Resting(_) => {}
        }
    }

    /// Rests with as many connections as were found to bring this rate.
    fn keep(&mut self, connections: usize, rate: f64, now: Duration) {
        self.target = connections;
        self.pays(connections, rate);
        self.begin_rest(now);
    }

    fn pays(&mut self, connections: usize, rate: f64) {
        self.learnt = Some(Learnt { connections, rate });
    }

    /// Tries `more` connections than those that bring `rate`, or takes what few more there may be.
    fn add(&mut self, more: usize, rate: f64, now: Duration) {
        let fewer = self.target;
        self.target = fewer.saturating_add(more.max(1));
        // A few more than these would not show.
        if self.most < self.target + self.target / 2 {
            self.target = self.most;
        }
        // So few could not show that they pay, and cost little.
        if to_f64(self.target as u64) < to_f64(fewer as u64) * FAIR {
            return self.keep(self.target, rate, now);
        }
        self.state = State::Trying {
            fewer,
            rate,
            looks: 1,
            was_full: self.queue.is_full(),
        };
    }

    /// Goes back to the number before, if more are being tried.
    fn end_trial(&mut self) {
        if let State::Trying { fewer, .. } = self.state {
            self.target = fewer;
        }
    }

    fn is_resting(&self, now: Duration) -> bool {
        matches!(self.state, State::Resting(until) if now < until)
    }

    fn begin_rest(&mut self, now: Duration) {
        self.state = State::Resting(now + self.rest);
        self.rest = (self.rest * 2).min(LONGEST_REST);
    }

    /// The server asked for a pause, and said by that that it is asked too often.
    pub(super) fn asked_to_pause(&mut self, now: Duration) {
        // Many are asked for it at once, and that is one reason.
        if self.is_resting(now) {
            return;
        }
        self.end_trial();
        let fewest = first(Duration::ZERO).min(self.target);
        self.target = (self.target / 2).max(fewest);
        self.begin_rest(now);
    }

    /// The server turned a connection away while it served `served` others.
    pub(super) fn turned_away(&mut self, now: Duration, served: usize) {
        if served < self.target {
            self.target = served.max(1);
            // What was learnt was more than are let in.
            self.learnt = None;
            // Many are turned away at once, and that is one reason to rest.
            if !self.is_resting(now) {
                self.begin_rest(now);
            }
        }
    }
}

fn are_alike(a: f64, b: f64) -> bool {
    a <= b * ALIKE && b <= a * ALIKE
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
