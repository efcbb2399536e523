//! A customer on Stripe's page. Nothing tells that a session was opened.

use crate::error::ApiError;
use crate::objects::{CheckoutMode, CheckoutSession, Metadata, PaymentStatus, Snapshot};
use crate::world::Tx;

use super::{NewPayment, NewSetup};

/// `POST /v1/checkout/sessions`
#[derive(Debug, Clone, Default)]
pub struct NewCheckout {
    /// What it is for.
    pub mode: CheckoutMode,
    /// What is to be paid, in the currency's smallest unit; ignored by a setup.
    pub amount: i64,
    /// `eur`, `jpy`, `kwd`, ...; ignored by a setup.
    pub currency: String,
    /// Who comes.
    pub customer: Option<String>,
    /// The team's own reference.
    pub client_reference_id: Option<String>,
    /// The team's own keys and values.
    pub metadata: Metadata,
}

impl Tx<'_> {
    pub(crate) fn open_checkout(&mut self, new: NewCheckout) -> String {
        let pays = new.mode == CheckoutMode::Payment;
        let session = CheckoutSession {
            id: self.ids.mint(if self.scope.livemode { "cs_live" } else { "cs_test" }),
            amount_total: pays.then_some(new.amount),
            client_reference_id: new.client_reference_id,
            created: self.now,
            currency: pays.then_some(new.currency),
            customer: new.customer,
            livemode: self.scope.livemode,
            metadata: new.metadata,
            mode: new.mode,
            payment_intent: None,
            payment_status: if pays { "unpaid" } else { "no_payment_required" },
            setup_intent: None,
            status: "open",
        };
        self.books.checkout_sessions.put(&session.id, session.clone());
        session.id
    }

    /// The customer fills in the page. With a bank debit the session completes without money.
    pub(crate) fn complete_checkout(&mut self, id: &str, method: &str) -> Result<(), ApiError> {
        let mut session = self.open_one(id)?;
        match session.mode {
            CheckoutMode::Payment => {
                let payment = self.create_payment(NewPayment {
                    amount: session.amount_total.unwrap_or_default(),
                    currency: session.currency.clone().unwrap_or_default(),
                    payment_method: Some(method.to_owned()),
                    confirm: true,
                    customer: session.customer.clone(),
                    metadata: session.metadata.clone(),
                    ..NewPayment::default()
                })?;
                if self.payment(&payment)?.status == PaymentStatus::Succeeded {
                    session.payment_status = "paid";
                }
                session.payment_intent = Some(payment);
            }
            CheckoutMode::Setup => {
                let setup = self.create_setup(NewSetup {
                    customer: session.customer.clone(),
                    payment_method: Some(method.to_owned()),
                    metadata: session.metadata.clone(),
                })?;
                self.confirm_setup(&setup, None)?;
                session.setup_intent = Some(setup);
            }
        }
        session.status = "complete";
        self.save_checkout(&session, "checkout.session.completed");
        Ok(())
    }

    /// The bank's late answer.
    pub(crate) fn settle_checkout(&mut self, id: &str, succeed: bool) -> Result<(), ApiError> {
        let mut session = self.checkout(id)?;
        let payment = session.payment_intent.clone().unwrap_or_default();
        self.settle_debit(&payment, succeed)?;
        if succeed {
            session.payment_status = "paid";
            self.save_checkout(&session, "checkout.session.async_payment_succeeded");
        } else {
            self.save_checkout(&session, "checkout.session.async_payment_failed");
        }
        Ok(())
    }

    pub(crate) fn expire_checkout(&mut self, id: &str) -> Result<(), ApiError> {
        let mut session = self.open_one(id)?;
        session.status = "expired";
        self.save_checkout(&session, "checkout.session.expired");
        Ok(())
    }

    pub(crate) fn checkout(&self, id: &str) -> Result<CheckoutSession, ApiError> {
        let found = self.books.checkout_sessions.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("checkout.session", id, "session"))
    }

    fn open_one(&self, id: &str) -> Result<CheckoutSession, ApiError> {
        let session = self.checkout(id)?;
        if session.status == "open" {
            return Ok(session);
        }
        let status = session.status;
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be used. \
            This one has a status of {status}."
        );
        Err(ApiError::invalid(message))
    }

    fn save_checkout(&mut self, session: &CheckoutSession, kind: &str) {
        self.books.checkout_sessions.put(&session.id, session.clone());
        self.emit(kind, Snapshot::Other(session.render()), None);
    }
}
