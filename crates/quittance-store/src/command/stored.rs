//! Commands: written before Stripe is called, taken by one process at a time, and closed in the transaction
//! that writes what Stripe answered.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::timeout;
use uuid::Uuid;

use super::actor::Actor;
use super::connect::Store;
use super::error::StoreError;
use quittance_domain::command::command_params::CommandParams;
use quittance_domain::command::refundable::Refundable;
use quittance_domain::command::{CommandKind, CommandState};
use quittance_domain::money::{Currency, Minor};
use quittance_domain::status_word::Vocabulary as _;

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

/// Which commands to list; all that is set must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommandFilter<'a> {
    /// Only those in this state.
    pub state: Option<CommandState>,
    /// Only those of this caller.
    pub caller: Option<&'a str>,
    /// Only those that change or refund this payment.
    pub target: Option<&'a str>,
    /// Only those that were written before this one: the next page.
    pub before: Option<Uuid>,
}

/// What became of a command that was to be written.
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

/// A command as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCommand {
    /// Its id.
    pub id: Uuid,
    /// Who asked.
    pub caller: String,
    /// The client's key.
    pub key: String,
    /// What tells it from another request under the same key.
    pub fingerprint: String,
    /// What it does.
    pub kind: CommandKind,
    /// Whether it is for live mode.
    pub livemode: bool,
    /// The payment that it changes or refunds.
    pub target: Option<String>,
    /// What is asked.
    pub params: CommandParams,
    /// What it moves.
    pub amount: Option<Minor>,
    /// The currency of the amount.
    pub currency: Option<String>,
    /// The client's own name for what is made.
    pub reference: Option<String>,
    /// How far it is.
    pub state: CommandState,
    /// Stripe's idempotency key.
    pub stripe_key: String,
    /// Since when Stripe may have received it; none while it is certain that it has not.
    pub sent_at: Option<OffsetDateTime>,
    /// When it was sent last.
    pub last_sent_at: Option<OffsetDateTime>,
    /// Whether it has to be looked up, because its key brings no other answer.
    pub lookup: bool,
    /// How often it was sent or looked up.
    pub attempts: i32,
    /// What was made or changed.
    pub object_id: Option<String>,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
    /// Why it is not done, by a stable code.
    pub failure: Option<String>,
    /// The same in words.
    pub failure_detail: Option<String>,
    /// The answer that each repetition gets.
    pub answer: Option<StoredAnswer>,
    /// When it was written.
    pub created_at: OffsetDateTime,
    /// When something last became of it.
    pub updated_at: OffsetDateTime,
    /// When it came to its end.
    pub closed_at: Option<OffsetDateTime>,
    /// The age of the command, by the clock of Postgres.
    pub age: Duration,
    /// How long ago it may first have reached Stripe; none while it certainly has not.
    pub sent_ago: Option<Duration>,
    /// How long ago it was sent last.
    pub last_sent_ago: Option<Duration>,
}

/// The answer to a command, less what is secret in it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// A turn at a command: no other process sends it before the lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandTurn {
    /// The command, in the state `sent`.
    pub command: StoredCommand,
    /// Since when Stripe may have received it, before this turn.
    pub sent_before: Option<OffsetDateTime>,
    runner: Uuid,
    taken: Instant,
}

/// How a turn at a command ends.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnEnd {
    /// Stripe did it.
    Done {
        /// What was made or changed.
        object_id: String,
        /// The answer for this and each repeated request.
        answer: StoredAnswer,
    },
    /// Stripe refused it, or it was given up before it was sent.
    Refused {
        /// Why, by a stable code.
        failure: String,
        /// The payment that exists all the same, after a declined confirmation.
        object_id: Option<String>,
        /// The answer for this and each repeated request.
        answer: StoredAnswer,
    },
    /// It certainly had no effect: it may be sent after this long.
    NotSent {
        /// Why, by a stable code.
        failure: String,
        /// In words.
        detail: String,
        /// When a process may take it up.
        again_after: Duration,
    },
    /// What became of it is not known.
    Unknown {
        /// Why, by a stable code.
        failure: String,
        /// In words.
        detail: String,
        /// Whether the same key would bring no other answer.
        lookup: bool,
        /// When a process may take it up.
        again_after: Duration,
    },
    /// An operator decides.
    Dead {
        /// Why, by a stable code.
        failure: String,
        /// In words: what is known.
        detail: String,
    },
}

