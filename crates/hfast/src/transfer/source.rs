//! Which of the sources of a file is asked next, and with how much patience. Pure.
//!
//! A source is anything that gives ranges of the file; the digest judges, so all are equal but for
//! their health.

use std::cmp::Reverse;
use std::time::Duration;

pub(crate) use super::entry::Source;
use super::entry::{BEFORE_CHANGE, Entry, REST, Serves, TURNED_AWAY, WHOLES};
use super::room::Room;
use crate::error::Error;
use crate::transport::retry::{Budget, FOR_BYTES, LONG_PAUSE, LONGEST_WAIT, Next, Patience};

/// The sources of one file, what became of them, and the patience with them.
#[derive(Debug)]
pub(crate) struct Sources {
    all: Vec<Entry>,
    budget: Budget,
    trust: Trust,
}

/// Whose bytes may be right. Who is not trusted is asked only if nobody else can serve.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trust {
    All,
    /// What came by this way may be wrong.
    AllBut(usize),
    /// What came by any other way may be.
    Only(usize),
}

/// What follows a failure that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Another source comes next, at once: the pause is for the one that failed.
    Another,
    /// The same one comes next, after this time.
    Wait(Duration),
    /// All patience is spent.
    GiveUp,
}

impl Sources {
    /// In the order in which they are preferred.
    pub(crate) fn new(sources: Vec<Source>, now: Duration) -> Self {
        Self {
            all: sources.into_iter().map(Entry::new).collect(),
            budget: Budget::new(FOR_BYTES, now),
            trust: Trust::All,
        }
    }

    /// The source to ask next, whenever that is: the first that has not failed twice in a row, else the
    /// one that failed least; never one that refused, and one that wants to be left alone only if all
    /// do.
    pub(crate) fn pick(&self) -> Option<(usize, &Source)> {
        let open = self.all.iter().enumerate();
        let open = open.filter(|(_, entry)| self.is_asked(entry));
        let best = open.min_by_key(|(_, entry)| (entry.pause, entry.faults()))?;
        Some((best.0, &best.1.source))
    }

    /// The source that a connection can be opened to at `now`, given the room for each by its index and
    /// its lane. One that fails for all files is left alone while there is another, and one that is slow gets no
    /// further connection; among equals that with the most room comes first, or that which has not been tried.
    pub(super) fn pick_now(
        &self,
        now: Duration,
        room: impl Fn(usize, usize) -> Room,
    ) -> Option<usize> {
        let least_pause = self.left().map(|entry| entry.pause).min()?;
        let open = self.all.iter().enumerate();
        let open = open.filter(|(_, entry)| self.is_asked(entry) && entry.pause == least_pause);
        let mut open: Vec<_> = open
            .map(|(index, entry)| (index, entry, room(index, entry.source.lane)))
            .collect();
        let serve_ranges = |(_, entry, room): &(_, &Entry, Room)| entry.serves_ranges(room.trouble);
        if open.iter().any(serve_ranges) {
            open.retain(|(_, entry, _)| !entry.is_one_stream());
        }
        let has_sound = open.iter().any(|(.., room)| !room.trouble);
        let usable = open.into_iter().filter(|(_, entry, room)| {
            let has_room = if room.trouble && has_sound {
                room.trial
            } else {
                room.free > 0
            };
            has_room && !entry.streams && now >= entry.not_before.max(entry.rests_until)
        });
        let usable: Vec<_> = usable.collect();
        let rates = usable.iter().map(|(.., room)| room.rate);
        let fastest = rates.fold(0.0, f64::max);
        let best = usable.into_iter().min_by_key(|(_, entry, room)| {
            let order = (entry.faults(), room.trouble, room.is_slow(fastest));
            (order, Reverse(room.free), !room.is_untried)
        })?;
        Some(best.0)
    }

    /// One of them.
    pub(super) fn get(&self, index: usize) -> &Source {
        &self.all[index].source
    }

    /// Begins no exchange with a source for a moment.
    pub(super) fn rest(&mut self, index: usize, now: Duration) {
        self.all[index].not_before = now + REST;
    }

