//! Resolution of a command whose outcome is unknown: it is looked up at Stripe.
//!
//! First among the rows, by the metadata that the webhook has brought; then in Stripe's lists, once they can
//! no longer lag behind. Only what is in neither is sent anew, with a new key.

use std::time::Duration;

use uuid::Uuid;

use super::error::CommandError;
use super::service::Inner;
use super::subscription;
use super::turn::{TurnOutcome, delay, seen};
use crate::domain::command::command_params::CommandParams;
use crate::domain::id::ObjectId;
use crate::domain::kinds::checkout::CheckoutProgress;
use crate::domain::kinds::payment::PaymentStatus;
use crate::domain::object::{Observed, Subject};
use crate::domain::status_word::StatusWord;
use crate::store::command::{CommandTurn, TurnEnd};
use crate::stripe_api::FetchedState;

/// The failure of a command that is dead.
const UNRESOLVED: &str = "unresolved";

/// Looks after which an operator has to decide: about an hour and a half of them.
const MOST_LOOKS: i32 = 100;

/// How far Stripe's clock and that of Postgres may be apart, in seconds. The list has no end in time: what is
/// not found in it would be made a second time.
const SKEW: i64 = 3_600;

impl Inner {
    pub(super) async fn resolve(&self, turn: &CommandTurn) -> Result<TurnOutcome, CommandError> {
        match self.look_up(turn).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => {
                // The look failed, which says nothing of the command.
                let detail = error.to_string();
                if turn.command.attempts >= MOST_LOOKS {
                    return self.dead(turn, format!("it could not be looked up: {detail}")).await;
                }
                let end = TurnEnd::Unknown {
                    failure: "look_up_failed".to_owned(),
                    detail,
                    lookup: true,
                    again_after: delay(turn.command.attempts),
                };
                self.store.end_turn(turn.end(&end, None)).await?;
                Ok(TurnOutcome::Left)
            }
        }
    }

    async fn look_up(&self, turn: &CommandTurn) -> Result<TurnOutcome, CommandError> {
        let command = &turn.command;
        if let CommandParams::CreatePortalSession(_) = &command.params {
            // One that was opened is of no use without its URL, and does no harm.
            return match self.is_stale(command) {
                true => self.give_up(turn).await,
                false => self.send_anew(turn).await,
            };
        }
        if !command.kind.creates() {
            return self.look_at_target(turn).await;
        }
        let known = self.store.made_by_command(command.kind, command.id).await?;
        let known = known.and_then(|id| ObjectId::parse(&id).ok());
        if let Some(id) = known {
            return self.found(turn, id).await;
        }
        let (Some(sent_at), Some(since)) = (command.sent_at, command.last_sent_ago) else {
            return self.send_anew(turn).await;
        };
        if let Some(wait) = self.settings.list_lag.checked_sub(since).filter(|w| !w.is_zero()) {
            let end = TurnEnd::Unknown {
                failure: "waits_for_lists".to_owned(),
                detail: "Stripe's lists may not show yet what was made".to_owned(),
                lookup: true,
                // The webhook may show it sooner.
                again_after: wait.min(Duration::from_secs(5)),
            };
            self.store.end_turn(turn.end(&end, None)).await?;
            return Ok(TurnOutcome::Left);
        }
        let from = sent_at.unix_timestamp().saturating_sub(SKEW);
        let id = command.id.to_string();
        let customer = if let CommandParams::CreateSubscription(new) = &command.params {
            Some(new.customer.as_str())
        } else {
            None
        };
        let kind = command.kind.object();
        let listed = self.reconciler.find_made(kind, &self.scope(), &id, from, customer).await?;
        match listed {
            Some(id) => self.found(turn, id).await,
            None => self.send_anew(turn).await,
        }
    }

    async fn found(&self, turn: &CommandTurn, id: ObjectId) -> Result<TurnOutcome, CommandError> {
        let kind = turn.command.kind.object();
        let subject = Subject { scope: self.scope(), kind, id, owner: None };
        let (before, fetched) = self.reconciler.see_made(&subject).await?;
        self.done(turn, Some(before), seen(subject, fetched)).await
    }

    /// A change shows in the status of its object. Where it does not, it is made again: Stripe's own state
    /// machine lets a payment be confirmed, captured or cancelled, and a session be expired, only once.
    async fn look_at_target(&self, turn: &CommandTurn) -> Result<TurnOutcome, CommandError> {
        let target = turn.command.target.as_deref().unwrap_or_default();
        let kind = turn.command.kind.object();
        let Some(subject) = self.subject(kind, target) else {
            return self.dead(turn, format!("{target} is no {}", kind.as_str())).await;
        };
        let (before, fetched) = self.reconciler.see_made(&subject).await?;
        let status = match &fetched.state {
            FetchedState::Present { observed: Observed::PaymentIntent(payment), .. } => {
                payment.status.known()
            }
            FetchedState::Present { .. } | FetchedState::Deleted => None,
        };
        let expired = matches!(
            &fetched.state,
            FetchedState::Present { observed: Observed::CheckoutSession(session), .. }
                if session.progress.as_ref().and_then(StatusWord::known)
                    == Some(CheckoutProgress::Expired)
        );
        let shows = match (&turn.command.params, status) {
            (CommandParams::ExpireCheckout(_), _) => expired,
            (CommandParams::UpdateSubscription(_) | CommandParams::CancelSubscription(_), _) => {
                subscription::shows(&turn.command, &fetched)
            }
            (CommandParams::CancelPayment(_), Some(status)) => status == PaymentStatus::Canceled,
            (CommandParams::CapturePayment(_), Some(status)) => {
                matches!(status, PaymentStatus::Succeeded | PaymentStatus::Processing)
            }
            (CommandParams::ConfirmPayment(_), Some(status)) => matches!(
                status,
                PaymentStatus::RequiresAction
                    | PaymentStatus::Processing
                    | PaymentStatus::RequiresCapture
                    | PaymentStatus::Succeeded
            ),
            _ => false,
        };
        if shows {
            return self.done(turn, Some(before), seen(subject, fetched)).await;
        }
        self.send_anew(turn).await
    }

    async fn dead(&self, turn: &CommandTurn, detail: String) -> Result<TurnOutcome, CommandError> {
        let end = TurnEnd::Dead { failure: UNRESOLVED.to_owned(), detail };
        self.store.end_turn(turn.end(&end, None)).await?;
        self.metrics.dead(turn.command.kind, UNRESOLVED);
        tracing::error!(
            command = %turn.command.id,
            "what became of a command cannot be found out: an operator decides, with `quittance commands`"
        );
        Ok(TurnOutcome::Left)
    }

    async fn send_anew(&self, turn: &CommandTurn) -> Result<TurnOutcome, CommandError> {
        let key = Uuid::new_v4().to_string();
        if self.store.renew_command(turn, &key).await? {
            tracing::info!(
                command = %turn.command.id,
                "a command had no effect, as Stripe's lists prove; it is sent anew"
            );
        }
        Ok(TurnOutcome::Again(Duration::ZERO))
    }
}