/// How a turn at a command ends, ready to be written: alone, or with what the answer shows of an object, as a
/// part of its [`Settlement`](super::Settlement).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandClosing(Value);

impl CommandClosing {
    /// As a part of a settlement.
    pub(super) fn of(self, settlement: i32) -> Value {
        let mut end = self.0;
        end["settlement"] = json!(settlement);
        end
    }
}

impl CommandTurn {
    /// How long ago the command was written.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.command.age.saturating_add(self.taken.elapsed())
    }

    /// The end of this turn. `request_id` is Stripe's.
    #[must_use]
    pub fn end(&self, end: &TurnEnd, request_id: Option<&str>) -> CommandClosing {
        let mut end = of_end(self, end);
        end["id"] = json!(self.command.id);
        end["runner"] = json!(self.runner);
        end["request_id"] = json!(request_id);
        CommandClosing(end)
    }
}

/// A row of `quittance.commands`.
struct Record {
    id: Uuid,
    caller: String,
    idempotency_key: String,
    fingerprint: String,
    kind: String,
    livemode: bool,
    target: Option<String>,
    parameters: Value,
    amount: Option<i64>,
    currency: Option<String>,
    reference: Option<String>,
    state: String,
    stripe_key: String,
    sent_at: Option<OffsetDateTime>,
    last_sent_at: Option<OffsetDateTime>,
    lookup: bool,
    attempts: i32,
    object_id: Option<String>,
    request_id: Option<String>,
    failure: Option<String>,
    failure_detail: Option<String>,
    answer_status: Option<i32>,
    answer: Option<Value>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    closed_at: Option<OffsetDateTime>,
    read_at: OffsetDateTime,
    /// Of a turn: see [`CommandTurn::sent_before`].
    sent_before: Option<OffsetDateTime>,
}

impl TryFrom<Record> for StoredCommand {
    type Error = StoreError;

    fn try_from(row: Record) -> Result<Self, StoreError> {
        let unreadable = |what| StoreError::Unreadable { what };
        let kind = CommandKind::parse(&row.kind).ok_or(unreadable("commands.kind"))?;
        let params = CommandParams::read(kind, row.parameters)
            .map_err(|_| unreadable("commands.parameters"))?;
        let state = CommandState::from_word(&row.state).ok_or(unreadable("commands.state"))?;
        let status = row.answer_status.and_then(|status| u16::try_from(status).ok());
        let since = |at: OffsetDateTime| Duration::try_from(row.read_at - at).unwrap_or_default();
        Ok(Self {
            id: row.id,
            caller: row.caller,
            key: row.idempotency_key,
            fingerprint: row.fingerprint,
            kind,
            livemode: row.livemode,
            target: row.target,
            params,
            amount: row.amount,
            currency: row.currency,
            reference: row.reference,
            state,
            stripe_key: row.stripe_key,
            sent_at: row.sent_at,
            last_sent_at: row.last_sent_at,
            lookup: row.lookup,
            attempts: row.attempts,
            object_id: row.object_id,
            request_id: row.request_id,
            failure: row.failure,
            failure_detail: row.failure_detail,
            answer: status.zip(row.answer).map(|(status, body)| StoredAnswer { status, body }),
            created_at: row.created_at,
            updated_at: row.updated_at,
            closed_at: row.closed_at,
            age: since(row.created_at),
            sent_ago: row.sent_at.map(since),
            last_sent_ago: row.last_sent_at.map(since),
        })
    }
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
                    Ok(Acceptance::Taken(Box::new(CommandTurn {
                        command,
                        sent_before: None,
                        runner,
                        taken: Instant::now(),
                    })))
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

