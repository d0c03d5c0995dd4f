//! Reproducible random numbers: each run and each purpose has its own stream, so that an additional node start does not
//! change any build.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

/// What numbers are drawn for.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    Arrivals,
    Durations,
    Clients,
    PodStarts,
    NodeStarts,
    Phases,
    Losses,
    Uids,
    Looks,
}

/// One stream of numbers.
#[derive(Clone, Debug)]
pub struct Random(Pcg64Mcg);

impl Random {
    pub fn new(seed: u64, run: u64, purpose: Stream) -> Self {
        // Streams must differ in all bits of the state, not only in the few that these numbers have.
        let mixed = mix(mix(mix(seed) ^ run) ^ purpose as u64);
        Random(Pcg64Mcg::new((u128::from(mix(mixed ^ 1)) << 64) | u128::from(mixed)))
    }

    /// All 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// From 0, included, to 1, excluded: 53 bits, as many as an `f64` has.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.unit()).ln() * mean
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// From 0 to `below`, excluded.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "below 2^53"
    )]
    pub fn below(&mut self, below: u64) -> u64 {
        (self.unit() * below as f64) as u64
    }
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014).
fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_numbers_and_purposes_do_not_share_them() {
        let first = |seed, run, purpose| Random::new(seed, run, purpose).unit().to_bits();
        assert_eq!(first(1, 0, Stream::Arrivals), first(1, 0, Stream::Arrivals));
        let others = [first(1, 0, Stream::Durations), first(1, 1, Stream::Arrivals), first(2, 0, Stream::Arrivals)];
        assert!(others.iter().all(|other| *other != first(1, 0, Stream::Arrivals)));
    }

    #[test]
    fn draws_have_the_means_of_their_distributions() {
        let mut random = Random::new(7, 0, Stream::Durations);
        let count = 200_000;
        let mean = |draw: &mut dyn FnMut() -> f64| (0..count).map(|_| draw()).sum::<f64>() / f64::from(count);
        let uniform = mean(&mut || random.unit());
        let exponential = mean(&mut || random.exponential(20.0));
        let normal = mean(&mut || random.normal());
        let square = mean(&mut || random.normal().powi(2));
        // Four standard errors.
        assert!((uniform - 0.5).abs() < 0.003, "{uniform}");
        assert!((exponential - 20.0).abs() < 0.18, "{exponential}");
        assert!(normal.abs() < 0.009, "{normal}");
        assert!((square - 1.0).abs() < 0.013, "{square}");
    }
}
