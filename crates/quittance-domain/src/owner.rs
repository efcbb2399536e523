//! The owner of an object that cannot be found without it.

use super::id::{AccountId, IdError, ObjectId};

/// An object that another one belongs to, as the other one names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// `customer`
    Customer,
    /// `account`
    Account,
    /// `fee`
    Fee,
    /// `source`
    Source,
    /// `subscription`
    Subscription,
    /// `alert`
    Alert,
}

impl Owner {
    /// The field that names it, which is also its place in a path.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Account => "account",
            Self::Fee => "fee",
            Self::Source => "source",
            Self::Subscription => "subscription",
            Self::Alert => "alert",
        }
    }

    /// Stripe's `object` of it.
    #[must_use]
    pub fn object(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Account => "account",
            Self::Fee => "application_fee",
            Self::Source => "source",
            Self::Subscription => "subscription",
            Self::Alert => "billing.alert",
        }
    }

    /// Parses what stands in its field. The field says what the id is of, and not how the id begins:
    /// people choose the ids of customers.
    ///
    /// # Errors
    /// The text is no id of such an object.
    pub fn parse_id(self, text: &str) -> Result<ObjectId, IdError> {
        match self {
            Self::Customer => ObjectId::parse(text),
            Self::Account => AccountId::parse(text).and_then(|id| ObjectId::parse(id.as_str())),
            Self::Fee | Self::Source | Self::Subscription | Self::Alert => {
                ObjectId::parse_made_by_stripe(text)
            }
        }
    }
}

/// The object that another one belongs to: the field that names it, and its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Parent {
    /// The field, which says its kind.
    pub field: Owner,
    /// Its id.
    pub id: ObjectId,
}
