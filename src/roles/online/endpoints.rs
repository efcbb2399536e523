//! Check of the webhook endpoints and event destinations at Stripe against the settings.

use std::collections::BTreeSet;

use super::coverage;
use super::findings::Findings;
use crate::completeness::senders::{Place, Sender, Snapshots};
use crate::config::{Endpoint, ModeFilter, Settings};
use crate::stripe_api;

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
