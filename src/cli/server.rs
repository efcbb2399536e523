//! A server that cannot be reached: which one that is, which setting says so, and what to try.

use std::path::Path;

use crate::config;
use crate::domain::failure::Dependency;

/// A few lines for people, after the message that says what failed. None where the settings cannot be
/// read again.
pub(super) fn advice(config: Option<&Path>, server: Dependency) -> Option<String> {
    let (key, attempts): (_, &[&str]) = match server {
        Dependency::Postgres => (
            "database.url",
            &[
                "`psql` with this URL, from this machine",
                "refused or timed out: the server is down, or host or port are wrong",
                "password or database refused: the URL is wrong",
                "no such table: `quittance migrate`",
            ],
        ),
        Dependency::Redis => (
            "redis.url",
            &[
                "`redis-cli -u` with this URL, from this machine",
                "refused or timed out: the server is down, or host or port are wrong",
                "NOAUTH or WRONGPASS: the password is wrong",
            ],
        ),
        Dependency::Stripe => (
            "stripe.api_base",
            &["https://status.stripe.com", "whether this machine may connect to it"],
        ),
    };
    let settings = config::load(config, config::environment()).ok()?;
    let (value, origin) = settings.shown(key)?;
    let origin = origin.unwrap_or("the default");
    let attempts = attempts.join("\n           ");
    Some(format!("  server:  {value}\n  setting: {key}, from {origin}\n  try:     {attempts}"))
}
