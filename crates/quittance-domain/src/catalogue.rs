//! What products and prices have in common: they can be bought, or not any more.

use serde::{Deserialize as _, Deserializer};

use super::transition;

/// Stripe's `active` flag, as a status (docs.stripe.com, "The Product object", "The Price object").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Can be bought.
    Active,
    /// Archived. What was bought before is billed on.
    Inactive,
}

impl Status {
    /// From Stripe's `active`.
    #[must_use]
    pub fn from_active(active: bool) -> Self {
        if active { Self::Active } else { Self::Inactive }
    }

    /// Reads Stripe's `active`.
    ///
    /// # Errors
    /// It is no flag.
    pub fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        bool::deserialize(from).map(Self::from_active)
    }

    /// As Stripe's `active`.
    #[must_use]
    pub fn is_active(self) -> bool {
        self == Self::Active
    }
}

impl transition::Status for Status {
    const ALL: &'static [Self] = &[Self::Active, Self::Inactive];

    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        self != next
    }
}

#[cfg(test)]
mod tests {
    use super::super::transition::matrix;
    use super::*;

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<Status>());
    }

    #[test]
    fn the_flag_and_the_status_say_the_same() {
        for active in [true, false] {
            assert_eq!(Status::from_active(active).is_active(), active);
        }
    }
}
