//! Reading an event again, as it was sent.

use bytes::Bytes;
use serde_json::Value;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::client::Client;
use super::decode;
use super::error::StripeError;
use quittance_domain::id::{EventId, Scope};

/// An event as Stripe still has it.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchedEvent {
    /// Its JSON, as a webhook would bring it.
    pub body: Bytes,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
}

impl Client {
    /// Asks Stripe for an event. It keeps each for 30 days (docs.stripe.com, "Retrieve an event");
    /// an older one is missing, like one that never was.
    ///
    /// # Errors
    /// See [`StripeError`]; each says its class.
    pub async fn event(&self, scope: &Scope, id: &EventId) -> Result<FetchedEvent, StripeError> {
        self.check_mode(scope)?;
        let request =
            RequestBuilder::new(StripeMethod::Get, format!("/events/{}", id.url_segment()));
        let connected = scope.account.is_some();
        let answer = self.ask_as(scope, connected, "events", request).await?;
        let request_id = answer.meta.request_id;
        let mut event = decode::json(&answer.body, request_id.as_deref())?;
        for (field, asked) in [("object", "event"), ("id", id.as_str())] {
            let answered = event[field].as_str().unwrap_or("nothing");
            if answered != asked {
                return Err(StripeError::WrongObject {
                    field,
                    asked: asked.to_owned(),
                    answered: answered.chars().take(100).collect(),
                    request_id,
                });
            }
        }
        // An account that looks at its own event sees no account in it; a webhook names it, and
        // without it the object would be looked for in ours.
        if let (Some(account), Some(fields)) = (&scope.account, event.as_object_mut()) {
            fields.insert("account".to_owned(), Value::from(account.as_str()));
        }
        Ok(FetchedEvent { body: event.to_string().into(), request_id })
    }
}
