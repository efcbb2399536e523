//! A look at the account itself: whose key it is, and where Stripe sends its events.
//!
//! For warnings only. A restricted key may not be allowed to see any of it, and works all the same.

use serde::Deserialize;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Answer;
use super::decode;
use super::error::StripeError;
use super::refusal::Refusal;
use super::transport::Transport;
use quittance_config as config;

/// An account as a key sees it. Each part by itself: a key may be allowed to see one and not the other.
#[derive(Debug)]
pub struct Inspection {
    /// The id of the account that the key belongs to.
    pub account: Result<String, StripeError>,
    /// The webhook endpoints of the account and mode that the key belongs to.
    pub endpoints: Result<Vec<WebhookEndpoint>, StripeError>,
    /// The event destinations of the same that are not among them.
    pub destinations: Result<Vec<EventDestination>, StripeError>,
}

/// An endpoint as Stripe has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WebhookEndpoint {
    /// `we_...`
    pub id: String,
    /// Where its events are sent.
    pub url: String,
    /// The version in which its snapshots are rendered; none: the account's default.
    pub api_version: Option<String>,
    /// `enabled` or `disabled`.
    pub status: String,
    /// The types of event that it is sent; `*`: all.
    #[serde(default)]
    pub enabled_events: Vec<String>,
}

/// An event destination, which is what API v2 has for endpoints and more
/// (docs.stripe.com/api/v2/core/event-destinations).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EventDestination {
    /// `ed_...`
    pub id: String,
    /// `enabled` or `disabled`.
    pub status: String,
    /// The types of event that it is sent; `*`: all.
    #[serde(default)]
    pub enabled_events: Vec<String>,
    /// `snapshot`, or `thin`: events that only point at their object.
    pub event_payload: String,
    /// The version in which its snapshots are rendered.
    pub snapshot_api_version: Option<String>,
    /// Its URL; none of one that is no webhook, such as an Amazon EventBridge.
    pub webhook_endpoint: Option<DestinationUrl>,
}

/// Where an event destination sends to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DestinationUrl {
    /// Shown where a request asks for it by `include`.
    pub url: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    id: String,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
}

/// Looks, with requests of its own and outside of the shared budget: it is three, once.
///
/// # Errors
/// The settings cannot be used. Whatever Stripe says is a part of the [`Inspection`].
pub async fn inspect(settings: &config::Stripe) -> Result<Inspection, StripeError> {
    let transport = Transport::new(settings)?;
    let account = get::<Account>(&transport, "/account").await;
    // An account has sixteen endpoints at most (docs.stripe.com, "Webhooks"), so one page is all.
    let endpoints = get::<Page<WebhookEndpoint>>(&transport, "/webhook_endpoints?limit=100").await;
    let path = "/v2/core/event_destinations?limit=100&include=webhook_endpoint.url";
    let destinations = get::<Page<EventDestination>>(&transport, path).await;
    let endpoints = endpoints.map(|page| page.data);
    // Both lists may show one that was made by one API and is known to the other.
    let is_known = |id: &str| endpoints.iter().flatten().any(|endpoint| endpoint.id == id);
    let destinations = destinations.map(|page| {
        page.data.into_iter().filter(|destination| !is_known(&destination.id)).collect()
    });
    Ok(Inspection { account: account.map(|it| it.id), endpoints, destinations })
}

async fn get<T: serde::de::DeserializeOwned>(
    transport: &Transport,
    path: &str,
) -> Result<T, StripeError> {
    let request = RequestBuilder::new(StripeMethod::Get, path);
    let answer = transport.exchange(request, None, None).await?;
    if !answer.meta.status.is_success() {
        return Err(Refusal::read(&answer, false).into());
    }
    let Answer { meta, body } = answer;
    let of = meta.request_id.as_deref();
    decode::typed(&decode::json(&body, of)?, of)
}
