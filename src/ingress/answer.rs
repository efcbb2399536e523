//! All that a request to a webhook route can end in.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::verify::Rejection;

/// How a request ended. Decided first; answered, counted and logged from this one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    /// Redis has it.
    Queued,
    /// It is of the other mode than its endpoint takes. Stripe sends a live Connect endpoint the
    /// test events of its accounts too, and gives up on an endpoint that refuses them.
    WrongMode,
    /// No endpoint of this name has a secret.
    UnknownEndpoint,
    /// There is no `Stripe-Signature`, or more than one.
    NoSignature,
    /// The signature does not hold.
    Rejected(Rejection),
    /// The signature holds, and yet it is no event.
    NotAnEvent,
    /// The body is over the limit.
    TooLarge,
    /// The body did not arrive in time, or stopped coming.
    SlowBody,
    /// The body broke off.
    BrokenBody,
    /// The body was on its way for longer than all others when another needed its memory.
    Evicted,
    /// Too many verified events wait for Redis, or complete bodies take all the memory.
    Busy,
    /// Redis did not acknowledge in time. It may have the event none the less; then Stripe's
    /// redelivery is a duplicate, which is harmless.
    QueueTimeout,
    /// Redis refused, or is not there.
    QueueFailed,
}

impl Answer {
    /// All of them, for the counters: each is shown from the start, at zero.
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

    /// The status, and the one word that is all the body there is: enough for whoever sets up an
    /// endpoint and looks at its deliveries in Stripe's dashboard, too little for anyone else.
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
            // What is still on its way must not be taken for the next request.
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
    fn nothing_but_a_queued_or_an_unwanted_event_is_answered_with_success() {
        for answer in Answer::ALL {
            let wanted = matches!(answer, Answer::Queued | Answer::WrongMode);
            assert_eq!(answer.status().0.is_success(), wanted, "{answer:?}");
        }
    }

    #[test]
    fn a_refusal_says_one_word() {
        for answer in Answer::ALL {
            let (_, word) = answer.status();
            assert!(word.bytes().all(|letter| letter.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn each_answer_is_counted_on_its_own() {
        let names: BTreeSet<_> = Answer::ALL.iter().map(|answer| answer.as_str()).collect();
        assert_eq!(names.len(), Answer::ALL.len());
    }
}
