//! The rules that need to know a row, or the world: what a payment allows, and who may be paid.

use time::OffsetDateTime;

use super::error::CommandError;
use super::service::{Caller, Inner, limit};
use crate::domain::command::checkout::NewCheckout;
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::destination::{self, DestinationCheck, KnownDestination};
use crate::domain::command::params::ParamLimits;
use crate::domain::command::refundable::Refundable;
use crate::domain::command::{
    RuleBreach, amount, checkout, payment_verb, return_url, subscription,
};
use crate::domain::id::{AccountId, ObjectId, Scope};
use crate::domain::kinds::payment::PaymentStatus;
use crate::domain::money::{Currency, Minor};
use crate::domain::object::{Kind, Observed, Subject};
use crate::domain::status_word::StatusWord;
use crate::domain::status_word::Vocabulary as _;
use crate::reconcile::Fault;
use crate::store::payment::PaymentRow;
use crate::stripe_api::{Fetched, FetchedState};

/// What a command moves, and of which payment.
pub(super) struct Checked {
    pub(super) target: Option<String>,
    pub(super) amount: Option<Minor>,
    pub(super) currency: Option<Currency>,
    /// The parameters as they are sent, where the request leaves out what the object has.
    pub(super) filled_in: Option<CommandParams>,
}

impl Checked {
    pub(super) fn of(target: Option<String>, money: Option<(Minor, Currency)>) -> Self {
        let (amount, currency) = money.unzip();
        Self { target, amount, currency, filled_in: None }
    }
}

/// What becomes of an answer of Stripe's that a rule needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// It is recorded like any other observation.
    Records,
    /// It is judged and forgotten: a dry run writes nothing.
    WritesNothing,
}

/// What the rules need to know of a payment.
#[derive(Debug, Clone)]
struct KnownPayment {
    id: String,
    livemode: bool,
    status: StatusWord<PaymentStatus>,
    currency: Option<Currency>,
    amount: Minor,
    capturable: Minor,
    received: Minor,
    refunded: Minor,
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
    /// Checks all rules but those that the table itself holds: the reference, and what is left of a payment.
    pub(super) async fn check(
        &self,
        caller: &Caller,
        target: Option<&str>,
        params: &CommandParams,
        asking: Asking,
    ) -> Result<Checked, CommandError> {
        self.check_params(params)?;
        match params {
            CommandParams::CreatePayment(payment) => {
                let currency = payment.currency()?;
                self.check_limit(caller, payment.amount, currency)?;
                if let Some(transfer) = &payment.transfer_data {
                    let field = "transfer_data.destination";
                    self.check_destination(caller, field, &transfer.destination, asking).await?;
                }
                let amount = Some(payment.amount);
                Ok(Checked::of(None, amount.zip(Some(currency))))
            }
            CommandParams::CreateCheckout(checkout) => {
                self.check_checkout(caller, checkout, asking).await
            }
            CommandParams::ExpireCheckout(_) => self.check_expire(target.unwrap_or_default()).await,
            CommandParams::CreateSubscription(new) => self.check_subscribe(caller, new).await,
            CommandParams::UpdateSubscription(change) => {
                self.check_update(caller, target.unwrap_or_default(), change).await
            }
            CommandParams::CancelSubscription(_) => {
                let (id, _) = self.changeable(target.unwrap_or_default()).await?;
                Ok(Checked::of(Some(id), None))
            }
            CommandParams::CreatePortalSession(portal) => {
                Ok(Checked::of(Some(portal.customer.clone()), None))
            }
            CommandParams::CreateCustomer(_) | CommandParams::CreateSetup(_) => {
                Ok(Checked::of(None, None))
            }
            CommandParams::CreateRefund(refund) => {
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
                Ok(Checked {
                    target: Some(payment.id),
                    amount,
                    currency: payment.currency,
                    filled_in: None,
                })
            }
            CommandParams::ConfirmPayment(_)
            | CommandParams::CapturePayment(_)
            | CommandParams::CancelPayment(_) => {
                let payment = self.allowed(params, target.unwrap_or_default(), asking).await?;
                let currency = payment.currency;
                let moved = match params {
                    CommandParams::ConfirmPayment(_) => Some(payment.amount),
                    CommandParams::CapturePayment(_)
                    | CommandParams::CancelPayment(_)
                    | CommandParams::CreatePayment(_)
                    | CommandParams::CreateRefund(_)
                    | CommandParams::CreateCustomer(_)
                    | CommandParams::CreateCheckout(_)
                    | CommandParams::ExpireCheckout(_)
                    | CommandParams::CreateSetup(_)
                    | CommandParams::CreateSubscription(_)
                    | CommandParams::UpdateSubscription(_)
                    | CommandParams::CancelSubscription(_)
                    | CommandParams::CreatePortalSession(_) => None,
                };
                if let CommandParams::ConfirmPayment(confirm) = params {
                    let (automatic, redirects) =
                        self.store.automatic_methods(&payment.id, payment.livemode).await?;
                    let (redirects, url) = (redirects.as_deref(), confirm.return_url.as_deref());
                    return_url::check_confirmation(true, automatic, redirects, url)?;
                }
                if let (Some(moved), Some(currency)) = (moved, currency) {
                    self.check_limit(caller, moved, currency)?;
                }
                // Its creation has counted for the day already.
                Ok(Checked {
                    target: Some(payment.id),
                    amount: None,
                    currency: None,
                    filled_in: None,
                })
            }
        }
    }

