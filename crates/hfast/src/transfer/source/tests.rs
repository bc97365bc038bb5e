//! Which source is asked, and what failures of one say of it.

use url::Url;

use super::*;
use crate::error::ErrorKind;

const SECOND: Duration = Duration::from_secs(1);

fn sources(n: usize) -> Sources {
    let source = |i: usize| Source {
        name: format!("s{i}"),
        resolve: Url::parse("http://host/").unwrap(),
        credentials: None,
        endpoint: Some(i),
        lane: i,
    };
    Sources::new((0..n).map(source).collect(), Duration::ZERO)
}

const ROOM: Room = Room {
    free: 1,
    trouble: false,
    trial: false,
    is_untried: false,
    wait: SECOND,
    cost: SECOND,
    recent_wait: SECOND,
    active: 0,
    rate: 0.0,
};

/// A failure at `now` that took a second.
fn fail(sources: &mut Sources, index: usize, now: u32) -> Option<After> {
    let now = now * SECOND;
    let times = (now.saturating_sub(SECOND), now);
    sources.failed(index, times, (0.5, FOR_BYTES))
}

#[test]
fn two_failures_in_a_row_change_the_source_and_progress_forgives() {
    let mut sources = sources(2);
    assert!(matches!(fail(&mut sources, 0, 1), Some(After::Wait(_))));
    sources.progressed(0, 2 * SECOND);
    assert!(matches!(fail(&mut sources, 0, 3), Some(After::Wait(_))));
    assert_eq!(fail(&mut sources, 0, 4), Some(After::Another));
    assert_eq!(sources.pick().unwrap().0, 1);
    fail(&mut sources, 1, 5);
    assert_eq!(fail(&mut sources, 1, 6), Some(After::Another));
    assert_eq!(
        sources.pick().unwrap().0,
        0,
        "both failed alike: the preferred one again"
    );
}

#[test]
fn one_that_failed_rests_until_it_brings_something() {
    let room = |_: usize, _: usize| ROOM;
    let mut sources = sources(1);
    fail(&mut sources, 0, 1);
    assert_eq!(sources.pick_now(SECOND, room), Some(0));
    fail(&mut sources, 0, 2);
    assert_eq!(sources.pick_now(2 * SECOND, room), None);
    sources.progressed(0, 2 * SECOND);
    assert_eq!(sources.pick_now(2 * SECOND, room), Some(0));
}

#[test]
fn a_source_that_is_dead_does_not_use_up_the_patience_with_another() {
    let mut sources = sources(2);
    let ends = (1..50).find(|n| fail(&mut sources, 0, n * 20) == Some(After::GiveUp));
    assert_eq!(ends, None, "nobody has asked the other one");
}

#[test]
fn one_that_wants_to_be_left_alone_is_asked_only_if_all_do() {
    let mut sources = sources(2);
    let pause = |first: u32, second: u32, storage: u32| {
        move |host: &str| match host {
            "s0" => first * SECOND,
            "s1" => second * SECOND,
            _ => storage * SECOND,
        }
    };
    sources.note_pauses(pause(60, 0, 0));
    assert_eq!(
        (sources.pick().unwrap().0, sources.longest_pause()),
        (1, LONG_PAUSE)
    );
    sources.note_pauses(pause(60, 30, 0));
    assert_eq!(
        (sources.pick().unwrap().0, sources.longest_pause()),
        (1, FOR_BYTES.pause)
    );
    // Both lead to one storage, which is what wants to be left alone.
    (0..2).for_each(|index| sources.leads_to(index, "storage"));
    sources.note_pauses(pause(0, 0, 90));
    assert_eq!(
        (sources.pick().unwrap().0, sources.longest_pause()),
        (0, FOR_BYTES.pause)
    );
}

#[test]
fn a_source_that_refused_is_not_asked_again() {
    let mut sources = sources(2);
    let refusal = |text: &str| Error::new(ErrorKind::NotFound, text);
    assert!(!sources.is_last(1));
    assert!(sources.refuse(0, refusal("first")).is_none() && sources.is_last(1));
    let told = sources.refuse(1, refusal("second")).unwrap();
    assert_eq!(told.to_string(), "first");
}

