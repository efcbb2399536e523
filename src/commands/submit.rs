//! A request of a client: checked, written, carried out, and answered.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::answer::{self, CommandReply};
use super::error::{CommandError, RETRY_AFTER};
use super::problem::Problem;
use super::rules::{Asking, Checked};
use super::service::{Caller, Commands, Inner, limit};
use super::turn::{MISCONFIGURED, TurnOutcome};
use super::view::CommandView;
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::reference::{self, ReferenceUse, ReferredPayment};
use crate::domain::command::{CommandState, amount, checkout, idempotency_key, subscription};
use crate::domain::id::ObjectId;
use crate::domain::money::Currency;
use crate::domain::object::{Observed, Subject};
use crate::domain::status_word::Vocabulary as _;
use crate::store::command::{Acceptance, CommandTurn, NewCommand, StoredCommand};
use crate::store::dead_letter::Actor;
use crate::stripe_api::{ClientSecret, Fetched, FetchedState};

/// Time for the process that writes a command to take it, before the finisher may.
const GRACE: Duration = Duration::from_secs(5);

/// Number of tries for a reference that is given back meanwhile.
const TRIES: usize = 5;

/// A request after its acceptance.
enum Accepted {
    /// It is a new command, which this process does not carry out.
    New(Uuid),
    /// It is a new command, at which this process has a turn.
    Taken(Box<CommandTurn>),
    /// It is this command, given before, to be carried out if it has not been.
    Repeated(Box<StoredCommand>),
    /// It is answered by what has its reference.
    Reply(CommandReply),
}

impl Commands {
    /// Writes a command, carries it out, and answers. A repeated request, by the caller's key, gets the answer
    /// of the first.
    ///
    /// # Errors
    /// A rule was broken, the key or the reference does not allow it, or what a rule needs to know cannot be
    /// found out now. Then nothing was asked of Stripe.
    pub async fn submit(
        &self,
        caller: &Caller,
        key: &str,
        target: Option<&str>,
        params: CommandParams,
    ) -> Result<CommandReply, CommandError> {
        let kind = params.kind();
        let (commands, caller, key) = (self.clone(), caller.clone(), key.to_owned());
        let target = target.map(str::to_owned);
        // On a task of its own: a client that goes away does not stop it between its write and its turn.
        let task = tokio::spawn(async move {
            commands.submit_here(&caller, &key, target.as_deref(), &params).await
        });
        let answered = match task.await {
            Ok(reply) => reply,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down.
                Err(_) => Err(CommandError::Busy),
            },
        };
        if let Err(error) = &answered {
            self.inner.metrics.not_accepted(kind, &Problem::from(error).code);
        }
        answered
    }

    async fn submit_here(
        &self,
        caller: &Caller,
        key: &str,
        target: Option<&str>,
        params: &CommandParams,
    ) -> Result<CommandReply, CommandError> {
        let inner = &self.inner;
        let place = inner.places.clone().try_acquire_owned().ok();
        let lease = place.as_ref().map(|_| inner.settings.lease);
        match inner.accept(caller, key, target, params, lease).await? {
            Accepted::Reply(reply) => Ok(reply),
            Accepted::New(_) => Err(CommandError::Busy),
            Accepted::Taken(turn) => {
                let command = turn.command.clone();
                self.carry_out(command, Some(*turn), place).await
            }
            Accepted::Repeated(command) if command.state == CommandState::Accepted => {
                self.carry_out(*command, None, place).await
            }
            Accepted::Repeated(command) => {
                drop(place);
                inner.reply(&command, None, true).await
            }
        }
    }

    /// Checks and writes a command without carrying it out: what a process has done that dies after it.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn accept(
        &self,
        caller: &Caller,
        key: &str,
        target: Option<&str>,
        params: &CommandParams,
    ) -> Result<Option<Uuid>, CommandError> {
        match self.inner.accept(caller, key, target, params, None).await? {
            Accepted::New(id) => Ok(Some(id)),
            Accepted::Taken(turn) => Ok(Some(turn.command.id)),
            Accepted::Repeated(command) => Ok(Some(command.id)),
            Accepted::Reply(_) => Ok(None),
        }
    }

    /// Checks a command as [`Self::submit`] does, and writes nothing.
    ///
    /// # Errors
    /// The rule that would refuse it.
    pub async fn dry_run(
        &self,
        caller: &Caller,
        key: &str,
        target: Option<&str>,
        params: &CommandParams,
    ) -> Result<(), CommandError> {
        idempotency_key::check(key)?;
        self.inner.check(caller, target, params, Asking::WritesNothing).await?;
        Ok(())
    }

    /// Carries a command out on a task of its own, which goes on after the deadline. `turn`: that of a new command;
    /// none for a repeated one.
    async fn carry_out(
        &self,
        known: StoredCommand,
        turn: Option<CommandTurn>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<CommandReply, CommandError> {
        let inner = &self.inner;
        let id = known.id;
        let Some(place) = place else { return Err(CommandError::Busy) };
        let repeated = turn.is_none();
        let running = self.clone();
        let task = tokio::spawn(async move {
            let done = running.inner.run(id, turn).await;
            drop(place);
            done
        });
        // From here on the command may have an effect: whatever goes wrong is not known, and not failed.
        let secret = match timeout(inner.settings.deadline, task).await {
            Ok(Ok(Ok(secret))) => secret,
            Ok(Ok(Err(error))) => {
                tracing::warn!(command = %id, %error, "a turn at a command failed");
                None
            }
            Ok(Err(error)) => {
                tracing::error!(command = %id, %error, "a turn at a command ended by itself");
                None
            }
            Err(_) => None,
        };
        match inner.store.command(id).await {
            Ok(Some(command)) => inner.reply(&command, secret, repeated).await,
            Ok(None) => Err(CommandError::NotFound { what: "command", id: id.to_string() }),
            Err(error) => {
                tracing::warn!(command = %id, %error, "what became of a command cannot be read");
                // As it was when it was accepted: what has become of it is what cannot be read.
                let view = CommandView {
                    state: CommandState::Unknown.word(),
                    ..CommandView::from(&known)
                };
                Ok(pending(id, json!(view)))
            }
        }
    }
}

