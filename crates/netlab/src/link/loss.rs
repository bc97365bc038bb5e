//! Which packets are lost: each by itself, or in bursts. Pure: chance is an argument.
//!
//! Bursts follow E. N. Gilbert, "Capacity of a burst-noise channel" (1960), and E. O. Elliott (1963):
//! the link is in a good or a bad state, and may change it before each packet.

use fastrand::Rng;

use crate::chance::happens;

/// How likely a loss is. All are probabilities, 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Loss {
    /// Of each packet, whatever the state.
    pub(crate) alone: f64,
    /// That the good state ends before a packet.
    pub(crate) enter: f64,
    /// That the bad state ends before a packet: bursts have a mean length of `1 / leave`.
    pub(crate) leave: f64,
    /// Of a packet in the bad state.
    pub(crate) in_burst: f64,
}

/// The state between two packets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LossState {
    bad: bool,
}

impl Loss {
    /// Whether any packet can be lost.
    pub(crate) fn possible(&self) -> bool {
        self.alone > 0.0 || self.enter > 0.0
    }
}

impl LossState {
    /// Draws the fate of the next packet.
    pub(crate) fn loses(&mut self, loss: &Loss, rng: &mut Rng) -> bool {
        if loss.enter > 0.0 {
            let change = if self.bad { loss.leave } else { loss.enter };
            self.bad ^= happens(rng, change);
            if self.bad && happens(rng, loss.in_burst) {
                return true;
            }
        }
        happens(rng, loss.alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::stream;
    use crate::profile::Profile;

    fn fates(loss: &Loss, seed: u64, packets: usize) -> Vec<bool> {
        let (mut state, mut rng) = (LossState::default(), stream(seed, 0));
        (0..packets).map(|_| state.loses(loss, &mut rng)).collect()
    }

    fn downwards(profile: &str) -> Loss {
        Profile::built_in(profile).unwrap().sent_by.server.loss
    }

    fn lost(fates: &[bool]) -> usize {
        fates.iter().filter(|lost| **lost).count()
    }

    #[test]
    fn one_percent_alone_is_one_percent() {
        let lost = lost(&fates(&downwards("cn-mirror"), 7, 1_000_000));
        // Five standard deviations of a binomial distribution: 5 × 99.5.
        assert!((9_500..10_500).contains(&lost), "{lost}");
    }

    #[test]
    fn one_percent_in_bursts_is_one_percent_in_runs_of_eight() {
        let fates = fates(&downwards("cn-burst"), 7, 1_000_000);
        let lost = lost(&fates);
        assert!((8_800..11_200).contains(&lost), "{lost}");
        let bursts = fates.windows(2).filter(|two| !two[0] && two[1]).count();
        assert!(
            (bursts * 72..bursts * 88).contains(&(lost * 10)),
            "{lost} in {bursts}"
        );
    }

    #[test]
    fn the_same_seed_has_the_same_fates() {
        let loss = downwards("cn-mirror");
        assert_eq!(fates(&loss, 1, 10_000), fates(&loss, 1, 10_000));
        assert_ne!(fates(&loss, 1, 10_000), fates(&loss, 2, 10_000));
    }

    #[test]
    fn a_clean_link_loses_nothing_and_a_cut_one_everything() {
        let clean = downwards("lan");
        assert!(!clean.possible());
        assert_eq!(lost(&fates(&clean, 1, 1_000)), 0);
        let cut = Loss {
            alone: 1.0,
            ..clean
        };
        assert_eq!(lost(&fates(&cut, 1, 1_000)), 1_000);
    }
}
