//! Looking at operations.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{OperationId, RefundFile};
use crate::connect::Store;
use crate::dead_letter::{ActWord, Acted, DeadLetterId, Filter, acted};
use crate::error::StoreError;

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OperationState {
    /// Somebody works on it.
    Running,
    /// Every letter has had its turn.
    Done,
    /// A person ended it on the way, and what it had put into the queue was taken back.
    Cancelled,
    /// The process that ran it was stopped, failed, or was not heard of for a minute. Nothing was taken
    /// back, and any process can resume it.
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

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OperationVerb {
    /// Tries dead letters again.
    Retry,
    /// Gives dead letters up for good.
    Discard,
    /// Hides dead letters for a while.
    Snooze,
    /// Takes a discard or a snooze back.
    Undo,
    /// Refunds payments: the lines of a file.
    Refund,
}

impl OperationVerb {
    /// `retry`, `discard`, `snooze`, `undo`, `refund`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self.act() {
            Some(act) => act.as_str(),
            None => REFUND,
        }
    }

    /// What is done to dead letters; none of refunds.
    #[must_use]
    pub fn act(self) -> Option<ActWord> {
        match self {
            Self::Retry => Some(ActWord::Retry),
            Self::Discard => Some(ActWord::Discard),
            Self::Snooze => Some(ActWord::Snooze),
            Self::Undo => Some(ActWord::Undo),
            Self::Refund => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == REFUND {
            return Some(Self::Refund);
        }
        ActWord::parse(text).map(Self::from)
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

/// What an operation is done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Selection {
    /// The dead letters that a filter names.
    Letters(Box<Filter>),
    /// The lines of a file of refunds.
    Refunds(RefundFile),
}

/// A bulk act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Operation {
    /// Its number.
    pub id: OperationId,
    /// What is done.
    pub verb: OperationVerb,
    /// To which letters, or by which file.
    pub selection: Selection,
    /// Letters after this one do not join; of refunds, how many lines the file has.
    pub upto: i64,
    /// Over how long retries or refunds are spread, in milliseconds.
    pub over_ms: Option<i64>,
    /// Until when, of a snooze.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// Where it stands.
    pub state: OperationState,
    /// How many letters the selection named when it began, or how many lines the file has.
    pub total: i64,
    /// To how many it was done.
    pub done: i64,
    /// With how many there was nothing to be done, or it failed: see their results. What is missing
    /// to `total` when it has ended was cancelled, or had left the selection by itself.
    pub failed: i64,
    /// Whether somebody asked for its end.
    pub cancel_requested: bool,
    /// Why it was interrupted.
    pub error: Option<String>,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last heard of.
    #[serde(with = "time::serde::rfc3339")]
    pub heartbeat_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
    /// Where the letters are by now that it put back, of a retry that is looked at by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub letters: Option<Aftermath>,
    /// Where it goes on.
    #[serde(skip)]
    pub(super) reached: i64,
}

/// What became of the letters that a retry put back into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Aftermath {
    /// They wait for their turn, or are being tried: what a cancel takes back.
    pub retrying: i64,
    /// Their events have settled.
    pub resolved: i64,
    /// They were given up again.
    pub open: i64,
    /// They were discarded, or removed since.
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
            letters: None,
            reached: r.reached,
        })
    }
}

/// What an operation did to one letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationResult {
    /// The letter.
    pub letter: DeadLetterId,
    /// What came of it.
    pub acted: Acted,
    /// When.
    pub at: OffsetDateTime,
}

impl Store {
    /// Lists operations, newest first: `limit` of those before `before`.
    ///
    /// # Errors
    /// Postgres.
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

    /// One operation.
    ///
    /// # Errors
    /// Postgres.
    pub async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        let after = id.get().checked_add(1).map(OperationId);
        Ok(self.operations(after, 1).await?.pop().filter(|operation| operation.id == id))
    }

    /// What became of the letters that a retry put back.
    ///
    /// # Errors
    /// Postgres.
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

    /// What an operation did, in the order of the letters: `limit` of those after `after`; of
    /// `only_failed`, those to which it could not be done.
    ///
    /// # Errors
    /// Postgres.
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
                let letter = DeadLetterId(row.letter);
                Ok(OperationResult { letter, acted: acted(&row.result)?, at: row.at })
            })
            .collect()
    }
}
