//! All state, by account and mode, and the one way to change it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::error::ApiError;
use super::idempotency::Idempotency;
use super::ids::Ids;
use super::objects::{Cause, Charge, Event, PaymentIntent, PaymentMethod, Refund, Snapshot};
use super::objects::{CheckoutSession, Customer, SetupIntent, show_document};
use super::scope::Scope;

/// Objects of one kind, in the order in which they were made.
#[derive(Debug)]
pub(crate) struct Table<T> {
    items: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Table<T> {
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

/// The objects of one account in one mode.
#[derive(Default)]
pub(crate) struct Objects {
    pub(crate) payment_intents: Table<PaymentIntent>,
    pub(crate) charges: Table<Charge>,
    pub(crate) refunds: Table<Refund>,
    /// As the API shows them.
    pub(crate) disputes: Table<Value>,
    /// As the API shows them.
    pub(crate) payouts: Table<Value>,
    /// The account itself, if it was made; as the API shows it.
    pub(crate) accounts: Table<Value>,
    /// Its capabilities, by name.
    pub(crate) capabilities: Table<Value>,
    pub(crate) payment_methods: Table<PaymentMethod>,
    pub(crate) customers: Table<Customer>,
    pub(crate) setup_intents: Table<SetupIntent>,
    pub(crate) checkout_sessions: Table<CheckoutSession>,
    /// Objects that are kept as JSON, of several kinds.
    pub(crate) documents: Table<Value>,
    /// Ids of prices that were made for one use alone.
    pub(crate) inline_prices: BTreeSet<String>,
    pub(crate) events: Table<Arc<Event>>,
    pub(crate) idempotency: Idempotency,
    /// Ids of objects that were deleted, with their kind.
    pub(crate) deleted: BTreeMap<String, &'static str>,
}

impl Objects {
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

pub(crate) struct Store {
    pub(crate) objects: BTreeMap<Scope, Objects>,
    pub(crate) ids: Ids,
    /// Accounts that took their access back.
    pub(crate) revoked: BTreeSet<String>,
}

/// One action on the objects of an account, under the lock.
///
/// A change of an object and its event are written together, as they are at Stripe.
pub(crate) struct Tx<'a> {
    pub(crate) objects: &'a mut Objects,
    pub(crate) ids: &'a mut Ids,
    pub(crate) scope: &'a Scope,
    pub(crate) now: i64,
    /// How many seconds `created` of an event lies behind the clock.
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
        let found = self.objects.payment_intents.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("payment_intent", id, "intent"))
    }

    pub(crate) fn charge(&self, id: &str) -> Result<Charge, ApiError> {
        let found = self.objects.charges.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("charge", id, "id"))
    }

    pub(crate) fn refund(&self, id: &str) -> Result<Refund, ApiError> {
        let found = self.objects.refunds.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("refund", id, "id"))
    }

    /// Writes a payment and emits an event.
    pub(crate) fn save_payment(&mut self, payment: &PaymentIntent, kind: &str) {
        self.objects.payment_intents.put(&payment.id, payment.clone());
        let charge = payment.latest_charge.as_deref().and_then(|id| self.objects.charges.get(id));
        let snapshot =
            Snapshot::PaymentIntent(Box::new(payment.clone()), charge.cloned().map(Box::new));
        self.emit(kind, snapshot, None);
    }

    /// Writes a charge and emits an event.
    pub(crate) fn save_charge(&mut self, charge: &Charge, kind: &str, previous: Option<Value>) {
        self.objects.charges.put(&charge.id, charge.clone());
        let refunds = self.objects.refunds_of(charge).into_iter().cloned().collect();
        self.emit(kind, Snapshot::Charge(Box::new(charge.clone()), refunds), previous);
    }

    /// Writes a refund and emits an event of each type.
    pub(crate) fn save_refund(
        &mut self,
        refund: &Refund,
        kinds: &[&str],
        previous: Option<&Value>,
    ) {
        self.objects.refunds.put(&refund.id, refund.clone());
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
        self.objects.events.put(&event.id, Arc::clone(&event));
        let id = event.id.clone();
        self.emitted.push(event);
        id
    }

    /// What a GET of a deleted object answers.
    pub(crate) fn tombstone(&self, id: &str) -> Option<Value> {
        self.objects.tombstone(id)
    }
}
