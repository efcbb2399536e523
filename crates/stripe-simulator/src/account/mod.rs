//! An account without HTTP: the steps of its merchant, customers and banks.

mod bank;
mod billing;
mod connect;
mod customers;

use std::sync::Arc;

use serde_json::Value;

use crate::actions::{Confirm, NewPayment, NewRefund};
use crate::engine::Engine;
use crate::error::ApiError;
use crate::objects::Kind;
use crate::objects::{Cause, Snapshot, text};
use crate::scope::Scope;
use crate::store::Tx;

/// One account in one mode, used from Rust. Its steps emit the same events as over HTTP, but no chaos
/// and no fault applies to them.
///
/// Each method answers with the object as the API would show it.
#[derive(Clone)]
pub struct Account {
    engine: Arc<Engine>,
    scope: Scope,
}

impl Account {
    pub(crate) fn new(engine: Arc<Engine>, scope: Scope) -> Self {
        Self { engine, scope }
    }

    /// Account and mode.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Makes a payment, and with `confirm` tries it.
    ///
    /// # Errors
    /// Stripe's refusal; for a declined card a 402, which leaves the payment behind.
    pub fn create_payment(&self, new: NewPayment) -> Result<Value, ApiError> {
        self.payment(|tx| tx.create_payment(new))
    }

    /// Tries a payment.
    ///
    /// # Errors
    /// Stripe's refusal; for a declined card a 402.
    pub fn confirm_payment(&self, id: &str, how: Confirm) -> Result<Value, ApiError> {
        self.payment(|tx| tx.confirm_payment(id, how).map(|()| id.to_owned()))
    }

    /// The customer's answer to 3-D Secure.
    ///
    /// # Errors
    /// The payment does not wait for it.
    pub fn finish_3ds(&self, id: &str, succeed: bool) -> Result<Value, ApiError> {
        self.payment(|tx| tx.finish_3ds(id, succeed).map(|()| id.to_owned()))
    }

    /// The bank's late answer to a debit.
    ///
    /// # Errors
    /// The payment is not processing.
    pub fn settle_debit(&self, id: &str, succeed: bool) -> Result<Value, ApiError> {
        self.bank_payment(|tx| tx.settle_debit(id, succeed).map(|()| id.to_owned()))
    }

    /// Captures an authorised payment, all of it or a part.
    ///
    /// # Errors
    /// Stripe's refusal.
    pub fn capture_payment(&self, id: &str, amount: Option<i64>) -> Result<Value, ApiError> {
        self.payment(|tx| tx.capture_payment(id, amount).map(|()| id.to_owned()))
    }

    /// Ends a payment without money.
    ///
    /// # Errors
    /// Stripe's refusal.
    pub fn cancel_payment(&self, id: &str, reason: Option<&str>) -> Result<Value, ApiError> {
        let reason = reason.map(str::to_owned);
        self.payment(|tx| tx.cancel_payment(id, reason).map(|()| id.to_owned()))
    }

    /// Gives money back.
    ///
    /// # Errors
    /// Stripe's refusal.
    pub fn create_refund(&self, new: NewRefund) -> Result<Value, ApiError> {
        let cause = self.cause();
        self.act(cause, |tx| {
            let id = tx.create_refund(new)?;
            Ok(tx.refund(&id)?.render())
        })
    }

    /// A refund that was on its way arrives.
    ///
    /// # Errors
    /// It is not on its way.
    pub fn succeed_refund(&self, id: &str) -> Result<Value, ApiError> {
        self.act(Cause::default(), |tx| {
            tx.succeed_refund(id)?;
            Ok(tx.refund(id)?.render())
        })
    }

    /// A refund comes back, also one that had succeeded.
    ///
    /// # Errors
    /// It has failed or was called off already.
    pub fn fail_refund(&self, id: &str) -> Result<Value, ApiError> {
        self.act(Cause::default(), |tx| {
            tx.fail_refund(id, "lost_or_stolen_card")?;
            Ok(tx.refund(id)?.render())
        })
    }

    /// Calls a refund off that waits for the customer.
    ///
    /// # Errors
    /// It does not wait for the customer.
    pub fn cancel_refund(&self, id: &str) -> Result<Value, ApiError> {
        let cause = self.cause();
        self.act(cause, |tx| {
            tx.cancel_refund(id)?;
            Ok(tx.refund(id)?.render())
        })
    }

