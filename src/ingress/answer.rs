//! Results of a request to a webhook route.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::verify::Rejection;

/// The result of a request. It is answered, counted and logged from this one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    /// Redis has acknowledged the event.
    Queued,
    /// The event is of another mode than its endpoint accepts. Stripe also sends the test events of connected
    /// accounts to a live Connect endpoint, and disables an endpoint that refuses them.
    WrongMode,
    /// No endpoint of this name has a secret.
    UnknownEndpoint,
    /// There is no `Stripe-Signature`, or more than one.
    NoSignature,
    /// The signature is not valid.
    Rejected(Rejection),
    /// The signature is valid, but the body is not an event.
    NotAnEvent,
    /// The body is over the limit.
    TooLarge,
    /// The body did not arrive in time, or made no progress.
    SlowBody,
    /// The body broke off.
    BrokenBody,
    /// The memory was full, and this body had been arriving for longer than all others.
    Evicted,
    /// Too many verified events wait for Redis, or complete bodies use all the memory.
    Busy,
    /// Redis did not acknowledge in time. It may have stored the event all the same; then Stripe's redelivery
    /// is a duplicate, which is harmless.
    QueueTimeout,
    /// Redis refused the event, or cannot be reached.
    QueueFailed,
}

impl Answer {
    /// All results, so that each counter is exported from the start, at zero.
    pub(super) const ALL: [Self; 16] = [
        Self::Queued,
        Self::WrongMode,
        Self::UnknownEndpoint,
        Self::NoSignature,
        Self::Rejected(Rejection::Malformed),
        Self::Rejected(Rejection::NoV1),
        Self::Rejected(Rejection::Mismatch),
        Self::Rejected(Rejection::Stale),
        Self::NotAnEvent,
        Self::TooLarge,
        Self::SlowBody,
        Self::BrokenBody,
        Self::Evicted,
        Self::Busy,
        Self::QueueTimeout,
        Self::QueueFailed,
    ];

    /// The value of `result` in the metrics and the log.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::WrongMode => "wrong_mode",
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::NoSignature => "signature_missing",
            Self::Rejected(Rejection::Malformed) => "signature_malformed",
            Self::Rejected(Rejection::NoV1) => "signature_without_v1",
            Self::Rejected(Rejection::Mismatch) => "signature_mismatch",
            Self::Rejected(Rejection::Stale) => "signature_stale",
            Self::NotAnEvent => "not_an_event",
            Self::TooLarge => "too_large",
            Self::SlowBody => "slow_body",
            Self::BrokenBody => "broken_body",
            Self::Evicted => "evicted",
            Self::Busy => "busy",
            Self::QueueTimeout => "queue_timeout",
            Self::QueueFailed => "queue_failed",
        }
    }

    /// The status, and the one word that is the whole body: enough for an operator who reads the deliveries of an
    /// endpoint in Stripe's dashboard, and of no use to an attacker.
    fn status(self) -> (StatusCode, &'static str) {
        match self {
            Self::Queued | Self::WrongMode => (StatusCode::OK, ""),
            Self::UnknownEndpoint => (StatusCode::NOT_FOUND, "endpoint"),
            Self::NoSignature
            | Self::Rejected(Rejection::Malformed | Rejection::NoV1 | Rejection::Mismatch) => {
                (StatusCode::BAD_REQUEST, "signature")
            }
            Self::Rejected(Rejection::Stale) => (StatusCode::BAD_REQUEST, "stale"),
            Self::NotAnEvent => (StatusCode::BAD_REQUEST, "malformed"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "large"),
            Self::SlowBody => (StatusCode::REQUEST_TIMEOUT, "slow"),
            Self::BrokenBody => (StatusCode::BAD_REQUEST, "broken"),
            Self::Evicted | Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::QueueTimeout | Self::QueueFailed => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let (status, word) = self.status();
        let mut response = if word.is_empty() { ().into_response() } else { word.into_response() };
        *response.status_mut() = status;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // Stripe keeps its own schedule; this is for proxies and load generators.
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if matches!(self, Self::SlowBody | Self::TooLarge | Self::Evicted) {
            // The rest of the body must not be parsed as the next request.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn only_queued_events_and_those_of_the_other_mode_are_answered_2xx() {
        for answer in Answer::ALL {
            let wanted = matches!(answer, Answer::Queued | Answer::WrongMode);
            assert_eq!(answer.status().0.is_success(), wanted, "{answer:?}");
        }
    }

    #[test]
    fn the_body_of_a_refusal_is_one_word() {
        for answer in Answer::ALL {
            let (_, word) = answer.status();
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn each_result_has_a_counter_of_its_own() {
        let names: BTreeSet<_> = Answer::ALL.iter().map(|answer| answer.as_str()).collect();
        assert_eq!(names.len(), Answer::ALL.len());
    }
}
