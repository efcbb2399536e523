//! What of Stripe's sends events here, and what follows from that about an event that did not come.
//!
//! Called by the sweep, and by `config check --online`. Pure: what Stripe says of its endpoints is handed in.

use url::Url;

use crate::config::Settings;
use crate::stripe_api::inspect::{EventDestination, WebhookEndpoint};

/// Where `ingress` serves; an endpoint's name comes after it.
const PATH: &str = "/webhooks/stripe";

/// Why an event was missed, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No endpoint of Stripe's leads here: the sweep is the way by which events come.
    NoEndpoint,
    /// None that leads here is sent this type.
    NotEnabled,
    /// Each that is sent this type is disabled.
    Disabled,
    /// Stripe still tries to deliver it.
    Pending,
    /// Stripe does not try any more: it has delivered it, and it was lost here, or has given up.
    NotPending,
    /// The endpoints could not be read.
    Unknown,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NoEndpoint,
        Self::NotEnabled,
        Self::Disabled,
        Self::Pending,
        Self::NotPending,
        Self::Unknown,
    ];

    /// `no_endpoint`, `not_enabled`, `disabled`, `pending`, `not_pending`, `unknown`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoEndpoint => "no_endpoint",
            Self::NotEnabled => "not_enabled",
            Self::Disabled => "disabled",
            Self::Pending => "pending",
            Self::NotPending => "not_pending",
            Self::Unknown => "unknown",
        }
    }
}

/// Why an event was missed. `here`: all endpoints of Stripe's that lead here; `None` where they could not be read.
pub(crate) fn reason(here: Option<&[Route]>, event_type: &str, pending_webhooks: u32) -> Reason {
    let Some(here) = here else { return Reason::Unknown };
    let mut wanted =
        here.iter().filter(|route| route.events.iter().any(|it| covers(it, event_type)));
    if here.is_empty() {
        return Reason::NoEndpoint;
    }
    match (wanted.clone().next(), wanted.any(|route| route.enabled)) {
        (None, _) => Reason::NotEnabled,
        (Some(_), false) => Reason::Disabled,
        (Some(_), true) if pending_webhooks > 0 => Reason::Pending,
        (Some(_), true) => Reason::NotPending,
    }
}

/// An endpoint of Stripe's that leads here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) enabled: bool,
    pub(crate) events: Vec<String>,
}

/// Those of some senders that lead here.
pub(crate) fn routes(settings: &Settings, senders: &[Sender<'_>]) -> Vec<Route> {
    let place = Place::of(settings);
    let here =
        senders.iter().filter(|sender| sender.url.and_then(|url| place.name_of(url)).is_some());
    here.map(|sender| Route {
        enabled: sender.status == "enabled",
        events: sender.enabled_events.to_vec(),
    })
    .collect()
}

/// What sends events at Stripe: a webhook endpoint, or an event destination.
pub(crate) struct Sender<'a> {
    pub(crate) id: &'a str,
    /// Where to; none: not by a webhook.
    pub(crate) url: Option<&'a str>,
    pub(crate) status: &'a str,
    pub(crate) snapshots: Snapshots<'a>,
    pub(crate) enabled_events: &'a [String],
}

/// In which version objects are shown in its events.
pub(crate) enum Snapshots<'a> {
    Of(&'a str),
    /// In that of the account, whatever it is.
    OfTheAccount,
    /// They are not: thin events only point at them.
    None,
}

impl<'a> From<&'a WebhookEndpoint> for Sender<'a> {
    fn from(endpoint: &'a WebhookEndpoint) -> Self {
        Self {
            id: &endpoint.id,
            url: Some(&endpoint.url),
            status: &endpoint.status,
            snapshots: endpoint
                .api_version
                .as_deref()
                .map_or(Snapshots::OfTheAccount, Snapshots::Of),
            enabled_events: &endpoint.enabled_events,
        }
    }
}

impl<'a> From<&'a EventDestination> for Sender<'a> {
    fn from(destination: &'a EventDestination) -> Self {
        let version = destination.snapshot_api_version.as_deref();
        let snapshots = match destination.event_payload.as_str() {
            "thin" => Snapshots::None,
            _ => version.map_or(Snapshots::OfTheAccount, Snapshots::Of),
        };
        Self {
            id: &destination.id,
            url: destination.webhook_endpoint.as_ref().and_then(|it| it.url.as_deref()),
            status: &destination.status,
            snapshots,
            enabled_events: &destination.enabled_events,
        }
    }
}

/// Whether `wanted`, as Stripe keeps it of an endpoint, is or includes a type. In thin events the types of
/// API v1 begin with `v1.`.
pub(crate) fn covers(wanted: &str, event_type: &str) -> bool {
    let wanted = wanted.strip_prefix("v1.").unwrap_or(wanted);
    match wanted.strip_suffix('*') {
        Some(begin) => event_type.starts_with(begin),
        None => wanted == event_type.strip_prefix("v1.").unwrap_or(event_type),
    }
}

/// Where our endpoints are, as Stripe would have to name them.
pub(crate) enum Place {
    /// The settings do not say: whatever ends in our path may be ours.
    Anywhere,
    /// Under this URL.
    Under(Url),
}

impl Place {
    pub(crate) fn of(settings: &Settings) -> Self {
        // Checked with the settings.
        Url::parse(&settings.ingress.public_url).map_or(Self::Anywhere, Self::Under)
    }

    /// The name of our endpoint that a URL leads to; none for a URL that leads elsewhere.
    pub(crate) fn name_of(&self, url: &str) -> Option<String> {
        let url = Url::parse(url).ok()?;
        let path = url.path().trim_end_matches('/');
        let rest = match self {
            Self::Anywhere => path.rsplit_once(PATH)?.1,
            Self::Under(base) => {
                let same = url.host() == base.host()
                    && url.port_or_known_default() == base.port_or_known_default();
                let path = path.strip_prefix(base.path().trim_end_matches('/'));
                path.filter(|_| same)?.strip_prefix(PATH)?
            }
        };
        match rest {
            "" => Some("default".to_owned()),
            rest => rest.strip_prefix('/').filter(|name| !name.contains('/')).map(str::to_owned),
        }
    }

    /// Where Stripe would have to send for one of our endpoints.
    pub(crate) fn url_of(&self, name: &str) -> String {
        let base = match self {
            Self::Anywhere => "https://...",
            Self::Under(base) => base.as_str().trim_end_matches('/'),
        };
        match name {
            "default" => format!("{base}{PATH}"),
            name => format!("{base}{PATH}/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(enabled: bool, events: &[&str]) -> Route {
        Route { enabled, events: events.iter().map(|it| (*it).to_owned()).collect() }
    }

    #[test]
    fn why_an_event_was_missed_follows_from_the_endpoints() {
        let all = [route(true, &["*"])];
        let some = [route(true, &["charge.*"]), route(false, &["payout.paid"])];
        for (here, event_type, pending, expected) in [
            (None, "charge.failed", 0, Reason::Unknown),
            (Some(&[][..]), "charge.failed", 1, Reason::NoEndpoint),
            (Some(&some[..]), "invoice.paid", 0, Reason::NotEnabled),
            (Some(&some[..]), "payout.paid", 0, Reason::Disabled),
            (Some(&some[..]), "charge.failed", 1, Reason::Pending),
            (Some(&all[..]), "invoice.paid", 0, Reason::NotPending),
        ] {
            assert_eq!(reason(here, event_type, pending), expected, "{event_type}");
        }
    }
}
