//! Where things are.

use url::{Host, Url};

use super::Checker;
use crate::config::{Secret, Settings};

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
    if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&settings.log.filter) {
        checker.must(false, "log.filter", format!("cannot be read: {error}"));
    }
}

/// An empty URL is one that is not set; whether it is needed, the role says.
fn scheme(checker: &mut Checker<'_>, key: &str, url: &Secret, schemes: &[&str]) {
    if url.is_empty() {
        return;
    }
    // The parser's own words never quote the text.
    match Url::parse(url.reveal()) {
        Err(error) => checker.must(false, key, format!("is not a URL: {error}")),
        Ok(url) => {
            let begins: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
            checker.must(
                schemes.contains(&url.scheme()),
                key,
                format!("must begin with {}", begins.join(" or ")),
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
