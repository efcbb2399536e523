//! Reads of bulk operations: status, progress and results.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::id::OperationId;
use crate::connect::Store;
use crate::dead_letter::{ActWord, Acted, DeadLetterId, Filter, acted};
use crate::error::StoreError;
use quittance_domain::command::params::RefundReason;

/// The file of a bulk refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundFile {
    /// Its name, as it was given.
    pub file: String,
    /// Stripe's reason of the refunds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
}

/// What a backfill reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackfillSelection {
    /// The kinds of object, by Stripe's names.
    pub kinds: Vec<String>,
    /// `own`, `connected`, `all`, or the id of a connected account.
    pub accounts: String,
    /// Whether it reads live objects.
    pub livemode: bool,
    /// Only objects that were created at this time or later.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub since: Option<OffsetDateTime>,
    /// Only objects that were created before this time.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub until: Option<OffsetDateTime>,
    /// Whether what it finds is published, with `origin: "backfill"`.
    #[serde(default)]
    pub notify: bool,
}

/// Object types that are named one by one.
const NAMED: usize = 5;

impl fmt::Display for BackfillSelection {
    /// `55 object types · accounts all · live · since 2025-01-31`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kinds.len() > NAMED {
            write!(f, "{} object types", self.kinds.len())?;
        } else {
            f.write_str(&self.kinds.join(", "))?;
        }
        let mode = if self.livemode { "live" } else { "test" };
        write!(f, " · accounts {} · {mode}", self.accounts)?;
        if let Some(since) = self.since {
            write!(f, " · since {}", since.date())?;
        }
        if let Some(until) = self.until {
            write!(f, " · until {}", until.date())?;
        }
        if self.notify { f.write_str(" · with notifications") } else { Ok(()) }
    }
}

/// Status of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OperationState {
    /// A process works on it.
    Running,
    /// All dead letters were processed.
    Done,
    /// An operator cancelled it, and the jobs that it had enqueued were taken back.
    Cancelled,
    /// Its process was stopped, failed, or had no heartbeat for a minute. Nothing was taken back, and any process
    /// can resume it.
    Interrupted,
}

impl OperationState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Running, Self::Done, Self::Cancelled, Self::Interrupted];

    /// `running`, `done`, `cancelled`, `interrupted`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// The verb of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OperationVerb {
    /// Retry dead letters.
    Retry,
    /// Discard dead letters.
    Discard,
    /// Snooze dead letters.
    Snooze,
    /// Undo a discard or a snooze.
    Undo,
    /// Refunds payments: the lines of a file.
    Refund,
    /// Reads what Stripe lists, and records it.
    Backfill,
}

impl OperationVerb {
    /// `retry`, `discard`, `snooze`, `undo`, `refund`, `backfill`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => ActWord::Retry.as_str(),
            Self::Discard => ActWord::Discard.as_str(),
            Self::Snooze => ActWord::Snooze.as_str(),
            Self::Undo => ActWord::Undo.as_str(),
            Self::Refund => REFUND,
            Self::Backfill => BACKFILL,
        }
    }

    /// What is done to dead letters; none of refunds and backfills.
    #[must_use]
    pub fn act(self) -> Option<ActWord> {
        match self {
            Self::Retry => Some(ActWord::Retry),
            Self::Discard => Some(ActWord::Discard),
            Self::Snooze => Some(ActWord::Snooze),
            Self::Undo => Some(ActWord::Undo),
            Self::Refund | Self::Backfill => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            REFUND => Some(Self::Refund),
            BACKFILL => Some(Self::Backfill),
            text => ActWord::parse(text).map(Self::from),
        }
    }
}

impl From<ActWord> for OperationVerb {
    fn from(act: ActWord) -> Self {
        match act {
            ActWord::Retry => Self::Retry,
            ActWord::Discard => Self::Discard,
            ActWord::Snooze => Self::Snooze,
            ActWord::Undo => Self::Undo,
        }
    }
}

const REFUND: &str = "refund";
const BACKFILL: &str = "backfill";

/// The objects of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Selection {
    /// The dead letters that a filter names.
    Letters(Box<Filter>),
    /// The lines of a file of refunds.
    Refunds(RefundFile),
    /// What a backfill reads.
    Backfill(BackfillSelection),
}

/// A bulk operation: on dead letters, refunds by a file, or a backfill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Operation {
    /// Its number.
    pub id: OperationId,
    /// What is done.
    pub verb: OperationVerb,
    /// The filter of the dead letters, the file, or what is read.
    pub selection: Selection,
    /// The last letter; later ones are not included. Of refunds: how many lines the file has.
    pub upto: i64,
    /// Period over which retries or refunds are spread, in milliseconds.
    pub over_ms: Option<i64>,
    /// End of a snooze.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// The operator.
    pub actor: String,
    /// The operator's reason.
    pub reason: Option<String>,
    /// Its status.
    pub state: OperationState,
    /// Number of dead letters that matched when it started, or of lines in the file; of a backfill, the objects read
    /// so far.
    pub total: i64,
    /// Number of dead letters, lines or objects that succeeded.
    pub done: i64,
    /// Number of dead letters, lines, objects or lists that failed, or where there was nothing to do: see their
    /// results. When it has ended, the
    /// difference to `total` was cancelled, or no longer matched.
    pub failed: i64,
    /// Whether a cancel was requested.
    pub cancel_requested: bool,
    /// Why it was interrupted.
    pub error: Option<String>,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its last heartbeat was.
    #[serde(with = "time::serde::rfc3339")]
    pub heartbeat_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
    /// Current states of the dead letters that a retry enqueued; set when one operation is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<Aftermath>,
    /// The last letter that was processed: where a resume continues.
    #[serde(skip)]
    pub(super) reached: i64,
}