    /// Takes a turn at a command. None: another process is at it, or it is closed or dead.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn take_command(
        &self,
        id: Uuid,
        lease: Duration,
    ) -> Result<Option<CommandTurn>, StoreError> {
        let taken = self.take(Some(id), lease, 1).await?;
        Ok(taken.into_iter().next())
    }

    /// Takes turns at commands that are due: those whose process died, and those that wait for another
    /// look. Oldest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn take_due_commands(
        &self,
        lease: Duration,
        most: u32,
    ) -> Result<Vec<CommandTurn>, StoreError> {
        self.take(None, lease, most).await
    }

    async fn take(
        &self,
        id: Option<Uuid>,
        lease: Duration,
        most: u32,
    ) -> Result<Vec<CommandTurn>, StoreError> {
        let runner = Uuid::new_v4();
        let rows = sqlx::query_as!(
            Record,
            r#"
            WITH free AS (
                SELECT c.id, c.sent_at
                FROM quittance.commands AS c
                WHERE c.state IN ('accepted', 'sent', 'unknown')
                  AND ($1::uuid IS NULL OR c.id = $1)
                  -- A client that repeats its request need not wait for a delay to end; a lease it must
                  -- respect.
                  AND (c.due_at <= clock_timestamp() OR ($1 IS NOT NULL AND c.state = 'accepted'))
                ORDER BY c.due_at
                LIMIT $3
                FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE quittance.commands AS c
            SET state        = 'sent',
                runner       = $2,
                attempts     = c.attempts + 1,
                sent_at      = coalesce(c.sent_at, clock_timestamp()),
                last_sent_at = CASE WHEN c.lookup THEN c.last_sent_at ELSE clock_timestamp() END,
                due_at       = clock_timestamp() + make_interval(secs => $4),
                updated_at   = clock_timestamp()
            FROM free AS f
            WHERE c.id = f.id
            RETURNING c.id, c.caller, c.idempotency_key, c.fingerprint, c.kind, c.livemode, c.target,
                      c.parameters, c.amount, c.currency, c.reference, c.state, c.stripe_key, c.sent_at,
                      c.last_sent_at, c.lookup, c.attempts, c.object_id, c.request_id, c.failure,
                      c.failure_detail, c.answer_status, c.answer, c.created_at, c.updated_at,
                      c.closed_at, clock_timestamp() AS "read_at!", f.sent_at AS sent_before
            "#,
            id,
            runner,
            i64::from(most),
            lease.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        let taken = Instant::now();
        let turn = |row: Record| {
            let sent_before = row.sent_before;
            Ok(CommandTurn { command: row.try_into()?, sent_before, runner, taken })
        };
        rows.into_iter().map(turn).collect()
    }

    /// Ends a turn whose answer shows nothing of an object. One that another process has taken over meanwhile
    /// is left to it.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; nothing is written then.
    pub async fn end_turn(&self, closing: CommandClosing) -> Result<(), StoreError> {
        sqlx::query_scalar!(
            r#"SELECT quittance.end_turns($1, '{}') AS "ended!""#,
            json!([closing.of(0)]),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(())
    }

    /// A command by its id.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn command(&self, id: Uuid) -> Result<Option<StoredCommand>, StoreError> {
        self.one_command(Some(id), None).await
    }

    /// A command by its caller and the key that they chose.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn command_by_key(
        &self,
        caller: &str,
        key: &str,
    ) -> Result<Option<StoredCommand>, StoreError> {
        self.one_command(None, Some((caller, key))).await
    }

    /// Reads a command by its id, or by its caller and key: one round trip, because each request of the API needs it
    /// up to twice.
    async fn one_command(
        &self,
        id: Option<Uuid>,
        of: Option<(&str, &str)>,
    ) -> Result<Option<StoredCommand>, StoreError> {
        let row = sqlx::query_as!(
            Record,
            r#"
            SELECT id, caller, idempotency_key, fingerprint, kind, livemode, target, parameters, amount,
                   currency, reference, state, stripe_key, sent_at, last_sent_at, lookup, attempts,
                   object_id, request_id, failure, failure_detail, answer_status, answer, created_at,
                   updated_at, closed_at, clock_timestamp() AS "read_at!",
                   NULL::timestamptz AS sent_before
            FROM quittance.commands
            WHERE id = coalesce($1, (
                SELECT k.id FROM quittance.commands AS k
                WHERE k.caller = $2 AND k.idempotency_key = $3))
            "#,
            id,
            of.map(|(caller, _)| caller),
            of.map(|(_, key)| key),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// Commands, newest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn list_commands(
        &self,
        filter: &CommandFilter<'_>,
        most: u32,
    ) -> Result<Vec<StoredCommand>, StoreError> {
        self.commands(filter, most).await
    }

    async fn commands(
        &self,
        filter: &CommandFilter<'_>,
        most: u32,
    ) -> Result<Vec<StoredCommand>, StoreError> {
        let query = sqlx::query_as!(
            Record,
            r#"
            SELECT id, caller, idempotency_key, fingerprint, kind, livemode, target, parameters, amount,
                   currency, reference, state, stripe_key, sent_at, last_sent_at, lookup, attempts,
                   object_id, request_id, failure, failure_detail, answer_status, answer, created_at,
                   updated_at, closed_at, clock_timestamp() AS "read_at!",
                   NULL::timestamptz AS sent_before
            FROM quittance.commands
            WHERE ($1::text IS NULL OR state = $1)
              AND ($2::text IS NULL OR caller = $2)
              AND ($3::text IS NULL OR target = $3)
              AND ($4::uuid IS NULL OR (created_at, id) < (
                  SELECT b.created_at, b.id FROM quittance.commands AS b WHERE b.id = $4))
            ORDER BY created_at DESC, id DESC
            LIMIT $5
            "#,
            filter.state.map(CommandState::word),
            filter.caller,
            filter.target,
            filter.before,
            i64::from(most),
        );
        let rows = self.planned_anew(query).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// What is known of a payment's money, with the refunds that are under way; none where there is no such
    /// payment.
    ///
    /// # Errors
    /// Postgres.
    pub async fn money_of(&self, payment: &str) -> Result<Option<Refundable>, StoreError> {
        let row = sqlx::query!(
            "SELECT received, refunded, under_way FROM quittance.money_of($1)",
            payment,
        )
        .fetch_optional(&self.pool)
        .await?;
        let row = row.and_then(|row| Some((row.received?, row.refunded?, row.under_way?)));
        Ok(row.map(|(received, refunded, under_way)| Refundable { received, refunded, under_way }))
    }

    /// Gives the reference of a command back, whose payment was cancelled.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn release_reference(&self, id: Uuid) -> Result<(), StoreError> {
        sqlx::query!("UPDATE quittance.commands SET holds_reference = false WHERE id = $1", id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// What an object that a command has made is called, if its row is here: by the metadata that each of
    /// them carries.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn made_by_command(
        &self,
        kind: CommandKind,
        id: Uuid,
    ) -> Result<Option<String>, StoreError> {
        let by = json!({ "quittance_command": id });
        let found = sqlx::query_scalar!(
            r#"
            SELECT made.id AS "id!"
            FROM (
                SELECT stripe_payment_intent_id AS id FROM app.payments
                WHERE $1 = 'create_payment' AND metadata @> $2
                UNION ALL
                SELECT stripe_refund_id FROM app.refunds
                WHERE $1 = 'create_refund' AND metadata @> $2
                UNION ALL
                SELECT stripe_customer_id FROM app.customers
                WHERE $1 = 'create_customer' AND metadata @> $2
                UNION ALL
                SELECT stripe_checkout_session_id FROM app.checkout_sessions
                WHERE $1 = 'create_checkout' AND metadata @> $2
                UNION ALL
                SELECT stripe_setup_intent_id FROM app.setup_intents
                WHERE $1 = 'create_setup' AND metadata @> $2
                UNION ALL
                SELECT stripe_subscription_id FROM app.subscriptions
                WHERE $1 = 'create_subscription' AND metadata @> $2
            ) AS made
            LIMIT 1
            "#,
            kind.as_str(),
            by,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found)
    }

    /// The command of a caller that has a reference now.
    ///
    /// # Errors
    /// Postgres.
    pub async fn command_of_reference(
        &self,
        caller: &str,
        kind: CommandKind,
        livemode: bool,
        reference: &str,
    ) -> Result<Option<Uuid>, StoreError> {
        let found = sqlx::query_scalar!(
            r#"
            SELECT id FROM quittance.commands
            WHERE caller = $1 AND kind = $2 AND livemode = $3 AND reference = $4 AND holds_reference
            "#,
            caller,
            kind.as_str(),
            livemode,
            reference,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found)
    }

    /// Has a command sent anew, with another key: it was proved that it had no effect. False: another
    /// process has taken it over.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn renew_command(
        &self,
        turn: &CommandTurn,
        stripe_key: &str,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            r#"
            UPDATE quittance.commands
            SET state = 'accepted', failure = 'absent', stripe_key = $3, sent_at = NULL, lookup = false, runner = NULL,
                due_at = clock_timestamp(), updated_at = clock_timestamp()
            WHERE id = $1 AND runner = $2 AND state = 'sent'
            "#,
            turn.command.id,
            turn.runner,
            stripe_key,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Has a dead command investigated once more. False: it is not dead.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn revive_command(
        &self,
        id: Uuid,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query_scalar!(
            r#"
            WITH revived AS (
                UPDATE quittance.commands
                SET state = 'unknown', due_at = clock_timestamp(), attempts = 0,
                    updated_at = clock_timestamp()
                WHERE id = $1 AND state = 'dead'
                RETURNING id
            ),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count)
                SELECT $2, 'command.retry', 'command:' || r.id, $3, 1 FROM revived AS r
            )
            SELECT count(*) AS "count!" FROM revived
            "#,
            id,
            actor,
            reason,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(done > 0)
    }

    /// Closes a dead command as refused, by an operator's word that it had no effect: its reference is free
    /// again, and what it reserved, too. False: it is not dead.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn abandon_command(
        &self,
        id: Uuid,
        actor: &str,
        reason: &str,
        answer: &StoredAnswer,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query_scalar!(
            r#"
            WITH abandoned AS (
                UPDATE quittance.commands
                SET state = 'refused', failure = 'abandoned', holds_reference = false,
                    answer_status = $4, answer = $5, closed_at = clock_timestamp(),
                    updated_at = clock_timestamp()
                WHERE id = $1 AND state = 'dead'
                RETURNING id
            ),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count)
                SELECT $2, 'command.abandon', 'command:' || a.id, $3, 1 FROM abandoned AS a
            )
            SELECT count(*) AS "count!" FROM abandoned
            "#,
            id,
            actor,
            reason,
            i32::from(answer.status),
            answer.body,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(done > 0)
    }

    /// Removes up to `most` closed commands that are older than `age`, but for those that have a reference:
    /// without them a purchase could be paid twice.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn prune_commands(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            r#"
            DELETE FROM quittance.commands AS c
            USING (SELECT id FROM quittance.commands
                   WHERE state IN ('done', 'refused') AND NOT holds_reference
                     AND created_at < clock_timestamp() - make_interval(secs => $1)
                   ORDER BY created_at
                   LIMIT $2
                   FOR UPDATE SKIP LOCKED) AS old
            WHERE c.id = old.id
            "#,
            age.as_secs_f64(),
            i64::from(most),
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

