//! Acceptance of a command: it is written, unless its key or its reference is taken or the money does not allow
//! it. The rules that need the tables are in `quittance.accept_command`.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::timeout;
use uuid::Uuid;

use super::stored::{StoredCommand, millis};
use super::turn::CommandTurn;
use crate::audit::Actor;
use crate::connect::Store;
use crate::error::StoreError;
use quittance_domain::command::CommandState;
use quittance_domain::command::command_params::CommandParams;
use quittance_domain::command::refundable::Refundable;
use quittance_domain::money::{Currency, Minor};

/// A command that is to be written.
#[derive(Debug, Clone)]
pub struct NewCommand<'a> {
    /// Its id.
    pub id: Uuid,
    /// Who asks: the name of the token.
    pub caller: &'a str,
    /// The client's key.
    pub key: &'a str,
    /// What tells this request from another one under the same key.
    pub fingerprint: &'a str,
    /// Whether it is for live mode.
    pub livemode: bool,
    /// The payment that it changes or refunds.
    pub target: Option<&'a str>,
    /// What is asked.
    pub params: &'a CommandParams,
    /// What it moves; none where it moves nothing, and for a refund of all that is left.
    pub amount: Option<Minor>,
    /// The currency of the amount.
    pub currency: Option<Currency>,
    /// Stripe's idempotency key.
    pub stripe_key: &'a str,
    /// The caller's highest amount for a day in that currency, if there is one.
    pub daily: Option<Minor>,
    /// How long the process that writes it has to take it, before another may.
    pub grace: Duration,
    /// The person who gives it by hand, and why: written to the audit log with the command.
    pub actor: Option<Actor<'a>>,
    /// The lease of a turn that the process takes at once; `None`: it takes none.
    pub lease: Option<Duration>,
}

impl NewCommand<'_> {
    /// The command as it was written at this time, with a turn at it.
    fn taken(
        &self,
        parameters: Value,
        amount: Option<Minor>,
        at: OffsetDateTime,
    ) -> Result<StoredCommand, StoreError> {
        let kind = self.params.kind();
        let params = CommandParams::read(kind, parameters)
            .map_err(|_| StoreError::Unreadable { what: "commands.parameters" })?;
        Ok(StoredCommand {
            id: self.id,
            caller: self.caller.to_owned(),
            key: self.key.to_owned(),
            fingerprint: self.fingerprint.to_owned(),
            kind,
            livemode: self.livemode,
            target: self.target.map(str::to_owned),
            params,
            amount,
            currency: self.currency.map(|currency| currency.as_str().to_owned()),
            reference: self.params.reference().map(str::to_owned),
            state: CommandState::Sent,
            stripe_key: self.stripe_key.to_owned(),
            sent_at: Some(at),
            last_sent_at: Some(at),
            lookup: false,
            attempts: 1,
            object_id: None,
            request_id: None,
            failure: None,
            failure_detail: None,
            answer: None,
            created_at: at,
            updated_at: at,
            closed_at: None,
            age: Duration::ZERO,
            sent_ago: Some(Duration::ZERO),
            last_sent_ago: Some(Duration::ZERO),
        })
    }
}

/// Result of the attempt to write a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Acceptance {
    /// It was written.
    New(Uuid),
    /// It was written, and the caller has a turn at it.
    Taken(Box<CommandTurn>),
    /// This one has the caller's key.
    Existing(Uuid),
    /// This one has the reference; none: it has given it back a moment ago.
    Reference(Option<Uuid>),
    /// This one changes the same subscription, and what became of it is not known yet.
    Target(Uuid),
    /// The refund is more than what is left.
    Exceeds(Refundable),
    /// The caller has used so much of its highest amount for a day that this does not fit.
    Daily {
        /// What it has used.
        spent: Minor,
    },
}

impl Store {
    /// Writes a command, unless its key or its reference is taken or the money does not allow it.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn accept_command(&self, new: &NewCommand<'_>) -> Result<Acceptance, StoreError> {
        // The parameters of a command always become JSON.
        let parameters = serde_json::to_value(new.params).unwrap_or_default();
        let runner = new.lease.map(|_| Uuid::new_v4());
        let command = json!({
            "id": new.id,
            "caller": new.caller,
            "key": new.key,
            "fingerprint": new.fingerprint,
            "kind": new.params.kind().as_str(),
            "livemode": new.livemode,
            "target": new.target,
            "parameters": parameters,
            "amount": new.amount,
            "currency": new.currency.map(|currency| currency.as_str().to_owned()),
            "reference": new.params.reference(),
            "stripe_key": new.stripe_key,
            "grace_ms": millis(new.lease.unwrap_or(new.grace)),
            "runner": runner,
            "actor": new.actor.map(|actor| actor.name),
            "reason": new.actor.and_then(|actor| actor.reason),
        });
        let mut connection = self.connection().await?;
        let query = sqlx::query!(
            r#"
            SELECT outcome AS "outcome!", command, received, refunded, under_way, spent, parameters,
                   amount, at
            FROM quittance.accept_command($1, $2)
            "#,
            command,
            new.daily,
        );
        let answer = timeout(self.patience, query.fetch_one(connection.get()?)).await;
        let row = self.answered(connection, answer)?;
        let unreadable = StoreError::Unreadable { what: "accept_command" };
        match (row.outcome.as_str(), row.command) {
            ("new", Some(id)) => match (runner, row.parameters, row.at) {
                (Some(runner), Some(parameters), Some(at)) => {
                    let command = new.taken(parameters, row.amount, at)?;
                    Ok(Acceptance::Taken(Box::new(CommandTurn::first(command, runner))))
                }
                _ => Ok(Acceptance::New(id)),
            },
            ("existing", Some(id)) => Ok(Acceptance::Existing(id)),
            ("reference", found) => Ok(Acceptance::Reference(found)),
            ("target", Some(id)) => Ok(Acceptance::Target(id)),
            ("exceeds", _) => Ok(Acceptance::Exceeds(Refundable {
                received: row.received.unwrap_or(0),
                refunded: row.refunded.unwrap_or(0),
                under_way: row.under_way.unwrap_or(0),
            })),
            ("daily", _) => Ok(Acceptance::Daily { spent: row.spent.unwrap_or(0) }),
            _ => Err(unreadable),
        }
    }
}
