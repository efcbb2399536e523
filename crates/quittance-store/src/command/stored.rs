//! A command as its row has it, and the columns that it is read from.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::StoreError;
use quittance_domain::command::command_params::CommandParams;
use quittance_domain::command::{CommandKind, CommandState};
use quittance_domain::money::Minor;
use quittance_domain::status_word::Vocabulary as _;

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

/// A row of `quittance.commands`.
pub(super) struct StoredRow {
    pub(super) id: Uuid,
    pub(super) caller: String,
    pub(super) idempotency_key: String,
    pub(super) fingerprint: String,
    pub(super) kind: String,
    pub(super) livemode: bool,
    pub(super) target: Option<String>,
    pub(super) parameters: Value,
    pub(super) amount: Option<i64>,
    pub(super) currency: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) state: String,
    pub(super) stripe_key: String,
    pub(super) sent_at: Option<OffsetDateTime>,
    pub(super) last_sent_at: Option<OffsetDateTime>,
    pub(super) lookup: bool,
    pub(super) attempts: i32,
    pub(super) object_id: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) failure: Option<String>,
    pub(super) failure_detail: Option<String>,
    pub(super) answer_status: Option<i32>,
    pub(super) answer: Option<Value>,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    pub(super) closed_at: Option<OffsetDateTime>,
    pub(super) read_at: OffsetDateTime,
    /// Since when Stripe may have received it, before the turn that is read with it; none without a turn.
    pub(super) sent_before: Option<OffsetDateTime>,
}

impl TryFrom<StoredRow> for StoredCommand {
    type Error = StoreError;

    fn try_from(row: StoredRow) -> Result<Self, StoreError> {
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

/// A query for whole commands: the SQL before their columns, the SQL after them, which begins with the column
/// `sent_before`, and the arguments. sqlx checks it at compile time, so it takes literals; this is the one place
/// that lists the columns.
macro_rules! query_commands {
    ($before:literal, $after:literal, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            StoredRow,
            $before
                + r#"
                id, caller, idempotency_key, fingerprint, kind, livemode, target, parameters, amount, currency,
                reference, state, stripe_key, sent_at, last_sent_at, lookup, attempts, object_id, request_id,
                failure, failure_detail, answer_status, answer, created_at, updated_at, closed_at,
                clock_timestamp() AS "read_at!", "#
                + $after,
            $($argument),*
        )
    };
}
pub(super) use query_commands;

/// Milliseconds of a duration, as a parameter of a query.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
