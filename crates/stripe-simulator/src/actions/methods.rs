//! Actions on payment methods that a customer keeps.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::{CardBehaviour, PaymentMethod, Snapshot};
use crate::store::Tx;

impl Tx<'_> {
    /// Gives a method to a customer: one by its id, or a new one by a test card's name or number.
    pub(crate) fn attach_method(
        &mut self,
        method: &str,
        customer: &str,
    ) -> Result<String, ApiError> {
        let customer = self.customer(customer)?.id;
        let id = self.method(method)?;
        let mut method = self.payment_method(&id)?;
        if method.customer.is_some() || method.announced {
            let message = "This PaymentMethod was previously used without being attached to a \
                Customer or was detached from a Customer, and may not be used again.";
            return Err(ApiError::invalid(message));
        }
        method.customer = Some(customer);
        self.save_method(method, "payment_method.attached", None);
        Ok(id)
    }

    /// Keeps a method for later payments, with its customer if it has none yet.
    pub(super) fn keep_method(&mut self, id: &str, customer: Option<&str>) {
        if let Ok(mut method) = self.payment_method(id) {
            method.set_up = true;
            let (is_loose, known) = (method.customer.is_none() && !method.announced, customer);
            self.objects.payment_methods.put(id, method);
            // One that was detached before stays so, and a customer that is deleted keeps nothing.
            if let Some(customer) = known.filter(|_| is_loose) {
                drop(self.attach_method(id, customer));
            }
        }
    }

    /// Makes a method of a card, without an owner.
    pub(crate) fn create_method(&mut self, card: &str) -> Result<PaymentMethod, ApiError> {
        let id = self.method(card)?;
        self.payment_method(&id)
    }

    /// The same as [`attach_method`](Self::attach_method), with the bank asked first: a card that is
    /// declined cannot be attached.
    pub(crate) fn attach_checked(
        &mut self,
        method: &str,
        customer: &str,
    ) -> Result<String, ApiError> {
        let id = self.method(method)?;
        if let CardBehaviour::Declines(why) = self.payment_method(&id)?.card.behaviour {
            return Err(why.error());
        }
        self.attach_method(&id, customer)
    }

    /// Takes a method away from its customer.
    pub(crate) fn detach_method(&mut self, id: &str) -> Result<(), ApiError> {
        let mut method = self.payment_method(id)?;
        let Some(owner) = method.customer.take() else {
            let message = "The payment method you provided is not attached to a customer so \
                detachment is impossible.";
            return Err(ApiError::invalid(message));
        };
        let previous = json!({ "customer": owner });
        self.save_method(method, "payment_method.detached", Some(previous));
        // A customer that is deleted has no settings any more.
        match self.customer(&owner) {
            Ok(customer) if customer.default_payment_method.as_deref() == Some(id) => {
                self.set_default_method(&owner, None)
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The bank sent a new card, and the card network reported it to Stripe.
    pub(crate) fn renew_card(&mut self, id: &str) -> Result<(), ApiError> {
        let mut method = self.payment_method(id)?;
        let previous = json!({ "card": { "exp_year": method.exp_year } });
        method.exp_year += 4;
        self.save_method(method, "payment_method.automatically_updated", Some(previous));
        Ok(())
    }

    pub(crate) fn payment_method(&self, id: &str) -> Result<PaymentMethod, ApiError> {
        let found = self.objects.payment_methods.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("PaymentMethod", id, "payment_method"))
    }

    fn save_method(&mut self, mut method: PaymentMethod, kind: &str, previous: Option<Value>) {
        method.announced = true;
        self.emit(kind, Snapshot::Other(method.render()), previous);
        self.objects.payment_methods.put(&method.id.clone(), method);
    }
}
