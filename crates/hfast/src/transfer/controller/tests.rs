//! Controllers on networks that are formulas.

mod rests;

use super::*;
use proptest::prelude::*;

/// What a network carries over `n` connections that are all up, in bytes per second.
struct Network {
    line: f64,
    each: f64,
}

impl Network {
    fn rate(&self, n: usize) -> f64 {
        self.line.min(self.each * to_f64(n as u64))
    }
}

/// Lets a controller run on a network for so many seconds; `chance` varies each look's rate by up
/// to the given part. Returns the numbers at the end of each second.
fn run(network: &Network, seconds: u64, rtt: u64, (noise, seed): (f64, u64)) -> Vec<usize> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut controller = Controller::new(Duration::from_millis(rtt), 128, None);
    let (mut received, mut numbers, mut up) = (0.0, Vec::new(), 0.0);
    for tick in 0..seconds * 4 {
        // Connections come up over about half a second.
        up += (to_f64(controller.target() as u64) - up) * 0.5;
        let rate = network.line.min(network.each * up);
        received += rate * 0.25 * (1.0 + noise * (chance.f64() * 2.0 - 1.0));
        let now = Duration::from_millis((tick + 1) * 250);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a test"
        )]
        controller.look(now, received as u64, true, u64::MAX);
        if tick % 4 == 3 {
            numbers.push(controller.target());
        }
    }
    numbers
}

#[test]
fn the_first_windows_fill_the_first_round_trips() {
    let of = |millis| first(Duration::from_millis(millis));
    assert_eq!([0, 5, 20, 60, 2000].map(of), [4, 4, 14, 32, 32]);
}

#[test]
fn where_each_connection_carries_its_share_there_are_soon_very_many() {
    let lossy = Network {
        line: 25e6,
        each: 0.12e6,
    };
    let numbers = run(&lossy, 20, 180, (0.1, 1));
    assert!(numbers[6] >= 64, "{numbers:?}");
    assert_eq!(numbers.last(), Some(&128), "{numbers:?}");
}

#[test]
fn a_full_line_gets_no_more_than_it_needs() {
    let fast = Network {
        line: 100e6,
        each: 90e6,
    };
    let numbers = run(&fast, 60, 1, (0.02, 1));
    let more = numbers.iter().filter(|n| **n > 4).count();
    assert!(numbers.iter().all(|n| *n <= 8) && more <= 16, "{numbers:?}");
}

#[test]
fn chance_adds_none_on_a_full_line() {
    let line = Network {
        line: 10e6,
        each: 5e6,
    };
    for seed in 0..20 {
        let numbers = run(&line, 3600, 20, (0.05, seed));
        let kept = numbers.iter().filter(|n| **n <= 14).count();
        let most = numbers.iter().max();
        assert!(most <= Some(&28) && kept >= 3000, "{most:?}, {kept}");
    }
}

#[test]
fn few_more_than_there_are_need_not_show_that_they_pay() {
    let mut controller = Controller::new(Duration::from_millis(20), 16, None);
    assert_eq!(controller.target(), 14);
    for second in 0..20 {
        let now = Duration::from_secs(second);
        controller.look(now, second * 16 * 500_000, true, u64::MAX);
        let rests = matches!(controller.state, State::Resting(_));
        assert!(second < 4 || controller.target() == 16 && rests, "{second}");
    }
}

#[test]
fn a_network_that_becomes_another_is_learnt_again() {
    let mut controller = Controller::new(Duration::from_millis(20), 128, None);
    let (mut received, mut now) = (0, Duration::ZERO);
    let mut pass = |controller: &mut Controller, seconds: u32, rate: &dyn Fn(usize) -> u64| {
        for _ in 0..seconds * 4 {
            now += Duration::from_millis(250);
            received += rate(controller.target()) / 4;
            controller.look(now, received, true, u64::MAX);
        }
    };
    pass(&mut controller, 60, &|_| 10_000_000);
    assert_eq!(controller.target(), 14);
    pass(&mut controller, 100, &|n| n as u64 * 500_000);
    assert!(controller.target() >= 64, "{}", controller.target());
}

/// Until it loses its first packet, after about a second and a half, a connection carries ten times as much as
/// after that.
#[test]
fn the_burst_with_which_connections_begin_is_not_what_they_bring() {
    for burst in [2.0, 4.0, 10.0] {
        let mut controller = Controller::new(Duration::from_millis(180), 128, None);
        let (mut received, mut open) = (0, Vec::new());
        for tick in 0..9 * 5 {
            let now = tick * Duration::from_millis(200);
            open.resize(controller.target(), now);
            let rate = |since: &Duration| match now.saturating_sub(*since) {
                Duration::ZERO => 0.0,
                age if age < Duration::from_millis(1500) => burst * 0.1e6,
                _ => 0.1e6,
            };
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a test"
            )]
            let bytes = (open.iter().map(rate).sum::<f64>() * 0.2) as u64;
            received += bytes;
            controller.look(now, received, true, u64::MAX);
        }
        assert!(
            controller.target() >= 64,
            "{burst}: {}",
            controller.target()
        );
    }
}

