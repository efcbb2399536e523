//! One turn at a command: it is sent, and its answer is recorded in the transaction that ends the turn.

use std::time::Duration;

use super::answer::{self, Problem};
use super::error::CommandError;
use super::service::Inner;
use crate::domain::command::CommandKind;
use crate::reconcile::Before;
use crate::store::command::{CommandTurn, TurnEnd};
use crate::stripe_api::{ClientSecret, WriteError, WriteRefusal, WriteRequest, Written};

/// Stripe keeps a key for 24 hours at least (docs.stripe.com, "Idempotent requests"); an hour less, for clocks
/// and for the time on the way.
const KEY_HOLDS: Duration = Duration::from_secs(23 * 3600);

/// Longest delay between two looks at a command whose outcome is unknown.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// How a turn came out, for the process that made it.
#[derive(Debug)]
pub(super) enum TurnOutcome {
    /// The command is closed, and this completes its object in a browser, if anything does.
    Closed(Option<ClientSecret>),
    /// It may be sent again after this long.
    Again(Duration),
    /// What became of it is investigated by the finisher, or by another process.
    Left,
}

impl Inner {
    /// Makes one turn.
    pub(super) async fn turn(&self, turn: &CommandTurn) -> Result<TurnOutcome, CommandError> {
        let command = &turn.command;
        let late =
            turn.sent_before.is_some() && command.sent_ago.is_some_and(|ago| ago > KEY_HOLDS);
        if command.lookup || late {
            return self.resolve(turn).await;
        }
        let renewed = command.failure.as_deref() == Some(ABSENT);
        if turn.sent_before.is_none() && !renewed && command.age > self.settings.unsent_for {
            return self.give_up(turn).await;
        }
        // The version that the write of the answer demands is read before Stripe is asked.
        let target = command.target.as_deref().filter(|_| !command.kind.creates());
        let before = match target.and_then(|id| self.payment_subject(id)) {
            Some(subject) => Some(self.reconciler.before(subject).await?),
            None => None,
        };
        let id = command.id.to_string();
        let request = WriteRequest {
            command: &id,
            key: &command.stripe_key,
            params: &command.params,
            target: command.target.as_deref(),
        };
        match self.writer.write(request).await {
            Ok(written) => self.done(turn, before, written).await,
            Err(WriteError::Refused(refusal)) => self.refused(turn, before, *refusal).await,
            Err(WriteError::NotSent { error, again_after }) => {
                let failure = error.failure();
                let after = again_after.unwrap_or(Duration::from_secs(1));
                self.not_sent(turn, &failure.code, failure.message(), after).await?;
                Ok(TurnOutcome::Again(after))
            }
            Err(WriteError::Misconfigured(error)) => {
                tracing::error!(
                    command = %command.id, error = %error,
                    "Stripe takes no commands from us: stripe.write_key is wrong or lacks a permission"
                );
                let after = Duration::from_secs(10);
                self.not_sent(turn, MISCONFIGURED, error.to_string(), after).await?;
                Ok(TurnOutcome::Left)
            }
            Err(WriteError::Unknown { error, lookup }) => {
                let failure = error.failure();
                let end = TurnEnd::Unknown {
                    failure: failure.code.clone(),
                    detail: failure.message(),
                    lookup,
                    again_after: delay(command.attempts),
                };
                let request_id = failure.request_id.as_deref();
                self.store.end_turn(turn.end(&end, request_id)).await?;
                tracing::warn!(
                    command = %command.id, code = failure.code,
                    "what became of a command is not known; it is investigated"
                );
                Ok(TurnOutcome::Left)
            }
        }
    }

