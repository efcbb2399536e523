//! The ledger as people look at it: one row an event, at its end.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::connect::Store;
use super::error::StoreError;
use super::settlement::Outcome;
use quittance_domain::id::Mode;

/// Where an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerStatus {
    /// Its object is as new as the event.
    Settled,
    /// There was nothing to do for it.
    Ignored,
    /// Given up; its dead letter says why.
    Dead,
}

impl LedgerStatus {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Settled, Self::Ignored, Self::Dead];

    /// `settled`, `ignored`, `dead`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Ignored => "ignored",
            Self::Dead => "dead",
        }
    }

    /// From its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == text)
    }
}

/// Which events to list. What is not given does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// `payment_intent.succeeded`; with `.*` at its end, all that begin so.
    pub event_type: Option<String>,
    /// The object that the event is about.
    pub object: Option<String>,
    /// The connected account; empty for our own.
    pub account: Option<String>,
    /// Live or test.
    pub mode: Option<Mode>,
    /// Where it ended.
    pub status: Option<LedgerStatus>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Received at this time or later.
    pub since: Option<OffsetDateTime>,
    /// Received before this time.
    pub until: Option<OffsetDateTime>,
}

/// An event's row in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerEvent {
    /// `evt_...`; `sha256:...` for a body that did not say its id.
    pub id: String,
    /// Its type, if it could be read.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// The version of its snapshot; none for a thin event.
    pub api_version: Option<String>,
    /// The connected account; empty for our own; none if it could not be read.
    pub account: Option<String>,
    /// Live or test, if it could be read.
    pub livemode: Option<bool>,
    /// When Stripe made it, if it could be read.
    #[serde(with = "time::serde::rfc3339::option")]
    pub created: Option<OffsetDateTime>,
    /// The endpoint that accepted it.
    pub endpoint: String,
    /// When it was received.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// Which of the endpoint's secrets matched, counted from 0.
    pub secret_index: Option<i32>,
    /// Stripe's `object` of what it is about.
    pub object_kind: Option<String>,
    /// The id of what it is about.
    pub object_id: Option<String>,
    /// `settled`, `ignored` or `dead`.
    pub status: String,
    /// `applied`, `unchanged`, `covered`, `gone`, `ignored` or `deauthorized`; none of a dead one.
    pub outcome: Option<String>,
    /// When it came to a good end.
    #[serde(with = "time::serde::rfc3339::option")]
    pub settled_at: Option<OffsetDateTime>,
    /// Attempts, all in all.
    pub attempts: i32,
}

/// The place in the list after which a page begins: the last event of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    received_at: OffsetDateTime,
    id: String,
}

impl From<&LedgerEvent> for After {
    fn from(event: &LedgerEvent) -> Self {
        Self { received_at: event.received_at, id: event.id.clone() }
    }
}

impl Store {
    /// Lists events, the last received first; this many at most.
    ///
    /// # Errors
    /// Postgres.
    pub async fn events(
        &self,
        filter: &EventFilter,
        after: Option<&After>,
        limit: u32,
    ) -> Result<Vec<LedgerEvent>, StoreError> {
        let event_type = filter.event_type.as_deref();
        let family = event_type.and_then(|text| text.strip_suffix('*'));
        let exact = event_type.filter(|_| family.is_none());
        let query = sqlx::query_as!(
            LedgerEvent,
            r#"
            SELECT id, type AS event_type, api_version, account, livemode,
                   stripe_created AS created, endpoint, received_at, secret_index, object_kind,
                   object_id, status, outcome, settled_at, attempts
            FROM quittance.events
            WHERE ($1::text IS NULL OR type = $1)
              AND ($2::text IS NULL OR starts_with(type, $2))
              AND ($3::text IS NULL OR object_id = $3)
              AND ($4::text IS NULL OR account = $4)
              AND ($5::boolean IS NULL OR livemode = $5)
              AND ($6::text IS NULL OR status = $6)
              AND ($7::text IS NULL OR outcome = $7)
              AND ($8::timestamptz IS NULL OR received_at >= $8)
              AND ($9::timestamptz IS NULL OR received_at < $9)
              AND ($10::timestamptz IS NULL OR (received_at, id) < ($10, $11::text))
            ORDER BY received_at DESC, id DESC
            LIMIT $12
            "#,
            exact,
            family,
            filter.object.as_deref(),
            filter.account.as_deref(),
            filter.mode.map(Mode::is_live),
            filter.status.map(LedgerStatus::as_str),
            filter.outcome.map(Outcome::as_str),
            filter.since,
            filter.until,
            after.map(|after| after.received_at),
            after.map(|after| after.id.as_str()),
            i64::from(limit),
        );
        self.planned_anew(query).await
    }

    /// One event, if it is at its end.
    ///
    /// # Errors
    /// Postgres.
    pub async fn find_event(&self, id: &str) -> Result<Option<LedgerEvent>, StoreError> {
        Ok(sqlx::query_as!(
            LedgerEvent,
            r#"
            SELECT id, type AS event_type, api_version, account, livemode,
                   stripe_created AS created, endpoint, received_at, secret_index, object_kind,
                   object_id, status, outcome, settled_at, attempts
            FROM quittance.events WHERE id = $1
            "#,
            id,
        )
        .fetch_optional(&self.pool)
        .await?)
    }
}