/// Current states of the dead letters that a retry enqueued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Aftermath {
    /// In the queue, or being processed: a cancel takes them back.
    pub retrying: i64,
    /// Resolved.
    pub resolved: i64,
    /// Dead-lettered again.
    pub open: i64,
    /// Discarded or removed since.
    pub gone: i64,
}

/// The operation as its columns are.
pub(super) struct Record {
    pub(super) id: i64,
    pub(super) verb: String,
    pub(super) selection: Value,
    pub(super) upto: i64,
    pub(super) over_ms: Option<i64>,
    pub(super) until: Option<OffsetDateTime>,
    pub(super) actor: String,
    pub(super) reason: Option<String>,
    pub(super) state: String,
    pub(super) total: i64,
    pub(super) done: i64,
    pub(super) failed: i64,
    pub(super) reached: i64,
    pub(super) cancel_requested: bool,
    pub(super) error: Option<String>,
    pub(super) created_at: OffsetDateTime,
    pub(super) heartbeat_at: OffsetDateTime,
    pub(super) ended_at: Option<OffsetDateTime>,
}

impl TryFrom<Record> for Operation {
    type Error = StoreError;

    fn try_from(r: Record) -> Result<Self, StoreError> {
        let unreadable = |what| StoreError::Unreadable { what };
        let verb = OperationVerb::parse(&r.verb);
        let verb = verb.ok_or(unreadable("quittance.operations.verb"))?;
        let selection = match verb {
            OperationVerb::Refund => serde_json::from_value(r.selection).map(Selection::Refunds),
            OperationVerb::Backfill => serde_json::from_value(r.selection).map(Selection::Backfill),
            OperationVerb::Retry
            | OperationVerb::Discard
            | OperationVerb::Snooze
            | OperationVerb::Undo => serde_json::from_value(r.selection).map(Selection::Letters),
        };
        let state = OperationState::ALL.into_iter().find(|state| state.as_str() == r.state);
        Ok(Self {
            id: OperationId(r.id),
            verb,
            selection: selection.map_err(|_| unreadable("quittance.operations.selection"))?,
            upto: r.upto,
            over_ms: r.over_ms,
            until: r.until,
            actor: r.actor,
            reason: r.reason,
            state: state.ok_or(unreadable("quittance.operations.state"))?,
            total: r.total,
            done: r.done,
            failed: r.failed,
            cancel_requested: r.cancel_requested,
            error: r.error,
            created_at: r.created_at,
            heartbeat_at: r.heartbeat_at,
            ended_at: r.ended_at,
            dead_letters: None,
            reached: r.reached,
        })
    }
}

/// Result of an operation for one dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationResult {
    /// The dead letter.
    pub dead_letter: DeadLetterId,
    /// The result.
    pub acted: Acted,
    /// When.
    pub at: OffsetDateTime,
}

impl Store {
    /// Lists up to `limit` operations before `before`, newest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn operations(
        &self,
        before: Option<OperationId>,
        limit: u32,
    ) -> Result<Vec<Operation>, StoreError> {
        let records = sqlx::query_as!(
            Record,
            r#"
            SELECT id, verb, selection, upto, over_ms, until, actor, reason,
                   CASE WHEN state = 'running' AND heartbeat_at < now() - interval '1 minute'
                        THEN 'interrupted' ELSE state END AS "state!",
                   total, done, failed, reached, cancel_requested, error, created_at,
                   heartbeat_at, ended_at
            FROM quittance.operations
            WHERE $1::bigint IS NULL OR id < $1
            ORDER BY id DESC
            LIMIT $2
            "#,
            before.map(OperationId::get),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        records.into_iter().map(Operation::try_from).collect()
    }

    /// Reads an operation.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        let after = id.get().checked_add(1).map(OperationId);
        Ok(self.operations(after, 1).await?.pop().filter(|operation| operation.id == id))
    }

    /// Counts the dead letters that a retry enqueued, by their current states.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn operation_aftermath(&self, id: OperationId) -> Result<Aftermath, StoreError> {
        Ok(sqlx::query_as!(
            Aftermath,
            r#"
            SELECT count(*) FILTER (WHERE d.state = 'retrying') AS "retrying!",
                   count(*) FILTER (WHERE d.state = 'resolved') AS "resolved!",
                   count(*) FILTER (WHERE d.state = 'open') AS "open!",
                   count(*) FILTER (WHERE d.state = 'discarded' OR d.id IS NULL) AS "gone!"
            FROM quittance.operation_results AS r
            LEFT JOIN quittance.dead_letters AS d ON d.id = r.letter
            WHERE r.operation = $1 AND r.ok
            "#,
            id.get(),
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Lists up to `limit` results of an operation after the dead letter `after`, in the order of the dead letters; with
    /// `only_failed`, those that failed.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn operation_results(
        &self,
        id: OperationId,
        only_failed: bool,
        after: Option<DeadLetterId>,
        limit: u32,
    ) -> Result<Vec<OperationResult>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT letter, result, at FROM quittance.operation_results
            WHERE operation = $1 AND letter > $2 AND (NOT $3 OR NOT ok)
            ORDER BY letter
            LIMIT $4
            "#,
            id.get(),
            after.map_or(0, DeadLetterId::get),
            only_failed,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let dead_letter = DeadLetterId(row.letter);
                Ok(OperationResult { dead_letter, acted: acted(&row.result)?, at: row.at })
            })
            .collect()
    }
}
