//! How long a controller rests between trials; what a trial is judged by is not told here.

use super::*;

/// When more were tried, in seconds.
fn trials(numbers: &[usize]) -> Vec<usize> {
    let pairs = numbers.windows(2).enumerate();
    let more = pairs.filter(|(_, pair)| pair[1] > pair[0]);
    more.map(|(second, _)| second).collect()
}

#[test]
fn each_rest_is_longer_than_the_one_before_up_to_the_longest() {
    let full = Network {
        line: 10e6,
        each: 10e6,
    };
    let begun = trials(&run(&full, 500, 5, (0.0, 1)));
    let rests: Vec<_> = begun.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (rest, least) in rests.iter().zip([5, 10, 20, 40, 80, 80, 80]) {
        // A trial takes two looks, and begins with one.
        assert!((least..least + 5).contains(rest), "{rests:?}");
    }
    assert!(rests.len() >= 7, "{rests:?}");
}

#[test]
fn where_more_paid_again_the_rests_are_short_again() {
    let mut controller = Controller::new(Duration::from_millis(5), 128, None);
    let (mut received, mut numbers) = (0, Vec::new());
    for second in 1..260 {
        // Full for two minutes; then each of up to sixteen carries its share.
        let connections = controller.target().min(16) as u64;
        let rate = if second < 120 { 4 } else { connections };
        received += rate * 1_000_000;
        controller.look(Duration::from_secs(second), received, true, u64::MAX);
        numbers.push(controller.target());
    }
    let begun = trials(&numbers);
    let after: Vec<_> = begun.iter().filter(|second| **second > 170).collect();
    assert!(numbers.iter().any(|number| *number >= 16), "{numbers:?}");
    assert!(after.len() >= 3, "{begun:?}");
}
