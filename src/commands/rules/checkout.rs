//! Rules of checkout sessions: what a caller may move with one, and whether one can be expired.

use super::checked::{Asking, Checked};
use crate::commands::error::CommandError;
use crate::commands::service::{Caller, Inner};
use crate::domain::command::checkout;
use crate::domain::command::params::NewCheckout;
use crate::domain::object::{Kind, Observed};
use crate::stripe_api::FetchedState;

impl Inner {
    pub(super) async fn check_checkout(
        &self,
        caller: &Caller,
        checkout: &NewCheckout,
        asking: Asking,
    ) -> Result<Checked, CommandError> {
        let total = checkout.total()?;
        let has_limit = !caller.max_amount.is_empty() || !caller.max_daily.is_empty();
        match total {
            Some((total, currency)) => self.check_limit(caller, total, currency)?,
            None if has_limit && !checkout.line_items.is_empty() => {
                let detail = format!(
                    "line_items: {} has a highest amount, and only Stripe knows what a price costs: send \
                     price_data.",
                    caller.name
                );
                return Err(CommandError::OverLimit { detail });
            }
            None => {}
        }
        let payment = checkout.payment_intent_data.as_ref();
        if let Some(transfer) = payment.and_then(|payment| payment.transfer_data.as_ref()) {
            let field = "payment_intent_data.transfer_data.destination";
            self.check_destination(caller, field, &transfer.destination, asking).await?;
        }
        Ok(Checked::of(None, total))
    }

    /// Asks Stripe for the session: its row may be behind, and an open page can be completed at any moment.
    pub(super) async fn check_expire(&self, target: &str) -> Result<Checked, CommandError> {
        let missing = || CommandError::NotFound { what: "checkout session", id: target.to_owned() };
        let subject = self.subject(Kind::CheckoutSession, target).ok_or_else(missing)?;
        let seen = self.reconciler.see_made(&subject).await;
        let (_, fetched) = seen.map_err(|fault| CommandError::of_fault(fault, missing))?;
        match &fetched.state {
            FetchedState::Present { observed: Observed::CheckoutSession(session), .. } => {
                checkout::check_expire(session)?;
            }
            FetchedState::Present { .. } | FetchedState::Deleted => return Err(missing()),
        }
        Ok(Checked::of(Some(target.to_owned()), None))
    }
}
