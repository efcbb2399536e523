//! Statuses that products and prices share: they can be bought, or not any more.

use serde::{Deserialize as _, Deserializer, Serializer};

use crate::status_word::words;
use crate::transition::StateMachine;

words! {
    /// Stripe's `active` flag, as a status (docs.stripe.com, "The Product object", "The Price object").
    pub enum CatalogueStatus {
        /// Can be bought.
        Active = "active",
        /// Archived. What was bought before is billed on.
        Inactive = "inactive",
    }
}

impl CatalogueStatus {
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

    /// Writes Stripe's `active`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bool(self.is_active())
    }

    /// As Stripe's `active`.
    #[must_use]
    pub fn is_active(self) -> bool {
        self == Self::Active
    }
}

impl StateMachine for CatalogueStatus {
    fn steps_to(self, next: Self) -> bool {
        self != next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::matrix;

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<CatalogueStatus>());
    }

    #[test]
    fn the_flag_and_the_status_say_the_same() {
        for active in [true, false] {
            assert_eq!(CatalogueStatus::from_active(active).is_active(), active);
        }
    }
}
