//! All state, by account and mode, and the one way to change it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::api::Idempotency;
use super::error::ApiError;
use super::ids::Ids;
use super::objects::{Cause, Charge, Event, PaymentIntent, PaymentMethod, Refund, Snapshot};
use super::objects::{CheckoutSession, Customer, SetupIntent, show_document};

/// Account and mode: nothing in one is seen from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// A connected account; none: the key's own.
    pub account: Option<String>,
    /// Live or test.
    pub livemode: bool,
}

/// A kind of object that the simulator keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `payment_intent`
    PaymentIntent,
    /// `charge`
    Charge,
    /// `refund`
    Refund,
    /// `dispute`
    Dispute,
    /// `payout`
    Payout,
    /// `account`, connected ones
    Account,
    /// `subscription`
    Subscription,
    /// `invoice`
    Invoice,
    /// `product`
    Product,
    /// `price`
    Price,
    /// `subscription_schedule`
    SubscriptionSchedule,
    /// `event`
    Event,
    /// `customer`
    Customer,
    /// `setup_intent`
    SetupIntent,
    /// `checkout.session`
    CheckoutSession,
    /// `payment_method`
    PaymentMethod,
    /// `billing_portal.session`
    PortalSession,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::PaymentIntent,
        Self::Charge,
        Self::Refund,
        Self::Dispute,
        Self::Payout,
        Self::Account,
        Self::Subscription,
        Self::Invoice,
        Self::Product,
        Self::Price,
        Self::SubscriptionSchedule,
        Self::Event,
        Self::Customer,
        Self::SetupIntent,
        Self::CheckoutSession,
        Self::PaymentMethod,
        Self::PortalSession,
    ];

    /// From Stripe's `object`.
    #[must_use]
    pub fn parse(object: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == object)
    }

    /// Stripe's `object`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentIntent => "payment_intent",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Customer => "customer",
            Self::SetupIntent => "setup_intent",
            Self::CheckoutSession => "checkout.session",
            Self::PaymentMethod => "payment_method",
            Self::PortalSession => "billing_portal.session",
            Self::Dispute => "dispute",
            Self::Payout => "payout",
            Self::Account => "account",
            Self::Subscription => "subscription",
            Self::Invoice => "invoice",
            Self::Product => "product",
            Self::Price => "price",
            Self::SubscriptionSchedule => "subscription_schedule",
            Self::Event => "event",
        }
    }
}

/// Objects of one kind, in the order in which they were made.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    items: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Shelf<T> {
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).and_then(|&place| self.items.get(place))
    }

    pub(crate) fn put(&mut self, id: &str, item: T) {
        match self.places.get(id).and_then(|&place| self.items.get_mut(place)) {
            Some(held) => *held = item,
            None => {
                self.places.insert(id.to_owned(), self.items.len());
                self.items.push(item);
            }
        }
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> &[T] {
        &self.items
    }
}

/// What one account holds in one mode.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) payment_intents: Shelf<PaymentIntent>,
    pub(crate) charges: Shelf<Charge>,
    pub(crate) refunds: Shelf<Refund>,
    /// As the API shows them.
    pub(crate) disputes: Shelf<Value>,
    /// As the API shows them.
    pub(crate) payouts: Shelf<Value>,
    /// The account itself, if it was made; as the API shows it.
    pub(crate) accounts: Shelf<Value>,
    /// Its capabilities, by name.
    pub(crate) capabilities: Shelf<Value>,
    pub(crate) payment_methods: Shelf<PaymentMethod>,
    pub(crate) customers: Shelf<Customer>,
    pub(crate) setup_intents: Shelf<SetupIntent>,
    pub(crate) checkout_sessions: Shelf<CheckoutSession>,
    /// Objects that are kept as JSON, of several kinds.
    pub(crate) documents: Shelf<Value>,
    pub(crate) events: Shelf<Arc<Event>>,
    pub(crate) idempotency: Idempotency,
    /// Ids of objects that were deleted, with their kind.
    pub(crate) deleted: BTreeMap<String, &'static str>,
}

impl Books {
    /// Any object by its id, as `expand` needs it; `wanted` are fields that are shown only where they
    /// are asked for.
    pub(crate) fn find(&self, id: &str, version: &str, wanted: &[&str]) -> Option<Value> {
        if let Some(payment) = self.payment_intents.get(id) {
            return Some(self.show_payment(payment, version));
        }
        if let Some(charge) = self.charges.get(id) {
            return Some(charge.render(version, &self.refunds_of(charge)));
        }
        if let Some(refund) = self.refunds.get(id) {
            return Some(refund.render());
        }
        if let Some(method) = self.payment_methods.get(id) {
            return Some(method.render());
        }
        if let Some(tombstone) = self.tombstone(id) {
            return Some(tombstone);
        }
        if let Some(customer) = self.customers.get(id) {
            return Some(customer.render());
        }
        if let Some(setup) = self.setup_intents.get(id) {
            return Some(setup.render());
        }
        self.documents.get(id).map(|document| show_document(document, wanted.iter().copied()))
    }

