//! The ways to the sources, over all files of a job: how many connections each has and may have, what
//! they bring, and whether it can be relied on.
//!
//! Which source has which file is told in `source.rs`. Pure: time is an argument.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::controller::{Controller, Learnt};
use super::door::{Door, Refusal};
use super::piece::Pace;
use super::queue::HOSTS;
use super::room::Room;
use super::streak::Streak;
use crate::transport::retry::doubled;

/// A way that failed so often in a row, whatever the file, is in trouble: where there is another, it gets
/// one connection at a time, to see whether that has passed.
const TROUBLE: u32 = 2;

/// The first pause before such a trial; doubled each time up to the second value, so that a source
/// that comes back soon is missed for seconds and one that is gone costs a connection now and then.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How much the last exchange says of the next beside those before it: the last four or so are what the network
/// is like now, and no single one is.
const WEIGHT: f64 = 0.25;

/// All ways of a job, by the number that [`super::source::Source::lane`] has.
pub(crate) struct Lanes {
    all: Mutex<Vec<Lane>>,
    /// Connections over all of them.
    most: usize,
    /// All ways get this number, because somebody insists.
    insists: bool,
    /// How long an answer takes, as known before the first byte.
    round_trip: Duration,
    /// What earlier jobs learnt.
    known: HashMap<usize, Learnt>,
}

/// The place of a connection among those that its way may have.
pub(super) struct Seat {
    lane: usize,
    /// For a small file.
    is_small: bool,
    is_taken: AtomicBool,
}

struct Lane {
    controller: Controller,
    active: usize,
    /// Of these, for small files.
    small: usize,
    /// Those that were counted out before they ended, and have not.
    leaving: usize,
    received: Arc<AtomicU64>,
    /// It has answered, here or when it was asked for the listing.
    works: bool,
    /// Failures in a row, over all files, and until when nobody is sent there because of them.
    failures: Streak,
    not_before: Duration,
    /// It sent wrong bytes.
    lies: bool,
    /// Of each of its hosts.
    doors: HashMap<String, Door>,
    /// What a connection brings in bytes per second, waits included; 0 while that is not known.
    rate: f64,
    /// The shortest wait for an answer, and that for the last few, once one has come; until then, what is known
    /// of the nearest host.
    waits: Option<(Duration, Duration)>,
    guess: Duration,
    /// What the pauses that its hosts ask for add to each request.
    toll: Duration,
    /// There was room and nothing to do since the last look.
    idle: bool,
}

