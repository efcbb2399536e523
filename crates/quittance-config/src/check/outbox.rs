//! Checks of destinations and their signing secrets.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use url::{Host, Url};

use super::Checker;
use crate::public_address::is_public;
use crate::{Destination, Secret, Settings};

/// Time that a relay needs beyond that of a request to record its outcome.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

pub(super) fn check(settings: &Settings, checker: &mut Checker<'_>) {
    let outbox = &settings.outbox;
    let least = Duration::from_millis(10);
    checker.must(outbox.poll_interval >= least, "outbox.poll_interval", "must be at least 10ms");
    let least = Duration::from_secs(60);
    checker.must(outbox.retention >= least, "outbox.retention", "must be at least 1m");
    checker.must(outbox.max_attempts >= 1, "outbox.max_attempts", "must be at least 1");
    if outbox.stream.enabled {
        lease(checker, outbox.lease, settings.redis.command_timeout, "redis.command_timeout");
    }
    for (name, destination) in &outbox.destinations {
        self::destination(checker, name, destination);
        if !destination.url.is_empty() {
            let key = format!("outbox.destinations.{name}.timeout");
            lease(checker, outbox.lease, destination.timeout, &key);
        }
    }
}

fn lease(checker: &mut Checker<'_>, lease: Duration, timeout: Duration, key: &str) {
    if lease < timeout.saturating_add(LEASE_MARGIN) {
        let problem = format!(
            "is less than {key} plus 5s: what one worker still sends, another would send too"
        );
        checker.object(&["outbox.lease", key], problem, format!("Raise it, or lower {key}."));
    }
}

fn destination(checker: &mut Checker<'_>, name: &str, destination: &Destination) {
    let key = |key: &str| format!("outbox.destinations.{name}.{key}");
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(plain) {
        checker.object(
            &[&format!("outbox.destinations.{name}")],
            "is not a name for a destination",
            "A name is made of a-z, 0-9, _ and -.",
        );
    }
    let range = Duration::from_millis(100)..=Duration::from_secs(60);
    let timeout = range.contains(&destination.timeout);
    checker.must(timeout, &key("timeout"), "must be 100ms to 60s");
    let concurrency = (1..=256).contains(&destination.concurrency);
    checker.must(concurrency, &key("concurrency"), "must be 1 to 256");
    if !destination.url.is_empty() {
        url(checker, &key("url"), destination);
        checker.must(
            !destination.secrets.is_empty(),
            &key("secrets"),
            "is empty: nobody could tell what comes from here from what does not",
        );
    }
    for (index, secret) in destination.secrets.iter().enumerate() {
        if !is_signing_secret(secret) {
            checker.object(
                &[&key("secrets")],
                format!("has a secret (number {}) that is none", index + 1),
                "Make one: echo \"whsec_$(openssl rand -base64 32)\"",
            );
        }
    }
}

/// Checks a signing secret in the format of standardwebhooks.com.
fn is_signing_secret(secret: &Secret) -> bool {
    let bytes = secret.reveal().strip_prefix("whsec_").map(|text| BASE64_STANDARD.decode(text));
    matches!(bytes, Some(Ok(bytes)) if (24..=64).contains(&bytes.len()))
}

fn url(checker: &mut Checker<'_>, key: &str, destination: &Destination) {
    // The parser's message never quotes the text.
    let url = match Url::parse(destination.url.reveal()) {
        Ok(url) => url,
        Err(error) => return checker.must(false, key, format!("is not a URL: {error}")),
    };
    match url.scheme() {
        "https" => {}
        "http" => checker.must(
            destination.allow_http,
            key,
            "would be sent to unencrypted, and allow_http is false",
        ),
        _ => checker.must(false, key, "must begin with https://"),
    }
    let private = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => !is_public(address.into()),
        Some(Host::Ipv6(address)) => !is_public(address.into()),
        None => false,
    };
    checker.must(
        destination.allow_private || !private,
        key,
        "leads to this machine or into a private network, and allow_private is false",
    );
    checker.must(
        url.username().is_empty() && url.password().is_none(),
        key,
        "must hold no user and no password: what is sent is signed",
    );
}
