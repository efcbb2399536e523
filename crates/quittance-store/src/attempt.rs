//! Attempts at events: a record of each.

use tokio::time::timeout;

use serde_json::{Value, json};

use super::columns;
use super::connect::Store;
use super::dead_event::DeadEvent;
use super::error::StoreError;
use quittance_domain::event::is_storable_time;
use quittance_domain::failure::Failure;

/// Limit for a number of attempts; higher than any retry policy allows.
const MOST_ATTEMPTS: u32 = 100_000;

/// An attempt at an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Number of the attempt, from 1. Attempts in an outage do not count.
    pub number: u32,
    /// When it began, in milliseconds since 1970.
    pub started_at_ms: i64,
    /// Its duration.
    pub duration_ms: i64,
    /// The worker's id.
    pub worker: String,
    /// Stripe's `Request-Id`, if there was a request.
    pub request_id: Option<String>,
    /// The trace that it is part of.
    pub trace_id: Option<String>,
    /// Its failure, if it failed; or the anomaly of an attempt that settled its event.
    pub failure: Option<Failure>,
}

impl Attempt {
    /// The attempt as a row of `quittance.attempts`. Errors can quote their input, so secrets are removed from
    /// them.
    pub(super) fn to_json(&self) -> Value {
        let Self { number, started_at_ms, duration_ms, worker, request_id, trace_id, failure } =
            self;
        let failure = failure.as_ref();
        // The number comes from the queue, and the ledger adds numbers up in 32 bits.
        let number = (*number).min(MOST_ATTEMPTS);
        let at = started_at_ms.div_euclid(1_000);
        let started_at_ms = if is_storable_time(at) { *started_at_ms } else { 0 };
        // The failure names the request that failed, if there was one.
        let request_id = request_id.as_ref().or(failure.and_then(|f| f.request_id.as_ref()));
        let mut value = json!({
            "number": number,
            "started_at_ms": started_at_ms,
            "duration_ms": duration_ms,
            "worker": worker,
            "request_id": request_id,
            "trace_id": trace_id,
            "class": failure.map(|f| f.class.as_str()),
            "code": failure.map(|f| &f.code),
            "chain": failure.map(|f| {
                let texts = f.chain.iter().cloned().map(quittance_redaction::strip_text);
                texts.collect::<Vec<_>>()
            }),
        });
        quittance_redaction::strip(&mut value);
        value
    }
}

impl Store {
    /// Records a failed attempt at an event that will be tried again, with the event's object: no other table has
    /// the event before it is processed.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; nothing is recorded then.
    pub async fn record_attempt(
        &self,
        event: &DeadEvent,
        attempt: &Attempt,
    ) -> Result<(), StoreError> {
        let event = event.storable();
        let scope = event.scope.as_ref();
        let mut connection = self.connection().await?;
        let query = sqlx::query!(
            r#"
            INSERT INTO quittance.attempts (
                event_id, number, started_at, duration_ms, worker, outcome, class, code, chain,
                request_id, trace_id, event_type, account, livemode, object_kind, object_id)
            SELECT $1, a.number, to_timestamp(a.started_at_ms / 1000.0), a.duration_ms, a.worker,
                   'failed', a.class, a.code, a.chain, a.request_id, a.trace_id, $3, $4, $5, $6, $7
            FROM jsonb_to_record($2) AS a (
                number integer, started_at_ms bigint, duration_ms bigint, worker text, class text,
                code text, chain text[], request_id text, trace_id text)
            "#,
            event.key,
            attempt.to_json(),
            event.event_type,
            scope.map(columns::account),
            scope.map(|scope| scope.mode.is_live()),
            event.object_kind,
            event.object_id,
        );
        let answer = timeout(self.patience, query.execute(connection.get()?)).await;
        self.answered(connection, answer)?;
        Ok(())
    }
}
