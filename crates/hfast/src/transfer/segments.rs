//! Who fetches which bytes of one file: what has landed, what is held by a worker, what is free.
//! Pure.
//!
//! Every byte of the file is landed, being written, held, or free; it may be held by several while
//! it is raced, but it lands once. Which connection fetches a lease is not this file's business.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::held::{Held, Rules, SMALLEST_HALF};
use super::piece::SMALLEST;
use super::ranges::Ranges;

/// When more bytes than this have landed behind the first hole, who fetches that is helped: the digest
/// waits there, and what it has to read then the end of the file has to wait for. A processor hashes as
/// many in some 50 ms.
const BEHIND_A_HOLE: u64 = 64 << 20;

/// When less than 128 MiB are to come, the limit is half of that, lest the hole is closed last of all; but at least this:
/// what is hashed in some 10 ms is not worth a request.
const LITTLE_BEHIND: u64 = 8 << 20;

/// The same bytes are fetched by so many at most, the third because the first two cannot be counted on. When all is
/// silent because the link is, and comes back, each brings them.
const RUNNERS: usize = 3;

/// Names a lease for as long as it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LeaseId(u64);

/// A range that one worker is to fetch, from front to back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    /// Its name.
    pub(super) id: LeaseId,
    /// What to ask for. The end may come nearer while the lease is held: see [`Segments::wanted`].
    pub(super) range: Range<u64>,
}

/// A lease that is worth helping, the seconds that it still needs, and what to fetch instead of it or as well.
struct Slow {
    id: LeaseId,
    seconds: f64,
    part: Part,
}

/// What one more connection fetches of a lease.
enum Part {
    /// It gives this away.
    Half(Range<u64>),
    /// Both fetch this.
    Copy(Range<u64>),
}

/// The bytes of one file of known size.
#[derive(Debug)]
pub(super) struct Segments {
    size: u64,
    landed: Ranges,
    /// Being written: not landed yet, and nobody else's to write.
    writing: Ranges,
    free: Ranges,
    held: BTreeMap<LeaseId, Held>,
    next_id: u64,
}

impl Segments {
    /// A file of `size` bytes of which `landed` are on disk already.
    pub(super) fn new(size: u64, landed: Ranges) -> Self {
        let free = landed.missing_in(0..size);
        Self {
            size,
            landed,
            writing: Ranges::default(),
            free,
            held: BTreeMap::new(),
            next_id: 0,
        }
    }

    /// Leases up to `want` bytes of the first free range.
    pub(super) fn lease(&mut self, want: u64, now: Duration) -> Option<Lease> {
        let free = self.free.first()?;
        let mut end = free.end.min(free.start.saturating_add(want.max(SMALLEST)));
        // A crumb at the end would cost a request of its own.
        if free.end - end < SMALLEST {
            end = free.end;
        }
        self.free.remove(free.start..end);
        Some(self.hold(free.start..end, now))
    }

    /// Leases up to `most` bytes of the first free range that is one of `these`, too.
    pub(super) fn lease_of(&mut self, these: &Ranges, most: u64, now: Duration) -> Option<Lease> {
        let mut shared = these.iter().map(|range| {
            let taken = self.free.missing_in(range.clone());
            taken.missing_in(range)
        });
        let shared = shared.find_map(|shared| shared.first())?;
        let range = shared.start..shared.end.min(shared.start.saturating_add(most));
        self.free.remove(range.clone());
        Some(self.hold(range, now))
    }

    /// Extends a lease to the end of the file, over what others hold there: its answer brings it all.
    pub(super) fn take_all(&mut self, id: LeaseId) {
        let end = self.held.get(&id).map_or(self.size, |held| held.rest.end);
        let behind = self.held.values_mut().filter(|held| held.rest.start >= end);
        behind.for_each(|held| held.rest.end = held.rest.start);
        self.held
            .entry(id)
            .and_modify(|held| held.rest.end = self.size);
        self.free.remove(end..self.size);
    }

    /// Helps whoever keeps the digest from much, else the slowest: takes half of what it has left, or fetches that
    /// once more if it is little or nothing comes.
    pub(super) fn help(&mut self, now: Duration, rules: &Rules) -> Option<Lease> {
        let first = self.help_first(now, rules);
        first.or_else(|| {
            let slowest = self.slowest(|_| true, now, rules)?;
            Some(self.help_with(slowest, now))
        })
    }