    pub(crate) fn show_payment(&self, payment: &PaymentIntent, version: &str) -> Value {
        payment
            .render(version, payment.latest_charge.as_deref().and_then(|id| self.charges.get(id)))
    }

    /// What a GET of a deleted object answers.
    pub(crate) fn tombstone(&self, id: &str) -> Option<Value> {
        let object = self.deleted.get(id)?;
        Some(json!({ "id": id, "object": object, "deleted": true }))
    }

    pub(crate) fn refunds_of(&self, charge: &Charge) -> Vec<&Refund> {
        charge.refunds.iter().filter_map(|id| self.refunds.get(id)).collect()
    }
}

pub(crate) struct World {
    pub(crate) books: BTreeMap<Scope, Books>,
    pub(crate) ids: Ids,
    /// Accounts that took their access back.
    pub(crate) revoked: BTreeSet<String>,
}

/// One request's hold on the books, under the lock.
///
/// What it does to an object and the event that tells of it happen together, as they do at Stripe.
pub(crate) struct Tx<'a> {
    pub(crate) books: &'a mut Books,
    pub(crate) ids: &'a mut Ids,
    pub(crate) scope: &'a Scope,
    pub(crate) now: i64,
    /// How far behind the rest the clock that stamps events is.
    pub(crate) event_lag: i64,
    pub(crate) cause: Cause,
    pub(crate) version: &'a str,
    /// Whether the request's parameters were good and it began to act: Stripe keeps its answer under its
    /// idempotency key from then on, also if it is a refusal.
    pub(crate) began: bool,
    /// Lists show no object that was made later.
    pub(crate) listed_until: i64,
    pub(crate) emitted: Vec<Arc<Event>>,
}

impl Tx<'_> {
    pub(crate) fn payment(&self, id: &str) -> Result<PaymentIntent, ApiError> {
        let found = self.books.payment_intents.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("payment_intent", id, "intent"))
    }

    pub(crate) fn charge(&self, id: &str) -> Result<Charge, ApiError> {
        let found = self.books.charges.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("charge", id, "id"))
    }

    pub(crate) fn refund(&self, id: &str) -> Result<Refund, ApiError> {
        let found = self.books.refunds.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("refund", id, "id"))
    }

    /// Writes a payment and tells of it.
    pub(crate) fn save_payment(&mut self, payment: &PaymentIntent, kind: &str) {
        self.books.payment_intents.put(&payment.id, payment.clone());
        let charge = payment.latest_charge.as_deref().and_then(|id| self.books.charges.get(id));
        let snapshot =
            Snapshot::PaymentIntent(Box::new(payment.clone()), charge.cloned().map(Box::new));
        self.emit(kind, snapshot, None);
    }

    /// Writes a charge and tells of it.
    pub(crate) fn save_charge(&mut self, charge: &Charge, kind: &str, previous: Option<Value>) {
        self.books.charges.put(&charge.id, charge.clone());
        let refunds = self.books.refunds_of(charge).into_iter().cloned().collect();
        self.emit(kind, Snapshot::Charge(Box::new(charge.clone()), refunds), previous);
    }

    /// Writes a refund and tells of it, once for each of the kinds of event.
    pub(crate) fn save_refund(
        &mut self,
        refund: &Refund,
        kinds: &[&str],
        previous: Option<&Value>,
    ) {
        self.books.refunds.put(&refund.id, refund.clone());
        for kind in kinds {
            let snapshot = Snapshot::Refund(Box::new(refund.clone()));
            self.emit(kind, snapshot, previous.cloned());
        }
    }

    pub(crate) fn emit(
        &mut self,
        kind: &str,
        snapshot: Snapshot,
        previous: Option<Value>,
    ) -> String {
        let event = Arc::new(Event {
            id: self.ids.mint("evt"),
            kind: kind.to_owned(),
            created: self.now - self.event_lag,
            made: Instant::now(),
            scope: self.scope.clone(),
            snapshot,
            previous,
            cause: self.cause.clone(),
        });
        self.books.events.put(&event.id, Arc::clone(&event));
        let id = event.id.clone();
        self.emitted.push(event);
        id
    }

    /// What a GET of a deleted object answers.
    pub(crate) fn tombstone(&self, id: &str) -> Option<Value> {
        self.books.tombstone(id)
    }
}
