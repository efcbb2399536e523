//! Checks of URLs and of the log filter.

use url::{Host, Url};

use super::Checker;
use crate::suggest::nearest;
use crate::{Secret, Settings};

pub(super) fn check(settings: &Settings, checker: &mut Checker<'_>) {
    scheme(checker, "redis.url", &settings.redis.url, &["redis", "rediss"]);
    scheme(checker, "database.url", &settings.database.url, &["postgres", "postgresql"]);
    scheme(
        checker,
        "telemetry.otlp_endpoint",
        &settings.telemetry.otlp_endpoint,
        &["http", "https"],
    );
    api_base(checker, &settings.stripe.api_base);
    public_url(checker, &settings.ingress.public_url);
    filter(checker, &settings.log.filter);
}

/// Refuses a single word that is no level: `tracing` would take it for the name of a module, but the user meant a
/// level.
fn filter(checker: &mut Checker<'_>, text: &str) {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let key = "log.filter";
    if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(text) {
        checker.must(false, key, format!("cannot be read: {error}"));
    }
    for word in text.split(',').map(str::trim) {
        let lower = word.to_ascii_lowercase();
        let is_word =
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
        if is_word && !LEVELS.contains(&&*lower) {
            let remedy = match nearest(&lower, LEVELS.into_iter()) {
                Some(level) => format!("Did you mean {level}?"),
                None => format!("For the lines of that module, write {word}=trace."),
            };
            checker.object(&[key], format!("holds {word:?}, which is no level"), remedy);
        }
    }
}

/// Remedy for a URL of Redis Cluster or Sentinel.
const ONE_REDIS: &str = "must lead to one server: Redis Cluster and Sentinel are not supported. Give the \
    address of the primary, or of a proxy or a DNS name that follows it";

/// Whether a scheme is one that other clients use for several servers.
fn is_of_several(scheme: &str) -> bool {
    ["sentinel", "cluster"].iter().any(|word| scheme.contains(word))
}

/// Checks a URL. An empty one is not set; whether it is required depends on the role.
fn scheme(checker: &mut Checker<'_>, key: &str, url: &Secret, schemes: &[&str]) {
    if url.is_empty() {
        return;
    }
    // The parser's message never quotes the text.
    match Url::parse(url.reveal()) {
        Err(error) => {
            let hint = if key == "redis.url" && url.reveal().contains(',') {
                format!(". {ONE_REDIS}")
            } else {
                String::new()
            };
            checker.must(false, key, format!("is not a URL: {error}{hint}"));
        }
        Ok(url) => {
            if key == "redis.url" && is_of_several(url.scheme()) {
                return checker.must(false, key, ONE_REDIS);
            }
            checker.must(
                is_encoded(url.as_str()),
                key,
                "holds a % that is not followed by two hexadecimal digits; write it as %25",
            );
            let begins: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
            checker.must(
                schemes.contains(&url.scheme()),
                key,
                format!("must begin with {}", begins.join(" or ")),
            );
        }
    }
}

/// Whether each percent sign starts a valid percent-encoding.
fn is_encoded(url: &str) -> bool {
    url.split('%').skip(1).all(|rest| {
        rest.get(..2).is_some_and(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

fn public_url(checker: &mut Checker<'_>, text: &str) {
    let key = "ingress.public_url";
    if text.is_empty() {
        return;
    }
    match Url::parse(text) {
        Err(error) => checker.must(false, key, format!("is not a URL: {error}")),
        Ok(url) => {
            let is_web = matches!(url.scheme(), "https" | "http");
            checker.must(is_web, key, "must begin with https:// or http://");
            let plain = url.query().is_none() && url.fragment().is_none();
            checker.must(
                plain && url.username().is_empty(),
                key,
                "must be a scheme, a host, a port and a path alone",
            );
            checker.must(
                !url.path().contains("/webhooks/stripe"),
                key,
                "must end before /webhooks/stripe, which is the same for all endpoints",
            );
        }
    }
}

fn api_base(checker: &mut Checker<'_>, text: &str) {
    let key = "stripe.api_base";
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return checker.must(false, key, format!("is not a URL: {error}")),
    };
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => checker.must(false, key, "would send the secret key over the net unencrypted"),
        _ => checker.must(false, key, "must begin with https://"),
    }
    checker.must(
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty(),
        key,
        "must be a scheme, a host and a port alone",
    );
}
