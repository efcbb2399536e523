//! The wide line of each attempt. None ever holds a payload.

use tracing::Span;
use tracing::field::Empty;

use super::clock::Clock;
use crate::domain::event::Event;
use crate::domain::failure::Failure;
use crate::domain::retry::Decision;
use crate::queue::Delivery;
use crate::reconcile::Settled;
use crate::telemetry;

/// Outcome of an event: a word of the ledger, or `duplicate`.
pub(super) fn outcome(how: &Settled) -> &'static str {
    match how {
        Settled::Now { outcome, .. } => outcome.as_str(),
        Settled::Before => "duplicate",
    }
}

/// Next step after a failure: `retry`, `snooze`, `dead_letter`.
pub(super) fn next(decision: &Decision) -> &'static str {
    match decision {
        Decision::Retry { .. } => "retry",
        Decision::Snooze { .. } => "snooze",
        Decision::DeadLetter { .. } => "dead_letter",
    }
}

/// The span of an attempt, in the trace of the webhook that brought the job.
pub(super) fn span(event: &Event, delivery: &Delivery, attempt: u32) -> Span {
    let span = tracing::info_span!(
        target: "otel",
        "attempt",
        otel.kind = "consumer",
        otel.status_code = Empty,
        event = %event.id,
        event_type = %event.event_type,
        object = event.about.as_ref().and_then(|a| a.id.as_ref()).map(tracing::field::display),
        account = event.account().map(tracing::field::display),
        attempt,
        outcome = Empty,
        class = Empty,
        code = Empty,
    );
    telemetry::go_on(&span, delivery.job.meta.trace.as_deref());
    span
}

/// Why an attempt failed, into its span.
pub(super) fn record(span: &Span, failure: &Failure) {
    span.record("otel.status_code", "ERROR");
    span.record("class", failure.class.as_str());
    span.record("code", &failure.code);
}

/// An event is settled: one wide line.
pub(super) fn settled(
    event: &Event,
    delivery: &Delivery,
    attempt: u32,
    clock: &Clock,
    how: &Settled,
) {
    let (fetched, request_id) = match how {
        Settled::Now { outcome: _, fetched, request_id } => (*fetched, request_id.as_deref()),
        Settled::Before => (false, None),
    };
    tracing::info!(
        event = %event.id,
        event_type = %event.event_type,
        object = event.about.as_ref().and_then(|a| a.id.as_ref()).map(tracing::field::display),
        account = event.account().map(tracing::field::display),
        mode = event.mode().as_str(),
        endpoint = delivery.job.meta.endpoint,
        attempt,
        deliveries = delivery.deliveries,
        outcome = outcome(how),
        fetched,
        request_id,
        duration_ms = clock.elapsed_ms(),
        waited_ms = clock.at_ms.saturating_sub(delivery.job.meta.received_at_ms),
        "settled"
    );
}

/// An attempt failed: one wide line, with what follows from it.
pub(super) fn failed(
    event: &Event,
    delivery: &Delivery,
    attempt: u32,
    clock: &Clock,
    failure: &Failure,
    decision: &Decision,
) {
    let after_ms = match decision {
        Decision::Retry { after } | Decision::Snooze { after } => Some(super::millis(*after)),
        Decision::DeadLetter { .. } => None,
    };
    tracing::warn!(
        event = %event.id,
        event_type = %event.event_type,
        object = event.about.as_ref().and_then(|a| a.id.as_ref()).map(tracing::field::display),
        account = event.account().map(tracing::field::display),
        mode = event.mode().as_str(),
        endpoint = delivery.job.meta.endpoint,
        attempt,
        deliveries = delivery.deliveries,
        class = failure.class.as_str(),
        code = failure.code,
        error = failure.message(),
        request_id = failure.request_id,
        next = next(decision),
        after_ms,
        duration_ms = clock.elapsed_ms(),
        "attempt failed"
    );
}