impl Lanes {
    /// At most `most` connections over all ways, on each of which an answer takes `round_trip`.
    pub(super) fn new(
        most: usize,
        insists: bool,
        round_trip: Duration,
        known: HashMap<usize, Learnt>,
    ) -> Self {
        Self {
            all: Mutex::default(),
            most: most.max(1),
            insists,
            round_trip,
            known,
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, lane: usize, act: impl FnOnce(&mut Lane) -> T) -> T {
        let mut all = self.lanes();
        while all.len() <= lane {
            let controller = if self.insists {
                Controller::fixed(self.most)
            } else {
                let known = self.known.get(&all.len()).copied();
                Controller::new(self.round_trip, self.most, known)
            };
            all.push(Lane {
                controller,
                active: 0,
                small: 0,
                leaving: 0,
                received: Arc::default(),
                works: false,
                failures: Streak::default(),
                not_before: Duration::ZERO,
                lies: false,
                doors: HashMap::new(),
                rate: 0.0,
                waits: None,
                guess: self.round_trip,
                toll: Duration::ZERO,
                idle: false,
            });
        }
        act(&mut all[lane])
    }

    /// Whether one more connection may go this way.
    pub(super) fn room(&self, lane: usize, now: Duration) -> Room {
        self.with(lane, |lane| lane.room(now))
    }

    /// Counts a connection in until [`Self::leave`], for a small file or another one.
    pub(super) fn enter(&self, lane: usize, is_small: bool) -> Seat {
        self.with(lane, |lane| {
            lane.active += 1;
            lane.small += usize::from(is_small);
        });
        Seat {
            lane,
            is_small,
            is_taken: AtomicBool::new(true),
        }
    }

    /// Counts a connection out that has ended.
    pub(super) fn leave(&self, seat: &Seat) {
        self.with(seat.lane, |lane| {
            if !lane.gives_up(seat) {
                lane.leaving -= 1;
            }
        });
    }

    /// Counts a connection out before it ends, once, so that another one can be asked meanwhile. Not where no
    /// further one is let in: the one that ends is the one to ask.
    pub(super) fn leave_early(&self, seat: &Seat, host: &str) -> bool {
        self.with(seat.lane, |lane| {
            let is_shut = lane.doors.get(host).is_some_and(Door::is_shut);
            let leaves = !is_shut && lane.gives_up(seat);
            lane.leaving += usize::from(leaves);
            leaves
        })
    }

    /// Counts the bytes that come this way.
    pub(super) fn counter(&self, lane: usize) -> Arc<AtomicU64> {
        self.with(lane, |lane| Arc::clone(&lane.received))
    }

    /// Notes that it answers.
    pub(super) fn works(&self, lane: usize) {
        self.with(lane, |lane| {
            (lane.works, lane.failures.count) = (true, 0);
            lane.not_before = Duration::ZERO;
        });
    }

    /// Notes that it failed a short while ago, whatever it was asked for.
    pub(super) fn is_in_trouble(&self, lane: usize) {
        self.with(lane, |lane| {
            (lane.failures.count, lane.not_before) = (TROUBLE, FIRST_PAUSE);
        });
    }

    /// Notes that it sent wrong bytes: from now on it is used only where there is no other.
    pub(super) fn lies(&self, lane: usize) {
        self.with(lane, |lane| lane.lies = true);
    }

    /// Notes that an exchange brought nothing, of whichever file: when it began, and now.
    pub(super) fn failed(&self, lane: usize, (since, now): (Duration, Duration)) {
        self.with(lane, |lane| {
            let is_another = lane.failures.add((since, now));
            let doublings = lane.failures.count.checked_sub(TROUBLE);
            if let Some(doublings) = doublings.filter(|_| is_another) {
                lane.not_before = now + doubled(FIRST_PAUSE, doublings, LONGEST_PAUSE);
            }
        });
    }

    /// Judges what a host was asked and did not answer; see [`Door::turned_away`].
    pub(super) fn turned_away(
        &self,
        lane: usize,
        host: &str,
        times: (Duration, Duration),
        served: (bool, bool),
    ) -> Refusal {
        self.with(lane, |lane| {
            let door = lane.door(host);
            let refusal = door.turned_away(times, served);
            if let Refusal::Limit(most) = refusal {
                // Those at its other hosts are not what this one counts.
                let others = lane.doors.iter().filter(|(name, _)| *name != host);
                let others: usize = others.map(|(_, door)| door.inside()).sum();
                lane.controller.turned_away(times.1, most + others);
            }
            refusal
        })
    }

    /// Notes that an answer of a host began at `now` after `wait`, and whether over a connection that was kept.
    pub(super) fn answered(
        &self,
        lane: usize,
        of: (&str, bool),
        (now, wait): (Duration, Duration),
    ) {
        self.with(lane, |lane| {
            lane.door(of.0).enters(now.saturating_sub(wait), of.1);
            let (shortest, recent) = lane.waits.unwrap_or((wait, wait));
            lane.waits = Some((shortest.min(wait), mean(recent, wait)));
            lane.toll = mean(lane.toll, Duration::ZERO);
            lane.controller.answered(of, wait);
        });
    }

    /// Notes that a request was not answered, for there are too many: a host asked for this pause.
    pub(super) fn asked_to_pause(&self, lane: usize, pause: Duration, now: Duration) {
        self.with(lane, |lane| {
            lane.toll = mean(lane.toll, pause);
            if !self.insists {
                lane.controller.asked_to_pause(now);
            }
        });
    }

    /// Notes that what a host answered has ended, when, and whether well.
    pub(super) fn ended(&self, lane: usize, host: &str, (now, well): (Duration, bool)) {
        self.with(lane, |lane| lane.door(host).leaves(now, well));
    }

    /// Notes what a connection brought in bytes per second, the wait included.
    pub(super) fn brings(&self, lane: usize, rate: f64) {
        self.with(lane, |lane| {
            let before = if lane.rate > 0.0 { lane.rate } else { rate };
            lane.rate = before + (rate - before) * WEIGHT;
        });
    }

    /// What was learnt of the ways.
    pub(crate) fn learnt(&self) -> HashMap<usize, Learnt> {
        let lanes = self.lanes();
        let each = lanes.iter().enumerate();
        each.filter_map(|(lane, it)| Some((lane, it.controller.learnt()?)))
            .collect()
    }

    /// How many connections there should be over all ways.
    pub(super) fn connections(&self) -> usize {
        let lanes = self.lanes();
        let has_sound = lanes.iter().any(|lane| !lane.has_trouble());
        let each = lanes.iter().map(|lane| {
            // Such a way is only looked at, where there is another.
            let is_only_tried = has_sound && lane.has_trouble();
            if is_only_tried { 1 } else { lane.target() }
        });
        self.most.min(each.sum())
    }

    /// How many connections there are over all ways: for small files, and for others.
    pub(super) fn in_use(&self) -> (usize, usize) {
        let lanes = self.lanes();
        let each = lanes.iter().map(|lane| (lane.small, lane.active));
        each.fold((0, 0), |sum, (small, active)| {
            (sum.0 + small, sum.1 + active - small)
        })
    }

    /// How much the next request asks for when `left` bytes are for nobody yet, and `connections` share them.
    pub(super) fn piece(&self, lane: usize, left: u64, connections: usize) -> u64 {
        self.with(lane, |lane| {
            let pace = Pace {
                wait: lane.shortest_wait(),
                toll: lane.toll,
                rate: lane.rate,
            };
            pace.piece(left, connections)
        })
    }

    /// How long an answer took of late on this way, whatever stood in its queue.
    pub(super) fn recent_wait(&self, lane: usize) -> Duration {
        self.with(lane, |lane| lane.recent_wait())
    }

    /// Notes that there is nothing to do for those ways that have room.
    pub(super) fn idle(&self) {
        let mut lanes = self.lanes();
        let with_room = lanes.iter_mut().filter(|lane| lane.active < lane.target());
        with_room.for_each(|lane| lane.idle = true);
    }

    /// Lets the number of connections follow the rates; called several times a second. `left` bytes are not
    /// there yet. `all_in_use`: no further connection may be opened, whatever the way.
    pub(super) fn look(&self, now: Duration, left: u64, all_in_use: bool) {
        let mut lanes = self.lanes();
        for (number, lane) in lanes.iter_mut().enumerate() {
            // One that the others leave too few connections shows nothing.
            let starves = all_in_use && lane.active + lane.leaving < lane.target();
            let busy = !std::mem::take(&mut lane.idle) && lane.works && !starves;
            let (before, received) = (lane.controller.target(), lane.received.load(Relaxed));
            lane.controller.look(now, received, busy, left);
            let target = lane.controller.target();
            if target != before {
                tracing::debug!("source {number}: {target} connections instead of {before}");
            }
        }
    }
}

impl Lane {
    fn door(&mut self, host: &str) -> &mut Door {
        // Of so many none is asked often enough to tell a limit by.
        if self.doors.len() >= HOSTS && !self.doors.contains_key(host) {
            self.doors.retain(|_, door| door.inside() > 0);
        }
        self.doors.entry(host.to_owned()).or_default()
    }

