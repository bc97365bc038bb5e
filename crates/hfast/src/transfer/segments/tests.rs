//! What holds of segments whatever happens; not what a worker does with them.

mod digest;

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
    let parts = segments.reserve(lease.id, start..position).unwrap();
    segments.landed(&parts);
    segments.advance(lease.id, position);
}

#[test]
fn bytes_that_landed_are_nobodys_to_write() {
    let mut segments = Segments::new(10, Ranges::default());
    let id = segments.lease(10, seconds(0)).unwrap().id;
    let first = segments.reserve(id, 0..6).unwrap();
    let rest = segments.reserve(id, 4..10).unwrap();
    assert_eq!(rest.first(), Some(6..10), "the rest is being written");
    segments.landed(&first);
    assert!(segments.reserve(id, 0..6).unwrap().is_empty(), "landed");
    assert_eq!(segments.landed_from(0), 6);
}

#[test]
fn who_lost_a_race_may_not_bring_what_was_forgotten_since() {
    let mut segments = Segments::new(MIB, Ranges::default());
    let slow = segments.lease(MIB, seconds(0)).unwrap();
    let fast = segments.probe(seconds(0)).unwrap();
    bring(&mut segments, &fast, fast.range.end);
    segments.forget(0..fast.range.end);
    assert_eq!(segments.reserve(slow.id, 0..fast.range.end), None);
    assert_eq!(segments.wanted(slow.id), 0);
    let again = segments.lease(MIB, seconds(1)).unwrap();
    assert_eq!(again.range, 0..MIB, "nothing is lost with it");
}

#[test]
fn each_probe_looks_at_something_that_is_not_there_yet() {
    let mut segments = Segments::new(MIB, Ranges::default());
    segments.lease(MIB, seconds(0)).unwrap();
    for part in 0..3 {
        let probe = segments.probe(seconds(2 * part)).unwrap();
        assert_eq!(probe.range, part * SMALLEST..(part + 1) * SMALLEST);
        bring(&mut segments, &probe, probe.range.end);
        segments.release(probe.id);
    }
}

#[test]
fn who_is_left_alone_by_its_rival_may_be_raced_again() {
    let mut segments = Segments::new(10, Ranges::default());
    let first = segments.lease(10, seconds(0)).unwrap();
    segments.help(seconds(10), &RULES).unwrap();
    segments.come(first.id, 5, seconds(20));
    let slow = Rules { rate: 1.0, ..RULES };
    assert_eq!(segments.help(seconds(20), &slow), None, "the first comes");
    segments.release(first.id);
    assert_eq!(segments.help(seconds(20), &RULES).unwrap().range, 0..10);
}

#[test]
fn one_more_is_asked_when_the_rival_is_silent_too() {
    let mut segments = Segments::new(10, Ranges::default());
    segments.lease(10, seconds(0)).unwrap();
    let second = segments.help(seconds(10), &RULES).unwrap();
    assert_eq!(segments.help(seconds(10), &RULES), None, "it is young");
    let third = segments.help(seconds(20), &RULES).unwrap();
    assert_eq!((second.range, third.range), (0..10, 0..10));
    assert_eq!(segments.help(seconds(30), &RULES), None, "three are enough");
    segments.release(second.id);
    assert!(segments.help(seconds(30), &RULES).is_some());
}

#[test]
fn two_that_dribble_do_not_hide_what_they_hold() {
    let mut segments = Segments::new(20_000, Ranges::default());
    let first = segments.lease(20_000, seconds(0)).unwrap();
    segments.come(first.id, 100, seconds(10));
    let second = segments.help(seconds(10), &RULES).unwrap();
    segments.come(first.id, 200, seconds(20));
    segments.come(second.id, 200, seconds(20));
    assert!(segments.help(seconds(20), &RULES).is_some());
}

/// A rival gave half of its part away, and is gone.
#[test]
fn only_what_nobody_lively_brings_is_raced() {
    let mut segments = Segments::new(64 * MIB, Ranges::default());
    segments.lease(64 * MIB, seconds(0)).unwrap();
    let rival = segments.help(seconds(10), &RULES).unwrap();
    bring(&mut segments, &rival, 2 * MIB);
    segments.come(rival.id, 2 * MIB, seconds(11));
    let half = segments.help(seconds(11), &RULES).unwrap();
    assert_eq!(half.range, 33 * MIB..64 * MIB);
    segments.come(half.id, 34 * MIB, seconds(11));
    segments.release(rival.id);
    let again = segments.help(seconds(11), &RULES).unwrap();
    assert_eq!(again.range, 2 * MIB..33 * MIB);
}

#[test]
fn who_all_has_come_to_needs_no_rival() {
    let mut segments = Segments::new(10, Ranges::default());
    let first = segments.lease(10, seconds(0)).unwrap();
    segments.help(seconds(10), &RULES).unwrap();
    segments.come(first.id, 10, seconds(10));
    assert_eq!(
        segments.help(seconds(20), &RULES),
        None,
        "it is written now"
    );
}

