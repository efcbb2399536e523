//! Authentication of requests, and the account that they act on (docs.stripe.com, "Authentication", "Making API calls for connected
//! accounts").

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use crate::config::is_live;
use crate::engine::Engine;
use crate::error::ApiError;
use crate::scope::Scope;

/// The objects that a request may look at.
pub(crate) fn authorise(
    engine: &Engine,
    headers: &HeaderMap,
    path: &str,
    refuse: bool,
) -> Result<Scope, ApiError> {
    let given =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = key_in(given);
    let key = key.as_str();
    if key.is_empty() {
        return Err(unauthorised(
            "You did not provide an API key. You need to provide your API key in the Authorization \
             header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
                .to_owned(),
        ));
    }
    let known = key == engine.config.secret_key || engine.config.other_key.as_deref() == Some(key);
    if refuse || !known {
        return Err(unauthorised(format!("Invalid API Key provided: {}", redact(key))));
    }
    let named = headers.get("stripe-account").and_then(|value| value.to_str().ok());
    // A platform names its connected accounts in the path when it asks for them themselves.
    let account = named.or_else(|| path.strip_prefix("/v1/accounts/")?.split('/').next());
    if let Some(account) = account {
        let gone = engine.store().revoked.contains(account);
        if gone || !account.starts_with("acct_") {
            let message = format!(
                "The provided key '{}' does not have access to account '{account}' (or that \
                 account does not exist). Application access may have been revoked.",
                redact(key)
            );
            return Err(
                ApiError::new(403, "invalid_request_error", message).code("account_invalid")
            );
        }
    }
    Ok(Scope { account: engine.scope(account).account, livemode: is_live(key) })
}

/// The key in an `Authorization` header: a bearer token, or the user name of `curl -u KEY:`.
fn key_in(header: &str) -> String {
    if let Some(key) = header.strip_prefix("Bearer ") {
        return key.to_owned();
    }
    let basic = header.strip_prefix("Basic ").and_then(|text| BASE64.decode(text).ok());
    let pair = basic.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    pair.split(':').next().unwrap_or_default().to_owned()
}

fn unauthorised(message: String) -> ApiError {
    ApiError::new(401, "invalid_request_error", message)
}

/// A key as Stripe shows it in errors: its kind and its last letters.
fn redact(key: &str) -> String {
    let kind = key.rsplit_once('_').map_or("", |(kind, _)| kind);
    let tail: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    format!("{kind}_****{tail}")
}
