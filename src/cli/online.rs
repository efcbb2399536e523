//! What Stripe says of our account and endpoints, held against the settings. Warnings only.

use crate::config::{ModeFilter, Settings};
use crate::domain::failure;
use crate::stripe_api::inspect::{Inspection, WebhookEndpoint, inspect};
use crate::stripe_api::{self, StripeError};

/// What was found: each line can be read alone.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// As it should be.
    pub(super) seen: Vec<String>,
    /// Not as it should be.
    pub(super) warnings: Vec<String>,
    /// What could not be seen, which is no fault: a restricted key need not be allowed to.
    pub(super) unseen: Vec<String>,
    /// Why Stripe could not be asked at all: it is not reached, or refuses the key.
    pub(super) fault: Option<StripeError>,
}

/// Asks Stripe, and compares. Never fails: what cannot be asked cannot be compared.
pub(super) async fn look(settings: &Settings) -> Findings {
    match inspect(&settings.stripe).await {
        Ok(inspection) => compare(settings, inspection),
        Err(error) => Findings { fault: Some(error), ..Findings::default() },
    }
}

/// The same at a worker's start, into the log.
pub(super) async fn warn(settings: Settings) {
    let Findings { seen: _, warnings, unseen, fault } = look(&settings).await;
    for warning in warnings {
        tracing::warn!(warning, "the settings are not as Stripe says");
    }
    for text in unseen {
        tracing::debug!("{text}");
    }
    if let Some(error) = fault {
        let error = failure::chain(&error).join(": ");
        tracing::warn!(error, "stripe could not be asked whether the settings are as it says");
    }
}

fn compare(settings: &Settings, inspection: Inspection) -> Findings {
    let mut found = Findings::default();
    match inspection.account {
        Ok(id) => account(settings, &id, &mut found),
        Err(error) => found.not_seen("the account", error),
    }
    match inspection.endpoints {
        Ok(all) => endpoints(settings, &all, &mut found),
        Err(error) => found.not_seen("the webhook endpoints", error),
    }
    found
}

impl Findings {
    fn not_seen(&mut self, what: &str, error: StripeError) {
        if error.is_forbidden() {
            self.unseen.push(format!("{what} could not be seen: {error}"));
        } else {
            // Both are refused alike, or neither is reached: the first says it.
            self.fault.get_or_insert(error);
        }
    }
}

fn account(settings: &Settings, id: &str, found: &mut Findings) {
    let expected = &settings.stripe.account;
    if expected.is_empty() || expected == id {
        found.seen.push(format!("stripe.secret_key belongs to {id}"));
    } else {
        found.warnings.push(format!(
            "stripe.secret_key belongs to {id}, but stripe.account expects {expected}: objects of \
             that account will not be found"
        ));
    }
}

fn endpoints(settings: &Settings, all: &[WebhookEndpoint], found: &mut Findings) {
    let key = settings.stripe.secret_key.reveal();
    let live = key.contains("_live_");
    for endpoint in all {
        let Some(name) = name_of(&endpoint.url) else { continue };
        let WebhookEndpoint { id, api_version, status, .. } = endpoint;
        let Some(ours) = settings.endpoints.get(name) else {
            found.warnings.push(format!(
                "{id} sends to the endpoint {name:?}, which is not in the settings: it is answered 404"
            ));
            continue;
        };
        let before = found.warnings.len();
        if status != "enabled" {
            found
                .warnings
                .push(format!("{id} (endpoint {name:?}) is {status}: Stripe sends it nothing"));
        }
        let unwanted = match ours.mode {
            ModeFilter::Any => false,
            ModeFilter::Live => !live,
            ModeFilter::Test => live,
        };
        if unwanted {
            found.warnings.push(format!(
                "{id} is of {} mode, whose events the endpoint {name:?} does not take",
                if live { "live" } else { "test" }
            ));
        }
        let ours = stripe_api::api_version();
        match api_version.as_deref() {
            Some(theirs) if theirs != ours => found.warnings.push(format!(
                "{id} (endpoint {name:?}) sends snapshots of version {theirs}; objects are fetched \
                 in {ours}, so only what an event points at is used of it"
            )),
            Some(_) | None => {}
        }
        if found.warnings.len() == before {
            found.seen.push(format!("{id} sends to the endpoint {name:?}"));
        }
    }
}

/// The name of our endpoint that a URL leads to; none for a URL that leads elsewhere.
fn name_of(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?.trim_end_matches('/');
    match path.rsplit_once("/webhooks/stripe")?.1 {
        "" => Some("default"),
        rest => rest.strip_prefix('/').filter(|name| !name.contains('/')),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config;

    fn settings() -> Settings {
        let environment = [
            ("STRIPE_SECRET_KEY", "sk_test_x"),
            ("QUITTANCE__STRIPE__ACCOUNT", "acct_1"),
            ("STRIPE_WEBHOOK_SECRET", "whsec_x"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        config::load(None, environment.into_iter()).unwrap()
    }

    fn endpoint(url: &str, version: Option<&str>) -> WebhookEndpoint {
        WebhookEndpoint {
            id: "we_1".into(),
            url: url.into(),
            api_version: version.map(str::to_owned),
            status: "enabled".into(),
            enabled_events: vec!["*".into()],
        }
    }

    fn found(account: &str, endpoints: Vec<WebhookEndpoint>) -> Findings {
        let inspection = Inspection { account: Ok(account.to_owned()), endpoints: Ok(endpoints) };
        compare(&settings(), inspection)
    }

    #[test]
    fn what_is_as_expected_warns_of_nothing() {
        let good = endpoint("https://x.example/webhooks/stripe", Some(stripe_api::api_version()));
        let other = endpoint("https://x.example/other", Some("2019-01-01"));
        let found = found("acct_1", vec![good, other]);
        assert_eq!(found.warnings, [""; 0]);
        assert_eq!(found.seen.len(), 2, "another program's endpoint is none of our business");
    }

    #[test]
    fn another_account_another_version_and_an_unknown_endpoint_are_warned_of() {
        let old = endpoint("https://x.example/webhooks/stripe/", Some("2019-01-01"));
        let unknown = endpoint("https://x.example/webhooks/stripe/connect", None);
        let found = found("acct_2", vec![old, unknown]);
        let [account, version, name] = &found.warnings[..] else { panic!("{found:?}") };
        assert!(account.contains("acct_2") && account.contains("acct_1"), "{account}");
        assert!(version.contains("2019-01-01"), "{version}");
        assert!(name.contains("\"connect\""), "{name}");
    }

    #[test]
    fn what_is_no_matter_of_permission_is_a_fault() {
        let lost = || StripeError::TimedOut { after: Duration::from_secs(1) };
        let inspection = Inspection { account: Err(lost()), endpoints: Err(lost()) };
        let found = compare(&settings(), inspection);
        assert!(found.unseen.is_empty(), "{found:?}");
        assert!(matches!(found.fault, Some(StripeError::TimedOut { .. })), "{found:?}");
    }
}
