//! Where things are.

use url::{Host, Url};

use super::Checker;
use crate::config::suggest::nearest;
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
    filter(checker, &settings.log.filter);
}

/// A word alone would be the name of a module, all of whose lines are shown; who writes one means a
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

/// An empty URL is one that is not set; whether it is needed, the role says.
fn scheme(checker: &mut Checker<'_>, key: &str, url: &Secret, schemes: &[&str]) {
    if url.is_empty() {
        return;
    }
    // The parser's own words never quote the text.
    match Url::parse(url.reveal()) {
        Err(error) => checker.must(false, key, format!("is not a URL: {error}")),
        Ok(url) => {
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

/// Whether each percent sign begins what stands for another character.
fn is_encoded(url: &str) -> bool {
    url.split('%').skip(1).all(|rest| {
        rest.get(..2).is_some_and(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
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
