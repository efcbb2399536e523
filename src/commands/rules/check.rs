//! The check of a command before it is written: which rules apply to which command.

use super::checked::{Asking, Checked};
use crate::commands::error::CommandError;
use crate::commands::service::{Caller, Inner, limit};
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::params::ParamLimits;
use crate::domain::command::{RuleBreach, amount, checkout, payment_verb, subscription};
use crate::domain::money::{Currency, Minor};
use crate::domain::object::Observed;
use crate::stripe_api::{Fetched, FetchedState};

impl Inner {
    /// Checks all rules but those that the table itself holds: the reference, and what is left of a payment.
    pub(in crate::commands) async fn check(
        &self,
        caller: &Caller,
        target: Option<&str>,
        params: &CommandParams,
        asking: Asking,
    ) -> Result<Checked, CommandError> {
        self.check_params(params)?;
        let id = target.unwrap_or_default();
        match params {
            CommandParams::CreatePayment(new) => self.check_payment(caller, new, asking).await,
            CommandParams::ConfirmPayment(confirm) => {
                self.check_confirm(caller, id, confirm, params, asking).await
            }
            CommandParams::CapturePayment(_) | CommandParams::CancelPayment(_) => {
                let payment = self.allowed(params, id, asking).await?;
                Ok(Checked::of(Some(payment.id), None))
            }
            CommandParams::CreateRefund(refund) => {
                self.check_refund(caller, refund, params, asking).await
            }
            CommandParams::CreateCheckout(new) => self.check_checkout(caller, new, asking).await,
            CommandParams::ExpireCheckout(_) => self.check_expire(id).await,
            CommandParams::CreateSubscription(new) => self.check_subscribe(caller, new).await,
            CommandParams::UpdateSubscription(change) => {
                self.check_update(caller, id, change).await
            }
            CommandParams::CancelSubscription(_) => {
                let (id, _) = self.changeable(id).await?;
                Ok(Checked::of(Some(id), None))
            }
            CommandParams::CreatePortalSession(portal) => {
                Ok(Checked::of(Some(portal.customer.clone()), None))
            }
            CommandParams::CreateCustomer(_) | CommandParams::CreateSetup(_) => {
                Ok(Checked::of(None, None))
            }
        }
    }

    /// The rules that need nothing but the request.
    fn check_params(&self, params: &CommandParams) -> Result<(), CommandError> {
        let limits = |currency: &str| ParamLimits {
            bounds: self.bounds(currency),
            return_urls: &self.settings.return_urls,
        };
        match params {
            CommandParams::CreatePayment(it) => it.check(limits(&it.currency))?,
            CommandParams::ConfirmPayment(it) => it.check(limits("default"))?,
            CommandParams::CreateRefund(it) => it.check()?,
            CommandParams::CreateCustomer(it) => it.check()?,
            CommandParams::CreateCheckout(it) => {
                let currency = it.total()?.map(|(_, currency)| currency);
                it.check(limits(currency.as_ref().map_or("default", Currency::as_str)))?;
            }
            CommandParams::CreateSetup(it) => it.check()?,
            CommandParams::CreateSubscription(it) => it.check()?,
            CommandParams::UpdateSubscription(it) => it.check()?,
            CommandParams::CreatePortalSession(it) => it.check(&self.settings.return_urls)?,
            CommandParams::CapturePayment(_)
            | CommandParams::CancelPayment(_)
            | CommandParams::ExpireCheckout(_)
            | CommandParams::CancelSubscription(_) => {}
        }
        Ok(())
    }

    pub(in crate::commands) fn check_limit(
        &self,
        caller: &Caller,
        wanted: Minor,
        currency: Currency,
    ) -> Result<(), CommandError> {
        match limit(&caller.max_amount, currency.as_str()) {
            Some(most) if wanted > most => Err(CommandError::OverLimit {
                detail: format!(
                    "amount: is {}; {} may move {} with one command.",
                    amount::written(wanted, currency),
                    caller.name,
                    amount::written(most, currency)
                ),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether an object, as Stripe shows it, does not allow what a command asks of it.
pub(in crate::commands) fn forbidden(
    params: &CommandParams,
    fetched: &Fetched,
) -> Option<RuleBreach> {
    let FetchedState::Present { observed, .. } = &fetched.state else { return None };
    if let Observed::PaymentIntent(payment) = observed {
        return payment_verb::check(params.kind(), &payment.status).err();
    }
    if let (Observed::CheckoutSession(session), CommandParams::ExpireCheckout(_)) =
        (observed, params)
    {
        return checkout::check_expire(session).err();
    }
    if let Observed::Subscription(it) = observed {
        return subscription::check_status(it).err();
    }
    None
}