    /// An event of any kind about any object, which the simulator itself knows nothing of; the
    /// event's id.
    pub fn emit(&self, kind: &str, object: Value) -> String {
        self.act(Cause::default(), |tx| tx.emit(kind, Snapshot::Other(object), None))
    }

    /// Deletes an object: a GET answers `{"deleted": true}`, and it is in no list. Stripe deletes
    /// none of the kinds that move money, so this serves tests of what must also hold for those
    /// that it does. False if there is no such object.
    pub fn delete(&self, id: &str) -> bool {
        self.act(Cause::default(), |tx| {
            let object = match () {
                () if tx.objects.payment_intents.get(id).is_some() => "payment_intent",
                () if tx.objects.charges.get(id).is_some() => "charge",
                () if tx.objects.refunds.get(id).is_some() => "refund",
                () => return false,
            };
            tx.objects.deleted.insert(id.to_owned(), object);
            true
        })
    }

    /// All objects of a kind as they are now, oldest first, and deleted customers as tombstones. Of
    /// checkouts and payment methods only those that had an event.
    #[must_use]
    pub fn truth(&self, kind: Kind) -> Vec<Value> {
        let webhooks = &self.engine.webhooks;
        self.act(Cause::default(), |tx| {
            let (objects, version) = (&*tx.objects, tx.version);
            let alive = |id: &str| !objects.deleted.contains_key(id);
            match kind {
                Kind::PaymentIntent => objects
                    .payment_intents
                    .all()
                    .iter()
                    .filter(|item| alive(&item.id))
                    .map(|item| objects.show_payment(item, version))
                    .collect(),
                Kind::Charge => objects
                    .charges
                    .all()
                    .iter()
                    .filter(|item| alive(&item.id))
                    .map(|item| item.render(version, &objects.refunds_of(item)))
                    .collect(),
                Kind::Refund => objects
                    .refunds
                    .all()
                    .iter()
                    .filter(|item| alive(&item.id))
                    .map(|item| item.render())
                    .collect(),
                Kind::Customer => objects.all_customers(),
                Kind::SetupIntent => objects.all_setups(),
                Kind::CheckoutSession => objects.all_checkouts(),
                Kind::PaymentMethod => objects.all_methods(),
                Kind::Dispute => objects.disputes.all().to_vec(),
                Kind::Payout => objects.payouts.all().to_vec(),
                Kind::Account => objects.accounts.all().to_vec(),
                Kind::Subscription
                | Kind::Invoice
                | Kind::Product
                | Kind::Price
                | Kind::SubscriptionSchedule
                | Kind::PortalSession => objects
                    .documents
                    .all()
                    .iter()
                    .filter(|item| item["object"] == kind.as_str() && alive(text(item, "id")))
                    .cloned()
                    .collect(),
                Kind::Event => objects
                    .events
                    .all()
                    .iter()
                    .map(|item| item.render(version, webhooks.pending(&item.id)))
                    .collect(),
            }
        })
    }

    fn payment(
        &self,
        action: impl FnOnce(&mut Tx<'_>) -> Result<String, ApiError>,
    ) -> Result<Value, ApiError> {
        self.shown(self.cause(), action)
    }

    /// A step of a bank's, which no request caused.
    fn bank_payment(
        &self,
        action: impl FnOnce(&mut Tx<'_>) -> Result<String, ApiError>,
    ) -> Result<Value, ApiError> {
        self.shown(Cause::default(), action)
    }

    fn shown(
        &self,
        cause: Cause,
        action: impl FnOnce(&mut Tx<'_>) -> Result<String, ApiError>,
    ) -> Result<Value, ApiError> {
        self.act(cause, |tx| {
            let id = action(tx)?;
            Ok(tx.objects.show_payment(&tx.payment(&id)?, tx.version))
        })
    }

    pub(super) fn cause(&self) -> Cause {
        let request = format!("req_{:014}", self.engine.next_request());
        Cause { request: Some(request), idempotency_key: None }
    }

    pub(super) fn act<T>(&self, cause: Cause, action: impl FnOnce(&mut Tx<'_>) -> T) -> T {
        self.engine.act(&self.scope, cause, &self.engine.config.api_version, action)
    }
}
