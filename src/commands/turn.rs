//! One turn at a command: it is sent, and its answer is recorded in the transaction that ends the turn.

use std::time::Duration;

use super::answer;
use super::error::CommandError;
use super::problem::Problem;
use super::rules::forbidden;
use super::service::Inner;
use crate::domain::command::CommandKind;
use crate::domain::command::command_params::CommandParams;
use crate::domain::object::{Kind, Subject};
use crate::reconcile::Before;
use crate::store::command::{CommandTurn, StoredCommand, TurnEnd};
use crate::stripe_api::{ClientSecret, Fetched, WriteError, WriteRefusal, WriteRequest, Written};

/// Stripe keeps a key for 24 hours at least (docs.stripe.com, "Idempotent requests"); an hour less, for clocks
/// and for the time on the way.
const KEY_HOLDS: Duration = Duration::from_secs(23 * 3600);

/// Longest delay between two looks at a command whose outcome is unknown.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// Outcome of a turn, for the process that made it.
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
        let sent = turn.sent_before.is_some();
        let by_object = sent && !command.kind.repeats_by_key();
        // A visit to the portal that no client waits for.
        let past = command.kind == CommandKind::CreatePortalSession && self.is_stale(command);
        if command.lookup || late || by_object || (sent && past) {
            return self.resolve(turn).await;
        }
        let renewed = command.failure.as_deref() == Some(ABSENT);
        if turn.sent_before.is_none() && !renewed && self.is_stale(command) {
            return self.give_up(turn).await;
        }
        // The version that the write of the answer demands is read before Stripe is asked.
        let target = command.target.as_deref().filter(|_| !command.kind.creates());
        let subject = target.and_then(|id| self.subject(command.kind.object(), id));
        let before = match subject {
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
        if let CommandParams::CreatePortalSession(params) = &command.params {
            return match self.writer.open_portal(request).await {
                Ok(session) => self.portal_opened(turn, params, session).await,
                Err(error) => self.not_done(turn, None, error).await,
            };
        }
        match self.writer.write(request).await {
            Ok(written) => self.done(turn, before, written).await,
            Err(error) => self.not_done(turn, before, error).await,
        }
    }

    /// Whether a command is older than a client waits for it.
    pub(super) fn is_stale(&self, command: &StoredCommand) -> bool {
        command.age > self.settings.unsent_for
    }

    /// Ends a turn in which Stripe did not do it, or it is not known whether it did.
    async fn not_done(
        &self,
        turn: &CommandTurn,
        before: Option<Before>,
        error: WriteError,
    ) -> Result<TurnOutcome, CommandError> {
        let command = &turn.command;
        match error {
            WriteError::Refused(refusal) => self.refused(turn, before, *refusal).await,
            WriteError::NotSent { error, again_after } => {
                let failure = error.failure();
                let after = again_after.unwrap_or(Duration::from_secs(1));
                self.not_sent(turn, &failure.code, failure.message(), after).await?;
                Ok(TurnOutcome::Again(after))
            }
            WriteError::Misconfigured(error) => {
                tracing::error!(
                    command = %command.id, error = %error,
                    "Stripe takes no commands from us: stripe.write_key is wrong or lacks a permission"
                );
                let after = Duration::from_secs(10);
                self.not_sent(turn, MISCONFIGURED, error.to_string(), after).await?;
                Ok(TurnOutcome::Left)
            }
            WriteError::Unknown { error, lookup } => {
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
        mut refusal: WriteRefusal,
    ) -> Result<TurnOutcome, CommandError> {
        if let Some((before, written)) = self.ended_by_an_earlier_turn(turn, &refusal).await? {
            return self.done(turn, Some(before), written).await;
        }
        let command = &turn.command;
        let mut problem = Problem::of_refusal(&refusal, command.id);
        // A payment that was tried for a subscription which was not made is told by its own events.
        let tells = command.kind.object() != Kind::Subscription;
        let shown = refusal.payment.take().filter(|_| tells);
        let secret = shown.as_ref().and_then(|written| written.client_secret.clone());
        // A payment that was only to be changed belongs to the command that made it.
        let creates = command.kind == CommandKind::CreatePayment;
        let made = shown.as_ref().filter(|_| creates);
        let object_id = made.map(|written| written.subject.id.as_str().to_owned());
        let target = command.target.as_deref().unwrap_or_default();
        let seen = match shown {
            Some(written) => {
                let Written { subject, mut fetched, replayed, .. } = *written;
                let mut before = before.unwrap_or_else(|| Before::created(subject.clone()));
                if replayed {
                    (before, fetched) = self.reconciler.see_made(&subject).await?;
                }
                Some((before, fetched))
            }
            // A refused change need not show what it was to change.
            None if !command.kind.creates() && refusal.status == 400 => {
                match self.subject(command.kind.object(), target) {
                    Some(subject) => Some(self.reconciler.see_made(&subject).await?),
                    None => None,
                }
            }
            None => None,
        };
        // It has moved on since the rules were checked: completed by its customer, say.
        let fetched = seen.as_ref().map(|(_, fetched)| fetched);
        if let Some(breach) = fetched.and_then(|fetched| forbidden(&command.params, fetched)) {
            problem = Problem {
                request_id: problem.request_id.take(),
                command: Some(command.id),
                ..Problem::from(&CommandError::from(breach))
            };
        }
        let end =
            TurnEnd::Refused { failure: problem.code.clone(), object_id, answer: problem.stored() };
        let closing = turn.end(&end, refusal.request_id.as_deref());
        match seen {
            Some((before, fetched)) => {
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
    pub(super) async fn give_up(&self, turn: &CommandTurn) -> Result<TurnOutcome, CommandError> {
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

/// An observation in the place of an answer.
pub(super) fn seen(subject: Subject, fetched: Fetched) -> Written {
    Written { subject, fetched, client_secret: None, replayed: false }
}