    pub(super) async fn done(
        &self,
        turn: &CommandTurn,
        before: Option<Before>,
        written: Written,
    ) -> Result<TurnOutcome, CommandError> {
        let Written { subject, mut fetched, client_secret, replayed } = written;
        let mut before = before.unwrap_or_else(|| Before::created(subject.clone()));
        if replayed {
            // A repeated answer shows the object as it was when the first request was answered.
            (before, fetched) = self.reconciler.see_made(&subject).await?;
        }
        let end = TurnEnd::Done {
            object_id: subject.id.as_str().to_owned(),
            answer: answer::of_fetched(&turn.command, &subject, &fetched),
        };
        let closing = turn.end(&end, fetched.request_id.as_deref());
        self.reconciler.record(before, fetched, Some(closing)).await?;
        self.metrics.closed(turn.command.kind, "done", turn.age());
        log(turn, "done", Some(subject.id.as_str()), None);
        Ok(TurnOutcome::Closed(client_secret))
    }

    async fn refused(
        &self,
        turn: &CommandTurn,
        before: Option<Before>,
        refusal: WriteRefusal,
    ) -> Result<TurnOutcome, CommandError> {
        let problem = Problem::of_refusal(&refusal, turn.command.id);
        let made = refusal.payment.as_ref();
        // A payment that was only to be changed belongs to the command that made it.
        let creates = turn.command.kind == CommandKind::CreatePayment;
        let end = TurnEnd::Refused {
            failure: problem.code.clone(),
            object_id: made
                .filter(|_| creates)
                .map(|written| written.subject.id.as_str().to_owned()),
            answer: problem.stored(),
        };
        let request_id = refusal.request_id.clone();
        let secret = made.and_then(|written| written.client_secret.clone());
        let closing = turn.end(&end, request_id.as_deref());
        match refusal.payment {
            Some(written) => {
                let Written { subject, mut fetched, replayed, .. } = *written;
                let mut before = before.unwrap_or_else(|| Before::created(subject.clone()));
                if replayed {
                    (before, fetched) = self.reconciler.see_made(&subject).await?;
                }
                self.reconciler.record(before, fetched, Some(closing)).await?;
            }
            None => self.store.end_turn(closing).await?,
        }
        self.metrics.closed(turn.command.kind, &problem.code, turn.age());
        log(turn, "refused", None, Some(&problem.code));
        Ok(TurnOutcome::Closed(secret))
    }

    async fn not_sent(
        &self,
        turn: &CommandTurn,
        code: &str,
        detail: String,
        again_after: Duration,
    ) -> Result<(), CommandError> {
        let end = TurnEnd::NotSent { failure: code.to_owned(), detail, again_after };
        self.store.end_turn(turn.end(&end, None)).await?;
        Ok(())
    }

    /// Stripe never received it, and nobody waits for it any more.
    async fn give_up(&self, turn: &CommandTurn) -> Result<TurnOutcome, CommandError> {
        let detail = "Stripe could not be reached within api.unsent_for. Nothing was done: make a new request \
                      with a new key.";
        let problem =
            Problem { command: Some(turn.command.id), ..Problem::new(409, "not_sent", detail) };
        let end = TurnEnd::Refused {
            failure: problem.code.clone(),
            object_id: None,
            answer: problem.stored(),
        };
        self.store.end_turn(turn.end(&end, None)).await?;
        self.metrics.closed(turn.command.kind, &problem.code, turn.age());
        log(turn, "refused", None, Some(&problem.code));
        Ok(TurnOutcome::Closed(None))
    }
}

fn log(turn: &CommandTurn, end: &str, object: Option<&str>, code: Option<&str>) {
    let (id, kind, attempts) = (turn.command.id, turn.command.kind.as_str(), turn.command.attempts);
    tracing::info!(command = %id, kind, end, object, code, attempts, "a command ended");
}

/// The failure of a command that is sent anew, because it was proved that it had no effect.
pub(super) const ABSENT: &str = "absent";

/// The failure of a command that Stripe takes from no key of ours.
pub(super) const MISCONFIGURED: &str = "misconfigured";

/// When to look again: 1 s, 2 s, 4 s and so on.
pub(super) fn delay(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(10);
    Duration::from_secs(1).saturating_mul(1 << doublings).min(LONGEST_DELAY)
}
