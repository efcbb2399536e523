//! Settings as text, without their secrets.

use std::fmt::Write as _;

use toml::Value;
use url::Url;

use super::fault::Origin;
use super::layers::Layers;

const REDACTED: &str = "[redacted]";

/// Whether the value of a setting is secret.
pub(super) fn is_secret(key: &str) -> bool {
    matches!(
        key,
        "redis.url"
            | "database.url"
            | "stripe.secret_key"
            | "stripe.write_key"
            | "admin.session_key"
            | "telemetry.otlp_endpoint"
    )
        || (key.starts_with("endpoints.") && key.ends_with(".secrets"))
        // By mistake it may be the token itself.
        || ((key.starts_with("admin.tokens.") || key.starts_with("api.tokens."))
            && key.ends_with(".hash"))
        // A URL may contain a token, as those of many chat services do.
        || (key.starts_with("outbox.destinations.")
            && (key.ends_with(".secrets") || key.ends_with(".url")))
}

/// A value as TOML for a message; `None` for a secret.
pub(super) fn shown(key: &str, value: &Value) -> Option<String> {
    (!is_secret(key)).then(|| value.to_string())
}

/// All effective settings as TOML.
pub(super) fn summary(layers: &Layers) -> String {
    let mut text = String::new();
    let mut section = String::new();
    let mut all: Vec<_> = layers.iter().collect();
    // A section's own settings come before those of its subsections, or its heading would be there twice.
    all.sort_by(|(a, _), (b, _)| a.rsplit_once('.').cmp(&b.rsplit_once('.')));
    for (key, leaf) in all {
        let (parent, name) = key.rsplit_once('.').unwrap_or(("", &key));
        if parent != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{gap}[{parent}]");
            parent.clone_into(&mut section);
        }
        let value = if is_secret(&key) { redacted(&key, &leaf.value) } else { leaf.value.clone() };
        let _ = match &leaf.origin {
            Origin::Default => writeln!(text, "{name} = {value}"),
            origin @ (Origin::File(_) | Origin::Variable(_) | Origin::VariableFile { .. }) => {
                writeln!(text, "{name} = {value}  # from {origin}")
            }
        };
    }
    text
}

fn redacted(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => value.clone(),
        Value::String(text) if key.starts_with("outbox.") || key.starts_with("telemetry.") => {
            Value::String(origin_alone(text))
        }
        Value::String(text) if key.ends_with(".url") => Value::String(redacted_url(text)),
        Value::String(text) => Value::String(format!("{}{REDACTED}", kind(text))),
        Value::Array(items) => {
            Value::Array(items.iter().map(|_| Value::String(REDACTED.into())).collect())
        }
        Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Table(_) => Value::String(REDACTED.into()),
    }
}

/// The prefix of a Stripe key, which reveals only the mode.
fn kind(key: &str) -> &'static str {
    ["sk_live_", "sk_test_", "rk_live_", "rk_test_"]
        .into_iter()
        .find(|prefix| key.starts_with(prefix))
        .unwrap_or("")
}

/// A URL without its password, in any part of it. A URL that cannot be parsed is not shown.
fn redacted_url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return REDACTED.into() };
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return REDACTED.into();
    }
    // libpq also accepts `?password=` and `?sslpassword=`, and sqlx a key in place of its path.
    let query = url.query().map(|query| query.split('&').map(shown_pair).collect::<Vec<_>>());
    if let Some(pairs) = query {
        url.set_query(Some(&pairs.join("&")));
    }
    url.into()
}

/// A parameter of a URL, without its value if that may be a secret.
fn shown_pair(pair: &str) -> String {
    let secret = url::form_urlencoded::parse(pair.as_bytes()).any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let names = ["pass", "pwd", "secret", "token", "auth", "credential"];
        names.iter().any(|part| name.contains(part)) || value.contains("-----BEGIN")
    });
    match pair.split_once('=') {
        Some((name, _)) if secret => format!("{name}=***"),
        Some(_) | None => pair.to_owned(),
    }
}

/// A URL without its path, which may be its only secret.
fn origin_alone(text: &str) -> String {
    match Url::parse(text).map(|url| url.origin()) {
        Ok(origin) if origin.is_tuple() => {
            format!("{}/{REDACTED}", origin.ascii_serialization())
        }
        Ok(_) | Err(_) => REDACTED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_shown_without_what_only_it_should_know() {
        for (url, shown) in [
            (
                "https://u:hunter2@h.example:8443/T0/hunter2?a=hunter2",
                "https://h.example:8443/[redacted]",
            ),
            ("hunter2", "[redacted]"),
            ("data:hunter2", "[redacted]"),
        ] {
            let value = Value::String(url.into());
            let key = "outbox.destinations.shop.url";
            assert_eq!(redacted(key, &value), Value::String(shown.into()));
            assert_eq!(super::shown(key, &value), None);
        }
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("redis://:hunter2@h:6379/1", "redis://:***@h:6379/1"),
            ("postgres://u:hunter2@h/db", "postgres://u:***@h/db"),
            ("postgres://h/db?user=u&password=hunter2", "postgres://h/db?user=u&password=***"),
            ("postgres://h/db?p%61ssword=hunter2", "postgres://h/db?p%61ssword=***"),
            ("postgres://h/db?sslkey=-----BEGIN%20hunter2", "postgres://h/db?sslkey=***"),
            (
                "postgres:///db?host=/run/pg&sslmode=require",
                "postgres:///db?host=/run/pg&sslmode=require",
            ),
            ("redis://h", "redis://h"),
            ("hunter2", "[redacted]"),
        ] {
            assert_eq!(redacted_url(url), shown);
        }
    }
}
