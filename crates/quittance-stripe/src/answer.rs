//! An answer of Stripe's: the body, and what the headers say about it.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::http::StatusCode;
use hyper::http::header::DATE;

use quittance_domain::event::Timestamp;
use quittance_http_client::{parse_http_date, retry_after};

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) meta: Meta,
    pub(crate) body: Bytes,
}

/// Metadata of an answer: its headers, and how long they took.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) status: StatusCode,
    /// `Request-Id`: what Stripe's support asks for.
    pub(crate) request_id: Option<String>,
    /// `Date`: Stripe's clock when it answered, in whole seconds.
    pub(crate) date: Option<Timestamp>,
    /// From sending the request to reading the answer's headers, connecting included.
    pub(crate) round_trip: Duration,
    /// `Stripe-Should-Retry`.
    pub(crate) should_retry: Option<bool>,
    /// `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
    /// `Stripe-Rate-Limited-Reason`.
    pub(crate) limited: Option<Limited>,
    /// `Idempotent-Replayed`: the answer that Stripe has kept under the key.
    pub(crate) replayed: bool,
}

/// Which of Stripe's limits was hit (docs.stripe.com, "Rate limits").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limited {
    /// `global-rate`, `global-concurrency`: all requests of the account together.
    Account,
    /// `endpoint-rate`, `endpoint-concurrency`: all requests to one endpoint.
    Endpoint,
    /// `resource-specific`: one object; asking less of the others would not help.
    Resource,
}

impl Meta {
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, round_trip: Duration) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let date = text(DATE.as_str()).and_then(timestamp);
        Self {
            status,
            request_id: text("request-id").map(str::to_owned),
            date,
            round_trip,
            should_retry: text("stripe-should-retry").and_then(|word| match word {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            }),
            retry_after: retry_after(headers),
            limited: text("stripe-rate-limited-reason").and_then(|reason| match reason {
                "global-rate" | "global-concurrency" => Some(Limited::Account),
                "endpoint-rate" | "endpoint-concurrency" => Some(Limited::Endpoint),
                "resource-specific" => Some(Limited::Resource),
                _ => None,
            }),
            replayed: text("idempotent-replayed") == Some("true"),
        }
    }

    /// A lower bound of Stripe's clock at the instant when the request was sent; `None` without a
    /// `Date`.
    ///
    /// The argument: Stripe stamps `Date` at some instant `x` between our sending (`s`) and our
    /// reading of the headers (`e`), and rounds down. With `c` for Stripe's clock,
    /// `date <= c(x) = c(s) + (x - s) <= c(s) + (e - s)`, so `c(s) >= date - (e - s)`: the date
    /// less the round trip, rounded away from it. Only a *duration* is measured on our side, never
    /// a time of day, so a wrong local clock does no harm. The bound may be early by up to two
    /// seconds, which costs a request now and then; were it ever late, an event could count as
    /// covered by an answer that was made before it.
    pub(crate) fn began_at(&self) -> Option<Timestamp> {
        let whole = i64::try_from(self.round_trip.as_secs()).unwrap_or(i64::MAX);
        let begun = i64::from(self.round_trip.subsec_nanos() > 0);
        Some(self.date?.saturating_sub(whole).saturating_sub(begun))
    }

    /// [`Self::began_at`], and an upper bound of Stripe's clock at the instant when it looked: `Date` is
    /// stamped after that, and rounded down.
    /// `None` where Stripe has not said when it answered: nothing can be ordered without it.
    pub(crate) fn dated(&self) -> Option<(Timestamp, Timestamp)> {
        self.began_at().zip(self.date.map(|date| date.saturating_add(1)))
    }

    /// A part of the answer was read with a second request: it begins with the first one, and ends with
    /// the second one.
    pub(crate) fn goes_on(&mut self, next: &Self) {
        if let (Some(date), Some(end)) = (self.date, next.date) {
            let later = end.saturating_sub(date);
            self.round_trip += Duration::from_secs(u64::try_from(later).unwrap_or(0));
            self.date = Some(end.max(date));
        }
    }
}

fn timestamp(http_date: &str) -> Option<Timestamp> {
    let since = parse_http_date(http_date)?.duration_since(UNIX_EPOCH).ok()?;
    Timestamp::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(headers: &[(&'static str, &str)], round_trip: Duration) -> Meta {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Meta::read(StatusCode::OK, &map, round_trip)
    }

    const DATE_LINE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");

    #[test]
    fn a_fetch_never_claims_to_have_begun_later_than_it_did() {
        let began = |ms| meta(&[DATE_LINE], Duration::from_millis(ms)).began_at();
        assert_eq!(began(0), Some(784_111_777));
        assert_eq!(began(1), Some(784_111_776));
        assert_eq!(began(1_000), Some(784_111_776));
        assert_eq!(began(1_001), Some(784_111_775));
    }

    #[test]
    fn no_date_or_a_garbled_one_is_no_time_at_all() {
        assert_eq!(meta(&[], Duration::ZERO).began_at(), None);
        assert_eq!(meta(&[("date", "yesterday")], Duration::ZERO).began_at(), None);
    }

    #[test]
    fn a_retry_after_may_be_seconds_or_a_date() {
        let wait = |value| meta(&[DATE_LINE, ("retry-after", value)], Duration::ZERO).retry_after;
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:40 GMT"), Some(Duration::from_secs(3)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:30 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-1"), None);
    }
}
