//! The kinds of object, gathered: those that have a table in `app`, and those that are mirrored.
//!
//! A new kind with a table is one file in [`crate::kinds`] and one line in the list here.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::ObjectId;
use super::kinds::account::AccountObserved;
use super::kinds::charge::ChargeObserved;
use super::kinds::checkout::CheckoutObserved;
use super::kinds::customer::CustomerObserved;
use super::kinds::dispute::DisputeObserved;
use super::kinds::invoice::InvoiceObserved;
use super::kinds::payment::PaymentObserved;
use super::kinds::payment_method::PaymentMethodObserved;
use super::kinds::payout::PayoutObserved;
use super::kinds::price::PriceObserved;
use super::kinds::product::ProductObserved;
use super::kinds::refund::RefundObserved;
use super::kinds::setup::SetupObserved;
use super::kinds::subscription::SubscriptionObserved;
use super::kinds::subscription_schedule::ScheduleObserved;
use super::listing::Listing;
use super::mirror::Mirror;
use super::notification::Notification;
use super::object_kind::{KindSpec, ObjectKind};
use super::timestamp::Timestamp;
use super::transition::{self, Order, Transition};

/// The list of kinds. Each line makes a variant of [`Kind`], [`Observed`] and [`Recorded`], whose
/// functions do the same for every kind: ask its declaration.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $observed:ident,)+) => {
        /// A kind of object that we reconcile.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $name,)+
            /// A kind without a table of its own.
            Mirrored(Mirror),
        }

        impl Kind {
            /// All kinds that have a table in `app`.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What its file declares; none for a mirrored kind.
            #[must_use]
            pub fn spec(self) -> Option<&'static KindSpec> {
                match self {
                    $(Self::$name => Some(&<$observed as ObjectKind>::SPEC),)+
                    Self::Mirrored(_) => None,
                }
            }

            /// Which of two of its statuses comes after the other.
            #[must_use]
            pub fn order(self, first: &str, second: &str) -> Order {
                match self {
                    $(Self::$name => {
                        transition::order::<<$observed as ObjectKind>::Status>(first, second)
                    })+
                    Self::Mirrored(_) => Order::Unknown,
                }
            }

            /// The status that an object's JSON shows, made of the texts of its fields; none where Stripe
            /// shows none.
            #[must_use]
            pub fn shown_status(self, text: &dyn Fn(&str) -> Option<String>) -> Option<String> {
                match self {
                    $(Self::$name => <$observed as ObjectKind>::shown_status(text),)+
                    Self::Mirrored(_) => None,
                }
            }
        }

        /// What Stripe says about an object.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Observed {
            $($(#[$doc])* $name(Box<$observed>),)+
            /// It is there. What it is like is in its JSON.
            Mirrored(Mirror),
        }

        impl Observed {
            /// Reads a living object of a kind from Stripe's JSON. Deletion is told apart before.
            ///
            /// # Errors
            /// A field that a column or a decision cannot do without is not there, or not of its type.
            pub fn read<'de, D: Deserializer<'de>>(kind: Kind, from: D) -> Result<Self, D::Error> {
                Ok(match kind {
                    $(Kind::$name => Self::$name(Box::new(Deserialize::deserialize(from)?)),)+
                    Kind::Mirrored(mirror) => Self::Mirrored(mirror),
                })
            }

            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$name(_) => Kind::$name,)+
                    Self::Mirrored(mirror) => Kind::Mirrored(*mirror),
                }
            }

            /// What the rules will want to know of its row.
            #[must_use]
            pub fn recorded(&self) -> Recorded {
                match self {
                    $(Self::$name(observed) => Recorded::$name(observed.recorded()),)+
                    Self::Mirrored(mirror) => Recorded::Mirrored(*mirror),
                }
            }

            /// The payment whose sums it is a part of.
            #[must_use]
            pub fn part_of_payment(&self) -> Option<&ObjectId> {
                match self {
                    $(Self::$name(observed) => observed.part_of_payment(),)+
                    Self::Mirrored(_) => None,
                }
            }
        }

        impl Serialize for Observed {
            /// Writes its columns; none of a mirrored kind.
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(observed) => Columns {
                        fields: &**observed,
                        derived: observed.derived(),
                    }.serialize(to),)+
                    Self::Mirrored(_) => Columns { fields: (), derived: () }.serialize(to),
                }
            }
        }

        /// What the rules know of a row.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Recorded {
            $($(#[$doc])* $name(<$observed as ObjectKind>::Recorded),)+
            /// It was there.
            Mirrored(Mirror),
        }

        impl Recorded {
            /// Reads what was kept beside a row of this kind.
            ///
            /// # Errors
            /// It is not what this version writes, or versions before it wrote.
            pub fn read<'de, D: Deserializer<'de>>(kind: Kind, from: D) -> Result<Self, D::Error> {
                Ok(match kind {
                    $(Kind::$name => Self::$name(Deserialize::deserialize(from)?),)+
                    Kind::Mirrored(mirror) => Self::Mirrored(mirror),
                })
            }

            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$name(_) => Kind::$name,)+
                    Self::Mirrored(mirror) => Kind::Mirrored(*mirror),
                }
            }
        }

        impl Serialize for Recorded {
            /// Writes what is kept beside the row; null for a mirrored kind.
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(recorded) => recorded.serialize(to),)+
                    Self::Mirrored(_) => to.serialize_unit(),
                }
            }
        }

        /// Judges an observation against the row, and says what to tell.
        ///
        /// # Errors
        /// The row is of another kind than the observation.
        pub fn decide(
            recorded: Option<&Recorded>,
            observed: &Observed,
        ) -> Result<(Transition, Vec<Notification>), KindMismatch> {
            if recorded.is_some_and(|recorded| recorded.kind() != observed.kind()) {
                return Err(KindMismatch);
            }
            Ok(match observed {
                $(Observed::$name(observed) => {
                    let recorded = match recorded {
                        Some(Recorded::$name(recorded)) => Some(recorded),
                        // None, or ruled out above.
                        _ => None,
                    };
                    (observed.transition(recorded), observed.notifications(recorded))
                })+
                Observed::Mirrored(_) => (Transition::none(), Vec::new()),
            })
        }
    };
}