#[test]
fn what_a_server_lets_in_is_not_exceeded_for_a_while() {
    let mut controller = Controller::new(Duration::from_millis(180), 128, None);
    controller.turned_away(Duration::from_secs(1), 3);
    assert_eq!(controller.target(), 3);
    controller.turned_away(Duration::from_secs(1), 5);
    assert_eq!(controller.target(), 3, "fewer were let in before");
    let looks = (1..40u64).map(Duration::from_secs);
    looks.for_each(|now| controller.look(now, now.as_secs() * 1_000_000, true, u64::MAX));
    assert!(controller.target() <= 4, "{}", controller.target());
}

#[test]
fn idleness_says_nothing() {
    let mut controller = Controller::new(Duration::from_millis(180), 128, None);
    let before = controller.target();
    for second in 0..100 {
        controller.look(Duration::from_secs(second), 0, false, u64::MAX);
    }
    assert_eq!(controller.target(), before);
}

#[test]
fn an_outage_is_no_reason_for_more() {
    for begins in 4..60 {
        let mut controller = Controller::new(Duration::from_millis(60), 128, None);
        let (mut received, mut most) = (0, 0);
        for tick in 1..=400 {
            let is_out = (begins..begins + 80).contains(&tick);
            received += if is_out { 0 } else { 3_000_000 };
            let now = Duration::from_millis(tick * 250);
            controller.look(now, received, true, u64::MAX);
            most = most.max(controller.target());
        }
        assert!(most <= 64, "from {begins}: {most}");
    }
}

#[test]
fn at_the_end_no_more_are_tried() {
    let mut controller = Controller::new(Duration::from_millis(180), 128, None);
    let before = controller.target();
    let looks = (1..10u64).map(|n| Duration::from_secs(2 * n));
    looks.for_each(|now| controller.look(now, now.as_secs() * 1_000_000, true, 900_000));
    assert_eq!(controller.target(), before);
}

#[test]
fn behind_a_full_line_no_more_are_tried_before_a_rest() {
    let numbers = |kept: bool, waits: [u64; 4]| {
        let mut controller = Controller::new(Duration::from_millis(180), 128, None);
        controller.answered(("host", true), Duration::from_millis(180));
        let looks = (1..=6u64).map(|n| Duration::from_secs(2 * n));
        let after = looks.map(|now| {
            for wait in waits.map(Duration::from_millis).repeat(2) {
                controller.answered(("host", kept), wait);
            }
            controller.look(now, now.as_secs() * 1_000_000, true, u64::MAX);
            controller.target()
        });
        after.collect::<Vec<_>>()
    };
    let rests = [32, 32, 32, 32, 32, 48];
    assert_eq!(numbers(true, [260, 270, 300, 265]), rests);
    assert_eq!(numbers(true, [900, 700, 800, 850]), rests, "a deep buffer");
    let new = numbers(false, [370, 380, 260, 750]);
    assert_eq!(new[2], 64, "new connections take twice as long");
    // One that did not wait says that there is no queue.
    assert_eq!(numbers(true, [260, 270, 300, 182])[2], 64);
}

/// A server that takes its time for each answer, and gives each connection the same.
#[test]
fn answers_that_are_slow_for_another_reason_are_believed_until_more_connections_pay() {
    let mut controller = Controller::new(Duration::from_millis(10), 128, None);
    controller.answered(("host", false), Duration::from_millis(60));
    let (mut received, mut numbers) = (0, Vec::new());
    for second in 0..30 {
        received += controller.target() as u64 * 500_000;
        (0..8).for_each(|_| controller.answered(("host", true), Duration::from_millis(50)));
        controller.look(Duration::from_secs(second), received, true, u64::MAX);
        numbers.push(controller.target());
    }
    let begin = numbers[0];
    assert!(numbers[..7].iter().all(|n| *n == begin), "{numbers:?}");
    assert_eq!(numbers[15], 128, "{numbers:?}");
}

#[test]
fn a_round_trip_that_is_not_known_is_that_of_the_first_answer() {
    let mut controller = Controller::new(Duration::ZERO, 128, None);
    assert_eq!(controller.target(), 4);
    controller.answered(("host", true), Duration::from_millis(180));
    assert_eq!(controller.target(), 32);
    controller.answered(("host", true), Duration::from_millis(2));
    assert_eq!(controller.target(), 32);
    let learnt = Learnt {
        connections: 7,
        rate: 1e6,
    };
    let mut known = Controller::new(Duration::ZERO, 128, Some(learnt));
    known.answered(("host", true), Duration::from_millis(180));
    assert_eq!(known.target(), 7);
    for second in 0..3 {
        let now = Duration::from_secs(second);
        known.look(now, second * 9_000_000, true, u64::MAX);
    }
    assert_eq!(known.target(), 32, "another network, as far away");
}

