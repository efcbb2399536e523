//! Check of the settings against our account at Stripe and what it sends here. Warnings only.

mod coverage;
mod endpoints;
mod findings;

use crate::completeness::senders::Sender;
use crate::config::Settings;
use crate::domain::failure;
use crate::stripe_api::inspect::{Inspection, inspect};

use self::findings::Findings;

/// Asks Stripe, and compares. Never fails: what cannot be asked cannot be compared.
pub(crate) async fn look(settings: &Settings) -> Findings {
    match inspect(&settings.stripe).await {
        Ok(inspection) => compare(settings, inspection),
        Err(error) => Findings { fault: Some(error), ..Findings::default() },
    }
}

/// The same at a worker's start, into the log.
pub(crate) async fn warn(settings: Settings) {
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
    // Without either list nothing can be said about what is in none.
    match (&inspection.endpoints, &inspection.destinations) {
        (Ok(endpoints), Ok(destinations)) => {
            let senders: Vec<_> = endpoints
                .iter()
                .map(Sender::from)
                .chain(destinations.iter().map(Sender::from))
                .collect();
            endpoints::compare(settings, &senders, true, &mut found);
        }
        (Ok(endpoints), Err(_)) => {
            let senders: Vec<_> = endpoints.iter().map(Sender::from).collect();
            endpoints::compare(settings, &senders, false, &mut found);
        }
        (Err(_), Ok(destinations)) => {
            let senders: Vec<_> = destinations.iter().map(Sender::from).collect();
            endpoints::compare(settings, &senders, false, &mut found);
        }
        (Err(_), Err(_)) => {}
    }
    if let Err(error) = inspection.endpoints {
        found.not_seen("the webhook endpoints", error);
    }
    if let Err(error) = inspection.destinations {
        match found.fault {
            // They came with API v2, which a key may not be made for.
            None => found.unseen.push(format!("the event destinations could not be seen: {error}")),
            Some(_) => found.not_seen("the event destinations", error),
        }
    }
    found
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config;
    use crate::stripe_api::StripeError;
    use crate::stripe_api::inspect::{EventDestination, WebhookEndpoint};
    use crate::stripe_api::{self, inspect::DestinationUrl};

    fn settings(more: &[(&str, &str)]) -> Settings {
        let environment = [
            ("STRIPE_SECRET_KEY", "sk_test_x"),
            ("QUITTANCE__STRIPE__ACCOUNT", "acct_1"),
            ("STRIPE_WEBHOOK_SECRET", "whsec_x"),
        ];
        let environment = environment.iter().chain(more);
        let environment =
            environment.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        config::load(None, environment).unwrap()
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

    fn good(url: &str) -> WebhookEndpoint {
        endpoint(url, Some(stripe_api::api_version()))
    }

    fn destination(url: &str) -> EventDestination {
        EventDestination {
            id: "ed_1".into(),
            status: "enabled".into(),
            enabled_events: vec!["*".into()],
            event_payload: "snapshot".into(),
            snapshot_api_version: Some(stripe_api::api_version().into()),
            webhook_endpoint: Some(DestinationUrl { url: Some(url.into()) }),
        }
    }

    fn found_with(
        settings: &Settings,
        endpoints: Vec<WebhookEndpoint>,
        destinations: Vec<EventDestination>,
    ) -> Findings {
        let inspection = Inspection {
            account: Ok("acct_1".to_owned()),
            endpoints: Ok(endpoints),
            destinations: Ok(destinations),
        };
        compare(settings, inspection)
    }

    fn found(endpoints: Vec<WebhookEndpoint>) -> Findings {
        found_with(&settings(&[]), endpoints, vec![])
    }

    #[test]
    fn what_is_as_expected_warns_of_nothing() {
        let other = endpoint("https://x.example/other", Some("2019-01-01"));
        let found = found(vec![good("https://x.example/webhooks/stripe"), other]);
        assert_eq!(found.warnings, [""; 0]);
        assert_eq!(found.seen.len(), 2, "another program's endpoint is none of our business");
    }

    #[test]
    fn another_account_another_version_and_an_unknown_endpoint_are_warned_of() {
        let old = endpoint("https://x.example/webhooks/stripe/", Some("2019-01-01"));
        let unknown = endpoint("https://x.example/webhooks/stripe/connect", None);
        let settings = settings(&[("QUITTANCE__STRIPE__ACCOUNT", "acct_2")]);
        let found = found_with(&settings, vec![old, unknown], vec![]);
        let [account, version, name] = &found.warnings[..] else { panic!("{found:?}") };
        assert!(account.contains("acct_2") && account.contains("acct_1"), "{account}");
        assert!(version.contains("2019-01-01"), "{version}");
        assert!(name.contains("\"connect\""), "{name}");
    }

    #[test]
    fn an_endpoint_without_a_version_of_its_own_is_warned_of() {
        let found = found(vec![endpoint("https://x.example/webhooks/stripe", None)]);
        let [version] = &found.warnings[..] else { panic!("{found:?}") };
        assert!(version.contains("default version"), "{version}");
    }

    #[test]
    fn what_no_endpoint_sends_is_named_by_kind() {
        let mut some = good("https://x.example/webhooks/stripe");
        some.enabled_events = vec!["payment_intent.*".into(), "charge.succeeded".into()];
        let found = found(vec![some]);
        let [missing] = &found.warnings[..] else { panic!("{found:?}") };
        assert!(missing.contains("charge (") && missing.contains("charge.failed"), "{missing}");
        assert!(missing.contains("customer (all"), "{missing}");
        assert!(
            !missing.contains("payment_intent") && !missing.contains("charge.succeeded"),
            "{missing}"
        );
        let mirrored = found.unseen.iter().find(|text| text.contains("bank_account"));
        assert!(mirrored.is_some(), "{found:?}");
    }

    #[test]
    fn endpoints_share_the_work_and_those_that_are_disabled_do_none() {
        let typed = |begin: &str| {
            let mut part = good("https://x.example/webhooks/stripe");
            let types = crate::ops::kinds::report().kinds.into_iter().flat_map(|it| it.event_types);
            let (first, rest): (Vec<_>, Vec<_>) =
                types.map(str::to_owned).partition(|name| name.as_str() < "i");
            part.enabled_events = if begin == "first" { first } else { rest };
            part
        };
        assert_eq!(found(vec![typed("first"), typed("rest")]).warnings, [""; 0]);
        let disabled = WebhookEndpoint { status: "disabled".into(), ..typed("rest") };
        let found = found(vec![typed("first"), disabled]);
        let [disabled, missing] = &found.warnings[..] else { panic!("{found:?}") };
        assert!(
            disabled.contains("disabled") && missing.contains("payment_intent (all"),
            "{missing}"
        );
    }

    #[test]
    fn an_event_destination_sends_like_an_endpoint() {
        let url = "https://x.example/webhooks/stripe";
        let found = |destination| found_with(&settings(&[]), vec![], vec![destination]);
        assert_eq!(found(destination(url)).warnings, [""; 0]);
        let old = EventDestination {
            snapshot_api_version: Some("2019-01-01".into()),
            ..destination(url)
        };
        assert!(found(old).warnings[0].contains("ed_1"));
        let thin = EventDestination {
            event_payload: "thin".into(),
            snapshot_api_version: None,
            ..destination(url)
        };
        assert_eq!(found(thin).warnings, [""; 0], "there is no snapshot in a thin event");
        let bus = EventDestination { webhook_endpoint: None, ..destination(url) };
        assert!(found(bus).unseen[0].contains("ed_1"));
    }

    #[test]
    fn that_nothing_leads_here_is_known_where_the_settings_say_what_here_is() {
        let elsewhere = || vec![good("https://y.example/webhooks/stripe")];
        assert_eq!(found(elsewhere()).warnings, [""; 0], "by its path it may be this one");
        let here = settings(&[("QUITTANCE__INGRESS__PUBLIC_URL", "https://x.example/pay/")]);
        let wrong = found_with(&here, elsewhere(), vec![]);
        let [nothing] = &wrong.warnings[..] else { panic!("{wrong:?}") };
        assert!(nothing.contains("https://x.example/pay/webhooks/stripe"), "{nothing}");
        assert!(nothing.contains("we_1 (https://y.example/webhooks/stripe)"), "{nothing}");
        let right = vec![good("https://X.example:443/pay/webhooks/stripe/")];
        assert_eq!(found_with(&here, right, vec![]).warnings, [""; 0]);

        // Where they do not, all that can be said is what there is.
        let unknown = found(vec![good("https://y.example/hooks")]);
        assert_eq!(unknown.warnings, [""; 0]);
        assert!(unknown.unseen[0].contains("ingress.public_url"), "{unknown:?}");
        assert!(unknown.unseen[0].contains("https://y.example/hooks"), "{unknown:?}");
        let none = found(vec![]);
        assert!(none.warnings[0].contains("no webhook endpoint"), "{none:?}");
    }

    #[test]
    fn what_is_no_matter_of_permission_is_a_fault() {
        let lost = || StripeError::TimedOut { after: Duration::from_secs(1) };
        let inspection =
            Inspection { account: Err(lost()), endpoints: Err(lost()), destinations: Err(lost()) };
        let found = compare(&settings(&[]), inspection);
        assert!(found.unseen.is_empty(), "{found:?}");
        assert!(matches!(found.fault, Some(StripeError::TimedOut { .. })), "{found:?}");
    }
}
