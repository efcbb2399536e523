//! Reads of dead letters.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::filter::Filter;
use super::group_key::GroupKey;
use super::id::DeadLetterId;
use super::state::{DeadLetterSource, DeadLetterState};
use crate::connect::Store;
use crate::error::StoreError;

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeadLetter {
    /// Its number.
    pub id: DeadLetterId,
    /// Its state.
    pub state: DeadLetterState,
    /// What was dead-lettered: an event or a notification.
    pub source: DeadLetterSource,
    /// Its group: cause and type.
    pub group: GroupKey,
    /// The event's id, or `sha256:...`; for a notification, its id and destination.
    #[serde(rename = "event")]
    pub event_key: String,
    /// The notification, if it is one.
    pub notification: Option<Uuid>,
    /// The event's type, if it could be read; for a notification, its topic.
    pub event_type: Option<String>,
    /// Stripe's `object`.
    pub object_kind: Option<String>,
    /// The object's id.
    pub object_id: Option<String>,
    /// The customer that the object is or belongs to, if the event names it.
    pub customer: Option<String>,
    /// The connected account; empty for the platform's own account; null if it could not be read.
    pub account: Option<String>,
    /// Live or test, if it could be read.
    pub livemode: Option<bool>,
    /// The endpoint that had accepted it, or the destination that it was for.
    pub endpoint: String,
    /// When the event was received, or the notification was written.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// Index of the endpoint's secret that matched.
    pub secret_index: Option<u32>,
    /// Its lane; `outbox` for a notification.
    pub lane: String,
    /// `permanent`, `exhausted`, `poison`, `undecodable`.
    pub reason: String,
    /// The class of the last failure.
    pub class: String,
    /// The stable code of the last failure.
    pub code: String,
    /// The chain of causes of the last failure in one line.
    pub message: String,
    /// The message without ids and numbers.
    pub cause: String,
    /// The redacted event; null in a list, and if the body was not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// Hash of the body as received; null for a notification.
    pub body_sha256: Option<String>,
    /// Length of the body.
    pub body_bytes: Option<i64>,
    /// End of its snooze.
    #[serde(with = "time::serde::rfc3339::option")]
    pub snoozed_until: Option<OffsetDateTime>,
    /// Who discarded it.
    pub discarded_by: Option<String>,
    /// Why.
    pub discard_reason: Option<String>,
    /// When it first failed.
    #[serde(with = "time::serde::rfc3339")]
    pub first_failed_at: OffsetDateTime,
    /// When it was first dead-lettered.
    #[serde(rename = "dead_lettered_at", with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last dead-lettered.
    #[serde(rename = "last_dead_lettered_at", with = "time::serde::rfc3339")]
    pub died_at: OffsetDateTime,
    /// When it was resolved or discarded.
    #[serde(with = "time::serde::rfc3339::option")]
    pub resolved_at: Option<OffsetDateTime>,
    /// Total number of attempts.
    pub attempts: i32,
    /// How often it was dead-lettered.
    pub deaths: i32,
    /// How often operators have retried it.
    pub retries: i32,
    /// The trace of the last attempt; `None` in a list.
    #[serde(skip)]
    pub trace_id: Option<String>,
}

/// The dead letter as its columns are.
struct Record {
    id: i64,
    state: String,
    source: String,
    fingerprint: String,
    event_id: String,
    notification: Option<Uuid>,
    event_type: Option<String>,
    object_kind: Option<String>,
    object_id: Option<String>,
    customer: Option<String>,
    account: Option<String>,
    livemode: Option<bool>,
    endpoint: String,
    received_at: OffsetDateTime,
    secret_index: Option<i32>,
    lane: String,
    reason: String,
    class: String,
    code: String,
    message: String,
    cause: String,
    payload: Option<Value>,
    body_sha256: Option<String>,
    body_bytes: Option<i64>,
    snoozed_until: Option<OffsetDateTime>,
    discarded_by: Option<String>,
    discard_reason: Option<String>,
    first_failed_at: OffsetDateTime,
    created_at: OffsetDateTime,
    died_at: OffsetDateTime,
    resolved_at: Option<OffsetDateTime>,
    attempts: i32,
    deaths: i32,
    retries: i32,
    trace_id: Option<String>,
}

impl TryFrom<Record> for DeadLetter {
    type Error = StoreError;