    /// The number of sources that were ever named.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Notes for how long each source is to be left alone from now on, given the pause of a host.
    pub(crate) fn note_pauses(&mut self, pause: impl Fn(&str) -> Duration) {
        for entry in &mut self.all {
            let storage = entry.storage.as_deref().map(&pause);
            entry.pause = pause(&entry.source.name).max(storage.unwrap_or_default());
        }
    }

    /// Notes that a source leads to a host that wants to be left alone.
    pub(crate) fn leads_to(&mut self, index: usize, host: &str) {
        self.all[index].storage = Some(host.to_owned());
    }

    /// The longest pause that is sat out on the way to the source that is asked next.
    pub(crate) fn longest_pause(&self) -> Duration {
        let has_choice = self.count() > 1 && self.left().any(|entry| entry.pause.is_zero());
        if has_choice {
            LONG_PAUSE.min(self.budget.patience().pause)
        } else {
            self.budget.patience().pause
        }
    }

    /// Notes bytes from a source: the patience is new.
    pub(crate) fn progressed(&mut self, index: usize, now: Duration) {
        let entry = &mut self.all[index];
        (entry.failures.count, entry.turned_away.count) = (0, 0);
        (entry.cost, entry.rests_until) = (Duration::ZERO, Duration::ZERO);
        entry.brought = true;
        self.renew(now);
    }

    /// Begins the patience anew, for fetching again what turned out to be wrong.
    pub(crate) fn renew(&mut self, now: Duration) {
        self.budget.progressed(now);
    }

    /// Counts a failure that may pass, of an exchange that began at `since`, and says what comes next
    /// with this patience. `chance` is uniform in `0.0..1.0`. `None`: what was under way when a failure of the
    /// same source was counted met the same event.
    pub(crate) fn failed(
        &mut self,
        index: usize,
        (since, now): (Duration, Duration),
        (chance, patience): (f64, Patience),
    ) -> Option<After> {
        if !self.all[index].failures.add((since, now)) {
            return None;
        }
        self.budget.set(patience);
        let next = self.budget.failed(now, chance);
        let wait = match next {
            Next::Wait(wait) => wait,
            Next::GiveUp => LONGEST_WAIT,
        };
        let entry = &mut self.all[index];
        entry.cost += now.saturating_sub(since) + wait;
        // The first may be that of a connection that was kept: it is replaced at once.
        if entry.failures.count > 1 {
            entry.rests_until = now + wait;
        }
        // Those that are dead must not use up the patience with one that can serve.
        Some(if next == Next::GiveUp && self.are_all_spent() {
            After::GiveUp
        } else if self.pick().is_some_and(|(next, _)| next != index) {
            After::Another
        } else {
            After::Wait(wait)
        })
    }

    /// Whether it may still be that a source turns others away, too, and not this file alone.
    pub(super) fn may_be_turned_away(&self, index: usize) -> bool {
        self.all[index].turned_away.count < TURNED_AWAY
    }

    /// Whether a source has brought some of this file.
    pub(super) fn has_brought(&self, index: usize) -> bool {
        self.all[index].brought
    }

    /// Notes that a source that serves others turned an exchange away: when that was asked for, and when it was.
    pub(super) fn turned_away(&mut self, index: usize, times: (Duration, Duration)) {
        self.all[index].turned_away.add(times);
        self.rest(index, times.1);
    }

    /// Prefers every other source to one that wants to be left alone for a while, or sent wrong bytes.
    pub(crate) fn leave(&mut self, index: usize) {
        let failures = &mut self.all[index].failures.count;
        *failures = (*failures).max(BEFORE_CHANGE);
    }

    /// How often in a row a source has failed, or turned this file away.
    pub(super) fn failures(&self, index: usize) -> u32 {
        let entry = &self.all[index];
        entry.failures.count + entry.turned_away.count
    }

    /// Whether the next request needs a connection that was not used before. What failed may be the one that
    /// was kept, and another one that was may have met the same. After two in a row it may be that no further
    /// one is let in, and those that were kept are all there will be; who was turned away begins with that.
    pub(super) fn needs_fresh(&self, index: usize) -> bool {
        let entry = &self.all[index];
        (entry.failures.count + entry.turned_away.count.saturating_sub(1)) % 2 == 1
    }

