//! The kinds of object, gathered: those that have a state machine, and those that are mirrored.
//!
//! A new kind with a state machine is one file beside this one and one line in the list here.

use serde::{Deserialize, Deserializer};

use super::event::{About, Event, Timestamp};
use super::event_types::{self, Way};
use super::id::{ObjectId, Scope};
use super::mirror::{self, Mirror, Parent};
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
        pub enum Kind {
            $($(#[$doc])* $name,)+
            /// A kind without a state machine.
            Mirrored(Mirror),
        }

        impl Kind {
            /// All kinds that have a state machine.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Stripe's `object`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Mirrored(mirror) => mirror.as_str(),
                }
            }

            /// From Stripe's `object`. A kind that has a state machine is not mirrored.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let typed = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
                typed.or_else(|| Mirror::parse(text).map(Self::Mirrored))
            }
        }

        /// What Stripe says about an object, in columns.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Observed {
            $($(#[$doc])* $name(Box<$module::Observed>),)+
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
        }

        /// What the rules know of a row.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Recorded {
            $($(#[$doc])* $name($module::Recorded),)+
            /// It was there.
            Mirrored(Mirror),
        }

        impl Recorded {
            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$name(_) => Kind::$name,)+
                    Self::Mirrored(mirror) => Kind::Mirrored(*mirror),
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
                    let transition = $module::transition(recorded, observed);
                    (transition, $module::notifications(recorded, observed))
                })+
                Observed::Mirrored(_) => (Transition::none(), Vec::new()),
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

impl Kind {
    /// All kinds, those with a state machine first.
    pub fn every() -> impl Iterator<Item = Self> {
        let typed = Self::ALL.iter().copied();
        let mirrored = Mirror::table()
            .filter(|mirror| Self::parse(mirror.as_str()) == Some(Self::Mirrored(*mirror)));
        typed.chain(mirrored.map(Self::Mirrored))
    }

    /// Its line in the table of mirrored kinds; none for a kind with a state machine.
    #[must_use]
    pub fn mirror(self) -> Option<Mirror> {
        if let Self::Mirrored(mirror) = self { Some(mirror) } else { None }
    }
}

/// One object, wherever it is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// Account and mode.
    pub scope: Scope,
    /// Its kind.
    pub kind: Kind,
    /// Its id. Of an object that has none, because there is one of it in an account: its kind's
    /// name; or its owner's id, where there is one for each owner.
    pub id: ObjectId,
    /// What it belongs to, where it is retrieved from below that: the customer of a tax id.
    pub owner: Option<Parent>,
}

/// The objects that an event asks us to look at, the one that it is about first.
///
/// Empty: an event of a kind that we do not handle, or of a type that has nothing to fetch
/// ([`Way::Kept`]), and nothing else: such an event is kept as ignored. A refund also changes what its charge says went back, and Stripe sends no event
/// of the charge when a refund *fails*; so a refund's event looks at both. So does a dispute's: its
/// charge says `disputed` from then on, and no event of the charge tells of that either.
///
/// # Errors
/// The event is of a kind that we handle, and does not say which object it is about.
pub fn subjects(event: &Event) -> Result<Vec<Subject>, Unnamed> {
    if access::is_of_account(event) {
        return Ok(account_of(event).into_iter().collect());
    }
    let way = event_types::way(&event.event_type);
    let Some(about) = &event.about else {
        let handled = event_types::name(&event.event_type).filter(|_| !matches!(way, Way::Kept(_)));
        return handled.map_or(Ok(Vec::new()), |event_type| Err(Unnamed::Kind { event_type }));
    };
    let subject = |kind, id: &ObjectId, owner: Option<&Parent>| Subject {
        scope: event.scope.clone(),
        kind,
        id: id.clone(),
        owner: owner.cloned(),
    };
    let primary = match way {
        Way::Kept(_) => None,
        Way::Owner => owner(about)?.map(|(kind, id)| subject(kind, id, None)),
        // Our own account is no connected one.
        Way::Object | Way::Deleted if &*about.object == Kind::Account.as_str() => None,
        Way::Object | Way::Deleted => itself(about)?
            .map(|(kind, id)| subject(kind, &id, kind.mirror().and(about.owner.as_ref()))),
    };
    let Some(primary) = primary else { return Ok(Vec::new()) };
    let charge = match primary.kind {
        Kind::Refund | Kind::Dispute => about.charge.as_ref(),
        Kind::PaymentIntent | Kind::Charge | Kind::Payout | Kind::Account => None,
        Kind::Customer | Kind::SetupIntent | Kind::CheckoutSession | Kind::PaymentMethod => None,
        Kind::Subscription
        | Kind::Invoice
        | Kind::Product
        | Kind::Price
        | Kind::SubscriptionSchedule => None,
        Kind::Mirrored(_) => None,
    };
    let charge = charge.map(|charge| subject(Kind::Charge, charge, None));
    Ok(std::iter::once(primary).chain(charge).collect())
}

/// Why it is not clear which object an event is about, although it is of a kind that we handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unnamed {
    /// The object does not say its kind.
    #[error(
        "an event of type {event_type} that does not say of which kind its object is (`object`)"
    )]
    Kind {
        /// The type of the event, which is a handled one.
        event_type: &'static str,
    },
    /// The object has no id, and is of a kind whose objects have one.
    #[error("a {kind} without an id (`id` is absent, or no text)")]
    Id {
        /// Its kind.
        kind: &'static str,
    },
    /// The object is retrieved by what it belongs to, and does not name that.
    #[error("a {kind} that does not say what it belongs to{}", fields(.kind))]
    Owner {
        /// Its kind.
        kind: &'static str,
    },
}

/// The fields that would say it.
fn fields(kind: &str) -> String {
    let fields: Vec<_> = mirror::owners(kind).map(|owner| format!("`{}`", owner.field())).collect();
    format!(" ({} is absent, or no text)", fields.join(" or "))
}

/// The connected account that an event is about, whole: no part of it means anything alone.
fn account_of(event: &Event) -> Option<Subject> {
    let scope = event.scope.clone();
    let id = ObjectId::parse(scope.account.as_ref()?.as_str()).ok()?;
    Some(Subject { scope, kind: Kind::Account, id, owner: None })
}

/// The object that an event carries; `None` for a kind that is not handled.
fn itself(about: &About) -> Result<Option<(Kind, ObjectId)>, Unnamed> {
    let Some(kind) = Kind::parse(&about.object) else { return Ok(None) };
    let unnamed = Unnamed::Id { kind: kind.as_str() };
    let Some(mirror) = kind.mirror() else {
        return about.id.clone().map(|id| Some((kind, id))).ok_or(unnamed);
    };
    let parent = about.owner.as_ref();
    let id = if mirror.is_single() {
        let id = parent.map(|parent| parent.id.clone());
        id.or_else(|| ObjectId::parse(mirror.as_str()).ok())
    } else {
        about.id.clone()
    };
    let id = id.ok_or(unnamed)?;
    if mirror.path(&id, parent).is_none() {
        return Err(Unnamed::Owner { kind: kind.as_str() });
    }
    Ok(Some((kind, id)))
}

/// The object that the one that an event carries belongs to; `None` for a kind that is not handled.
fn owner(about: &About) -> Result<Option<(Kind, &ObjectId)>, Unnamed> {
    let Some(kind) = mirror::owned(&about.object) else { return Ok(None) };
    let parent = about.owner.as_ref().ok_or(Unnamed::Owner { kind })?;
    Ok(Kind::parse(parent.field.object()).map(|kind| (kind, &parent.id)))
}

/// A row as the road sees it, whatever its kind.
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
