//! What a merchant, a customer and a bank do, without HTTP.

mod bank;
mod billing;
mod connect;

use std::sync::Arc;

use serde_json::Value;

use super::actions::{Confirm, NewPayment, NewRefund};
use super::core::Core;
use super::error::ApiError;
use super::objects::{Cause, Snapshot, text};
use super::world::{Kind, Scope, Tx};

/// One account in one mode, to drive. Everything that happens is told by events, as over HTTP, but
/// no chaos touches it.
///
/// Each method answers with the object as the API would show it.
#[derive(Clone)]
pub struct Account {
    core: Arc<Core>,
    scope: Scope,
}

impl Account {
    pub(crate) fn new(core: Arc<Core>, scope: Scope) -> Self {
        Self { core, scope }
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
                () if tx.books.payment_intents.get(id).is_some() => "payment_intent",
                () if tx.books.charges.get(id).is_some() => "charge",
                () if tx.books.refunds.get(id).is_some() => "refund",
                () => return false,
            };
            tx.books.deleted.insert(id.to_owned(), object);
            true
        })
    }

    /// All objects of a kind as they are now, oldest first, and deleted customers as tombstones. Of
    /// checkouts and payment methods only those of which an event told.
    #[must_use]
    pub fn truth(&self, kind: Kind) -> Vec<Value> {
        let office = &self.core.office;
        self.act(Cause::default(), |tx| {
            let (books, version) = (&*tx.books, tx.version);
            let alive = |id: &str| !books.deleted.contains_key(id);
            match kind {
                Kind::PaymentIntent => books
                    .payment_intents
                    .all()
                    .iter()
                    .filter(|item| alive(&item.id))
                    .map(|item| books.show_payment(item, version))
                    .collect(),
                Kind::Charge => books
                    .charges
                    .all()
                    .iter()
                    .filter(|item| alive(&item.id))
                    .map(|item| item.render(version, &books.refunds_of(item)))
                    .collect(),
                Kind::Refund => books
                    .refunds
                    .all()
                    .iter()
                    .filter(|item| alive(&item.id))
                    .map(|item| item.render())
                    .collect(),
                Kind::Customer => books.all_customers(),
                Kind::SetupIntent => books.all_setups(),
                Kind::CheckoutSession => books.all_checkouts(),
                Kind::PaymentMethod => books.all_methods(),
                Kind::Dispute => books.disputes.all().to_vec(),
                Kind::Payout => books.payouts.all().to_vec(),
                Kind::Account => books.accounts.all().to_vec(),
                Kind::Subscription
                | Kind::Invoice
                | Kind::Product
                | Kind::Price
                | Kind::SubscriptionSchedule
                | Kind::PortalSession => books
                    .documents
                    .all()
                    .iter()
                    .filter(|item| item["object"] == kind.as_str() && alive(text(item, "id")))
                    .cloned()
                    .collect(),
                Kind::Event => books
                    .events
                    .all()
                    .iter()
                    .map(|item| item.render(version, office.pending(&item.id)))
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

    /// What no request of the merchant's made.
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
            Ok(tx.books.show_payment(&tx.payment(&id)?, tx.version))
        })
    }

    pub(super) fn cause(&self) -> Cause {
        let request = format!("req_{:014}", self.core.next_request());
        Cause { request: Some(request), idempotency_key: None }
    }

    pub(super) fn act<T>(&self, cause: Cause, action: impl FnOnce(&mut Tx<'_>) -> T) -> T {
        self.core.act(&self.scope, cause, &self.core.config.api_version, action)
    }
}
