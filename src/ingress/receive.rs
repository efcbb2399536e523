//! The steps of one webhook: checks, verification, enqueueing.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};
use bytes::Bytes;
use tokio::time::timeout;

use super::answer::Answer;
use super::body::{self, BodyError};
use super::endpoint::Endpoint;
use super::state::State;
use super::trace;
use super::verify::Match;
use crate::domain::event_types;
use crate::envelope;
use crate::queue::{Job, JobMeta, JobSource, Lane};
use crate::telemetry::Step;

const SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Receives a webhook; counts and logs the result.
pub(super) async fn receive(state: &State, name: &str, request: Request) -> Answer {
    let begun = Instant::now();
    let endpoint = state.endpoint(name);
    let answer = match endpoint {
        Some(endpoint) => process(state, endpoint, request).await.unwrap_or_else(|answer| answer),
        None => Answer::UnknownEndpoint,
    };
    let metrics = endpoint.map_or(&state.unknown_endpoints, |endpoint| &endpoint.metrics);
    metrics.answered(answer, begun.elapsed().as_secs_f64());
    log(state, endpoint, answer);
    answer
}

/// Processes a request to an endpoint. The order is what protects the ingress: cheap refusals by the head alone,
/// then the body, then its signature, and only then parsing and a permit to wait for Redis. So an unsigned
/// request uses memory for a while, and nothing else.
async fn process(state: &State, endpoint: &Endpoint, request: Request) -> Result<Answer, Answer> {
    let received_at = SystemTime::now();
    let received_at_ms = millis(received_at);
    let (head, body) = request.into_parts();
    let header = single(&head.headers, &SIGNATURE).ok_or(Answer::NoSignature)?;
    let signature =
        endpoint.parse(header, received_at_ms.div_euclid(1000)).map_err(Answer::Rejected)?;
    let (body, _reservation) =
        body::read(body, state.body_limits, &state.memory).await.map_err(unread)?;
    let matched = endpoint.verify(signature, &body).map_err(Answer::Rejected)?;
    endpoint.metrics.matched(matched.index);
    let event = envelope::peek(&body).map_err(|_| Answer::NotAnEvent)?;
    tracing::debug!(
        endpoint = endpoint.name,
        event = %event.id,
        event_type = %event.event_type,
        mode = event.mode.as_str(),
        "verified"
    );
    if !endpoint.accepts(event.mode) {
        return Ok(Answer::WrongMode);
    }
    // Kept until the response.
    let _permit = state.permits.try_acquire().map_err(|_| Answer::Busy)?;
    let event_type = event_types::name(&event.event_type);
    let id = event.id.to_string();
    let incoming = single(&head.headers, &TRACEPARENT).filter(|text| trace::is_valid(text));
    // Only now: an unsigned request must not add spans to a trace.
    let mut step = Step::received("webhook", received_at, incoming);
    step.note("endpoint", &*endpoint.name);
    step.note("event", event.id.clone());
    step.note("event_type", event.event_type.clone());
    let trace = step.traceparent().unwrap_or_else(|| trace::traceparent(incoming));
    let answer = enqueue(state, job(endpoint, matched, received_at_ms, id, trace, body)).await;
    step.note("result", answer.unwrap_or_else(|answer| answer).as_str());
    if answer.is_ok() {
        endpoint.metrics.queued(event_type);
    }
    answer
}

fn unread(error: BodyError) -> Answer {
    match error {
        BodyError::TooLarge => Answer::TooLarge,
        BodyError::Slow => Answer::SlowBody,
        BodyError::Broken => Answer::BrokenBody,
        BodyError::Evicted => Answer::Evicted,
        BodyError::Full => Answer::Busy,
    }
}

fn job(
    endpoint: &Endpoint,
    matched: Match,
    received_at_ms: i64,
    event: String,
    trace: String,
    body: Bytes,
) -> Job {
    Job {
        meta: JobMeta {
            endpoint: endpoint.name.clone(),
            received_at_ms,
            secret_index: u32::try_from(matched.index).ok(),
            attempt: 0,
            source: JobSource::Webhook,
            event: Some(event),
            trace: Some(trace),
            retry_of: None,
        },
        body,
    }
}

async fn enqueue(state: &State, job: Job) -> Result<Answer, Answer> {
    match timeout(state.enqueue_timeout, state.producer.enqueue(Lane::Live, &job)).await {
        Ok(Ok(_)) => {
            state.outage.end();
            Ok(Answer::Queued)
        }
        Ok(Err(error)) => {
            state.outage.begin(&error);
            Err(Answer::QueueFailed)
        }
        Err(_) => {
            state.outage.begin(&"no acknowledgement in time");
            Err(Answer::QueueTimeout)
        }
    }
}

/// The value of a header that occurs once and is text.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn millis(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Logs a result. Refusals can be a wrong secret, a wrong clock or an attack, so each sort is logged at most every
/// ten seconds. Requests to unknown endpoints are not worth a warning, and an outage is logged by
/// `outage`.
fn log(state: &State, endpoint: Option<&Endpoint>, answer: Answer) {
    let endpoint = endpoint.map(|endpoint| endpoint.name.as_str());
    let result = answer.as_str();
    match answer {
        Answer::NoSignature
        | Answer::Rejected(_)
        | Answer::NotAnEvent
        | Answer::TooLarge
        | Answer::SlowBody
        | Answer::Evicted
        | Answer::Busy => {
            if let Some(suppressed) = state.refusals.admit(result) {
                tracing::warn!(endpoint, result, suppressed, "a webhook was refused");
            }
        }
        Answer::Queued
        | Answer::WrongMode
        | Answer::UnknownEndpoint
        | Answer::BrokenBody
        | Answer::QueueTimeout
        | Answer::QueueFailed => tracing::debug!(endpoint, result, "a webhook was answered"),
    }
}
