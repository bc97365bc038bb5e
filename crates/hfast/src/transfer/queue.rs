//! Whether the answers of a source stand in a queue, which says that its line is full. Pure.
//!
//! What follows for the number of connections is decided in `controller.rs`.

use std::collections::HashMap;
use std::time::Duration;

/// So many answers, all of which took so many times as long as the soonest of their host, and longer by so
/// much, stood in a queue. Of fewer, none may have been as lucky as the soonest on a path where they differ;
/// a quarter more is well below what a buffer holds that is worth the name; and some milliseconds are a
/// busy server's or our own.
const ANSWERS: u32 = 8;
const QUEUED: f64 = 1.25;
const LONGER: Duration = Duration::from_millis(5);

/// Or nine in ten took at least so many times as long: when all connections have lost packets at once, a queue
/// is empty for a moment, and two looks in three at a full line held such an answer or two.
const LONG: f64 = 1.5;

/// A source that leads to more hosts than this has no host that answers often enough to compare.
pub(super) const HOSTS: usize = 16;

/// What of an answer's `wait` a connection that was `kept` would have taken at least: where it was new, half of it
/// is a round trip or more.
pub(super) fn without_handshake(kept: bool, wait: Duration) -> Duration {
    if kept { wait } else { wait / 2 }
}

/// How long answers took.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Each host is compared with itself: one may be near and another far.
    soonest: HashMap<String, Soonest>,
    /// Since the last look: how many came, those of them that waited, and that waited long.
    answers: u32,
    waited: u32,
    waited_long: u32,
    /// What they wait for is something else.
    is_refuted: bool,
}

/// The soonest answer of a host. Over a new connection it holds handshakes, two round trips at least: the two
/// kinds are not compared.
#[derive(Debug)]
struct Soonest {
    kept: Duration,
    new: Duration,
}

impl Queue {
    /// Notes that an answer of `host` began after `wait`, and whether over a connection that was kept.
    pub(super) fn answered(&mut self, (host, kept): (&str, bool), wait: Duration) {
        if !self.soonest.contains_key(host) {
            if self.soonest.len() >= HOSTS {
                return;
            }
            // The first answers may fill the line, and no later one finds it empty: half of the very first, which holds a
            // handshake, is what an empty one takes. One that was kept is of a connection made for other questions.
            let first = Soonest {
                kept: without_handshake(kept, wait),
                new: Duration::MAX,
            };
            self.soonest.insert(host.to_owned(), first);
        }
        let Some(soonest) = self.soonest.get_mut(host) else {
            return;
        };
        let soonest = if kept {
            &mut soonest.kept
        } else {
            &mut soonest.new
        };
        *soonest = wait.min(*soonest);
        let least = *soonest + LONGER;
        let waited = |times: f64| u32::from(wait > soonest.mul_f64(times).max(least));
        self.answers += 1;
        self.waited += waited(QUEUED);
        self.waited_long += waited(LONG);
    }

    /// More connections brought more where it seemed full: this server takes its time, and its answers say nothing more
    /// for as long as the job lasts. To try too often costs less than never to try again.
    pub(super) fn refute(&mut self) {
        self.is_refuted = true;
    }

    /// Whether the answers since the last look stood in a queue.
    pub(super) fn is_full(&self) -> bool {
        let all = self.waited == self.answers;
        let nearly_all = self.waited_long >= self.answers - self.answers / 10;
        !self.is_refuted && self.answers >= ANSWERS && (all || nearly_all)
    }

    /// Begins a look.
    pub(super) fn forget(&mut self) {
        (self.answers, self.waited, self.waited_long) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(answers: &[(&str, u64)]) -> Queue {
        let mut queue = Queue::default();
        for host in ["near", "far"] {
            let soonest = if host == "near" { 20 } else { 200 };
            queue.answered((host, true), Duration::from_millis(soonest));
        }
        queue.forget();
        for (host, wait) in answers {
            queue.answered((host, true), Duration::from_millis(*wait));
        }
        queue
    }

    #[test]
    fn a_queue_is_what_all_have_to_wait_in() {
        assert!(queue(&[("near", 30); 8]).is_full());
        assert!(!queue(&[("near", 30); 7]).is_full(), "seven accidents");
        let mut one_at_once = queue(&[("near", 30); 8]);
        one_at_once.answered(("near", true), Duration::from_millis(21));
        assert!(!one_at_once.is_full());
    }

    /// Answers over new connections, in milliseconds, that come after the first.
    fn new(millis: &[u64]) -> Queue {
        let mut queue = Queue::default();
        queue.answered(("near", false), Duration::from_millis(41));
        queue.forget();
        for millis in millis {
            queue.answered(("near", false), Duration::from_millis(*millis));
        }
        queue
    }

    #[test]
    fn new_connections_are_compared_with_new_ones() {
        assert!(!new(&[41; 9]).is_full());
        assert!(new(&[60; 9]).is_full());
        assert!(!new(&[60, 60, 60, 60, 41, 60, 60, 60, 60]).is_full());
    }

    #[test]
    fn the_first_answers_may_fill_the_line() {
        let mut queue = new(&[]);
        (0..8).for_each(|_| queue.answered(("near", true), Duration::from_millis(35)));
        assert!(queue.is_full());
        let mut queue = new(&[41; 8]);
        queue.forget();
        (0..8).for_each(|_| queue.answered(("near", true), Duration::from_millis(25)));
        assert!(!queue.is_full(), "half of the first is the measure");
    }

    /// On a full line the queue is empty for a moment, after all have lost packets.
    #[test]
    fn a_few_that_did_not_wait_are_no_empty_queue_if_the_others_waited_long() {
        let nine_and_one = |waits: [u64; 2]| {
            let answers = [[("near", waits[0]); 9].as_slice(), &[("near", waits[1])]].concat();
            queue(&answers.repeat(5)).is_full()
        };
        assert!(nine_and_one([40, 21]));
        assert!(!nine_and_one([28, 21]), "uneven");
        let two = [[("near", 40); 8].as_slice(), &[("near", 21); 2]].concat();
        assert!(!queue(&two).is_full());
    }

    #[test]
    fn a_host_that_is_far_is_compared_with_itself() {
        assert!(!queue(&[("far", 205); 9]).is_full());
        assert!(queue(&[("far", 260), ("near", 30)].repeat(4)).is_full());
    }

    #[test]
    fn milliseconds_are_no_queue() {
        let mut queue = Queue::default();
        for micros in [200, 1000, 2000, 4000, 1500].repeat(4) {
            queue.answered(("here", true), Duration::from_micros(micros));
        }
        queue.forget();
        (0..20).for_each(|_| queue.answered(("here", true), Duration::from_millis(4)));
        assert!(!queue.is_full());
    }

    #[test]
    fn hosts_without_end_are_not_remembered() {
        let mut queue = Queue::default();
        (0..1000)
            .for_each(|n| queue.answered((&format!("host{n}"), true), Duration::from_millis(1)));
        assert_eq!(queue.soonest.len(), HOSTS);
    }
}
