//! A look at the account itself: whose key it is, and which endpoints Stripe sends webhooks to.
//!
//! For warnings only. A restricted key may not be allowed to see either, and works all the same.

use serde::Deserialize;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Answer;
use super::decode;
use super::error::StripeError;
use super::refusal::Refusal;
use super::transport::Transport;
use crate::config;

/// What could be seen. Each part by itself: a key may be allowed to see one and not the other.
#[derive(Debug)]
pub struct Inspection {
    /// The id of the account that the key belongs to.
    pub account: Result<String, StripeError>,
    /// The webhook endpoints of the account and mode that the key belongs to.
    pub endpoints: Result<Vec<WebhookEndpoint>, StripeError>,
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

#[derive(Deserialize)]
struct Account {
    id: String,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<WebhookEndpoint>,
}

/// Looks, with requests of its own and outside of the shared budget: it is two, once.
///
/// # Errors
/// The settings cannot be used. Whatever Stripe says is a part of the [`Inspection`].
pub async fn inspect(settings: &config::Stripe) -> Result<Inspection, StripeError> {
    let transport = Transport::new(settings)?;
    let account = get::<Account>(&transport, "/account").await;
    // An account has sixteen endpoints at most (docs.stripe.com, "Webhooks"), so one page is all.
    let page = get::<Page>(&transport, "/webhook_endpoints?limit=100").await;
    Ok(Inspection { account: account.map(|it| it.id), endpoints: page.map(|page| page.data) })
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