fn pending(id: Uuid, body: Value) -> CommandReply {
    CommandReply { status: 202, body, command: id, replayed: false, retry_after: Some(RETRY_AFTER) }
}

impl Inner {
    async fn accept(
        &self,
        caller: &Caller,
        key: &str,
        target: Option<&str>,
        params: &CommandParams,
        lease: Option<Duration>,
    ) -> Result<Accepted, CommandError> {
        idempotency_key::check(key)?;
        let fingerprint = fingerprint(target, params);
        // A repeated request is answered whatever the rules say by now.
        if let Some(command) = self.store.command_by_key(&caller.name, key).await? {
            return repeated(command, &fingerprint);
        }
        let Checked { target: payment, amount, currency, filled_in } =
            self.check(caller, target, params, Asking::Records).await?;
        let stored = filled_in.as_ref().unwrap_or(params);
        let daily = currency.and_then(|it| limit(&caller.max_daily, it.as_str()));
        for _ in 0..TRIES {
            let stripe_key = Uuid::new_v4().to_string();
            let new = NewCommand {
                id: Uuid::now_v7(),
                caller: &caller.name,
                key,
                fingerprint: &fingerprint,
                livemode: self.mode().is_live(),
                target: payment.as_deref(),
                params: stored,
                amount,
                currency,
                stripe_key: &stripe_key,
                daily,
                grace: GRACE,
                actor: caller
                    .person
                    .as_ref()
                    .map(|person| Actor { name: &person.name, reason: person.reason.as_deref() }),
                lease,
            };
            match self.store.accept_command(&new).await? {
                Acceptance::New(id) => return Ok(Accepted::New(id)),
                Acceptance::Taken(turn) => return Ok(Accepted::Taken(turn)),
                Acceptance::Existing(id) => {
                    if let Some(command) = self.store.command(id).await? {
                        return repeated(command, &fingerprint);
                    }
                }
                Acceptance::Reference(Some(id)) => {
                    if let Some(reply) = self.referred(id, params).await? {
                        return Ok(Accepted::Reply(reply));
                    }
                }
                // It has been given back meanwhile.
                Acceptance::Reference(None) => {}
                Acceptance::Target(command) => return Err(CommandError::InProgress { command }),
                Acceptance::Exceeds(money) => {
                    money.refund(amount)?;
                }
                Acceptance::Daily { spent } => {
                    return Err(over_daily(caller, spent, daily, currency));
                }
            }
        }
        Err(CommandError::Busy)
    }