#[test]
fn what_a_rival_has_brought_is_not_fetched_once_more() {
    let mut segments = Segments::new(MIB, Ranges::default());
    let silent = segments.lease(MIB, seconds(0)).unwrap();
    let rival = segments.help(seconds(10), &RULES).unwrap();
    bring(&mut segments, &rival, MIB / 2);
    segments.release(rival.id);
    let second = segments.help(seconds(20), &RULES).unwrap();
    assert_eq!(second.range, MIB / 2..MIB, "half of it is there");
    bring(&mut segments, &second, MIB);
    segments.release(second.id);
    assert_eq!(segments.longest_wait(seconds(30), &RULES), None);
    assert_eq!(segments.help(seconds(30), &RULES), None, "all is there");
    assert_eq!(segments.wanted(silent.id), 0);
}

const RULES: Rules = Rules {
    wait: Duration::from_millis(100),
    recent_wait: Duration::from_millis(100),
    rate: 1e6,
    may_race: true,
};

#[test]
fn what_nobody_brings_comes_before_who_is_slow_behind_it() {
    let mut segments = Segments::new(200 * MIB, Ranges::default());
    let gone = segments.lease(10 * MIB, seconds(0)).unwrap();
    let slow = segments.lease(10 * MIB, seconds(0)).unwrap();
    let fast = segments.lease(100 * MIB, seconds(0)).unwrap();
    segments.come(slow.id, 12 * MIB, seconds(2));
    bring(&mut segments, &fast, 95 * MIB);
    segments.release(gone.id);
    assert_eq!(segments.help_first(seconds(2), &RULES), None);
    let first = segments.lease(10 * MIB, seconds(2)).unwrap();
    assert_eq!(first.range, 0..10 * MIB);
}

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
    assert_eq!(segments.help(seconds(5), &RULES), None, "two are enough");
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
    HelpFirst,
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
        Just(Event::HelpFirst),
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
                Event::HelpFirst => leases.extend(segments.help_first(now, &RULES)),
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
                    let Some(parts) = segments.reserve(id, *at..upto) else {
                        continue;
                    };
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

#[test]
fn a_half_is_none_of_what_has_landed() {
    // An earlier run brought the second half but its last MiB; an answer without ranges brings all.
    let landed: Ranges = std::iter::once(512 * MIB..1023 * MIB).collect();
    let mut segments = Segments::new(1024 * MIB, landed);
    let stream = segments.lease(8 * MIB, seconds(0)).unwrap();
    segments.take_all(stream.id);
    bring(&mut segments, &stream, 2 * MIB);
    segments.come(stream.id, 2 * MIB, seconds(2));
    let half = segments.help(seconds(2), &RULES).unwrap();
    assert_eq!(half.range, 257 * MIB + MIB / 2..512 * MIB);
    assert_eq!(segments.wanted(stream.id), 257 * MIB + MIB / 2);
}

#[test]
fn a_half_is_none_of_what_a_lively_rival_brings() {
    let mut segments = Segments::new(64 * MIB, Ranges::default());
    let silent = segments.lease(64 * MIB, seconds(0)).unwrap();
    let rival = segments.help(seconds(10), &RULES).unwrap();
    assert_eq!(rival.range, 0..64 * MIB);
    bring(&mut segments, &rival, 8 * MIB);
    segments.come(rival.id, 8 * MIB, seconds(12));
    // It comes back to life.
    segments.come(silent.id, MIB, seconds(12));
    let no_race = Rules {
        may_race: false,
        ..RULES
    };
    while let Some(help) = segments.help(seconds(12), &no_race) {
        let others = segments.held.iter().filter(|(id, _)| **id != help.id);
        let mut of_two =
            others.filter(|(id, held)| **id != silent.id && held.overlaps(&help.range));
        assert_eq!(of_two.next().map(|(id, _)| id), None, "{:?}", help.range);
    }
}

#[test]
fn who_has_wrong_bytes_in_hand_may_not_bring_them_later() {
    const KIB: u64 = 1 << 10;
    let mut segments = Segments::new(200 * KIB, Ranges::default());
    let liar = segments.lease(200 * KIB, seconds(0)).unwrap();
    segments.come(liar.id, 100 * KIB, seconds(1));
    let half = segments.help(Duration::from_millis(1001), &RULES).unwrap();
    assert_eq!(half.range, 150 * KIB..200 * KIB);
    // More comes than is wanted now, and is not written yet.
    segments.come(liar.id, 200 * KIB, Duration::from_millis(1002));
    bring(&mut segments, &half, 200 * KIB);
    segments.release(half.id);
    segments.forget(150 * KIB..200 * KIB);
    assert_eq!(segments.reserve(liar.id, 0..200 * KIB), None);
}
