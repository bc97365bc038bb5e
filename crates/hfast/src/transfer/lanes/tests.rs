//! Ways as the engine uses them; the formulas of the number of connections have tests of their own.

use super::*;

/// Two ways on which every connection brings its share, with so many connections allowed over both; the
/// first one takes what it wants. Returns how many each should have after a while.
fn after_a_while(allowed: usize) -> [usize; 2] {
    let lanes = Lanes::new(128, false, Duration::from_millis(20), HashMap::new());
    (0..2).for_each(|lane| lanes.works(lane));
    let mut left = allowed;
    for tick in 0..20 {
        lanes.look(tick * Duration::from_millis(500), u64::MAX, left == 0);
        left = allowed;
        for lane in 0..2 {
            let active = lanes.with(lane, |lane| {
                lane.active = lane.target().min(left);
                lane.active
            });
            left -= active;
            lanes
                .counter(lane)
                .fetch_add(active as u64 * 100_000, Relaxed);
        }
    }
    [0, 1].map(|lane| lanes.with(lane, |lane| lane.target()))
}

#[test]
fn who_is_about_to_end_is_in_use() {
    let lanes = Lanes::new(5, false, Duration::from_millis(5), HashMap::new());
    lanes.works(0);
    let seats: Vec<_> = (0..4).map(|_| lanes.enter(0, false)).collect();
    assert!(seats.iter().all(|seat| lanes.leave_early(seat, "host")));
    assert!(!lanes.leave_early(&seats[0], "host"), "once");
    assert_eq!(lanes.room(0, Duration::ZERO).free, 4);
    for second in 0..5 {
        lanes.look(Duration::from_secs(second), u64::MAX, true);
        lanes.counter(0).fetch_add(1_000_000, Relaxed);
    }
    assert_eq!(lanes.connections(), 5, "it has learnt");
    for seat in &seats {
        lanes.leave(seat);
    }
    let (active, leaving) = lanes.with(0, |lane| (lane.active, lane.leaving));
    assert_eq!((active, leaving), (0, 0));
}

#[test]
fn what_the_others_leave_too_few_connections_learns_nothing() {
    assert_eq!(after_a_while(256), [128, 128]);
    assert_eq!(after_a_while(16), [28, 14], "both began with 14");
    assert_eq!(after_a_while(130)[0], 128);
}

const GUESS: Duration = Duration::from_millis(5);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn an_event_that_many_files_meet_counts_once() {
    let lanes = Lanes::new(128, false, GUESS, HashMap::new());
    for _ in 0..16 {
        lanes.failed(0, (seconds(1), seconds(2)));
    }
    assert!(!lanes.room(0, seconds(2)).trouble);
    lanes.failed(0, (seconds(3), seconds(4)));
    let room = lanes.room(0, seconds(4));
    assert!(room.trouble && !room.trial);
    assert!(lanes.room(0, seconds(5)).trial);
}

#[test]
fn what_was_measured_counts_and_not_what_was_guessed() {
    for guess in [Duration::ZERO, GUESS] {
        let lanes = Lanes::new(8, false, guess, HashMap::new());
        assert_eq!(lanes.room(0, seconds(1)).wait, guess);
        let wait = Duration::from_millis(400);
        lanes.answered(0, ("host", false), (seconds(1), wait));
        assert_eq!(lanes.room(0, seconds(1)).wait, wait);
        assert_eq!(lanes.recent_wait(0), wait);
    }
}
