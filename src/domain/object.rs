//! The kinds of object that have a state machine, gathered.
//!
//! A new kind is one file beside this one and one line in the list here.

use super::event::{Event, Timestamp};
use super::id::{ObjectId, Scope};
use super::notification::Notification;
use super::transition::Transition;
use super::{access, account, charge, dispute, payment, payout, refund};
use super::{checkout, customer, payment_method, setup};
use super::{invoice, price, product, subscription, subscription_schedule};

/// The list of kinds. Each line makes a variant of [`Kind`], [`Observed`] and [`Recorded`], and an
/// arm of [`decide`], all of which do the same for every kind: ask its own file.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal in $module:ident,)+) => {
        /// A kind of object that we reconcile.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $name),+ }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Stripe's `object`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// From Stripe's `object`.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
            }
        }

        /// What Stripe says about an object, in columns.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Observed { $($(#[$doc])* $name(Box<$module::Observed>)),+ }

        impl Observed {
            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name),+ }
            }
        }

        /// What the rules know of a row.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Recorded { $($(#[$doc])* $name($module::Recorded)),+ }

        impl Recorded {
            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name),+ }
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
                    let transition = $module::transition(recorded, observed);
                    (transition, $module::notifications(recorded, observed))
                })+
            })
        }
    };
}

kinds! {
    /// `payment_intent`
    PaymentIntent = "payment_intent" in payment,
    /// `charge`
    Charge = "charge" in charge,
    /// `refund`
    Refund = "refund" in refund,
    /// `customer`
    Customer = "customer" in customer,
    /// `setup_intent`
    SetupIntent = "setup_intent" in setup,
    /// `checkout.session`
    CheckoutSession = "checkout.session" in checkout,
    /// `payment_method`
    PaymentMethod = "payment_method" in payment_method,
    /// `dispute`
    Dispute = "dispute" in dispute,
    /// `payout`
    Payout = "payout" in payout,
    /// `account`: a connected one.
    Account = "account" in account,
    /// `subscription`
    Subscription = "subscription" in subscription,
    /// `invoice`
    Invoice = "invoice" in invoice,
    /// `product`
    Product = "product" in product,
    /// `price`
    Price = "price" in price,
    /// `subscription_schedule`
    SubscriptionSchedule = "subscription_schedule" in subscription_schedule,
}

/// One object, wherever it is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// Account and mode.
    pub scope: Scope,
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: ObjectId,
}

/// The objects that an event asks us to look at, the one that it is about first.
///
/// Empty: an event of a kind that we do not handle. A refund also changes what its charge says
/// went back, and Stripe sends no event of the charge when a refund *fails*; so a refund's event
/// looks at both. So does a dispute's: its charge says `disputed` from then on, and no event of the
/// charge tells of that either.
#[must_use]
pub fn subjects(event: &Event) -> Vec<Subject> {
    if access::is_of_account(event) {
        return account_of(event).into_iter().collect();
    }
    let Some(about) = &event.about else { return Vec::new() };
    let (Some(kind), Some(id)) = (Kind::parse(&about.object), &about.id) else { return Vec::new() };
    // Our own account is no connected one.
    if kind == Kind::Account {
        return Vec::new();
    }
    let subject =
        |kind, id: &ObjectId| Subject { scope: event.scope.clone(), kind, id: id.clone() };
    let mut all = vec![subject(kind, id)];
    match kind {
        Kind::Refund | Kind::Dispute => {
            all.extend(about.charge.as_ref().map(|charge| subject(Kind::Charge, charge)))
        }
        Kind::Customer | Kind::SetupIntent | Kind::CheckoutSession | Kind::PaymentMethod => {}
        Kind::PaymentIntent | Kind::Charge | Kind::Payout | Kind::Account => {}
        Kind::Subscription
        | Kind::Invoice
        | Kind::Product
        | Kind::Price
        | Kind::SubscriptionSchedule => {}
    }
    all
}

/// The connected account that an event is about, whole: no part of it means anything alone.
fn account_of(event: &Event) -> Option<Subject> {
    let scope = event.scope.clone();
    let id = ObjectId::parse(scope.account.as_ref()?.as_str()).ok()?;
    Some(Subject { scope, kind: Kind::Account, id })
}

/// A row as the road sees it, whatever its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Raised by one with each write; the compare-and-set token.
    pub version: i64,
    /// Stripe's clock when the fetch behind this row began, floored to the second.
    pub observed_at: Timestamp,
    /// A tombstone: Stripe says that the object is deleted, and a deleted object never comes back.
    pub deleted: bool,
    /// The state; none for a tombstone of an object that was never seen alive.
    pub recorded: Option<Recorded>,
}

/// The two halves of a decision do not speak of the same kind. A bug, not a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the row is of another kind than the observation")]
pub struct KindMismatch;