kinds! {
    /// `payment_intent`
    PaymentIntent = PaymentObserved,
    /// `charge`
    Charge = ChargeObserved,
    /// `refund`
    Refund = RefundObserved,
    /// `customer`
    Customer = CustomerObserved,
    /// `setup_intent`
    SetupIntent = SetupObserved,
    /// `checkout.session`
    CheckoutSession = CheckoutObserved,
    /// `payment_method`
    PaymentMethod = PaymentMethodObserved,
    /// `dispute`
    Dispute = DisputeObserved,
    /// `payout`
    Payout = PayoutObserved,
    /// `account`: a connected one.
    Account = AccountObserved,
    /// `subscription`
    Subscription = SubscriptionObserved,
    /// `invoice`
    Invoice = InvoiceObserved,
    /// `product`
    Product = ProductObserved,
    /// `price`
    Price = PriceObserved,
    /// `subscription_schedule`
    SubscriptionSchedule = ScheduleObserved,
}

/// The columns of a row, but for those that every kind shares.
#[derive(Serialize)]
struct Columns<T, D> {
    #[serde(flatten)]
    fields: T,
    #[serde(flatten)]
    derived: D,
}

impl Kind {
    /// All kinds, those with a table first.
    pub fn every() -> impl Iterator<Item = Self> {
        let typed = Self::ALL.iter().copied();
        let mirrored = Mirror::table()
            .filter(|mirror| Self::parse(mirror.as_str()) == Some(Self::Mirrored(*mirror)));
        typed.chain(mirrored.map(Self::Mirrored))
    }

    /// Stripe's `object`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let mirrored = || self.mirror().map_or("", Mirror::as_str);
        self.spec().map_or_else(mirrored, |spec| spec.object)
    }

    /// From Stripe's `object`. A kind that has a table is not mirrored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let typed = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        typed.or_else(|| Mirror::parse(text).map(Self::Mirrored))
    }

    /// Where its objects are listed, and what the lists omit.
    #[must_use]
    pub fn listing(self) -> Listing {
        let mirrored = || self.mirror().map_or(Listing::UNSTATED, Mirror::listing);
        self.spec().map_or_else(mirrored, |spec| spec.listing)
    }

    /// Its line in the table of mirrored kinds; none for a kind with a table.
    #[must_use]
    pub fn mirror(self) -> Option<Mirror> {
        if let Self::Mirrored(mirror) = self { Some(mirror) } else { None }
    }
}

/// A row as the reconciler sees it, whatever its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Raised by one with each write; the compare-and-set token.
    pub version: i64,
    /// Stripe's clock when the fetch behind this row began, floored to the second: all that was so
    /// before is in it.
    pub observed_at: Timestamp,
    /// Stripe's clock when that fetch had ended, rounded up: nothing that came after is in it.
    pub seen_by: Timestamp,
    /// A tombstone: Stripe says that the object is deleted, and a deleted object never comes back.
    pub deleted: bool,
    /// The state; none for a tombstone of an object that was never seen alive.
    pub recorded: Option<Recorded>,
}

/// The two halves of a decision do not speak of the same kind. A bug, not a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the row is of another kind than the observation")]
pub struct KindMismatch;