#[test]
fn the_whole_file_is_wanted_once_and_only_where_nobody_serves_ranges() {
    let mut sources = sources(2);
    let sound = |_: usize| false;
    assert!(
        !sources.wants_whole(1, sound),
        "the first one may serve ranges"
    );
    assert!(sources.wants_whole(1, |lane| lane == 0));
    assert!(
        !sources.wants_whole(1, |lane| lane == 0),
        "it comes already"
    );
    sources.stream_ended(1);
    assert!(sources.wants_whole(1, |lane| lane == 0));
    let mut alone = self::sources(1);
    alone.gave_part(0);
    let wanted = [(); 4].map(|()| alone.wants_whole(0, sound));
    assert_eq!(wanted, [false, false, true, false]);
    alone.gave_part(0);
    assert!(!alone.are_one_stream());
}

#[test]
fn a_failure_of_one_source_does_not_hide_that_of_another() {
    let mut sources = sources(2);
    let failed = |sources: &mut Sources, index, since: u32, now: u32| {
        let times = (since * SECOND, now * SECOND);
        sources.failed(index, times, (0.5, FOR_BYTES)).is_some()
    };
    assert!(failed(&mut sources, 0, 0, 1));
    assert!(!failed(&mut sources, 0, 0, 2), "the same event");
    assert!(failed(&mut sources, 1, 0, 2));
}

#[test]
fn who_is_turned_away_again_and_again_is_alone_with_that() {
    let mut sources = sources(1);
    let mut fresh = Vec::new();
    for n in 1..100 {
        if !sources.may_be_turned_away(0) {
            break;
        }
        let times = ((n - 1) * SECOND, n * SECOND);
        (0..3).for_each(|_| sources.turned_away(0, times));
        fresh.push(sources.needs_fresh(0));
    }
    let expected = [false, true].repeat(4);
    assert_eq!(fresh, expected);
    assert_eq!(sources.failures(0), 8, "it is waited for more patiently");
    sources.progressed(0, 100 * SECOND);
    assert!(sources.may_be_turned_away(0));
}

#[test]
fn a_slow_source_gets_no_further_connection_where_another_has_room() {
    let sources = sources(2);
    let pick = |rates: [f64; 2], active: [usize; 2]| {
        let room = |_: usize, lane: usize| Room {
            free: 4 - active[lane],
            active: active[lane],
            rate: rates[lane],
            ..ROOM
        };
        sources.pick_now(SECOND, room)
    };
    assert_eq!(pick([2e4, 3e6], [1, 2]), Some(1));
    assert_eq!(pick([2e4, 3e6], [0, 3]), Some(1));
    assert_eq!(pick([0.0, 3e6], [0, 3]), Some(0), "it may be better");
    assert_eq!(pick([0.0, 3e6], [1, 2]), Some(1), "one shows it");
    assert_eq!(pick([2e6, 3e6], [1, 2]), Some(0), "much alike");
    assert_eq!(pick([2e4, 0.0], [1, 2]), Some(0), "not known yet");
    let full = |_: usize, lane: usize| Room {
        free: 1 - lane,
        active: 1,
        rate: [2e4, 3e6][lane],
        ..ROOM
    };
    assert_eq!(sources.pick_now(SECOND, full), Some(0), "there is no other");
}

#[test]
fn each_source_is_tried_however_few_connections_there_are() {
    let sources = sources(2);
    let pick = |of: [(usize, bool); 2]| {
        let room = |_: usize, lane: usize| Room {
            free: 4 - of[lane].0.min(3),
            active: of[lane].0,
            is_untried: of[lane].1,
            rate: 2e4 * f64::from(!of[lane].1),
            ..ROOM
        };
        sources.pick_now(SECOND, room)
    };
    assert_eq!(
        pick([(0, true), (0, true)]),
        Some(0),
        "the most wanted first"
    );
    assert_eq!(pick([(1, false), (0, true)]), Some(1));
    assert_eq!(pick([(0, false), (0, true)]), Some(1));
    assert_eq!(pick([(0, false), (0, false)]), Some(0));
}