    async fn check_checkout(
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
    async fn check_expire(&self, target: &str) -> Result<Checked, CommandError> {
        let missing = || CommandError::NotFound { what: "checkout session", id: target.to_owned() };
        let subject = self.subject(Kind::CheckoutSession, target).ok_or_else(missing)?;
        let fetched = match self.reconciler.see_made(&subject).await {
            Ok((_, fetched)) => fetched,
            Err(fault) if fault.failure.code == "stripe_resource_missing" => return Err(missing()),
            Err(fault) => return Err(fault.into()),
        };
        match &fetched.state {
            FetchedState::Present { observed: Observed::CheckoutSession(session), .. } => {
                checkout::check_expire(session)?;
            }
            FetchedState::Present { .. } | FetchedState::Deleted => return Err(missing()),
        }
        Ok(Checked::of(Some(target.to_owned()), None))
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

    pub(super) fn check_limit(
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

    /// The payment, if it allows what is asked. A row can be a moment behind Stripe; so before a payment is
    /// refused, Stripe is asked.
    async fn allowed(
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
                refreshed.map_err(|fault| of_fault(fault, missing))?;
                self.store.payment(id).await?.map(KnownPayment::from)
            }
            Asking::WritesNothing => {
                let seen = self.reconciler.see_made(&subject).await;
                let (_, fetched) = seen.map_err(|fault| of_fault(fault, missing))?;
                KnownPayment::seen(&subject, &fetched, known.as_ref())
            }
        };
        let payment = payment.ok_or_else(missing)?;
        judge(params, &payment)?;
        Ok(payment)
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

    pub(super) fn payment_subject(&self, id: &str) -> Option<Subject> {
        self.subject(Kind::PaymentIntent, id)
    }

    /// An object that a command is about, if its id is one of its kind.
    pub(super) fn subject(&self, kind: Kind, id: &str) -> Option<Subject> {
        // Those that have a status which a command changes.
        if !matches!(
            kind,
            Kind::PaymentIntent | Kind::CheckoutSession | Kind::SetupIntent | Kind::Subscription
        ) {
            return None;
        }
        let id = ObjectId::parse_made_by_stripe(id).ok()?;
        let fits = kind.prefixes().iter().any(|prefix| id.as_str().starts_with(prefix));
        fits.then(|| Subject { scope: self.scope(), kind, id, owner: None })
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
                refreshed.map_err(|fault| of_fault(fault, missing))?;
                self.store.payment_of_charge(charge).await?
            }
            Asking::WritesNothing => {
                let seen = self.reconciler.see_made(&subject).await;
                let (_, fetched) = seen.map_err(|fault| of_fault(fault, missing))?;
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

    /// Whether money may be sent to a connected account, on knowledge that is fresh. `field` names it in the
    /// request.
    async fn check_destination(
        &self,
        caller: &Caller,
        field: &str,
        account: &str,
        asking: Asking,
    ) -> Result<(), CommandError> {
        match self.judge_destination(caller, account, asking).await {
            Err(CommandError::Breach(breach)) => {
                Err(RuleBreach { field: field.to_owned(), ..breach }.into())
            }
            other => other,
        }
    }

    async fn judge_destination(
        &self,
        caller: &Caller,
        account: &str,
        asking: Asking,
    ) -> Result<(), CommandError> {
        if !caller.destinations.is_empty() && !caller.destinations.iter().any(|one| one == account)
        {
            return Err(destination::not_permitted().into());
        }
        let Ok(account) = AccountId::parse(account) else {
            return Err(destination::not_there().into());
        };
        let fresh = i64::try_from(self.settings.destination_max_age.as_secs()).unwrap_or(i64::MAX);
        for fresh in [fresh, i64::MAX] {
            let permission = self.store.can_receive_payments(&account, self.mode()).await?;
            let known = permission.as_of.map(|at| KnownDestination {
                can_receive_payments: permission.allowed,
                why_not: permission.why_not.clone(),
                deadline: permission.deadline.map(|at| at.date().to_string()),
                due: permission.due.clone(),
                observed_at: at.unix_timestamp(),
            });
            let now = OffsetDateTime::now_utc().unix_timestamp();
            match destination::check(known.as_ref(), now, fresh) {
                DestinationCheck::Payable => return Ok(()),
                DestinationCheck::Breach(breach) => return Err(breach.into()),
                DestinationCheck::Ask => match (asking, self.account_subject(&account)?) {
                    (Asking::Records, subject) => {
                        let refreshed = self.reconciler.refresh(subject).await;
                        refreshed.map_err(of_account_fault)?;
                    }
                    (Asking::WritesNothing, subject) => return self.look_at(&subject, now).await,
                },
            }
        }
        Err(destination::not_there().into())
    }

    /// Judges a destination by what Stripe says of it now.
    async fn look_at(&self, account: &Subject, now: i64) -> Result<(), CommandError> {
        let (_, fetched) = self.reconciler.see_made(account).await.map_err(of_account_fault)?;
        let FetchedState::Present { observed: Observed::Account(account), .. } = &fetched.state
        else {
            return Err(destination::not_there().into());
        };
        let standing = account.standing();
        let known = KnownDestination {
            can_receive_payments: standing.can_receive_payments,
            why_not: standing.why_no_payments,
            deadline: standing.deadline.and_then(date),
            due: account.known().due,
            observed_at: now,
        };
        match destination::check(Some(&known), now, i64::MAX) {
            DestinationCheck::Payable => Ok(()),
            DestinationCheck::Breach(breach) => Err(breach.into()),
            DestinationCheck::Ask => Err(destination::not_there().into()),
        }
    }

    fn account_subject(&self, account: &AccountId) -> Result<Subject, CommandError> {
        let id = ObjectId::parse(account.as_str());
        let id = id.map_err(|_| CommandError::from(destination::not_there()))?;
        let scope = Scope { account: Some(account.clone()), mode: self.mode() };
        Ok(Subject { scope, kind: Kind::Account, id, owner: None })
    }
}

/// Why an object could not be asked about; what Stripe does not have is missing.
fn of_fault(fault: Fault, missing: impl Fn() -> CommandError) -> CommandError {
    match fault.failure.code.as_str() {
        "stripe_resource_missing" => missing(),
        _ => fault.into(),
    }
}

fn of_account_fault(fault: Fault) -> CommandError {
    match fault.failure.code.as_str() {
        "stripe_resource_missing" | "stripe_account_access_lost" | "account_access_lost" => {
            destination::not_there().into()
        }
        _ => fault.into(),
    }
}

/// Whether an object, as Stripe shows it, does not allow what a command asks of it.
pub(super) fn forbidden(params: &CommandParams, fetched: &Fetched) -> Option<RuleBreach> {
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

/// The day of a time of Stripe's; none: it is out of the calendar.
fn date(at: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(at).ok().map(|at| at.date().to_string())
}
