//! Stripe says no: what its error object holds, and what it means for a job.

use serde::Deserialize;

use super::answer::{Answer, Limited, Meta};
use quittance_domain::event::Timestamp;
use quittance_domain::failure::{Class, Dependency};
use quittance_domain::field;
use quittance_domain::surrogates;

/// Longest part of a message of Stripe's that is kept.
const MAX_MESSAGE: usize = 500;

/// An answer that is not a success (docs.stripe.com, "Errors", "Error handling").
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "Stripe answered {status}{}{}",
    code.as_deref().map(|code| format!(" {code}")).unwrap_or_default(),
    message.as_deref().map(|text| format!(": {text}")).unwrap_or_default()
)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Stripe's `error.code`: `resource_missing`, `lock_timeout`, ...
    pub code: Option<String>,
    /// Stripe's `error.message`, without anything that looks like a key.
    pub message: Option<String>,
    /// Whether the body held Stripe's error object at all; a proxy's page does not.
    stripes_own: bool,
    /// Whether the request was made for a connected account.
    connected: bool,
    meta: Meta,
}

#[derive(Deserialize)]
struct Body {
    error: Error,
}

#[derive(Deserialize)]
struct Error {
    #[serde(default, deserialize_with = "field::text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "field::text")]
    message: Option<String>,
}

impl Refusal {
    pub(crate) fn read(answer: &Answer, connected: bool) -> Self {
        let body: Option<Body> =
            surrogates::read(&answer.body, |body| serde_json::from_slice(body)).ok();
        let stripes_own = body.is_some();
        let (code, message) = body.map_or((None, None), |b| (b.error.code, b.error.message));
        Self {
            status: answer.meta.status.as_u16(),
            code,
            message: message.as_deref().map(without_keys),
            stripes_own,
            connected,
            meta: answer.meta.clone(),
        }
    }

    /// Stripe's `Request-Id`.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.meta.request_id.as_deref()
    }

    /// `Stripe-Should-Retry`.
    #[must_use]
    pub fn should_retry(&self) -> Option<bool> {
        self.meta.should_retry
    }

    /// The limit that a 429 speaks of, if asking less often is what it asks for.
    pub(crate) fn limited(&self) -> Option<Limited> {
        if self.status != 429 || self.is("lock_timeout") {
            return None;
        }
        // Without a reason the endpoint's limit is the likely one: it is the lower of the two.
        Some(self.meta.limited.unwrap_or(Limited::Endpoint))
    }

    /// Whether this is a "no" that Stripe meant, and not an error of its own or of something between.
    pub(crate) fn is_stripes_word(&self) -> bool {
        let class = self.judge().0;
        self.status < 500 && !matches!(class, Class::Misconfigured(_))
    }

    /// A refusal of the request itself, which is made alike for every object of a kind.
    pub(crate) fn blames_the_request(&self) -> bool {
        let (class, code) = self.judge();
        matches!(class, Class::Permanent)
            && matches!(code, "stripe_request_refused" | "stripe_card_error")
    }

    /// "No such object": none in this account and mode, or none any more.
    pub(crate) fn is_missing(&self) -> bool {
        self.status == 404 && self.stripes_own && self.is("resource_missing")
    }

    /// "That request is wrong", said of a request that holds nothing but an id: the object is there, and
    /// is not what it is asked for as.
    pub(crate) fn is_invalid(&self) -> bool {
        self.status == 400 && self.stripes_own
    }

    /// The key is good, and may not do this.
    pub(crate) fn lacks_permission(&self) -> bool {
        self.status == 403 && !self.is_access_lost()
    }

    /// When the request began, by Stripe's clock, or a little before; none without a `Date`.
    #[must_use]
    pub fn looked_at(&self) -> Option<Timestamp> {
        self.meta.began_at()
    }

    /// When it began, and when it had ended: see [`Meta::dated`].
    pub(crate) fn dated(&self) -> Option<(Timestamp, Timestamp)> {
        self.meta.dated()
    }

    fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Stripe's "no access to that account (or it does not exist); access may have been revoked".
    pub(crate) fn is_access_lost(&self) -> bool {
        matches!(self.status, 401 | 403) && self.connected && self.is("account_invalid")
    }

    /// The class of the failure, and the word under which ops finds it.
    pub(crate) fn judge(&self) -> (Class, &'static str) {
        let misconfigured = Class::Misconfigured(Dependency::Stripe);
        match self.status {
            // Of a connected account that is final and concerns it alone.
            401 | 403 if self.is_access_lost() => (Class::Permanent, "stripe_account_access_lost"),
            401 => (misconfigured, "stripe_key_refused"),
            // Also for connected accounts: a restricted key without the needed permission gets a
            // 403 without a code, and that must not dead-letter every event there is.
            403 => (misconfigured, "stripe_permission_missing"),
            // Not Stripe's own words: a redirect, or somebody else's 404. The base URL is wrong,
            // or a proxy stands in the way.
            300..=399 => (misconfigured, "stripe_not_reached"),
            400 | 404 | 405 | 407 if !self.stripes_own => (misconfigured, "stripe_not_reached"),
            404 if self.is("resource_missing") => (Class::Permanent, "stripe_resource_missing"),
            402 => (Class::Permanent, "stripe_card_error"),
            408 => (Class::Transient, "stripe_timeout"),
            409 => (Class::Transient, "stripe_conflict"),
            424 => (Class::Transient, "stripe_dependency_failed"),
            // Contention on one object, not a rate (docs.stripe.com, "Rate limits").
            429 if self.is("lock_timeout") => (Class::Transient, "stripe_lock_timeout"),
            429 => {
                let retry_after = self.meta.retry_after;
                (Class::RateLimited { retry_after }, "stripe_rate_limited")
            }
            500..=599 => (Class::Transient, "stripe_server_error"),
            _ => (Class::Permanent, "stripe_request_refused"),
        }
    }
}