    fn has_trouble(&self) -> bool {
        self.lies || self.failures.count >= TROUBLE
    }

    fn shortest_wait(&self) -> Duration {
        self.waits.map_or(self.guess, |waits| waits.0)
    }

    fn recent_wait(&self) -> Duration {
        self.waits.map_or(self.guess, |waits| waits.1)
    }

    /// Takes the seat back, if it is taken.
    fn gives_up(&mut self, seat: &Seat) -> bool {
        let was_taken = seat.is_taken.swap(false, Relaxed);
        self.active -= usize::from(was_taken);
        self.small -= usize::from(was_taken && seat.is_small);
        was_taken
    }

    /// A way that has not answered yet is tried with one connection: it may lead nowhere.
    fn target(&self) -> usize {
        if self.works {
            self.controller.target()
        } else {
            1
        }
    }

    fn room(&self, now: Duration) -> Room {
        Room {
            free: self.target().saturating_sub(self.active),
            trouble: self.has_trouble(),
            trial: !self.lies && self.active == 0 && now >= self.not_before,
            is_untried: self.waits.is_none() && self.active == 0 && self.failures.count == 0,
            wait: self.shortest_wait(),
            cost: self.shortest_wait() + self.toll,
            recent_wait: self.recent_wait(),
            active: self.active,
            rate: self.rate,
        }
    }
}

/// The mean of the last few, now that one more has come.
fn mean(before: Duration, now: Duration) -> Duration {
    now.mul_f64(WEIGHT) + before.mul_f64(1.0 - WEIGHT)
}

#[cfg(test)]
mod tests;
