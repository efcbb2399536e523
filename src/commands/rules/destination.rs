//! Rules of destinations: whether money may be sent to a connected account.

use time::OffsetDateTime;

use super::checked::Asking;
use crate::commands::error::CommandError;
use crate::commands::service::{Caller, Inner};
use crate::domain::command::RuleBreach;
use crate::domain::command::destination::{self, DestinationCheck, KnownDestination};
use crate::domain::id::{AccountId, ObjectId, Scope};
use crate::domain::object::{Kind, Observed, Subject};
use crate::reconcile::Fault;
use crate::stripe_api::FetchedState;

impl Inner {
    /// Whether money may be sent to a connected account, on knowledge that is fresh. `field` names it in the
    /// request.
    pub(super) async fn check_destination(
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

fn of_account_fault(fault: Fault) -> CommandError {
    match fault.failure.code.as_str() {
        "stripe_resource_missing" | "stripe_account_access_lost" | "account_access_lost" => {
            destination::not_there().into()
        }
        _ => fault.into(),
    }
}

/// The day of a time of Stripe's; none: it is out of the calendar.
fn date(at: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(at).ok().map(|at| at.date().to_string())
}