/// Stripe's messages about keys quote them, most of their middle replaced by stars. What is left
/// still identifies a key, so words that begin like one are replaced whole.
fn without_keys(message: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '*' | '-');
    let mut out = String::new();
    for piece in message.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        if ["sk_", "rk_", "pk_", "whsec_"].iter().any(|prefix| word.starts_with(prefix)) {
            out += "[redacted]";
            out += &piece[word.len()..];
        } else {
            out += piece;
        }
    }
    match out.char_indices().nth(MAX_MESSAGE) {
        Some((cut, _)) => format!("{}…", &out[..cut]),
        None => out,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::HeaderMap;
    use hyper::http::StatusCode;

    use super::*;

    fn refusal(status: u16, body: &str, connected: bool) -> Refusal {
        let status = StatusCode::from_u16(status).unwrap();
        let meta = Meta::read(status, &HeaderMap::new(), Duration::ZERO);
        Refusal::read(&Answer { meta, body: body.to_owned().into() }, connected)
    }

    fn coded(status: u16, code: &str, connected: bool) -> (&'static str, &'static str) {
        let body = format!(r#"{{"error":{{"type":"x","code":"{code}","message":"m"}}}}"#);
        let (class, word) = refusal(status, &body, connected).judge();
        (class.as_str(), word)
    }

    #[test]
    fn every_status_has_its_class() {
        for (status, code, class, word) in [
            (400, "parameter_unknown", "permanent", "stripe_request_refused"),
            (401, "", "misconfigured", "stripe_key_refused"),
            (402, "card_declined", "permanent", "stripe_card_error"),
            (403, "", "misconfigured", "stripe_permission_missing"),
            (404, "resource_missing", "permanent", "stripe_resource_missing"),
            (404, "", "permanent", "stripe_request_refused"),
            (409, "idempotency_key_in_use", "transient", "stripe_conflict"),
            (424, "", "transient", "stripe_dependency_failed"),
            (429, "rate_limit", "rate_limited", "stripe_rate_limited"),
            (429, "lock_timeout", "transient", "stripe_lock_timeout"),
            (500, "", "transient", "stripe_server_error"),
            (503, "", "transient", "stripe_server_error"),
        ] {
            assert_eq!(coded(status, code, false), (class, word), "{status} {code}");
        }
    }

    #[test]
    fn lost_access_to_a_connected_account_is_final_but_a_missing_permission_is_not() {
        let lost = ("permanent", "stripe_account_access_lost");
        assert_eq!(coded(403, "account_invalid", true), lost);
        assert_eq!(coded(401, "account_invalid", true), lost);
        let missing = ("misconfigured", "stripe_permission_missing");
        assert_eq!(coded(403, "", true), missing);
        assert_eq!(coded(403, "account_invalid", false), missing);
    }

    #[test]
    fn an_answer_that_is_not_stripes_own_blames_the_settings() {
        for status in [301, 404, 407] {
            let (class, word) = refusal(status, "<html>no</html>", false).judge();
            assert_eq!((class.as_str(), word), ("misconfigured", "stripe_not_reached"));
        }
    }

    #[test]
    fn an_odd_message_is_still_stripes_own() {
        for message in [r#""No such charge: 'a\ud83d'""#, "5", "null", "{}"] {
            let body = format!(r#"{{"error":{{"code":"resource_missing","message":{message}}}}}"#);
            let (_, word) = refusal(404, &body, false).judge();
            assert_eq!(word, "stripe_resource_missing", "{message}");
        }
    }

    #[test]
    fn a_key_in_stripes_message_is_not_repeated() {
        let body =
            r#"{"error":{"message":"The provided key 'rk_live_AB***123' lacks (sk_test_x)"}}"#;
        let text = refusal(403, body, false).to_string();
        assert_eq!(text, "Stripe answered 403: The provided key '[redacted]' lacks ([redacted])");
    }
}
