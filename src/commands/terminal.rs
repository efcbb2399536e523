//! Commands from a terminal, beside [`Commands::submit`]: a key for a request that came without one, a
//! preview of what would be sent, and a wait for the end of a command.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::answer::CommandReply;
use super::error::CommandError;
use super::rules::Asking;
use super::service::{Caller, Commands};
use super::submit::fingerprint;
use super::turn::MISCONFIGURED;
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::idempotency_key::MadeKey;
use crate::domain::command::reference::ReferenceUse;
use crate::domain::command::{CommandState, idempotency_key};
use crate::store::command::StoredCommand;
use crate::stripe_api::PlannedRequest;

/// Interval of the look at a command that is waited for.
const POLL: Duration = Duration::from_millis(250);

/// Preview of a command.
#[derive(Debug)]
pub struct CommandPreview {
    /// The request to Stripe.
    pub request: PlannedRequest,
    /// What would become of it here.
    pub outcome: PreviewOutcome,
}

/// Outcome of a previewed command, before Stripe is asked.
#[derive(Debug)]
pub enum PreviewOutcome {
    /// It would be sent.
    Sent,
    /// The caller has used this key for the same request: it would get the answer of this command.
    Repeated(Uuid),
    /// Another request has its reference: it would be answered with what this command has made.
    Referred(Uuid),
    /// A rule would refuse it.
    Refused(CommandError),
}

impl CommandReply {
    /// Whether the command is stored and not closed: it may still be carried out, or it has been and its
    /// outcome is not known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        // 503: Stripe has not received it yet. A refusal of Stripe's is never answered with one of the two.
        matches!(self.status, 202 | 503)
    }
}

impl Commands {
    /// A key that is made of the request: the same request has the same key, so what a person types twice is
    /// done once. A refused command had no effect, so the next request like it has another key.
    ///
    /// # Errors
    /// Postgres.
    pub async fn key_of_request(
        &self,
        caller: &Caller,
        target: Option<&str>,
        params: &CommandParams,
    ) -> Result<String, CommandError> {
        let fingerprint = &fingerprint(target, params);
        let kind = params.kind().as_str();
        let mut refused = 0_u32;
        loop {
            let key = MadeKey::Request { kind, fingerprint, refused }.to_string();
            match self.store().command_by_key(&caller.name, &key).await? {
                Some(command) if command.state == CommandState::Refused => refused += 1,
                Some(_) | None => return Ok(key),
            }
        }
    }

    /// What a command would do: it is checked as [`Self::submit`] does, and nothing is sent or written.
    ///
    /// # Errors
    /// What a rule needs to know cannot be found out now.
    pub async fn preview(
        &self,
        caller: &Caller,
        key: &str,
        target: Option<&str>,
        params: &CommandParams,
    ) -> Result<CommandPreview, CommandError> {
        let request = PlannedRequest::of(params, target);
        let refused = |error: CommandError| {
            let request = PlannedRequest::of(params, target);
            of_refusal(error).map(|outcome| CommandPreview { request, outcome })
        };
        if let Err(breach) = idempotency_key::check(key) {
            return refused(breach.into());
        }
        if let Some(command) = self.store().command_by_key(&caller.name, key).await? {
            if command.fingerprint != fingerprint(target, params) {
                return refused(CommandError::KeyReused { command: command.id });
            }
            return Ok(CommandPreview { request, outcome: PreviewOutcome::Repeated(command.id) });
        }
        let checked = self.inner.check(caller, target, params, Asking::WritesNothing).await;
        let checked = match checked {
            Ok(checked) => checked,
            Err(error) => return refused(error),
        };
        let mut params = checked.filled_in.unwrap_or_else(|| params.clone());
        if let CommandParams::CreateRefund(refund) = &mut params {
            refund.amount = checked.amount;
        }
        match self.referred_to(caller, &params).await {
            Ok(None) => {}
            Ok(Some(command)) => {
                return Ok(CommandPreview { request, outcome: PreviewOutcome::Referred(command) });
            }
            Err(error) => return refused(error),
        }
        let request = PlannedRequest::of(&params, checked.target.as_deref());
        Ok(CommandPreview { request, outcome: PreviewOutcome::Sent })
    }

    /// The command whose object a create with the same reference is answered with. None: the reference is free.
    async fn referred_to(
        &self,
        caller: &Caller,
        params: &CommandParams,
    ) -> Result<Option<Uuid>, CommandError> {
        let Some(reference) = params.reference() else { return Ok(None) };
        let (store, live) = (self.store(), self.inner.mode().is_live());
        let found = store.command_of_reference(&caller.name, params.kind(), live, reference);
        let Some(id) = found.await? else { return Ok(None) };
        let Some(command) = store.command(id).await? else { return Ok(None) };
        let (_, _, used) = self.inner.judge_reference(&command, params).await?;
        match used {
            ReferenceUse::Existing => Ok(Some(id)),
            ReferenceUse::Free => Ok(None),
            ReferenceUse::Breach(breach) => Err(breach.into()),
        }
    }

    /// Takes turns at one command until it is closed or dead, or until `patience` ends; then answers as
    /// [`Self::submit`] does.
    ///
    /// # Errors
    /// Postgres, or there is no such command.
    pub async fn wait_for(
        &self,
        id: Uuid,
        patience: Duration,
    ) -> Result<CommandReply, CommandError> {
        let until = Instant::now() + patience;
        loop {
            let secret = match self.inner.run(id, None).await {
                Ok(secret) => secret,
                Err(error) => {
                    // Its lease ends, and the next turn sends the same key.
                    tracing::warn!(command = %id, %error, "a turn at a command failed");
                    None
                }
            };
            let command = self.store().command(id).await?;
            let missing = || CommandError::NotFound { what: "command", id: id.to_string() };
            let command = command.ok_or_else(missing)?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !is_worth_waiting_for(&command) {
                return self.inner.reply(&command, secret, false).await;
            }
            sleep(POLL.min(left)).await;
        }
    }
}

fn is_worth_waiting_for(command: &StoredCommand) -> bool {
    match command.state {
        // An operator has to mend a setting first.
        CommandState::Accepted => command.failure.as_deref() != Some(MISCONFIGURED),
        CommandState::Sent | CommandState::Unknown => true,
        CommandState::Done | CommandState::Refused | CommandState::Dead => false,
    }
}

/// A refusal is what a preview is for; that a rule could not be checked is an error.
fn of_refusal(error: CommandError) -> Result<PreviewOutcome, CommandError> {
    match error {
        CommandError::Breach(_)
        | CommandError::NotFound { .. }
        | CommandError::KeyReused { .. }
        | CommandError::InProgress { .. }
        | CommandError::OverLimit { .. }
        | CommandError::OtherCurrency { .. } => Ok(PreviewOutcome::Refused(error)),
        CommandError::Busy | CommandError::Stripe(_) | CommandError::Store(_) => Err(error),
    }
}
