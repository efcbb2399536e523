//! Bulk refunds: the lines of a file, kept with what came of each.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::id::OperationId;
use super::read::{Record, RefundFile};
use super::run::Running;
use crate::audit::Actor;
use crate::connect::Store;
use crate::error::StoreError;
use quittance_domain::command::refund_file::RefundLine;
use quittance_domain::money::{Currency, Minor};

/// A bulk refund that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefunds<'a> {
    /// The file.
    pub file: &'a RefundFile,
    /// Its lines.
    pub lines: &'a [RefundLine],
    /// Over how long to spread them.
    pub over: Duration,
    /// Who, and why.
    pub actor: Actor<'a>,
}

/// Totals of the lines of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefundTotal {
    /// Three letters in lower case; none of payments that have no row here.
    pub currency: Option<String>,
    /// How many lines, those that were refunded earlier not counted.
    pub lines: i64,
    /// What they move by what is known, in the currency's smallest unit.
    pub amount: i64,
    /// How many lines have a command of an earlier start already.
    pub earlier: i64,
}

/// A line of a bulk refund, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StoredLine {
    /// The line of the file, from 1.
    pub line: i32,
    /// The payment.
    pub payment_intent: String,
    /// A part, in the currency's smallest unit; null for all that is left.
    pub amount: Option<i64>,
    /// The currency that the payment must have, where the file says one.
    pub currency: Option<String>,
    /// The column `key`; empty where the file says nothing.
    pub key: String,
    /// Whether it is refunded; null until that is known.
    pub ok: Option<bool>,
    /// `refunded`, `earlier` (by an earlier start of a file), the code of a refusal, or `open` while what
    /// became of it is investigated; null before its turn.
    pub result: Option<String>,
    /// The same in words, of a refusal.
    pub detail: Option<String>,
    /// The command.
    pub command: Option<Uuid>,
    /// Stripe's refund.
    pub refund: Option<String>,
    /// When that was noted.
    #[serde(with = "time::serde::rfc3339::option")]
    pub at: Option<OffsetDateTime>,
}

/// Result of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineEnd {
    /// Whether it is refunded; none while that is not known.
    pub ok: Option<bool>,
    /// By a stable word.
    pub result: String,
    /// In words, of a refusal.
    pub detail: Option<String>,
    /// The command, if there is one.
    pub command: Option<Uuid>,
    /// Stripe's refund, if there is one.
    pub refund: Option<String>,
}

/// The lines of a file as columns.
struct Columns {
    lines: Vec<i32>,
    payments: Vec<String>,
    amounts: Vec<Option<i64>>,
    currencies: Vec<Option<String>>,
    keys: Vec<String>,
}

impl From<&[RefundLine]> for Columns {
    fn from(all: &[RefundLine]) -> Self {
        let text = |it: Currency| it.as_str().to_owned();
        Self {
            lines: all.iter().map(|it| i32::try_from(it.line).unwrap_or(i32::MAX)).collect(),
            payments: all.iter().map(|it| it.payment_intent.clone()).collect(),
            amounts: all.iter().map(|it| it.amount).collect(),
            currencies: all.iter().map(|it| it.currency.map(text)).collect(),
            keys: all.iter().map(|it| it.key.clone()).collect(),
        }
    }
}

