//! Answers with the headers that Stripe sends.

use std::sync::LazyLock;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::chaos::WrongAnswer;
use crate::error::ApiError;
use crate::faults::ScriptedAnswer;

/// Answer to a request.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) request_id: String,
    /// The simulator's clock, for `Date`.
    pub(crate) date: i64,
    pub(crate) version: String,
    pub(crate) rate_limited_reason: Option<&'static str>,
    pub(crate) retry_after: Option<u32>,
    pub(crate) account: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    /// The first request, if this is its answer again.
    pub(crate) replay_of: Option<String>,
    /// Whether it says that the same request need not be sent again, whatever its status is.
    pub(crate) is_final: bool,
    /// Whether it does not say whether the same request may be sent again.
    pub(crate) unmarked: bool,
    /// Whether it is [`TOO_LONG`] in the place of its body.
    too_long: bool,
}

/// More than any object of Stripe's has. It is made once: to write so much for each answer would hold the
/// processor for seconds.
static TOO_LONG: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![b' '; 50 << 20]));

impl Answer {
    pub(crate) fn new(request_id: String, date: i64, version: String) -> Self {
        Self {
            status: 200,
            body: Value::Null,
            request_id,
            date,
            version,
            rate_limited_reason: None,
            retry_after: None,
            account: None,
            idempotency_key: None,
            replay_of: None,
            is_final: false,
            unmarked: false,
            too_long: false,
        }
    }

    pub(crate) fn set(&mut self, result: Result<Value, ApiError>) {
        match result {
            Ok(body) => {
                self.status = 200;
                self.body = body;
            }
            Err(error) => {
                self.status = error.status;
                self.body = error.to_json();
                self.rate_limited_reason = error.rate_limited_reason;
                self.retry_after = error.retry_after;
                self.unmarked = error.unmarked;
            }
        }
    }

    /// Puts a wrong answer in the place of the right one.
    pub(crate) fn spoil(&mut self, wrong: WrongAnswer) {
        self.is_final = wrong == WrongAnswer::FinalServerError;
        self.too_long = wrong == WrongAnswer::TooLong;
        self.set(match wrong {
            WrongAnswer::Null | WrongAnswer::TooLong => Ok(Value::Null),
            WrongAnswer::OtherObject => {
                Ok(json!({ "id": "cus_other", "object": "customer", "livemode": false }))
            }
            WrongAnswer::RefusedVersion => {
                let message = "This API key may not use the version of its request.";
                Err(ApiError::invalid(message))
            }
            WrongAnswer::FinalServerError => {
                Err(ApiError::new(500, "api_error", "An unknown error occurred"))
            }
        });
    }

    /// Stripe's own word on whether the same request may be sent again (docs.stripe.com, "Error
    /// handling", Advanced error handling).
    fn should_retry(&self) -> Option<&'static str> {
        match self.status {
            _ if self.unmarked => None,
            _ if self.is_final => Some("false"),
            409 | 429 | 500.. => Some("true"),
            400.. => Some("false"),
            _ => None,
        }
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        // Stripe indents its JSON. A `Value` has only text keys, so it cannot fail to be written.
        let body = if self.too_long {
            TOO_LONG.clone()
        } else {
            Bytes::from(serde_json::to_vec_pretty(&self.body).unwrap_or_default())
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = hyper::StatusCode::from_u16(self.status).unwrap_or_default();
        let retry = self.should_retry().map(str::to_owned);
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: Option<String>| {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(name, value);
            }
        };
        let named = HeaderName::from_static;
        set(CONTENT_TYPE, Some("application/json".to_owned()));
        set(DATE, Some(http_date(self.date)));
        set(named("request-id"), Some(self.request_id));
        set(named("stripe-version"), Some(self.version));
        set(named("stripe-should-retry"), retry);
        let reason = self.rate_limited_reason.map(str::to_owned);
        set(named("stripe-rate-limited-reason"), reason);
        set(RETRY_AFTER, self.retry_after.map(|seconds| seconds.to_string()));
        set(named("stripe-account"), self.account);
        set(named("idempotency-key"), self.idempotency_key);
        set(named("idempotent-replayed"), self.replay_of.as_ref().map(|_| "true".to_owned()));
        set(named("original-request"), self.replay_of);
        response
    }
}

/// An answer that a test wrote, with the headers that it leaves to us.
pub(crate) fn scripted_response(
    scripted: &ScriptedAnswer,
    request_id: String,
    date: i64,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(scripted.body.clone())));
    *response.status_mut() = hyper::StatusCode::from_u16(scripted.status).unwrap_or_default();
    let own = [
        ("content-type".to_owned(), "application/json".to_owned()),
        ("date".to_owned(), http_date(date)),
        ("request-id".to_owned(), request_id),
    ];
    for (name, value) in own.iter().chain(&scripted.headers) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
fn http_date(seconds: i64) -> String {
    const FORMAT: &[BorrowedFormatItem<'_>] = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(FORMAT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_http_wants_it() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
