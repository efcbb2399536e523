//! Actions on customers.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::{Customer, Metadata, Snapshot, merge_metadata};
use crate::store::Tx;

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
    /// Where bills are sent to.
    pub email: Option<String>,
    /// A person's or company's name.
    pub name: Option<String>,
    /// A number to call.
    pub phone: Option<String>,
    /// A text for people.
    pub description: Option<String>,
    /// As the API shows it.
    pub address: Option<Value>,
}

impl NewCustomer {
    /// With a person's data where none was given: a program under test must keep none of it.
    pub(crate) fn or_jenny(self) -> Self {
        let text = |given: Option<String>, sample: &str| given.or_else(|| Some(sample.to_owned()));
        let address = json!({ "city": "Berlin", "country": "DE", "line1": "Musterstraße 1",
                              "line2": null, "postal_code": "10115", "state": null });
        Self {
            email: text(self.email, "jenny.rosén@example.com"),
            name: text(self.name, "Jenny Rosén"),
            phone: text(self.phone, "+493012345678"),
            address: self.address.or(Some(address)),
            ..self
        }
    }
}

/// `POST /v1/customers/{id}`: what is none stays as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct CustomerChange {
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) default_payment_method: Option<String>,
    pub(crate) metadata: Metadata,
}

impl Tx<'_> {
    pub(crate) fn create_customer(&mut self, new: NewCustomer) -> Customer {
        let customer = Customer {
            id: new.id.unwrap_or_else(|| self.ids.mint("cus")),
            address: new.address.unwrap_or_default(),
            balance: new.balance,
            created: self.now,
            currency: new.currency,
            default_payment_method: None,
            delinquent: false,
            description: new.description,
            email: new.email,
            livemode: self.scope.livemode,
            metadata: new.metadata,
            name: new.name,
            phone: new.phone,
        };
        self.save_customer(&customer, "customer.created", None);
        customer
    }

    pub(crate) fn update_customer(
        &mut self,
        id: &str,
        change: CustomerChange,
    ) -> Result<(), ApiError> {
        let mut customer = self.customer(id)?;
        if let Some(method) = &change.default_payment_method
            && self.payment_method(method)?.customer.as_deref() != Some(id)
        {
            let message =
                format!("The customer does not have a payment method with the ID {method}.");
            let error = ApiError::invalid(message).code("resource_missing");
            return Err(error.param("invoice_settings[default_payment_method]"));
        }
        for (field, value) in [
            (&mut customer.email, change.email),
            (&mut customer.name, change.name),
            (&mut customer.phone, change.phone),
            (&mut customer.description, change.description),
            (&mut customer.default_payment_method, change.default_payment_method),
        ] {
            if value.is_some() {
                *field = value;
            }
        }
        merge_metadata(&mut customer.metadata, change.metadata);
        self.save_customer(&customer, "customer.updated", Some(json!({})));
        Ok(())
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

    /// Deletes for good. Its methods stay as they are, and have no event: merchants report
    /// that they keep getting events of methods whose customer is gone.
    pub(crate) fn delete_customer(&mut self, id: &str) -> Result<(), ApiError> {
        let customer = self.customer(id)?;
        self.end_subscriptions_of(id)?;
        self.objects.deleted.insert(customer.id.clone(), "customer");
        self.emit("customer.deleted", Snapshot::Other(customer.render()), None);
        Ok(())
    }

    pub(crate) fn customer(&self, id: &str) -> Result<Customer, ApiError> {
        let found =
            self.objects.customers.get(id).filter(|_| !self.objects.deleted.contains_key(id));
        found.cloned().ok_or_else(|| ApiError::no_such("customer", id, "customer"))
    }

    pub(super) fn save_customer(
        &mut self,
        customer: &Customer,
        kind: &str,
        previous: Option<Value>,
    ) {
        self.objects.customers.put(&customer.id, customer.clone());
        self.emit(kind, Snapshot::Other(customer.render()), previous);
    }
}