    /// Only whoever keeps the digest from much that has landed, and whoever is so slow that he will do so next: one
    /// after the other they would be helped too late.
    pub(super) fn help_first(&mut self, now: Duration, rules: &Rules) -> Option<Lease> {
        let hole = self.landed.end_of_run(0);
        let missing = self.size - self.landed.len();
        if self.landed_behind(hole) <= (missing / 2).clamp(LITTLE_BEHIND, BEHIND_A_HOLE) {
            return None;
        }
        let will_be_next = |held: &Held| {
            let is_slow = held.may_be_split(now, rules) && held.is_slow(now, rules);
            is_slow && self.landed_behind(held.rest.end) > BEHIND_A_HOLE
        };
        let is_meant = |held: &Held| held.rest.contains(&hole) || will_be_next(held);
        let slowest = self.slowest(is_meant, now, rules)?;
        Some(self.help_with(slowest, now))
    }

    fn landed_behind(&self, position: u64) -> u64 {
        let missing = self.landed.missing_in(position..self.size);
        self.size - position - missing.len()
    }

    fn help_with(&mut self, Slow { id, part, .. }: Slow, now: Duration) -> Lease {
        let (Part::Half(range) | Part::Copy(range)) = &part;
        let help = self.hold(range.clone(), now);
        if let Part::Half(half) = part
            && let Some(held) = self.held.get_mut(&id)
        {
            let end = std::mem::replace(&mut held.rest.end, half.start);
            // What lies behind the half has landed, or others bring it.
            self.offer(half.end..end);
        }
        help
    }

    /// Fetches a little of what somebody holds a second time, to see whether anything comes at all.
    pub(super) fn probe(&mut self, now: Duration) -> Option<Lease> {
        let mut held = self.held.values();
        // What an earlier probe brought is not fetched again.
        let rest = held.find_map(|held| self.landed.missing_in(held.rest.clone()).first())?;
        let rest = rest.start..rest.end.min(rest.start + SMALLEST);
        Some(self.hold(rest, now))
    }

    /// The seconds that the slowest lease still needs, among those that are worth helping.
    pub(super) fn longest_wait(&self, now: Duration, rules: &Rules) -> Option<f64> {
        self.slowest(|_| true, now, rules).map(|slow| slow.seconds)
    }

    fn slowest(
        &self,
        is_meant: impl Fn(&Held) -> bool,
        now: Duration,
        rules: &Rules,
    ) -> Option<Slow> {
        let meant = self.held.iter().filter(|(_, held)| is_meant(held));
        let slow = meant.filter_map(|(id, held)| {
            Some(Slow {
                id: *id,
                seconds: held.worth_help(now, rules)?,
                part: self.part((*id, held), now, rules)?,
            })
        });
        slow.max_by(|a, b| a.seconds.total_cmp(&b.seconds))
    }

    /// The part of what a lease has left that one more should fetch, of what nobody else brings who can be counted on.
    fn part(&self, (id, held): (LeaseId, &Held), now: Duration, rules: &Rules) -> Option<Part> {
        let mut lacking = self.landed.missing_in(held.left());
        let rivals = || self.held.iter().filter(|(other, _)| **other != id);
        for (_, lively) in rivals().filter(|(_, rival)| !rival.is_lost(now, rules)) {
            lacking.remove(lively.rest.clone());
        }
        if held.may_be_split(now, rules)
            && let Some(half) = second_half(&lacking)
        {
            return Some(Part::Half(half));
        }
        let range = lacking.first().filter(|_| rules.may_race)?;
        let lost = rivals().filter(|(_, rival)| rival.overlaps(&range)).count();
        let is_wanted = lost == 0 || lost + 1 < RUNNERS && held.is_lost(now, rules);
        is_wanted.then_some(Part::Copy(range))
    }

    fn hold(&mut self, range: Range<u64>, now: Duration) -> Lease {
        let id = LeaseId(self.next_id);
        self.next_id += 1;
        self.held.insert(id, Held::new(range.clone(), now));
        Lease { id, range }
    }

    /// The position up to which `id` is wanted now: its end, or less when others took or finished
    /// the rest. At or below its own position it means: stop.
    pub(super) fn wanted(&self, id: LeaseId) -> u64 {
        let Some(held) = self.held.get(&id) else {
            return 0;
        };
        if self.landed.contains(&held.rest) {
            held.rest.start
        } else {
            held.rest.end
        }
    }

