//! Who keeps the digest waiting is helped first. Who is helped else is not told here.

use super::*;

#[test]
fn who_keeps_the_digest_from_much_is_helped_before_the_rest_is_begun() {
    let mut segments = Segments::new(200 * MIB, Ranges::default());
    let slow = segments.lease(10 * MIB, seconds(0)).unwrap();
    let fast = segments.lease(100 * MIB, seconds(0)).unwrap();
    segments.come(slow.id, 2 * MIB, seconds(2));
    bring(&mut segments, &fast, 74 * MIB);
    assert_eq!(segments.help_first(seconds(2), &RULES), None, "it is near");
    bring(&mut segments, &fast, 75 * MIB);
    let half = segments.help_first(seconds(2), &RULES).unwrap();
    assert_eq!(half.range, 6 * MIB..10 * MIB);
    assert_eq!(segments.wanted(slow.id), 6 * MIB);
    bring(&mut segments, &slow, 6 * MIB);
    segments.release(slow.id);
    let young = segments.help_first(seconds(2), &RULES);
    assert_eq!(young, None, "who has just begun has not shown its pace");
}

#[test]
fn who_keeps_the_digest_from_much_and_is_silent_is_raced_at_once() {
    let mut segments = Segments::new(200 * MIB, Ranges::default());
    let silent = segments.lease(10 * MIB, seconds(0)).unwrap();
    let fast = segments.lease(100 * MIB, seconds(0)).unwrap();
    bring(&mut segments, &silent, 2 * MIB);
    segments.come(silent.id, 2 * MIB, seconds(1));
    bring(&mut segments, &fast, 77 * MIB);
    let rival = segments.help_first(seconds(2), &RULES).unwrap();
    assert_eq!(rival.range, 2 * MIB..10 * MIB);
    assert_eq!(segments.wanted(silent.id), 10 * MIB, "it may still come");
    assert_eq!(segments.help_first(seconds(2), &RULES), None);
    // Whoever lost the race does not know yet.
    segments.come(rival.id, 4 * MIB, seconds(4));
    let half = segments.help_first(seconds(4), &RULES).unwrap();
    assert_eq!(half.range, 7 * MIB..10 * MIB);
}

#[test]
fn who_will_keep_the_digest_waiting_next_is_helped_too() {
    let mut segments = Segments::new(200 * MIB, Ranges::default());
    let first = segments.lease(10 * MIB, seconds(0)).unwrap();
    let next = segments.lease(10 * MIB, seconds(0)).unwrap();
    let fast = segments.lease(100 * MIB, seconds(0)).unwrap();
    bring(&mut segments, &fast, 95 * MIB);
    segments.come(first.id, 9 * MIB, seconds(60));
    segments.come(next.id, 12 * MIB, seconds(60));
    let half = segments.help_first(seconds(60), &RULES).unwrap();
    assert_eq!(half.range, 16 * MIB..20 * MIB, "it needs four minutes");
}

#[test]
fn who_lost_the_race_for_the_first_hole_does_not_hide_the_next_one() {
    let mut segments = Segments::new(200 * MIB, Ranges::default());
    segments.lease(10 * MIB, seconds(0)).unwrap();
    let slow = segments.lease(10 * MIB, seconds(0)).unwrap();
    let fast = segments.lease(100 * MIB, seconds(0)).unwrap();
    bring(&mut segments, &fast, 95 * MIB);
    segments.come(slow.id, 12 * MIB, seconds(2));
    let rival = segments.help_first(seconds(2), &RULES).unwrap();
    assert_eq!(rival.range, 0..10 * MIB);
    bring(&mut segments, &rival, 10 * MIB);
    let half = segments.help_first(seconds(2), &RULES).unwrap();
    assert_eq!(half.range, 16 * MIB..20 * MIB);
}

#[test]
fn with_less_to_come_the_digest_may_be_less_behind() {
    let mut segments = Segments::new(100 * MIB, Ranges::default());
    let slow = segments.lease(10 * MIB, seconds(0)).unwrap();
    let fast = segments.lease(80 * MIB, seconds(0)).unwrap();
    segments.come(slow.id, 2 * MIB, seconds(2));
    bring(&mut segments, &fast, 10 * MIB + 33 * MIB);
    assert_eq!(segments.help_first(seconds(2), &RULES), None);
    bring(&mut segments, &fast, 10 * MIB + 34 * MIB);
    assert!(segments.help_first(seconds(2), &RULES).is_some());
}
