//! Pure: faults drawn from a seed. Each of them passes by itself, so that whoever retries with
//! patience must end with the right bytes.

use super::{Fault, Match, What};
use fastrand::Rng;
use std::time::Duration;

/// `intensity` faults drawn from `seed`; each strikes one to three requests.
pub fn random(seed: u64, intensity: u32) -> Vec<Fault> {
    let mut rng = Rng::with_seed(seed);
    (0..intensity).map(|_| draw(&mut rng)).collect()
}

fn draw(rng: &mut Rng) -> Fault {
    let what = draw_what(rng);
    let when = match rng.u32(0..10) {
        0..=1 => Match::api(),
        2..=4 => Match::resolve(),
        5..=7 => Match::cdn(),
        _ => Match::any(),
    };
    // A redirect or a changed etag of a listing means nothing; those belong to files.
    let when = match what {
        What::EtagChanges | What::IgnoreRange => Match { kind: None, ..when },
        What::ExpireSignedUrls => Match::cdn(),
        _ => when,
    };
    Fault::new(
        when.skip(rng.u32(0..8))
            .every(rng.u32(1..4))
            .times(rng.u32(1..4)),
        what,
    )
}

fn draw_what(rng: &mut Rng) -> What {
    // Half of the cuts fall early, where files of every size can be struck.
    let exponent = rng.u32(4..22);
    let after = rng.u64(0..1 << exponent);
    let pause = Duration::from_millis(rng.u64(10..90_000));
    match rng.u32(0..20) {
        0 => What::Refuse,
        1..=3 => What::ResetAfter(after),
        4..=5 => What::FinAfter(after),
        6 => What::StallAfter(after, None),
        7 => What::StallAfter(after, Some(pause)),
        8 => What::StallBeforeHeaders(None),
        9 => What::StallBeforeHeaders(Some(pause)),
        10 => What::Trickle(rng.u64(1..512)),
        11 => What::Throttle(rng.u64(10_000..10_000_000)),
        12 => What::too_many_requests(&rng.u32(0..5).to_string()),
        13 => What::server_error([500, 502, 503, 504][rng.usize(0..4)], rng.usize(0..300_000)),
        14 => What::IgnoreRange,
        15 => draw_content_range(rng),
        16 => What::ShortBody(rng.u64(1..1000)),
        17 => What::LongBody(rng.u64(1..1000)),
        18 => What::FlipByte(after),
        _ => What::ExpireSignedUrls,
    }
}

fn draw_content_range(rng: &mut Rng) -> What {
    match rng.u32(0..3) {
        0 => What::MissingContentRange,
        1 => What::WrongContentRange {
            start: rng.i64(1..1000),
            total: 0,
        },
        _ => What::WrongContentRange {
            start: 0,
            total: rng.i64(1..1000),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_list_and_every_fault_ends() {
        let text = |seed| format!("{:?}", random(seed, 40));
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
        assert!(
            random(3, 200)
                .iter()
                .all(|fault| fault.when.times.is_some())
        );
    }
}
