//! A set of byte positions, kept as sorted, disjoint, half-open ranges. Pure.

use std::ops::Range;

/// A set of `u64` positions.
///
/// ```
/// use hfast::transfer::ranges::Ranges;
/// let mut set = Ranges::default();
/// set.insert(0..10);
/// set.insert(10..20);
/// set.remove(5..15);
/// assert_eq!(set.iter().collect::<Vec<_>>(), [0..5, 15..20]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<Range<u64>>);

impl Ranges {
    /// Adds `range`, merging with what it touches.
    pub fn insert(&mut self, mut range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.0.partition_point(|r| r.end < range.start);
        let last = self.0.partition_point(|r| r.start <= range.end);
        if first < last {
            range.start = range.start.min(self.0[first].start);
            range.end = range.end.max(self.0[last - 1].end);
        }
        self.0.splice(first..last, [range]);
    }

    /// Takes `range` out of the set.
    pub fn remove(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.0.partition_point(|r| r.end <= range.start);
        let last = self.0.partition_point(|r| r.start < range.end);
        if first >= last {
            return;
        }
        let before = self.0[first].start..range.start;
        let after = range.end..self.0[last - 1].end;
        self.0.splice(
            first..last,
            [before, after].into_iter().filter(|r| !r.is_empty()),
        );
    }

    /// The part of `range` that is not in the set.
    #[must_use]
    pub fn missing_in(&self, range: Range<u64>) -> Self {
        let first = self.0.partition_point(|r| r.end <= range.start);
        let held = self.0[first..].iter().take_while(|r| r.start < range.end);
        let mut missing = Self::default();
        missing.insert(range.clone());
        held.for_each(|held| missing.remove(held.clone()));
        missing
    }

    /// Whether all of `range` is in the set.
    pub fn contains(&self, range: &Range<u64>) -> bool {
        let at = self.0.partition_point(|r| r.end < range.end);
        range.is_empty()
            || self
                .0
                .get(at)
                .is_some_and(|r| r.start <= range.start && range.end <= r.end)
    }

    /// The end of the run that begins at `position`; `position` itself if it is not in the set.
    pub fn end_of_run(&self, position: u64) -> u64 {
        let at = self.0.partition_point(|r| r.end <= position);
        self.0
            .get(at)
            .filter(|r| r.start <= position)
            .map_or(position, |r| r.end)
    }

    /// The first range, if any.
    pub fn first(&self) -> Option<Range<u64>> {
        self.0.first().cloned()
    }

    /// How many positions are in the set.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|r| r.end - r.start).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges in order.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.0.iter().cloned()
    }
}

impl FromIterator<Range<u64>> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut set = Self::default();
        ranges.into_iter().for_each(|range| set.insert(range));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Whatever is done to it, the set is the same as a plain set of numbers.
        #[test]
        fn agrees_with_a_plain_set(steps in proptest::collection::vec((any::<bool>(), 0u64..60, 0u64..12), 0..40)) {
            let (mut ranges, mut plain) = (Ranges::default(), BTreeSet::new());
            for (add, start, len) in steps {
                let range = start..start + len;
                if add {
                    ranges.insert(range.clone());
                    plain.extend(range);
                } else {
                    ranges.remove(range.clone());
                    plain.retain(|n| !range.contains(n));
                }
                prop_assert_eq!(ranges.iter().flatten().collect::<BTreeSet<_>>(), plain.clone());
                prop_assert!(ranges.0.windows(2).all(|w| w[0].end < w[1].start));
            }
            prop_assert_eq!(ranges.len(), plain.len() as u64);
            for start in 0..60 {
                let end = ranges.end_of_run(start);
                prop_assert!((start..end).all(|n| plain.contains(&n)) && !plain.contains(&end));
                prop_assert_eq!(ranges.contains(&(start..start + 5)), (start..start + 5).all(|n| plain.contains(&n)));
            }
            let missing: BTreeSet<u64> = ranges.missing_in(0..80).iter().flatten().collect();
            prop_assert_eq!(missing, (0..80).filter(|n| !plain.contains(n)).collect::<BTreeSet<_>>());
        }
    }
}
