//! Rules of refunds: which payment one is of, and what is left of it.

use super::checked::{Asking, Checked};
use super::payment::KnownPayment;
use crate::commands::error::CommandError;
use crate::commands::service::{Caller, Inner};
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::params::NewRefund;
use crate::domain::command::refundable::Refundable;
use crate::domain::id::ObjectId;
use crate::domain::money::Minor;
use crate::domain::object::{Kind, Observed, Subject};
use crate::stripe_api::FetchedState;

impl Inner {
    /// A refund: its payment, the caller's limit, and what is left.
    pub(super) async fn check_refund(
        &self,
        caller: &Caller,
        refund: &NewRefund,
        params: &CommandParams,
        asking: Asking,
    ) -> Result<Checked, CommandError> {
        let target = match (&refund.payment_intent, &refund.charge) {
            (Some(payment), _) => payment.clone(),
            (None, Some(charge)) => self.payment_of_charge(charge, asking).await?,
            (None, None) => String::new(),
        };
        let payment = self.allowed(params, &target, asking).await?;
        if let Some(currency) = payment.currency {
            let left = payment.received.saturating_sub(payment.refunded);
            self.check_limit(caller, refund.amount.unwrap_or(left), currency)?;
        }
        let amount = match asking {
            // The table holds the rest of the rule, under a lock.
            Asking::Records => refund.amount,
            Asking::WritesNothing => Some(self.left_of(&payment, refund.amount).await?),
        };
        let currency = payment.currency;
        Ok(Checked { amount, currency, ..Checked::of(Some(payment.id), None) })
    }

    /// The amount of a refund, as the table would settle it.
    async fn left_of(
        &self,
        payment: &KnownPayment,
        wanted: Option<Minor>,
    ) -> Result<Minor, CommandError> {
        let none = Refundable { received: 0, refunded: payment.refunded, under_way: 0 };
        let money = self.store.money_of(&payment.id).await?.unwrap_or(none);
        Ok(Refundable { received: payment.received, ..money }.refund(wanted)?)
    }

    async fn payment_of_charge(
        &self,
        charge: &str,
        asking: Asking,
    ) -> Result<String, CommandError> {
        let missing =
            || CommandError::NotFound { what: "payment of the charge", id: charge.into() };
        if let Some(payment) = self.store.payment_of_charge(charge).await? {
            return Ok(payment);
        }
        let id = ObjectId::parse_made_by_stripe(charge).map_err(|_| missing())?;
        let subject = Subject { scope: self.scope(), kind: Kind::Charge, id, owner: None };
        let payment = match asking {
            Asking::Records => {
                let refreshed = self.reconciler.refresh(subject).await;
                refreshed.map_err(|fault| CommandError::of_fault(fault, missing))?;
                self.store.payment_of_charge(charge).await?
            }
            Asking::WritesNothing => {
                let seen = self.reconciler.see_made(&subject).await;
                let (_, fetched) = seen.map_err(|fault| CommandError::of_fault(fault, missing))?;
                match fetched.state {
                    FetchedState::Present { observed: Observed::Charge(charge), .. } => {
                        charge.payment_intent.map(|id| id.as_str().to_owned())
                    }
                    FetchedState::Present { .. } | FetchedState::Deleted => None,
                }
            }
        };
        payment.ok_or_else(missing)
    }
}