    fn try_from(r: Record) -> Result<Self, StoreError> {
        let state = DeadLetterState::parse(&r.state)
            .ok_or(StoreError::Unreadable { what: "quittance.dead_letters.state" })?;
        let source = DeadLetterSource::parse(&r.source)
            .ok_or(StoreError::Unreadable { what: "quittance.dead_letters.source" })?;
        Ok(Self {
            id: DeadLetterId(r.id),
            state,
            source,
            group: GroupKey { fingerprint: r.fingerprint, event_type: r.event_type.clone() },
            event_key: r.event_id,
            notification: r.notification,
            event_type: r.event_type,
            object_kind: r.object_kind,
            object_id: r.object_id,
            customer: r.customer,
            account: r.account,
            livemode: r.livemode,
            endpoint: r.endpoint,
            received_at: r.received_at,
            secret_index: r.secret_index.and_then(|index| u32::try_from(index).ok()),
            lane: r.lane,
            reason: r.reason,
            class: r.class,
            code: r.code,
            message: r.message,
            cause: r.cause,
            payload: r.payload,
            body_sha256: r.body_sha256,
            body_bytes: r.body_bytes,
            snoozed_until: r.snoozed_until,
            discarded_by: r.discarded_by,
            discard_reason: r.discard_reason,
            first_failed_at: r.first_failed_at,
            created_at: r.created_at,
            died_at: r.died_at,
            resolved_at: r.resolved_at,
            attempts: r.attempts,
            deaths: r.deaths,
            retries: r.retries,
            trace_id: r.trace_id,
        })
    }
}

impl Store {
    /// Lists up to `limit` matching dead letters before `before`, newest first, without their payloads.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn dead_letters(
        &self,
        filter: &Filter,
        before: Option<DeadLetterId>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let records = sqlx::query_as!(
            Record,
            r#"
            SELECT id AS "id!",
                   CASE WHEN state = 'open' AND snoozed_until > now() THEN 'snoozed'
                        ELSE state END AS "state!",
                   source AS "source!", fingerprint AS "fingerprint!", event_id AS "event_id!",
                   notification, event_type, object_kind, object_id, customer, account,
                   livemode, endpoint AS "endpoint!", received_at AS "received_at!",
                   secret_index, lane AS "lane!", reason AS "reason!", class AS "class!",
                   code AS "code!", message AS "message!", cause AS "cause!",
                   NULL::jsonb AS payload, body_sha256, body_bytes, snoozed_until,
                   discarded_by, discard_reason, first_failed_at AS "first_failed_at!",
                   created_at AS "created_at!", died_at AS "died_at!", resolved_at,
                   attempts AS "attempts!", deaths AS "deaths!", retries AS "retries!",
                   NULL::text AS trace_id
            FROM quittance.letters_where($1)
            WHERE $2::bigint IS NULL OR id < $2
            ORDER BY id DESC
            LIMIT $3
            "#,
            filter.to_json(),
            before.map(DeadLetterId::get),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        records.into_iter().map(DeadLetter::try_from).collect()
    }

    /// Reads dead letters with their payloads, in the order of their ids; unknown ones are left out.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn whole_dead_letters(
        &self,
        ids: &[DeadLetterId],
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        let records = sqlx::query_as!(
            Record,
            r#"
            SELECT id,
                   CASE WHEN state = 'open' AND snoozed_until > now() THEN 'snoozed'
                        ELSE state END AS "state!",
                   source, fingerprint, event_id, notification, event_type, object_kind,
                   object_id, customer, account, livemode, endpoint, received_at, secret_index,
                   lane, reason, class, code, message, cause, payload, body_sha256, body_bytes,
                   snoozed_until, discarded_by, discard_reason, first_failed_at, created_at,
                   died_at, resolved_at, attempts, deaths, retries,
                   (SELECT a.trace_id FROM quittance.attempts AS a
                    WHERE a.event_id = d.event_id ORDER BY a.id DESC LIMIT 1) AS trace_id
            FROM quittance.dead_letters AS d
            WHERE id = ANY ($1)
            ORDER BY id
            "#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        records.into_iter().map(DeadLetter::try_from).collect()
    }

    /// Reads a dead letter with its payload.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn find_dead_letter(
        &self,
        id: DeadLetterId,
    ) -> Result<Option<DeadLetter>, StoreError> {
        Ok(self.whole_dead_letters(&[id]).await?.pop())
    }

    /// Counts the dead letters that match a filter, up to `upto` if it is set; also returns the newest of them.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn count_dead_letters(
        &self,
        filter: &Filter,
        upto: Option<DeadLetterId>,
    ) -> Result<(i64, Option<DeadLetterId>), StoreError> {
        let row = sqlx::query!(
            r#"
            SELECT count(*) AS "count!", max(id) AS newest
            FROM quittance.letters_where($1)
            WHERE $2::bigint IS NULL OR id <= $2
            "#,
            filter.to_json(),
            upto.map(DeadLetterId::get),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((row.count, row.newest.map(DeadLetterId)))
    }
}