    /// The answer to a create whose reference another command has. None: the reference is free by now.
    async fn referred(
        &self,
        id: Uuid,
        params: &CommandParams,
    ) -> Result<Option<CommandReply>, CommandError> {
        let Some(command) = self.store.command(id).await? else { return Ok(None) };
        let (subject, fetched, used) = self.judge_reference(&command, params).await?;
        match used {
            ReferenceUse::Existing => {}
            ReferenceUse::Free => {
                self.store.release_reference(id).await?;
                return Ok(None);
            }
            ReferenceUse::Breach(breach) => return Err(breach.into()),
        }
        let secret = if command.kind.has_secret() {
            self.reconciler.client_secret(&subject).await?
        } else {
            None
        };
        let mut body = answer::of_fetched(&command, &subject, &fetched).body;
        answer::with_secret(&mut body, secret.as_ref());
        let reply =
            CommandReply { status: 200, body, command: id, replayed: true, retry_after: None };
        Ok(Some(reply))
    }

    /// What has a reference, as Stripe shows it now, and what that means for a create with the same reference.
    pub(super) async fn judge_reference(
        &self,
        command: &StoredCommand,
        params: &CommandParams,
    ) -> Result<(Subject, Fetched, ReferenceUse), CommandError> {
        let Some(object) = command.object_id.as_deref().and_then(|id| ObjectId::parse(id).ok())
        else {
            return Err(CommandError::InProgress { command: command.id });
        };
        let kind = command.kind.object();
        let subject = Subject { scope: self.scope(), kind, id: object, owner: None };
        // What Stripe says now decides, and not what a row said a moment ago.
        let (_, fetched) = self.reconciler.see_made(&subject).await?;
        let observed = match &fetched.state {
            FetchedState::Present { observed, .. } => Some(observed),
            FetchedState::Deleted => None,
        };
        let used = match (observed, &command.params, params) {
            (None, ..) => ReferenceUse::Free,
            (Some(Observed::PaymentIntent(payment)), _, CommandParams::CreatePayment(new)) => {
                let existing = ReferredPayment {
                    status: Some(payment.status.clone()),
                    amount: payment.amount,
                    currency: payment.currency,
                };
                reference::judge(&existing, new.amount, new.currency()?)
            }
            (
                Some(Observed::CheckoutSession(session)),
                CommandParams::CreateCheckout(made),
                CommandParams::CreateCheckout(new),
            ) => checkout::judge(session, made, new)?,
            (Some(Observed::Subscription(existing)), _, CommandParams::CreateSubscription(new)) => {
                subscription::judge(existing, new)
            }
            (Some(_), ..) => ReferenceUse::Existing,
        };
        Ok((subject, fetched, used))
    }

    /// Makes turns at a command until it is closed or left to the finisher.
    pub(super) async fn run(
        &self,
        id: Uuid,
        first: Option<CommandTurn>,
    ) -> Result<Option<ClientSecret>, CommandError> {
        let until = Instant::now() + self.settings.deadline;
        let mut next = first;
        loop {
            let turn = match next.take() {
                Some(turn) => turn,
                None => match self.store.take_command(id, self.settings.lease).await? {
                    Some(turn) => turn,
                    None => return Ok(None),
                },
            };
            match self.turn(&turn).await? {
                TurnOutcome::Closed(secret) => return Ok(secret),
                TurnOutcome::Left => return Ok(None),
                TurnOutcome::Again(after) => {
                    if Instant::now() + after >= until {
                        return Ok(None);
                    }
                    sleep(after).await;
                }
            }
        }
    }

