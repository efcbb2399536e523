//! Rules of payments: what the status and the money of one allow.

use super::checked::{Asking, Checked};
use crate::commands::error::CommandError;
use crate::commands::service::{Caller, Inner};
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::params::{ConfirmPayment, NewPayment};
use crate::domain::command::refundable::Refundable;
use crate::domain::command::{amount, payment_verb, return_url};
use crate::domain::kinds::payment::PaymentStatus;
use crate::domain::money::{Currency, Minor};
use crate::domain::object::{Observed, Subject};
use crate::domain::status_word::{StatusWord, Vocabulary as _};
use crate::store::payment::PaymentRow;
use crate::stripe_api::{Fetched, FetchedState};

/// A payment, as far as the rules need it.
#[derive(Debug, Clone)]
pub(super) struct KnownPayment {
    pub(super) id: String,
    pub(super) livemode: bool,
    pub(super) status: StatusWord<PaymentStatus>,
    pub(super) currency: Option<Currency>,
    pub(super) amount: Minor,
    pub(super) capturable: Minor,
    pub(super) received: Minor,
    pub(super) refunded: Minor,
}

impl From<PaymentRow> for KnownPayment {
    fn from(row: PaymentRow) -> Self {
        let status = PaymentStatus::from_word(&row.status);
        Self {
            status: status
                .map_or_else(|| StatusWord::Unknown(row.status.as_str().into()), Into::into),
            id: row.id,
            livemode: row.livemode,
            currency: Currency::parse(&row.currency).ok(),
            amount: row.amount,
            capturable: row.amount_capturable,
            received: row.amount_received,
            refunded: row.amount_refunded,
        }
    }
}

impl KnownPayment {
    /// As Stripe shows it. What its refunds are is in its charges: `known` is its row, if there is one.
    fn seen(subject: &Subject, fetched: &Fetched, known: Option<&Self>) -> Option<Self> {
        let FetchedState::Present { observed: Observed::PaymentIntent(payment), .. } =
            &fetched.state
        else {
            return None;
        };
        Some(Self {
            id: subject.id.as_str().to_owned(),
            livemode: subject.scope.mode.is_live(),
            status: payment.status.clone(),
            currency: Some(payment.currency),
            amount: payment.amount,
            capturable: payment.amount_capturable,
            received: payment.amount_received,
            refunded: known.map_or(0, |row| row.refunded),
        })
    }
}

impl Inner {
    /// A new payment: the caller's limit, and its destination.
    pub(super) async fn check_payment(
        &self,
        caller: &Caller,
        payment: &NewPayment,
        asking: Asking,
    ) -> Result<Checked, CommandError> {
        let currency = payment.currency()?;
        self.check_limit(caller, payment.amount, currency)?;
        if let Some(transfer) = &payment.transfer_data {
            let field = "transfer_data.destination";
            self.check_destination(caller, field, &transfer.destination, asking).await?;
        }
        Ok(Checked::of(None, Some((payment.amount, currency))))
    }

    /// A confirmation: its payment moves what it is of. Its creation has counted for the day already.
    pub(super) async fn check_confirm(
        &self,
        caller: &Caller,
        target: &str,
        confirm: &ConfirmPayment,
        params: &CommandParams,
        asking: Asking,
    ) -> Result<Checked, CommandError> {
        let payment = self.allowed(params, target, asking).await?;
        let (automatic, redirects) =
            self.store.automatic_methods(&payment.id, payment.livemode).await?;
        let (redirects, url) = (redirects.as_deref(), confirm.return_url.as_deref());
        return_url::check_confirmation(true, automatic, redirects, url)?;
        if let Some(currency) = payment.currency {
            self.check_limit(caller, payment.amount, currency)?;
        }
        Ok(Checked::of(Some(payment.id), None))
    }

    /// The payment, if it allows what is asked. A row can be a moment behind Stripe; so before a payment is
    /// refused, Stripe is asked.
    pub(super) async fn allowed(
        &self,
        params: &CommandParams,
        target: &str,
        asking: Asking,
    ) -> Result<KnownPayment, CommandError> {
        let known = self.store.payment(target).await?.map(KnownPayment::from);
        if let Some(payment) = &known
            && judge(params, payment).is_ok()
        {
            return Ok(payment.clone());
        }
        let id = known.as_ref().map_or(target, |payment| payment.id.as_str());
        let missing = || CommandError::NotFound { what: "payment", id: target.to_owned() };
        let subject = self.payment_subject(id).ok_or_else(missing)?;
        let payment = match asking {
            Asking::Records => {
                let refreshed = self.reconciler.refresh(subject).await;
                refreshed.map_err(|fault| CommandError::of_fault(fault, missing))?;
                self.store.payment(id).await?.map(KnownPayment::from)
            }
            Asking::WritesNothing => {
                let seen = self.reconciler.see_made(&subject).await;
                let (_, fetched) = seen.map_err(|fault| CommandError::of_fault(fault, missing))?;
                KnownPayment::seen(&subject, &fetched, known.as_ref())
            }
        };
        let payment = payment.ok_or_else(missing)?;
        judge(params, &payment)?;
        Ok(payment)
    }
}

fn judge(params: &CommandParams, payment: &KnownPayment) -> Result<(), CommandError> {
    payment_verb::check(params.kind(), &payment.status)?;
    match params {
        CommandParams::CapturePayment(it) => {
            amount::check_capture(it.amount_to_capture, payment.capturable)?;
        }
        CommandParams::CreateRefund(_) => {
            // What was made a moment ago may not have been told yet.
            if payment.received < 1 {
                let none = Refundable { received: payment.received, refunded: 0, under_way: 0 };
                none.refund(None)?;
            }
        }
        CommandParams::CreatePayment(_)
        | CommandParams::ConfirmPayment(_)
        | CommandParams::CancelPayment(_)
        | CommandParams::CreateCustomer(_)
        | CommandParams::CreateCheckout(_)
        | CommandParams::ExpireCheckout(_)
        | CommandParams::CreateSetup(_)
        | CommandParams::CreateSubscription(_)
        | CommandParams::UpdateSubscription(_)
        | CommandParams::CancelSubscription(_)
        | CommandParams::CreatePortalSession(_) => {}
    }
    Ok(())
}
