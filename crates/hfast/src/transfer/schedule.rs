//! Which file the next idle connection should work on. Pure.
//!
//! The rule in one sentence: the file with the fewest connections comes first; and while there is something to
//! do for both, a quarter of the connections is for small files and the rest for large ones, so that a small one
//! never waits until a part of a large one has come, nor a large one behind many small ones.

/// One in so many connections, rounded up, is for small files: enough that some hundreds of them are there long
/// before the large ones are, and few enough that large ones, which need the whole line, hardly miss it.
const SMALL: usize = 4;

/// What the chooser knows of one open file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Connections that work on it.
    pub(super) workers: usize,
    /// Connections that may work on it: one where ranges are not served, fewer while the digest is
    /// behind.
    pub(super) most: usize,
    /// Whether part of it is neither on disk nor being fetched.
    pub(super) has_free: bool,
    /// Seconds that its slowest lease still needs, where that is known and worth helping.
    pub(super) longest_wait: Option<f64>,
    /// The source that a further connection would go to.
    pub(super) source: Option<usize>,
    /// One connection fetches all of it.
    pub(super) small: bool,
}

/// Which files have their share of the connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full {
    pub(super) small: bool,
    pub(super) large: bool,
}

impl Full {
    /// With so many connections for small files and for large ones, of so many that there should be.
    pub(super) fn of((small, large): (usize, usize), connections: usize) -> Self {
        let share = connections.div_ceil(SMALL);
        Self {
            small: small >= share,
            // Of a single one nobody can have a part.
            large: connections > 1 && large >= connections - share,
        }
    }

    /// Whether nothing can be wanted more than this file, on which nobody works.
    pub(super) fn is_best(self, load: &Load) -> bool {
        !self.holds(load) && (load.small || self.small)
    }

    /// Whether a file is one of those.
    fn holds(self, load: &Load) -> bool {
        if load.small { self.small } else { self.large }
    }
}

/// What an idle connection should do; the number is an index into the loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Fetch something that nobody fetches yet.
    Lease(usize),
    /// Help whoever is slow: take half of what it has left, or race it for that.
    Help(usize),
}

impl Load {
    /// Whether a connection can be given something that nobody fetches yet.
    pub(super) fn is_free(&self) -> bool {
        self.has_free && self.workers < self.most
    }
}

/// Chooses, or says that there is nothing to do now. Files that have their share come last.
pub(super) fn choose(loads: &[Load], full: Full) -> Option<Work> {
    let open = || loads.iter().enumerate();
    let fresh = open()
        .filter(|(_, load)| load.is_free())
        .min_by_key(|(_, load)| (full.holds(load), load.workers, !load.small));
    if let Some((index, _)) = fresh {
        return Some(Work::Lease(index));
    }
    let slowest = open()
        .filter(|(_, load)| load.workers < load.most)
        .filter_map(|(index, load)| Some((index, load.longest_wait?)));
    slowest
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(index, _)| Work::Help(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Full = Full {
        small: false,
        large: false,
    };

    /// What small files and large ones get of so many connections, while both have more to do.
    fn shares(connections: usize) -> (usize, usize) {
        let (mut small, mut large) = (0, 0);
        for _ in 0..connections {
            let waiting = |small| Load {
                small,
                ..load(0, true)
            };
            let full = Full::of((small, large), connections);
            match choose(&[waiting(false), waiting(true)], full) {
                Some(Work::Lease(0)) => large += 1,
                _ => small += 1,
            }
        }
        (small, large)
    }

    #[test]
    fn a_quarter_is_for_small_files_and_the_rest_for_large_ones() {
        assert_eq!([1, 2, 4].map(shares), [(1, 0), (1, 1), (1, 3)]);
        assert_eq!([5, 16, 30].map(shares), [(2, 3), (4, 12), (8, 22)]);
    }

    #[test]
    fn who_is_looked_at_no_further_is_who_is_chosen() {
        let (small, large) = (
            Load {
                small: true,
                ..load(0, true)
            },
            load(0, true),
        );
        for full in [(false, false), (false, true), (true, false), (true, true)] {
            let full = Full {
                small: full.0,
                large: full.1,
            };
            for (first, other) in [(small, large), (large, small)] {
                let is_chosen = choose(&[first, other], full) == Some(Work::Lease(0));
                assert!(is_chosen || !full.is_best(&first), "{full:?} {first:?}");
            }
        }
    }

    fn load(workers: usize, has_free: bool) -> Load {
        Load {
            workers,
            has_free,
            most: usize::MAX,
            longest_wait: None,
            source: Some(0),
            small: false,
        }
    }

    #[test]
    fn a_file_without_a_connection_comes_before_one_with_many() {
        assert_eq!(
            choose(&[load(4, true), load(0, true), load(1, true)], NONE),
            Some(Work::Lease(1))
        );
    }

    /// Of a few connections, each ends its part of a large file while others are busy with theirs.
    #[test]
    fn a_small_file_comes_before_a_large_one_that_has_no_connection_for_a_moment() {
        let small = Load {
            small: true,
            ..load(0, true)
        };
        let loads = [load(1, true), load(0, true), small];
        assert_eq!(choose(&loads, NONE), Some(Work::Lease(2)));
        let small_is_full = Full {
            small: true,
            ..NONE
        };
        assert_eq!(choose(&loads, small_is_full), Some(Work::Lease(1)));
    }

    #[test]
    fn the_slowest_is_helped_when_all_is_handed_out() {
        let slow = Load {
            longest_wait: Some(60.0),
            ..load(1, false)
        };
        let fast = Load {
            longest_wait: Some(2.0),
            ..load(1, false)
        };
        assert_eq!(choose(&[fast, slow], NONE), Some(Work::Help(1)));
        assert_eq!(choose(&[load(1, false)], NONE), None);
    }

    #[test]
    fn a_source_without_ranges_gets_one_connection() {
        let single = Load {
            most: 1,
            longest_wait: Some(60.0),
            ..load(1, true)
        };
        assert_eq!(choose(&[single], NONE), None);
        assert_eq!(
            choose(
                &[Load {
                    workers: 0,
                    ..single
                }],
                NONE
            ),
            Some(Work::Lease(0))
        );
    }
}