    /// Whether every source that is left has failed so often in a row, and cost so much time, that
    /// nothing is to be hoped for.
    fn are_all_spent(&self) -> bool {
        let Patience { failures, time, .. } = self.budget.patience();
        self.left()
            .all(|entry| entry.failures.count >= failures && entry.cost >= time)
    }

    /// How many sources are left.
    pub(crate) fn count(&self) -> usize {
        self.left().count()
    }

    fn left(&self) -> impl Iterator<Item = &Entry> {
        self.all.iter().filter(|entry| self.is_asked(entry))
    }

    fn is_asked(&self, entry: &Entry) -> bool {
        let is_trusted = |other: &Entry| self.trust.covers(other.source.lane);
        let can_serve = |other: &Entry| !other.out && is_trusted(other) && other.faults() == 0;
        !entry.out && (is_trusted(entry) || !self.all.iter().any(can_serve))
    }

    /// Whom to ask from now on.
    pub(super) fn trust(&mut self, trust: Trust) {
        self.trust = trust;
    }

    /// The ways to the sources that are left, most wanted first.
    pub(super) fn lanes(&self) -> Vec<usize> {
        let mut lanes = Vec::new();
        for entry in self.all.iter().filter(|entry| !entry.out) {
            if !lanes.contains(&entry.source.lane) {
                lanes.push(entry.source.lane);
            }
        }
        lanes
    }

    /// The name of the source that a way leads to.
    pub(super) fn name(&self, lane: usize) -> &str {
        let named = self.all.iter().find(|entry| entry.source.lane == lane);
        named.map_or("", |entry| &entry.source.name)
    }

    /// Notes that a source cannot serve ranges.
    pub(crate) fn be_one_stream(&mut self, index: usize) {
        self.all[index].serves = Serves::Whole;
    }

    /// Notes that a source served a range.
    pub(crate) fn gave_part(&mut self, index: usize) {
        self.all[index].serves = Serves::Ranges { wholes: 0 };
    }

    /// Notes that a source gave the whole file where a range was asked for, and whether that is wanted, until
    /// [`Self::stream_ended`]: not while it brings it already, and not while ranges may still be served, by it or
    /// by a source of which nothing speaks against the way (`is_in_trouble`).
    pub(super) fn wants_whole(
        &mut self,
        index: usize,
        is_in_trouble: impl Fn(usize) -> bool,
    ) -> bool {
        match &mut self.all[index].serves {
            Serves::Ranges { wholes } if *wholes + 1 < WHOLES => {
                *wholes += 1;
                return false;
            }
            serves => *serves = Serves::Whole,
        }
        let has_better = self.left().any(|entry| {
            entry.serves_ranges(is_in_trouble(entry.source.lane)) && entry.pause.is_zero()
        });
        let entry = &mut self.all[index];
        let wants = !entry.streams && !has_better;
        entry.streams |= wants;
        wants
    }

    /// Notes that nobody brings the whole file from there any more.
    pub(super) fn stream_ended(&mut self, index: usize) {
        self.all[index].streams = false;
    }

    /// Whether no source that is left can serve ranges.
    pub(crate) fn are_one_stream(&self) -> bool {
        self.left().all(Entry::is_one_stream)
    }

    /// Asks this source no more. Returns why the file cannot be had, if it was the last one.
    pub(crate) fn refuse(&mut self, index: usize, error: Error) -> Option<Error> {
        self.all[index].out = true;
        self.all[index].refused = Some(error);
        self.refusal()
    }

    /// Whether no source but this one is left to be asked.
    pub(crate) fn is_last(&self, index: usize) -> bool {
        self.count() <= usize::from(!self.all[index].out)
    }

    /// Why the last source is gone, once all are. The first refusal is the one worth telling: it
    /// comes from the source that was wanted most.
    fn refusal(&mut self) -> Option<Error> {
        if self.pick().is_some() {
            return None;
        }
        self.all.iter_mut().find_map(|entry| entry.refused.take())
    }
}

impl Trust {
    fn covers(self, lane: usize) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(suspect) => lane != suspect,
            Self::Only(trusted) => lane == trusted,
        }
    }
}

#[cfg(test)]
mod tests;
