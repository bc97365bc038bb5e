//! Random draws that depend on a seed and nothing else. Pure.
//!
//! Each thing that draws has a stream of its own, so that how much one draws does not change what
//! another gets.

use std::time::Duration;

use fastrand::Rng;

/// The 64-bit golden ratio: its multiples are spread evenly, so streams begin far from each other.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The stream of this number that belongs to a seed.
pub(crate) fn stream(seed: u64, number: u64) -> Rng {
    let base = Rng::with_seed(seed).u64(..);
    Rng::with_seed(base.wrapping_add(number.wrapping_mul(SPREAD)))
}

/// True with probability `share`, which lies in 0..=1.
pub(crate) fn happens(rng: &mut Rng, share: f64) -> bool {
    share > 0.0 && rng.f64() < share
}

/// A duration from the exponential distribution with this mean.
pub(crate) fn exponential(rng: &mut Rng, mean: Duration) -> Duration {
    // `f64` is below 1, so the logarithm is that of a number above 0: at most 37 times the mean.
    mean.mul_f64(-(1.0 - rng.f64()).ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_stream_draw_the_same_and_others_do_not() {
        let draw = |seed, number| stream(seed, number).u64(..);
        assert_eq!(draw(1, 3), draw(1, 3));
        assert_ne!(draw(1, 3), draw(2, 3));
        assert_ne!(draw(1, 3), draw(1, 4));
    }

    #[test]
    fn exponential_draws_have_their_mean_and_their_spread() {
        let mean = Duration::from_secs(10);
        let draws: Vec<f64> = (0..20_000)
            .map(|number| exponential(&mut stream(7, number), mean).as_secs_f64())
            .collect();
        let average = draws.iter().sum::<f64>() / 20_000.0;
        assert!((9.7..10.3).contains(&average), "{average}");
        // Of an exponential distribution, the share 1/e lies above the mean.
        let above = draws.iter().filter(|draw| **draw > 10.0).count();
        assert!((7_100..7_620).contains(&above), "{above}");
    }
}
