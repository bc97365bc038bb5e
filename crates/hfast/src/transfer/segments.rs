//! Who fetches which bytes of one file: what has landed, what is held by a worker, what is free.
//! Pure.
//!
//! Every byte of the file is landed, being written, held, or free; it may be held twice while the
//! tail is raced, but it lands once. Which connection fetches a lease is not this file's business.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::held::{Held, Rules};
use super::piece::SMALLEST;
use super::ranges::Ranges;

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

    /// Helps the slowest: takes half of what it has left, or fetches all of that a second time if it is
    /// little or nothing comes.
    pub(super) fn help(&mut self, now: Duration, rules: &Rules) -> Option<Lease> {
        let (id, _) = self.slowest(now, rules)?;
        let held = self.held.get_mut(&id)?;
        let (range, raced) = if held.may_be_split(now, rules) {
            (held.split(), held.raced)
        } else {
            held.raced = true;
            (held.left(), true)
        };
        let lease = self.hold(range, now);
        // The second runner is not raced again.
        self.held
            .entry(lease.id)
            .and_modify(|held| held.raced = raced);
        Some(lease)
    }

    /// Fetches a little of what somebody holds a second time, to see whether anything comes at all.
    pub(super) fn probe(&mut self, now: Duration) -> Option<Lease> {
        let held = self.held.values().find(|held| !held.rest.is_empty())?;
        let rest = held.rest.start..held.rest.end.min(held.rest.start + SMALLEST);
        Some(self.hold(rest, now))
    }

    /// The seconds that the slowest lease still needs, among those that are worth helping.
    pub(super) fn longest_wait(&self, now: Duration, rules: &Rules) -> Option<f64> {
        self.slowest(now, rules).map(|(_, seconds)| seconds)
    }

    fn slowest(&self, now: Duration, rules: &Rules) -> Option<(LeaseId, f64)> {
        let timed = self
            .held
            .iter()
            .filter_map(|(id, held)| Some((*id, held.worth_help(now, rules)?)));
        timed.max_by(|a, b| a.1.total_cmp(&b.1))
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

    /// Notes that bytes up to `position` have come to `id`.
    pub(super) fn come(&mut self, id: LeaseId, position: u64, now: Duration) {
        if let Some(held) = self.held.get_mut(&id) {
            held.come(position, now);
        }
    }

    /// Claims the parts of `range` that are nobody's yet: they will be written now. Bytes that have
    /// landed are never written again, since the running digest may have seen them.
    pub(super) fn reserve(&mut self, range: Range<u64>) -> Ranges {
        let mut parts = self.landed.missing_in(range);
        for writing in self.writing.iter() {
            parts.remove(writing);
        }
        for part in parts.iter() {
            self.free.remove(part.clone());
            self.writing.insert(part);
        }
        parts
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

    /// Ends a lease; what it did not bring is free again.
    pub(super) fn release(&mut self, id: LeaseId) {
        if let Some(held) = self.held.remove(&id) {
            self.offer(held.rest);
        }
    }

    /// Takes back the claim that `range` is on disk: it turned out to be wrong.
    pub(super) fn forget(&mut self, range: Range<u64>) {
        self.landed.remove(range.clone());
        self.offer(range);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    fn is_complete(segments: &Segments) -> bool {
        segments.landed_from(0) == segments.size
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// What a worker does with bytes up to `position`.
    fn bring(segments: &mut Segments, lease: &Lease, position: u64) {
        let start = segments.held[&lease.id].rest.start;
        let parts = segments.reserve(start..position);
        segments.landed(&parts);
        segments.advance(lease.id, position);
    }

    #[test]
    fn bytes_that_landed_are_nobodys_to_write() {
        let mut segments = Segments::new(10, Ranges::default());
        let first = segments.reserve(0..6);
        assert_eq!(
            segments.reserve(4..10).first(),
            Some(6..10),
            "the rest is being written"
        );
        segments.landed(&first);
        assert!(segments.reserve(0..6).is_empty(), "landed");
        assert_eq!(segments.landed_from(0), 6);
    }

    const RULES: Rules = Rules {
        wait: Duration::from_millis(100),
        may_race: true,
    };

    #[test]
    fn the_idle_take_half_of_the_slowest() {
        let mut segments = Segments::new(20 * MIB, Ranges::default());
        let slow = segments.lease(10 * MIB, seconds(0)).unwrap();
        let fast = segments.lease(10 * MIB, seconds(0)).unwrap();
        bring(&mut segments, &slow, MIB);
        segments.come(slow.id, 2 * MIB, seconds(2));
        bring(&mut segments, &fast, 19 * MIB);
        segments.come(fast.id, 19 * MIB, seconds(2));
        let stolen = segments.help(seconds(2), &RULES).unwrap();
        assert_eq!(
            stolen.range,
            6 * MIB..10 * MIB,
            "also what is not written yet is there"
        );
        assert_eq!(segments.wanted(slow.id), 6 * MIB);
    }

    #[test]
    fn a_race_is_won_by_whoever_lands_first() {
        let mut segments = Segments::new(MIB, Ranges::default());
        let first = segments.lease(MIB, seconds(0)).unwrap();
        let second = segments.help(seconds(5), &RULES).unwrap();
        assert_eq!(second.range, 0..MIB, "nothing came");
        assert_eq!(
            segments.help(seconds(9), &RULES),
            None,
            "two runners are enough"
        );
        bring(&mut segments, &second, MIB);
        assert_eq!(
            segments.wanted(first.id),
            0,
            "the loser has nothing left to do"
        );
        segments.release(first.id);
        assert!(is_complete(&segments) && !segments.has_free());
    }

    #[derive(Clone, Debug)]
    enum Event {
        Lease(u64),
        Help,
        Come(usize, u64),
        Probe,
        Write(usize, u64),
        Land(usize),
        Advance(usize),
        TakeAll(usize),
        Release(usize),
        Forget(u64, u64),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            (1u64..40).prop_map(|n| Event::Lease(n * MIB)),
            Just(Event::Help),
            (0usize..8, 0u64..20).prop_map(|(i, n)| Event::Come(i, n * MIB / 2)),
            Just(Event::Probe),
            (0usize..8, 0u64..20).prop_map(|(i, n)| Event::Write(i, n * MIB / 2)),
            (0usize..8).prop_map(Event::Land),
            (0usize..8).prop_map(Event::Advance),
            (0usize..8).prop_map(Event::TakeAll),
            (0usize..8).prop_map(Event::Release),
            (0u64..100, 0u64..8).prop_map(|(a, n)| Event::Forget(a * MIB, n * MIB)),
        ];
        proptest::collection::vec(event, 0..80)
    }

    proptest! {
        /// Whatever happens in whatever order: no byte is lost, none is both free and landed, and
        /// the file can still be finished.
        #[test]
        fn every_byte_is_landed_held_or_free(events in events(), size in 0u64..100) {
            let size = size * MIB + 17;
            let mut segments = Segments::new(size, Ranges::default());
            let mut leases: Vec<Lease> = Vec::new();
            let mut written: Vec<Ranges> = Vec::new();
            for (step, event) in events.into_iter().enumerate() {
                let now = seconds(step as u64 * 2);
                match event {
                    Event::Lease(want) => leases.extend(segments.lease(want, now)),
                    Event::Help => leases.extend(segments.help(now, &RULES)),
                    Event::Come(i, n) if i < leases.len() => {
                        let range = leases[i].range.clone();
                        segments.come(leases[i].id, (range.start + n).min(range.end), now);
                    }
                    Event::Probe => leases.extend(segments.probe(now)),
                    // A write takes its time, and its worker tells of it later still, or is gone;
                    // much can happen in between.
                    Event::Write(i, n) if i < leases.len() => {
                        let (id, at) = (leases[i].id, &mut leases[i].range.start);
                        let upto = (*at + n).min(segments.wanted(id)).max(*at);
                        let parts = segments.reserve(*at..upto);
                        for part in parts.iter() {
                            for other in written.iter().chain([&segments.landed]) {
                                let new = other.missing_in(part.clone()).len();
                                prop_assert_eq!(new, part.end - part.start, "a byte lands once");
                            }
                        }
                        written.push(parts);
                        *at = upto;
                    }
                    Event::Land(i) if i < written.len() => segments.landed(&written.swap_remove(i)),
                    Event::Advance(i) if i < leases.len() => drop(segments.advance(leases[i].id, leases[i].range.start)),
                    Event::TakeAll(i) if i < leases.len() => segments.take_all(leases[i].id),
                    Event::Release(i) if i < leases.len() => segments.release(leases.swap_remove(i).id),
                    Event::Forget(start, len) => segments.forget(start.min(size)..(start + len).min(size)),
                    _ => {}
                }
                let mut all = segments.landed.clone();
                written.iter().flat_map(Ranges::iter).for_each(|r| all.insert(r));
                segments.free.iter().for_each(|r| all.insert(r));
                segments.held.values().for_each(|h| all.insert(h.rest.clone()));
                prop_assert!(all.contains(&(0..size)));
                prop_assert!(segments.free.iter().all(|r| segments.landed.missing_in(r.clone()).len() == r.end - r.start));
            }
            for parts in &written {
                segments.landed(parts);
            }
            for lease in leases {
                segments.release(lease.id);
            }
            while let Some(lease) = segments.lease(8 * MIB, seconds(1000)) {
                bring(&mut segments, &lease, lease.range.end);
                segments.release(lease.id);
            }
            prop_assert!(is_complete(&segments));
        }
    }
}
