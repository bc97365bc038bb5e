//! Who brought which bytes of a file. Pure.
//!
//! What is of nobody here came from a server in an earlier run.

use super::ranges::Ranges;

/// The bytes that have landed, by who brought them.
pub(super) struct Brought {
    sources: Vec<Ranges>,
    /// From disks: of other tools, of earlier runs whose notes are lost, of folders and caches.
    adopted: Ranges,
}

impl Brought {
    /// For so many sources; `adopted` came before from disks.
    pub(super) fn new(sources: usize, adopted: Ranges) -> Self {
        Self {
            sources: vec![Ranges::default(); sources],
            adopted,
        }
    }

    /// Notes that `parts` came from the source with this index, or from a disk.
    pub(super) fn note(&mut self, source: Option<usize>, parts: &Ranges) {
        let all = self.sources.iter_mut().enumerate();
        let all = all.map(|(index, brought)| (Some(index), brought));
        for (of, brought) in all.chain([(None, &mut self.adopted)]) {
            for part in parts.iter() {
                if of == source {
                    brought.insert(part);
                } else {
                    brought.remove(part);
                }
            }
        }
    }

    /// What came from the source with this index.
    pub(super) fn by(&self, source: usize) -> impl Iterator<Item = std::ops::Range<u64>> + '_ {
        self.sources.get(source).into_iter().flat_map(Ranges::iter)
    }

    /// What came from disks.
    pub(super) fn adopted(&self) -> &Ranges {
        &self.adopted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_of_who_brought_it_last() {
        let ranges = |range| -> Ranges { std::iter::once(range).collect() };
        let mut brought = Brought::new(2, ranges(0..10));
        brought.note(Some(1), &ranges(5..8));
        assert_eq!(brought.by(1).collect::<Ranges>(), ranges(5..8));
        assert_eq!(brought.adopted().iter().collect::<Vec<_>>(), [0..5, 8..10]);
        brought.note(None, &ranges(4..7));
        assert_eq!(brought.by(1).collect::<Ranges>(), ranges(7..8));
        assert_eq!(brought.adopted().len(), 9);
    }
}