fn of_end(turn: &CommandTurn, end: &TurnEnd) -> Value {
    let answered = |state: CommandState,
                    failure: Option<&str>,
                    object_id: Option<&str>,
                    answer: &StoredAnswer| {
        json!({
            "state": state.word(),
            "object_id": object_id,
            "failure": failure,
            "failure_detail": null,
            "answer_status": answer.status,
            "answer": answer.body,
            // What exists has the reference; what was never made gives it back.
            "holds_reference": object_id.is_some(),
            "lookup": false,
            "forget_sent": false,
            "due_in_ms": 0,
        })
    };
    let open = |state: CommandState, failure: &str, detail: &str| {
        json!({
            "state": state.word(),
            "failure": failure,
            "failure_detail": detail,
            "holds_reference": true,
            "lookup": turn.command.lookup,
            "forget_sent": false,
            "due_in_ms": 0,
        })
    };
    match end {
        TurnEnd::Done { object_id, answer } => {
            answered(CommandState::Done, None, Some(object_id), answer)
        }
        TurnEnd::Refused { failure, object_id, answer } => {
            answered(CommandState::Refused, Some(failure), object_id.as_deref(), answer)
        }
        TurnEnd::NotSent { failure, detail, again_after } => {
            // An earlier turn may have had an effect, whatever became of this one.
            let certain = turn.sent_before.is_none();
            let state = if certain { CommandState::Accepted } else { CommandState::Unknown };
            let mut value = open(state, failure, detail);
            value["forget_sent"] = json!(certain);
            value["due_in_ms"] = json!(millis(*again_after));
            value
        }
        TurnEnd::Unknown { failure, detail, lookup, again_after } => {
            let mut value = open(CommandState::Unknown, failure, detail);
            value["lookup"] = json!(*lookup || turn.command.lookup);
            value["due_in_ms"] = json!(millis(*again_after));
            value
        }
        TurnEnd::Dead { failure, detail } => open(CommandState::Dead, failure, detail),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
