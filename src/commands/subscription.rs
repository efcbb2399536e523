//! Rules of subscriptions: cost against the caller's limits, and what a change or a cancellation has left.

use uuid::Uuid;

use super::error::CommandError;
use super::rules::Checked;
use super::service::{Caller, Commands, Inner};
use super::turn::seen;
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::params::{NewSubscription, PricedItem, UpdateSubscription};
use crate::domain::command::{CommandKind, subscription};
use crate::domain::id::ObjectId;
use crate::domain::kinds::price::PriceObserved;
use crate::domain::kinds::subscription::SubscriptionObserved;
use crate::domain::money::{Currency, Minor};
use crate::domain::object::{Kind, Observed, Subject};
use crate::reconcile::Before;
use crate::store::command::{CommandTurn, StoredCommand};
use crate::stripe_api::{Fetched, FetchedState, WriteRefusal, Written};

fn of_subscription(fetched: &Fetched) -> Option<&SubscriptionObserved> {
    match &fetched.state {
        FetchedState::Present { observed: Observed::Subscription(it), .. } => Some(it),
        FetchedState::Present { .. } | FetchedState::Deleted => None,
    }
}

/// Whether a subscription shows that this command has changed or ended it.
pub(super) fn shows(command: &StoredCommand, fetched: &Fetched) -> bool {
    let Some(it) = of_subscription(fetched) else { return false };
    if command.kind == CommandKind::UpdateSubscription {
        return subscription::was_updated_by(it, &command.id.to_string());
    }
    command.kind == CommandKind::CancelSubscription && subscription::is_over(it)
}

impl Commands {
    /// Asks Stripe for a subscription, by its id or its row's, and brings its row up to date.
    ///
    /// # Errors
    /// There is none, or Stripe or Postgres failed.
    pub async fn refresh_subscription(&self, id: &str) -> Result<(), CommandError> {
        let subject = self.inner.subscription_subject(id).await?;
        let refreshed = self.inner.reconciler.refresh(subject).await;
        refreshed.map_err(|fault| CommandError::of_fault(fault, || missing(id)))?;
        Ok(())
    }
}

fn missing(id: &str) -> CommandError {
    CommandError::NotFound { what: "subscription", id: id.to_owned() }
}

impl Inner {
    async fn subscription_subject(&self, id: &str) -> Result<Subject, CommandError> {
        let name = match Uuid::parse_str(id) {
            Ok(_) => self.store.subscription(id).await?.ok_or_else(|| missing(id))?.id,
            Err(_) => id.to_owned(),
        };
        self.subject(Kind::Subscription, &name).ok_or_else(|| missing(id))
    }

    /// A subscription that is not over, as Stripe has it now.
    pub(super) async fn changeable(
        &self,
        id: &str,
    ) -> Result<(String, SubscriptionObserved), CommandError> {
        let subject = self.subscription_subject(id).await?;
        let seen = self.reconciler.see_made(&subject).await;
        let (_, fetched) = seen.map_err(|fault| CommandError::of_fault(fault, || missing(id)))?;
        let it = of_subscription(&fetched).ok_or_else(|| missing(id))?;
        subscription::check_status(it)?;
        Ok((subject.id.as_str().to_owned(), it.clone()))
    }

    pub(super) async fn check_subscribe(
        &self,
        caller: &Caller,
        new: &NewSubscription,
    ) -> Result<Checked, CommandError> {
        Ok(Checked::of(None, self.check_cost(caller, &new.priced()).await?))
    }

    pub(super) async fn check_update(
        &self,
        caller: &Caller,
        id: &str,
        change: &UpdateSubscription,
    ) -> Result<Checked, CommandError> {
        let (id, existing) = self.changeable(id).await?;
        let resulting = change.resulting(&existing)?;
        let cost = match change.changes_items() {
            true => self.check_cost(caller, &resulting).await?,
            false => None,
        };
        let items = change.item_changes(&existing)?;
        let filled_in = UpdateSubscription { items, quantity: None, ..change.clone() };
        let filled_in = Some(CommandParams::UpdateSubscription(Box::new(filled_in)));
        Ok(Checked { filled_in, ..Checked::of(Some(id), cost) })
    }

    /// What a period costs, held against the caller's limits. A caller without limits is not asked about.
    async fn check_cost(
        &self,
        caller: &Caller,
        items: &[PricedItem],
    ) -> Result<Option<(Minor, Currency)>, CommandError> {
        if caller.max_amount.is_empty() && caller.max_daily.is_empty() {
            return Ok(None);
        }
        let unknown = |price: &str| CommandError::OverLimit {
            detail: format!(
                "items: {} has a highest amount, and what {price} costs is not fixed.",
                caller.name
            ),
        };
        let mut total: Option<(Minor, Currency)> = None;
        for (id, quantity) in items {
            let price = self.price(id).await?;
            let cost = price.unit_amount.and_then(|amount| amount.checked_mul(*quantity));
            let before = total.map_or(0, |(sum, _)| sum);
            let sum = cost.and_then(|cost| cost.checked_add(before)).ok_or_else(|| unknown(id))?;
            if total.is_some_and(|(_, currency)| currency != price.currency) {
                return Err(unknown(id));
            }
            total = Some((sum, price.currency));
        }
        if let Some((sum, currency)) = total {
            self.check_limit(caller, sum, currency)?;
        }
        Ok(total)
    }

    async fn price(&self, id: &str) -> Result<PriceObserved, CommandError> {
        let missing = || CommandError::NotFound { what: "price", id: id.to_owned() };
        let name = ObjectId::parse(id).map_err(|_| missing())?;
        let subject = Subject { scope: self.scope(), kind: Kind::Price, id: name, owner: None };
        let seen = self.reconciler.see_made(&subject).await;
        let (_, fetched) = seen.map_err(|fault| CommandError::of_fault(fault, missing))?;
        match fetched.state {
            FetchedState::Present { observed: Observed::Price(price), .. } => Ok(*price),
            FetchedState::Present { .. } | FetchedState::Deleted => Err(missing()),
        }
    }

    /// A cancellation that was sent before, and whose subscription is over by now: Stripe no longer finds what is
    /// to be cancelled, because an earlier turn has cancelled it.
    pub(super) async fn ended_by_an_earlier_turn(
        &self,
        turn: &CommandTurn,
        refusal: &WriteRefusal,
    ) -> Result<Option<(Before, Written)>, CommandError> {
        let command = &turn.command;
        let again = command.kind == CommandKind::CancelSubscription && command.attempts > 1;
        if !again || !matches!(refusal.status, 400 | 404) {
            return Ok(None);
        }
        let id = command.target.as_deref().unwrap_or_default();
        let Some(subject) = self.subject(Kind::Subscription, id) else { return Ok(None) };
        let (before, fetched) = self.reconciler.see_made(&subject).await?;
        Ok(shows(command, &fetched).then(|| (before, seen(subject, fetched))))
    }
}
