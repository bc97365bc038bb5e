//! Which file the next idle connection should work on. Pure.
//!
//! The rule in one sentence: the file with the fewest connections comes first, so that a small file
//! never waits behind a large one; and a quarter of the connections is enough for small files, so that a
//! large one never waits behind many of them.

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

/// What an idle connection should do; the number is an index into the loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Fetch something that nobody fetches yet.
    Lease(usize),
    /// Help the slowest: take half of what it has left, or race it for the last piece.
    Help(usize),
}

impl Load {
    /// Whether a connection can be given something that nobody fetches yet.
    pub(super) fn is_free(&self) -> bool {
        self.has_free && self.workers < self.most
    }
}

/// Chooses, or says that there is nothing to do now. `small_full`: enough connections work on small
/// files while there is something to do for large ones.
pub(super) fn choose(loads: &[Load], small_full: bool) -> Option<Work> {
    let open = || loads.iter().enumerate();
    let fresh = open()
        .filter(|(_, load)| load.is_free())
        .min_by_key(|(_, load)| (load.small && small_full, load.workers, !load.small));
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
            choose(&[load(4, true), load(0, true), load(1, true)], false),
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
        assert_eq!(choose(&loads, false), Some(Work::Lease(2)));
        assert_eq!(choose(&loads, true), Some(Work::Lease(1)));
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
        assert_eq!(choose(&[fast, slow], false), Some(Work::Help(1)));
        assert_eq!(choose(&[load(1, false)], false), None);
    }

    #[test]
    fn a_source_without_ranges_gets_one_connection() {
        let single = Load {
            most: 1,
            longest_wait: Some(60.0),
            ..load(1, true)
        };
        assert_eq!(choose(&[single], false), None);
        assert_eq!(
            choose(
                &[Load {
                    workers: 0,
                    ..single
                }],
                false
            ),
            Some(Work::Lease(0))
        );
    }
}
