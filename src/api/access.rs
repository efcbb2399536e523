//! Who asks, and whether they may: before anything of the request is looked at but its token.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::body;
use super::reply::Failure;
use super::server::Api;
use crate::commands::{Caller, Problem};
use crate::config;
use crate::config::ApiScope;
use crate::http::Peer;
use crate::http::auth;

/// A token, as its hash.
pub(super) struct Known {
    hash: [u8; 32],
    identity: Identity,
}

/// Who asks, and what they may do.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) caller: Caller,
    scopes: Vec<ApiScope>,
}

impl Identity {
    /// # Errors
    /// 403: the token lacks the scope.
    pub(super) fn may(&self, scope: ApiScope) -> Result<(), Failure> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        let detail = format!("{} lacks the scope {}.", self.caller.name, scope.as_str());
        Err(Failure::from(Problem::new(403, "forbidden", detail)))
    }
}

/// The tokens of checked settings.
pub(super) fn known(settings: &config::Api) -> Vec<Known> {
    let known = settings.known_tokens().filter_map(|(name, token)| {
        let digits = token.hash.reveal().strip_prefix("sha256:")?;
        let hash = hex::decode(digits).ok()?.try_into().ok()?;
        let caller = Caller {
            max_amount: token.max_amount.clone(),
            max_daily: token.max_daily.clone(),
            destinations: token.destinations.clone(),
            ..Caller::unlimited(name)
        };
        Some(Known { hash, identity: Identity { caller, scopes: token.scopes.clone() } })
    });
    known.collect()
}

/// Lets in who has a token, or everybody on this machine where there is none; and refuses card data in the path,
/// the query and the headers, before anything of them is logged.
pub(super) async fn admitted(
    State(api): State<Arc<Api>>,
    mut request: Request,
    next: Next,
) -> Response {
    let identity = match identify(&api, &request) {
        Ok(identity) => identity,
        Err(failure) => return failure.into_response(),
    };
    if let Err(failure) = body::check_head(&request, &api.card_data) {
        return failure.into_response();
    }
    request.extensions_mut().insert(identity);
    next.run(request).await
}

fn identify(api: &Api, request: &Request) -> Result<Identity, Failure> {
    if api.tokens.is_empty() {
        // The only lock is that no other machine gets here; a page of another site must not use a browser as a
        // key to it.
        if !auth::is_loopback_host(request.headers()) || auth::is_foreign(request.headers()) {
            let detail = "Without tokens this server answers to programs on this machine alone. `quittance api \
                          token` makes a token.";
            return Err(Failure::new(421, "wrong_host", detail));
        }
        let caller = Caller::unlimited("local");
        return Ok(Identity { caller, scopes: ApiScope::ALL.to_vec() });
    }
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else {
        let detail = "Send a token: Authorization: Bearer qta_...";
        return Err(Failure::new(401, "unauthorized", detail));
    };
    let hash: [u8; 32] = Sha256::digest(token).into();
    let mut found = None;
    for known in &api.tokens {
        // No early end: the time says nothing of which token it was compared with last.
        if bool::from(known.hash.ct_eq(&hash)) {
            found = Some(&known.identity);
        }
    }
    if let Some(identity) = found {
        return Ok(identity.clone());
    }
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    match api.guard.wrong(peer.unwrap_or(IpAddr::from([0, 0, 0, 0])), Instant::now()) {
        Ok(()) => Err(Failure::new(401, "unauthorized", "This token is not known here.")),
        Err(held) => {
            let detail =
                format!("Too many tokens were wrong. Try again in {} s.", held.for_seconds);
            let mut problem = Problem::new(429, "too_many_failures", detail);
            problem.retry_after = Some(std::time::Duration::from_secs(held.for_seconds));
            Err(Failure::from(problem))
        }
    }
}
