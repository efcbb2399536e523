//! Acts on customers, their methods, setups and checkouts, without HTTP.

use serde_json::Value;

use super::Account;
use crate::actions::{NewCheckout, NewCustomer, NewSetup};
use crate::error::ApiError;
use crate::objects::Cause;
use crate::store::{Objects, Tx};

impl Account {
    /// Makes a customer.
    pub fn create_customer(&self, new: NewCustomer) -> Value {
        self.act(self.cause(), |tx| tx.create_customer(new.or_jenny()).render())
    }

    /// An invoice could not be charged, or could after all.
    ///
    /// # Errors
    /// There is no such customer.
    pub fn set_delinquent(&self, id: &str, delinquent: bool) -> Result<Value, ApiError> {
        self.act(Cause::default(), |tx| {
            tx.set_delinquent(id, delinquent)?;
            Ok(tx.customer(id)?.render())
        })
    }

    /// Chooses what invoices are charged to.
    ///
    /// # Errors
    /// There is no such customer.
    pub fn set_default_method(&self, id: &str, method: &str) -> Result<Value, ApiError> {
        self.act(self.cause(), |tx| {
            tx.set_default_method(id, Some(method.to_owned()))?;
            Ok(tx.customer(id)?.render())
        })
    }

    /// Deletes a customer for good. Its methods stay as they are.
    ///
    /// # Errors
    /// There is no such customer.
    pub fn delete_customer(&self, id: &str) -> Result<(), ApiError> {
        self.act(self.cause(), |tx| tx.delete_customer(id))
    }

    /// Gives a customer a method: a test card by its name or number, or one by its id.
    ///
    /// # Errors
    /// There is no such customer or method, or it was attached before.
    pub fn attach_method(&self, method: &str, customer: &str) -> Result<Value, ApiError> {
        self.act(self.cause(), |tx| {
            let id = tx.attach_method(method, customer)?;
            Ok(tx.payment_method(&id)?.render())
        })
    }

    /// Takes a method away from its customer.
    ///
    /// # Errors
    /// It has none.
    pub fn detach_method(&self, id: &str) -> Result<Value, ApiError> {
        self.act(self.cause(), |tx| {
            tx.detach_method(id)?;
            Ok(tx.payment_method(id)?.render())
        })
    }

    /// The bank sends a new card, with a later expiry.
    ///
    /// # Errors
    /// There is no such method.
    pub fn renew_card(&self, id: &str) -> Result<Value, ApiError> {
        self.act(Cause::default(), |tx| {
            tx.renew_card(id)?;
            Ok(tx.payment_method(id)?.render())
        })
    }

    /// Begins to save a method.
    ///
    /// # Errors
    /// There is no such customer or method.
    pub fn create_setup(&self, new: NewSetup) -> Result<Value, ApiError> {
        self.setup_step(self.cause(), |tx| tx.create_setup(new))
    }

    /// Tries a method.
    ///
    /// # Errors
    /// Stripe's refusal; for a declined card a 402.
    pub fn confirm_setup(&self, id: &str, method: &str) -> Result<Value, ApiError> {
        self.setup_step(self.cause(), |tx| {
            tx.confirm_setup(id, Some(method), None).map(|()| id.to_owned())
        })
    }

    /// The customer's answer to 3-D Secure.
    ///
    /// # Errors
    /// The setup does not wait for it.
    pub fn finish_setup_3ds(&self, id: &str, succeed: bool) -> Result<Value, ApiError> {
        self.setup_step(self.cause(), |tx| tx.finish_setup_3ds(id, succeed).map(|()| id.to_owned()))
    }

    /// Gives a setup up.
    ///
    /// # Errors
    /// It has ended.
    pub fn cancel_setup(&self, id: &str) -> Result<Value, ApiError> {
        self.setup_step(self.cause(), |tx| {
            tx.cancel_setup(id, Some("abandoned")).map(|()| id.to_owned())
        })
    }

    /// Opens a page to pay or to save a method on. It has no event.
    pub fn open_checkout(&self, new: NewCheckout) -> Result<Value, ApiError> {
        self.checkout_step(self.cause(), |tx| tx.open_checkout(new))
    }

    /// The customer fills it in.
    ///
    /// # Errors
    /// It is not open, or the card is declined.
    pub fn complete_checkout(&self, id: &str, method: &str) -> Result<Value, ApiError> {
        self.checkout_step(Cause::default(), |tx| {
            tx.complete_checkout(id, method).map(|()| id.to_owned())
        })
    }

    /// The bank's late answer to a debit.
    ///
    /// # Errors
    /// It does not wait for one.
    pub fn settle_checkout(&self, id: &str, succeed: bool) -> Result<Value, ApiError> {
        self.checkout_step(Cause::default(), |tx| {
            tx.settle_checkout(id, succeed).map(|()| id.to_owned())
        })
    }

    /// The customer did not complete it in time.
    ///
    /// # Errors
    /// It is not open.
    pub fn expire_checkout(&self, id: &str) -> Result<Value, ApiError> {
        self.checkout_step(Cause::default(), |tx| tx.expire_checkout(id).map(|()| id.to_owned()))
    }

    fn setup_step(
        &self,
        cause: Cause,
        action: impl FnOnce(&mut Tx<'_>) -> Result<String, ApiError>,
    ) -> Result<Value, ApiError> {
        self.act(cause, |tx| {
            let id = action(tx)?;
            Ok(tx.setup(&id)?.render())
        })
    }

    fn checkout_step(
        &self,
        cause: Cause,
        action: impl FnOnce(&mut Tx<'_>) -> Result<String, ApiError>,
    ) -> Result<Value, ApiError> {
        self.act(cause, |tx| {
            let id = action(tx)?;
            Ok(tx.checkout(&id)?.render())
        })
    }
}

impl Objects {
    /// Customers, deleted ones as their tombstones.
    pub(super) fn all_customers(&self) -> Vec<Value> {
        let customers = self.customers.all().iter();
        customers.map(|item| self.tombstone(&item.id).unwrap_or_else(|| item.render())).collect()
    }

    pub(super) fn all_setups(&self) -> Vec<Value> {
        self.setup_intents.all().iter().map(|item| item.render()).collect()
    }

    pub(super) fn all_checkouts(&self) -> Vec<Value> {
        self.checkout_sessions.all().iter().map(|item| item.render()).collect()
    }

    /// Methods that had an event: those that were attached at some time.
    pub(super) fn all_methods(&self) -> Vec<Value> {
        let methods = self.payment_methods.all().iter();
        methods.filter(|item| item.announced).map(|item| item.render()).collect()
    }
}
