//! What happens to a customer.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::{Customer, Metadata, Snapshot};
use crate::world::Tx;

/// `POST /v1/customers`
#[derive(Debug, Clone, Default)]
pub struct NewCustomer {
    /// An id of the team's own choice; none: Stripe's.
    pub id: Option<String>,
    /// What the first invoice begins with.
    pub balance: i64,
    /// The currency of the balance.
    pub currency: Option<String>,
    /// The team's own keys and values.
    pub metadata: Metadata,
}

impl Tx<'_> {
    pub(crate) fn create_customer(&mut self, new: NewCustomer) -> Customer {
        let customer = Customer {
            id: new.id.unwrap_or_else(|| self.ids.mint("cus")),
            balance: new.balance,
            created: self.now,
            currency: new.currency,
            default_payment_method: None,
            delinquent: false,
            livemode: self.scope.livemode,
            metadata: new.metadata,
        };
        self.save_customer(&customer, "customer.created", None);
        customer
    }

    /// An invoice could not be charged, or could after all.
    pub(crate) fn set_delinquent(&mut self, id: &str, delinquent: bool) -> Result<(), ApiError> {
        let mut customer = self.customer(id)?;
        let previous = json!({ "delinquent": customer.delinquent });
        customer.delinquent = delinquent;
        self.save_customer(&customer, "customer.updated", Some(previous));
        Ok(())
    }

    pub(crate) fn set_default_method(
        &mut self,
        id: &str,
        method: Option<String>,
    ) -> Result<(), ApiError> {
        let mut customer = self.customer(id)?;
        let before = std::mem::replace(&mut customer.default_payment_method, method);
        let previous = json!({ "invoice_settings": { "default_payment_method": before } });
        self.save_customer(&customer, "customer.updated", Some(previous));
        Ok(())
    }

    /// Deletes for good. Its methods stay as they are, and nothing tells of them: merchants report
    /// that they keep getting events of methods whose customer is gone.
    pub(crate) fn delete_customer(&mut self, id: &str) -> Result<(), ApiError> {
        let customer = self.customer(id)?;
        self.end_subscriptions_of(id)?;
        self.books.deleted.insert(customer.id.clone(), "customer");
        self.emit("customer.deleted", Snapshot::Other(customer.render()), None);
        Ok(())
    }

    pub(crate) fn customer(&self, id: &str) -> Result<Customer, ApiError> {
        let found = self.books.customers.get(id).filter(|_| !self.books.deleted.contains_key(id));
        found.cloned().ok_or_else(|| ApiError::no_such("customer", id, "customer"))
    }

    pub(super) fn save_customer(
        &mut self,
        customer: &Customer,
        kind: &str,
        previous: Option<Value>,
    ) {
        self.books.customers.put(&customer.id, customer.clone());
        self.emit(kind, Snapshot::Other(customer.render()), previous);
    }
}
