//! Where events go.

use serde_json::{Value, json};

use crate::objects::Event;

/// A webhook endpoint, as one registers it with Stripe.
#[derive(Debug, Clone)]
pub struct WebhookEndpoint {
    /// Where events are posted; plain HTTP.
    pub url: String,
    /// Signing secrets; each one signs, as while a secret is rolled.
    pub secrets: Vec<String>,
    /// Whether it receives events of connected accounts, or of the own one.
    pub connect: bool,
    /// Live or test. A live Connect endpoint receives test events of connected accounts too, as at
    /// Stripe (docs.stripe.com, "Connect webhooks").
    pub livemode: bool,
    /// The version in which its snapshots are rendered; none: the simulator's own.
    pub api_version: Option<String>,
    /// The types of event that it is sent; `*`: all.
    pub enabled_events: Vec<String>,
    /// Whether it is sent anything; Stripe disables one that fails for days, and a person can.
    pub enabled: bool,
    /// Whether it was made by API v2, as an event destination for snapshots.
    pub is_destination: bool,
}

impl WebhookEndpoint {
    /// An endpoint of the own account, in test mode, with one secret.
    #[must_use]
    pub fn new(url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secrets: vec![secret.into()],
            connect: false,
            livemode: false,
            api_version: None,
            enabled_events: vec!["*".to_owned()],
            enabled: true,
            is_destination: false,
        }
    }

    /// The same, with what a person typed checked.
    ///
    /// # Errors
    /// The URL is not plain HTTP, or there is no secret.
    pub fn parse(
        url: &str,
        secrets: impl IntoIterator<Item = String>,
    ) -> Result<Self, EndpointError> {
        // Deliveries go to the program under test, which is on this machine: no TLS is spoken.
        if !url::Url::parse(url).is_ok_and(|it| it.scheme() == "http" && it.has_host()) {
            return Err(EndpointError::Url);
        }
        let secrets: Vec<String> = secrets.into_iter().filter(|it| !it.is_empty()).collect();
        if secrets.is_empty() {
            return Err(EndpointError::NoSecret);
        }
        Ok(Self { secrets, ..Self::new(url, "") })
    }

    /// The same for connected accounts.
    #[must_use]
    pub fn connect(mut self) -> Self {
        self.connect = true;
        self
    }

    pub(super) fn receives(&self, event: &Event) -> bool {
        let mode = self.livemode == event.scope.livemode || (self.connect && self.livemode);
        let is_wanted = self.enabled_events.iter().any(|name| name == "*" || *name == event.kind);
        self.enabled && mode && is_wanted && self.connect == event.scope.account.is_some()
    }

    fn status(&self) -> &'static str {
        if self.enabled { "enabled" } else { "disabled" }
    }

    /// As `GET /v1/webhook_endpoints` shows it (docs.stripe.com, "The Webhook Endpoint object").
    pub(super) fn render(&self, id: EndpointId) -> Value {
        json!({
            "id": format!("we_{:014}", id.0),
            "object": "webhook_endpoint",
            "api_version": self.api_version,
            "application": self.connect.then_some("ca_1Simulator"),
            "created": 0,
            "description": null,
            "enabled_events": self.enabled_events,
            "livemode": self.livemode,
            "metadata": {},
            "status": self.status(),
            "url": self.url,
        })
    }

    /// As `GET /v2/core/event_destinations` shows it (docs.stripe.com, "The Event Destination object").
    pub(super) fn render_destination(&self, id: EndpointId, with_url: bool) -> Value {
        json!({
            "id": format!("ed_{:014}", id.0),
            "object": "v2.core.event_destination",
            "created": "2024-01-01T00:00:00.000Z",
            "description": "",
            "enabled_events": self.enabled_events,
            "event_payload": "snapshot",
            "events_from": [if self.connect { "other_accounts" } else { "self" }],
            "livemode": self.livemode,
            "metadata": {},
            "name": "",
            "snapshot_api_version": self.api_version,
            "status": self.status(),
            "status_details": null,
            "type": "webhook_endpoint",
            "updated": "2024-01-01T00:00:00.000Z",
            "webhook_endpoint": { "signing_secret": null, "url": with_url.then_some(&self.url) },
        })
    }
}

/// A webhook endpoint that cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The URL.
    #[error("the URL of a webhook endpoint is http://host:port/path")]
    Url,
    /// Nothing to sign with.
    #[error("a webhook endpoint needs a signing secret")]
    NoSecret,
}

impl EndpointError {
    /// The parameter at fault.
    pub(crate) fn param(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::NoSecret => "secret",
        }
    }
}

/// Names an endpoint of one simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(pub(super) usize);

impl EndpointId {
    /// From its id at the API: `we_...`, or `ed_...` of an event destination.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("we_").or_else(|| text.strip_prefix("ed_"))?;
        digits.parse().ok().map(Self)
    }
}

/// One POST and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// To whom.
    pub endpoint: EndpointId,
    /// The HTTP status; none: no answer in time.
    pub status: Option<u16>,
}

/// An event could not be sent on its way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDelivered {
    /// There is no event of this id.
    #[error("there is no event {0}")]
    NoSuchEvent(String),
}

/// Deliveries that were not acknowledged, although none is in flight any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} deliveries were never acknowledged, the first of {}", events.len(), events.first().map_or("", String::as_str))]
pub struct Unacknowledged {
    /// The events, oldest first.
    pub events: Vec<String>,
}
