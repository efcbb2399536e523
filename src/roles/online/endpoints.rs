//! Check of the webhook endpoints and event destinations at Stripe against the settings.

use std::collections::BTreeSet;

use url::Url;

use super::coverage;
use super::findings::Findings;
use crate::config::{Endpoint, ModeFilter, Settings};
use crate::stripe_api::inspect::{EventDestination, WebhookEndpoint};
use crate::stripe_api::{self};

/// Where `ingress` serves; an endpoint's name comes after it.
const PATH: &str = "/webhooks/stripe";

/// A sender of events at Stripe: a webhook endpoint, or an event destination.
pub(crate) struct Sender<'a> {
    id: &'a str,
    /// Where to; none: not by a webhook.
    url: Option<&'a str>,
    status: &'a str,
    snapshots: Snapshots<'a>,
    enabled_events: &'a [String],
}

/// In which version objects are shown in its events.
enum Snapshots<'a> {
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

/// Compares them with the settings. `all`: whether these are all that the account and mode have.
pub(crate) fn compare(
    settings: &Settings,
    senders: &[Sender<'_>],
    all: bool,
    found: &mut Findings,
) {
    let place = Place::of(settings);
    let live = settings.stripe.secret_key.reveal().contains("_live_");
    let mut met = BTreeSet::new();
    let mut sent = Vec::new();
    for sender in senders {
        let Some(name) = sender.url.and_then(|url| place.name_of(url)) else { continue };
        let Some(ours) = settings.endpoints.get(&name) else {
            let id = sender.id;
            found.warnings.push(format!(
                "{id} sends to the endpoint {name:?}, which is not in the settings: it is answered 404"
            ));
            continue;
        };
        if judged(sender, &name, ours, live, found) {
            sent.push(sender.enabled_events);
        }
        met.insert(name);
    }
    if all {
        unmet(settings, &place, senders, &met, live, found);
        if !sent.is_empty() {
            coverage::compare(&sent, found);
        }
    }
}

/// One that leads to an endpoint of ours. Whether it sends anything that is taken.
fn judged(
    sender: &Sender<'_>,
    name: &str,
    ours: &Endpoint,
    live: bool,
    found: &mut Findings,
) -> bool {
    let Sender { id, status, .. } = sender;
    let before = found.warnings.len();
    if *status != "enabled" {
        found
            .warnings
            .push(format!("{id} (endpoint {name:?}) is {status}: Stripe sends it nothing"));
    }
    if !takes(ours, live) {
        found.warnings.push(format!(
            "{id} is of {} mode, whose events the endpoint {name:?} does not take",
            mode(live)
        ));
    }
    let sends = found.warnings.len() == before;
    let fetched = stripe_api::api_version();
    match sender.snapshots {
        Snapshots::Of(theirs) if theirs != fetched => found.warnings.push(format!(
            "{id} (endpoint {name:?}) sends snapshots of version {theirs}; objects are fetched \
             in {fetched}, so only what an event points at is used of it"
        )),
        Snapshots::OfTheAccount => found.warnings.push(format!(
            "{id} (endpoint {name:?}) has no version of its own and sends snapshots of the account's \
             default version; objects are fetched in {fetched}, so only what an event points at is used \
             of it unless both are the same"
        )),
        Snapshots::Of(_) | Snapshots::None => {}
    }
    if found.warnings.len() == before {
        found.seen.push(format!("{id} sends to the endpoint {name:?}"));
    }
    sends
}

/// Our endpoints that nothing leads to.
fn unmet(
    settings: &Settings,
    place: &Place,
    senders: &[Sender<'_>],
    met: &BTreeSet<String>,
    live: bool,
    found: &mut Findings,
) {
    let there = senders.iter().map(|sender| match sender.url {
        Some(url) => format!("{} ({url})", sender.id),
        None => format!("{} (no webhook)", sender.id),
    });
    let there = there.collect::<Vec<_>>().join(", ");
    let waiting = settings.endpoints.iter().filter(|(name, ours)| {
        !ours.secrets.is_empty() && takes(ours, live) && !met.contains(*name)
    });
    let waiting: Vec<_> = waiting.map(|(name, _)| name.as_str()).collect();
    let mode = mode(live);
    if waiting.is_empty() {
    } else if senders.is_empty() {
        found
            .warnings
            .push(format!("Stripe has no webhook endpoint in {mode} mode: no event is sent"));
    } else if met.is_empty() && matches!(place, Place::Anywhere) {
        found.unseen.push(format!(
            "whether Stripe sends here cannot be told, because ingress.public_url is not set. In {mode} \
             mode it sends to: {there}"
        ));
    } else {
        for name in waiting {
            found.warnings.push(format!(
                "nothing in {mode} mode sends to {}, so no event reaches the endpoint {name:?}. Stripe \
                 sends to: {there}",
                place.url_of(name)
            ));
        }
    }
}

fn takes(ours: &Endpoint, live: bool) -> bool {
    match ours.mode {
        ModeFilter::Any => true,
        ModeFilter::Live => live,
        ModeFilter::Test => !live,
    }
}

fn mode(live: bool) -> &'static str {
    if live { "live" } else { "test" }
}

/// Where our endpoints are, as Stripe would have to name them.
enum Place {
    /// The settings do not say: whatever ends in our path may be ours.
    Anywhere,
    /// Under this URL.
    Under(Url),
}

impl Place {
    fn of(settings: &Settings) -> Self {
        // Checked with the settings.
        Url::parse(&settings.ingress.public_url).map_or(Self::Anywhere, Self::Under)
    }

    /// The name of our endpoint that a URL leads to; none for a URL that leads elsewhere.
    fn name_of(&self, url: &str) -> Option<String> {
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
    fn url_of(&self, name: &str) -> String {
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