    /// Notes that `id` waits until its server may be asked.
    pub(super) fn waits(&mut self, id: LeaseId) {
        if let Some(held) = self.held.get_mut(&id) {
            held.waits = true;
        }
    }

    /// Notes that a server is asked for `id` now.
    pub(super) fn asked(&mut self, id: LeaseId, now: Duration) {
        if let Some(held) = self.held.get_mut(&id) {
            held.asked(now);
        }
    }

    /// Notes that bytes up to `position` have come to `id`.
    pub(super) fn come(&mut self, id: LeaseId, position: u64, now: Duration) {
        if let Some(held) = self.held.get_mut(&id) {
            held.come(position, now);
        }
    }

    /// Claims the parts of `range` that are nobody's yet: they will be written now. Bytes that have
    /// landed are never written again, since the running digest may have seen them. `None`: `id` is no
    /// lease any more, and may write nothing.
    pub(super) fn reserve(&mut self, id: LeaseId, range: Range<u64>) -> Option<Ranges> {
        self.held.get(&id)?;
        let mut parts = self.landed.missing_in(range);
        for writing in self.writing.iter() {
            parts.remove(writing);
        }
        for part in parts.iter() {
            self.free.remove(part.clone());
            self.writing.insert(part);
        }
        Some(parts)
    }

    /// Notes that reserved parts are on disk.
    pub(super) fn landed(&mut self, parts: &Ranges) {
        for part in parts.iter() {
            self.writing.remove(part.clone());
            self.landed.insert(part);
        }
    }

    /// Notes that `id` has brought everything up to `position`, and answers [`Self::wanted`].
    pub(super) fn advance(&mut self, id: LeaseId, position: u64) -> u64 {
        if let Some(held) = self.held.get_mut(&id) {
            let position = position.clamp(held.rest.start, self.size);
            let passed = held.rest.start..position;
            held.rest = position..held.rest.end.max(position);
            // What was forgotten between its landing and now is nobody's: it is free again.
            self.offer(passed);
        }
        self.wanted(id)
    }

    /// Ends a lease; what it did not bring, and nobody else fetches, is free again.
    pub(super) fn release(&mut self, id: LeaseId) {
        if let Some(gone) = self.held.remove(&id) {
            self.offer(gone.rest);
        }
    }

    /// Takes back the claim that `range` is on disk: it turned out to be wrong. Whoever lost a race for a
    /// part of it, and has not noticed yet, must not bring that now: it may come from where the wrong
    /// bytes came from.
    pub(super) fn forget(&mut self, range: Range<u64>) {
        let (lost, held): (BTreeMap<_, _>, _) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|(_, held)| held.may_bring(&range));
        self.held = held;
        self.landed.remove(range.clone());
        self.offer(range);
        for held in lost.into_values() {
            self.offer(held.rest);
        }
    }

    fn offer(&mut self, range: Range<u64>) {
        let mut open = self.landed.missing_in(range);
        self.held
            .values()
            .for_each(|held| open.remove(held.rest.clone()));
        self.writing.iter().for_each(|writing| open.remove(writing));
        open.iter().for_each(|range| self.free.insert(range));
    }

    /// The end of the unbroken run of landed bytes that begins at `position`.
    pub(super) fn landed_from(&self, position: u64) -> u64 {
        self.landed.end_of_run(position)
    }

    /// How many bytes have landed.
    pub(super) fn landed_bytes(&self) -> u64 {
        self.landed.len()
    }

    /// How many bytes nobody has or holds.
    pub(super) fn free_bytes(&self) -> u64 {
        self.free.len()
    }

    /// Whether a lease can be had.
    pub(super) fn has_free(&self) -> bool {
        !self.free.is_empty()
    }
}

/// The second half, as far as it is in one piece and worth a request.
fn second_half(ranges: &Ranges) -> Option<Range<u64>> {
    let mut first_half = (ranges.len() / 2).max(SMALLEST_HALF);
    ranges.iter().find_map(|range| {
        let len = range.end - range.start;
        if len >= first_half + SMALLEST_HALF {
            return Some(range.start + first_half..range.end);
        }
        first_half = first_half.saturating_sub(len);
        None
    })
}

#[cfg(test)]
mod tests;