#[test]
fn a_server_near_by_that_leads_far_away_is_no_measure() {
    let mut controller = Controller::new(Duration::from_millis(5), 128, None);
    assert_eq!(controller.target(), 4);
    controller.answered(("storage", false), Duration::from_millis(360));
    assert_eq!(
        controller.target(),
        32,
        "half of it is a round trip or more"
    );
    let mut near = Controller::new(Duration::from_millis(20), 128, None);
    assert_eq!(near.target(), 14);
    near.answered(("storage", false), Duration::from_millis(41));
    near.answered(("storage", false), Duration::from_millis(900));
    assert_eq!(near.target(), 14, "one over a new connection is no farther");
}

#[test]
fn what_was_learnt_is_where_the_next_job_begins_unless_the_network_is_another() {
    let known = Learnt {
        connections: 90,
        rate: 9e6,
    };
    let after = |rate: u64| {
        let mut controller = Controller::new(Duration::from_millis(20), 128, Some(known));
        assert_eq!(controller.target(), 90);
        for second in 0..3 {
            let now = Duration::from_secs(second);
            controller.look(now, second * rate, true, u64::MAX);
        }
        (
            controller.target(),
            controller.learnt().map(|it| it.connections),
        )
    };
    assert_eq!(after(8_000_000), (90, Some(90)));
    assert_eq!(after(100_000_000), (14, None), "a fast one");
    assert_eq!(after(1_000_000), (14, None), "a slow one");
    let mut full = Controller::new(Duration::from_millis(20), 128, Some(known));
    full.answered(("host", true), Duration::from_millis(20));
    for second in 0..3 {
        (0..8).for_each(|_| full.answered(("host", true), Duration::from_millis(30)));
        full.look(
            Duration::from_secs(second),
            second * 9_000_000,
            true,
            u64::MAX,
        );
    }
    assert_eq!(full.target(), 14, "a full line of the same rate");
}

#[test]
fn who_insists_gets_the_number() {
    let mut controller = Controller::fixed(24);
    for second in 0..100 {
        let now = Duration::from_secs(second);
        controller.look(now, second * 1_000_000, true, u64::MAX);
        assert_eq!(controller.target(), 24);
    }
}

proptest! {
    /// Whatever comes, the number stays within its bounds; and where more connections always carry
    /// more, most of what can be had is had within half a minute, however much the rate varies.
    #[test]
    fn the_number_is_bounded_and_finds_the_knee(
        line in 1e6f64..1e9, share in 0.01f64..1.0, rtt in 1u64..400, seed in any::<u64>()
    ) {
        let network = Network { line, each: line * share };
        let numbers = run(&network, 40, rtt, (0.1, seed));
        prop_assert!(numbers.iter().all(|n| (1..=128).contains(n)));
        let last = *numbers.last().unwrap();
        prop_assert!(network.rate(last) >= 0.7 * network.rate(128), "{:?}", numbers);
    }
}

#[test]
fn a_burst_of_refusals_is_one_reason_to_rest() {
    let mut controller = Controller::new(Duration::from_millis(100), 128, None);
    let now = Duration::from_secs(10);
    (0..20)
        .rev()
        .for_each(|served| controller.turned_away(now, served));
    assert_eq!(controller.target(), 1);
    let more = |controller: &mut Controller, second: u64| {
        controller.look(Duration::from_secs(second), second << 20, true, u64::MAX);
        controller.target() > 1
    };
    assert!(!(11..14).any(|second| more(&mut controller, second)));
    assert!((14..18).any(|second| more(&mut controller, second)));
}

#[test]
fn who_asks_for_pauses_has_fewer_to_answer() {
    let mut controller = Controller::new(Duration::from_millis(180), 128, None);
    assert_eq!(controller.target(), 32);
    let at = |seconds| Duration::from_secs(seconds);
    (0..20).for_each(|_| controller.asked_to_pause(at(1)));
    assert_eq!(controller.target(), 16, "once");
    for (seconds, left) in [(7, 8), (18, 4), (40, 4)] {
        controller.asked_to_pause(at(seconds));
        assert_eq!(controller.target(), left, "after {seconds} s");
    }
    let mut few = Controller::new(Duration::from_millis(180), 2, None);
    few.asked_to_pause(at(1));
    assert_eq!(few.target(), 2, "so few");
}
