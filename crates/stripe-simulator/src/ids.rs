//! Ids that look like Stripe's and are the same again for the same seed.

use rand::distr::Alphanumeric;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(crate) struct Ids(StdRng);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// `pi_3` and 20 letters and digits: 119 bits of chance, so no two are the same.
    pub(crate) fn mint(&mut self, prefix: &str) -> String {
        format!("{prefix}_3{}", self.letters(20))
    }

    pub(crate) fn letters(&mut self, count: usize) -> String {
        (&mut self.0).sample_iter(Alphanumeric).take(count).map(char::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_ids() {
        let (mut one, mut other) = (Ids::new(7), Ids::new(7));
        let first = one.mint("pi");
        assert_eq!(first, other.mint("pi"));
        assert_ne!(first, one.mint("pi"));
        assert!(first.starts_with("pi_3") && first.len() == 24, "{first}");
    }
}