    /// What a command's state says to a client.
    pub(super) async fn reply(
        &self,
        command: &StoredCommand,
        secret: Option<ClientSecret>,
        repeated: bool,
    ) -> Result<CommandReply, CommandError> {
        let id = command.id;
        if let Some(stored) = &command.answer {
            if command.state == CommandState::Done
                && let CommandParams::CreatePortalSession(_) = &command.params
            {
                return self.reply_with_portal(command, secret, repeated).await;
            }
            let mut body = stored.body.clone();
            let secret = match secret {
                Some(secret) => Some(secret),
                None => self.secret_again(command).await?,
            };
            if needs_secret(command) {
                answer::with_secret(&mut body, secret.as_ref());
            }
            let status = stored.status;
            return Ok(CommandReply {
                status,
                body,
                command: id,
                replayed: repeated,
                retry_after: None,
            });
        }
        match command.state {
            CommandState::Sent if repeated => Err(CommandError::InProgress { command: id }),
            // It certainly had no effect so far.
            CommandState::Accepted => {
                let code = match command.failure.as_deref() {
                    Some(MISCONFIGURED) => MISCONFIGURED,
                    Some("stripe_rate_limited" | "stripe_lock_timeout" | "stripe_over_budget") => {
                        "rate_limited"
                    }
                    Some(_) | None => "stripe_unavailable",
                };
                let detail = "Stripe has not received the command yet. Repeat the request with the same key: \
                              it is carried out once at most.";
                let problem = Problem { command: Some(id), ..Problem::new(503, code, detail) };
                let retry_after = Some(RETRY_AFTER);
                let body = json!(problem);
                Ok(CommandReply { status: 503, body, command: id, replayed: false, retry_after })
            }
            CommandState::Sent
            | CommandState::Unknown
            | CommandState::Dead
            | CommandState::Done
            | CommandState::Refused => Ok(pending(id, json!(CommandView::from(command)))),
        }
    }

    /// Asks Stripe once more for what is never stored.
    async fn secret_again(
        &self,
        command: &StoredCommand,
    ) -> Result<Option<ClientSecret>, CommandError> {
        if !needs_secret(command) {
            return Ok(None);
        }
        let id = command.object_id.as_deref().or(command.target.as_deref());
        match id.and_then(|id| self.subject(command.kind.object(), id)) {
            Some(subject) => Ok(self.reconciler.client_secret(&subject).await?),
            None => Ok(None),
        }
    }
}

/// Whether the front end needs the secret of the object to go on.
fn needs_secret(command: &StoredCommand) -> bool {
    let goes_on = command.state == CommandState::Done
        || command.failure.as_deref() == Some("authentication_required");
    command.kind.has_secret() && goes_on
}

fn repeated(command: StoredCommand, fingerprint: &str) -> Result<Accepted, CommandError> {
    if command.fingerprint == fingerprint {
        Ok(Accepted::Repeated(Box::new(command)))
    } else {
        Err(CommandError::KeyReused { command: command.id })
    }
}

fn over_daily(
    caller: &Caller,
    spent: i64,
    daily: Option<i64>,
    currency: Option<Currency>,
) -> CommandError {
    let written = |amount: i64| {
        currency.map_or_else(|| amount.to_string(), |currency| amount::written(amount, currency))
    };
    let detail = format!(
        "amount: {} has used {} of {} for today (UTC).",
        caller.name,
        written(spent),
        written(daily.unwrap_or(0))
    );
    CommandError::OverLimit { detail }
}

/// Fingerprint of a request: a hash of its kind, its target and its parameters, in one order.
pub(super) fn fingerprint(target: Option<&str>, params: &CommandParams) -> String {
    // The parameters of a command always become JSON, their fields in the order of their declaration.
    let text = json!([params.kind().as_str(), target, params]).to_string();
    hex::encode(Sha256::digest(text))
}