impl Store {
    /// Says what lines come to, by currency. `keys` are the idempotency keys of `caller` for them.
    ///
    /// # Errors
    /// Postgres.
    pub async fn refund_totals(
        &self,
        caller: &str,
        lines: &[RefundLine],
        keys: &[String],
    ) -> Result<Vec<RefundTotal>, StoreError> {
        let Columns { payments, amounts, .. } = lines.into();
        Ok(sqlx::query_as!(
            RefundTotal,
            r#"
            SELECT p.currency AS "currency?",
                   count(*) FILTER (WHERE c.id IS NULL) AS "lines!",
                   coalesce(sum(coalesce(l.amount, p.amount_received - p.amount_refunded, 0))
                            FILTER (WHERE c.id IS NULL), 0)::bigint AS "amount!",
                   count(c.id) AS "earlier!"
            FROM unnest($2::text[], $3::bigint[], $4::text[]) AS l (payment, amount, key)
            LEFT JOIN app.payments AS p
                ON p.stripe_payment_intent_id = l.payment AND p.stripe_account = ''
            LEFT JOIN quittance.commands AS c ON c.caller = $1 AND c.idempotency_key = l.key
            GROUP BY p.currency
            ORDER BY p.currency
            "#,
            caller,
            &payments,
            &amounts as &[Option<Minor>],
            keys,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Notes that a bulk refund begins, with its lines, also in the audit log.
    ///
    /// # Errors
    /// Postgres; then nothing was noted.
    pub async fn begin_refunds(&self, new: &NewRefunds<'_>) -> Result<Running, StoreError> {
        let NewRefunds { file, lines, over, actor } = *new;
        let Columns { lines, payments, amounts, currencies, keys } = lines.into();
        let runner = Uuid::new_v4();
        let over_ms = i64::try_from(over.as_millis()).unwrap_or(i64::MAX);
        let record = sqlx::query_as!(
            Record,
            r#"
            SELECT id AS "id!", verb AS "verb!", selection AS "selection!", upto AS "upto!",
                   over_ms, until, actor AS "actor!", reason, state AS "state!", total AS "total!",
                   done AS "done!", failed AS "failed!", reached AS "reached!",
                   cancel_requested AS "cancel_requested!", error, created_at AS "created_at!",
                   heartbeat_at AS "heartbeat_at!", ended_at
            FROM quittance.begin_refunds($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            "#,
            json!(file),
            actor.name,
            actor.reason,
            over_ms,
            runner,
            &lines,
            &payments,
            &amounts as &[Option<i64>],
            &currencies as &[Option<String>],
            &keys,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Running { operation: record.try_into()?, runner })
    }

    /// Lines of a bulk refund that have not come to their end, in their order: `most` of those after `after`.
    /// Those that have had no turn, or those that had one and are `open`.
    ///
    /// # Errors
    /// Postgres.
    pub async fn refunds_left(
        &self,
        id: OperationId,
        had_a_turn: bool,
        after: i32,
        most: u32,
    ) -> Result<Vec<StoredLine>, StoreError> {
        Ok(sqlx::query_as!(
            StoredLine,
            r#"
            SELECT line, payment_intent, amount, currency, key, ok, result, detail, command, refund, at
            FROM quittance.operation_lines
            WHERE operation = $1 AND ok IS NULL AND (result IS NOT NULL) = $2 AND line > $3
            ORDER BY line
            LIMIT $4
            "#,
            id.get(),
            had_a_turn,
            after,
            i64::from(most),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Notes what came of a line. False: another process runs the operation now, or it has ended; then
    /// nothing was noted.
    ///
    /// # Errors
    /// Postgres.
    pub async fn note_refund(
        &self,
        running: &Running,
        line: i32,
        end: &LineEnd,
    ) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT quittance.note_refund($1, $2, $3, $4, $5, $6, $7, $8) AS "noted!""#,
            running.operation.id.get(),
            running.runner,
            line,
            end.ok,
            end.result,
            end.detail,
            end.command,
            end.refund,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The lines of a bulk refund in their order, with what came of each: `limit` of those after `after`; of
    /// `only_failed`, those that are refused.
    ///
    /// # Errors
    /// Postgres.
    pub async fn refund_lines(
        &self,
        id: OperationId,
        only_failed: bool,
        after: Option<i32>,
        limit: u32,
    ) -> Result<Vec<StoredLine>, StoreError> {
        Ok(sqlx::query_as!(
            StoredLine,
            r#"
            SELECT line, payment_intent, amount, currency, key, ok, result, detail, command, refund, at
            FROM quittance.operation_lines
            WHERE operation = $1 AND line > $2 AND (NOT $3 OR NOT ok)
            ORDER BY line
            LIMIT $4
            "#,
            id.get(),
            after.unwrap_or(0),
            only_failed,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
