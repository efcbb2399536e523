//! Looking at dead letters.

use serde_json::Value;
use time::OffsetDateTime;

use super::{DeadLetterId, LetterState};
use crate::store::connect::Store;
use crate::store::error::StoreError;

/// Which letters to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<LetterState>,
    /// Only those older than this one: the last of the page before.
    pub before: Option<DeadLetterId>,
    /// This many at most.
    pub limit: u32,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Its number.
    pub id: DeadLetterId,
    /// Where it stands.
    pub state: LetterState,
    /// The event, or what stands for it.
    pub event_key: String,
    /// The event's type, if it could be read.
    pub event_type: Option<String>,
    /// Stripe's `object`.
    pub object_kind: Option<String>,
    /// The object's id.
    pub object_id: Option<String>,
    /// The connected account; empty for our own; none if it could not be read.
    pub account: Option<String>,
    /// Live or test, if it could be read.
    pub livemode: Option<bool>,
    /// The endpoint that had accepted it.
    pub endpoint: String,
    /// When it was received.
    pub received_at: OffsetDateTime,
    /// Which of the endpoint's secrets had matched.
    pub secret_index: Option<u32>,
    /// The lane that it came by.
    pub lane: String,
    /// `permanent`, `exhausted`, `poison`, `undecodable`.
    pub reason: String,
    /// The class of the last failure.
    pub class: String,
    /// The stable word for it.
    pub code: String,
    /// Its chain of causes in one line.
    pub message: String,
    /// What letters of one cause share.
    pub fingerprint: String,
    /// The event, redacted; none in a list, and none when the body was not JSON.
    pub payload: Option<Value>,
    /// The hash of the body as it was received.
    pub body_sha256: String,
    /// Its length.
    pub body_bytes: i64,
    /// When it first failed.
    pub first_failed_at: OffsetDateTime,
    /// When it was first given up.
    pub created_at: OffsetDateTime,
    /// When it was resolved or discarded.
    pub resolved_at: Option<OffsetDateTime>,
    /// Attempts, all in all.
    pub attempts: i32,
    /// How often it was given up.
    pub deaths: i32,
    /// How often ops has put it back.
    pub retries: i32,
}

/// The letter as its columns are.
struct Record {
    id: i64,
    state: String,
    event_id: String,
    event_type: Option<String>,
    object_kind: Option<String>,
    object_id: Option<String>,
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
    fingerprint: String,
    payload: Option<Value>,
    body_sha256: String,
    body_bytes: i64,
    first_failed_at: OffsetDateTime,
    created_at: OffsetDateTime,
    resolved_at: Option<OffsetDateTime>,
    attempts: i32,
    deaths: i32,
    retries: i32,
}

impl TryFrom<Record> for Letter {
    type Error = StoreError;

    fn try_from(r: Record) -> Result<Self, StoreError> {
        let state = LetterState::parse(&r.state)
            .ok_or(StoreError::Unreadable { what: "quittance.dead_letters.state" })?;
        Ok(Self {
            id: DeadLetterId(r.id),
            state,
            event_key: r.event_id,
            event_type: r.event_type,
            object_kind: r.object_kind,
            object_id: r.object_id,
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
            fingerprint: r.fingerprint,
            payload: r.payload,
            body_sha256: r.body_sha256,
            body_bytes: r.body_bytes,
            first_failed_at: r.first_failed_at,
            created_at: r.created_at,
            resolved_at: r.resolved_at,
            attempts: r.attempts,
            deaths: r.deaths,
            retries: r.retries,
        })
    }
}

impl Store {
    /// Lists letters without their payloads, newest first.
    ///
    /// # Errors
    /// Postgres.
    pub async fn dead_letters(&self, filter: &Filter) -> Result<Vec<Letter>, StoreError> {
        let records = sqlx::query_as!(
            Record,
            r#"
            SELECT id, state, event_id, event_type, object_kind, object_id, account, livemode,
                   endpoint, received_at, secret_index, lane, reason, class, code, message,
                   fingerprint, NULL::jsonb AS payload, body_sha256, body_bytes, first_failed_at,
                   created_at, resolved_at, attempts, deaths, retries
            FROM quittance.dead_letters
            WHERE ($1::text IS NULL OR state = $1) AND ($2::bigint IS NULL OR id < $2)
            ORDER BY id DESC
            LIMIT $3
            "#,
            filter.state.map(LetterState::as_str),
            filter.before.map(DeadLetterId::get),
            i64::from(filter.limit),
        )
        .fetch_all(&self.pool)
        .await?;
        records.into_iter().map(Letter::try_from).collect()
    }

    /// One letter, with its payload.
    ///
    /// # Errors
    /// Postgres.
    pub async fn find_dead_letter(&self, id: DeadLetterId) -> Result<Option<Letter>, StoreError> {
        let record = sqlx::query_as!(
            Record,
            r#"
            SELECT id, state, event_id, event_type, object_kind, object_id, account, livemode,
                   endpoint, received_at, secret_index, lane, reason, class, code, message,
                   fingerprint, payload, body_sha256, body_bytes, first_failed_at, created_at,
                   resolved_at, attempts, deaths, retries
            FROM quittance.dead_letters
            WHERE id = $1
            "#,
            id.get(),
        )
        .fetch_optional(&self.pool)
        .await?;
        record.map(Letter::try_from).transpose()
    }
}
