//! A server that cannot be reached: which one that is, which setting says so, and what to try.

use std::path::Path;

use crate::config;
use crate::domain::failure::Dependency;

/// A few lines for people, after the message that says what failed. None where the settings cannot be
/// read again.
pub(super) fn advice(config: Option<&Path>, server: Dependency) -> Option<String> {
    let (key, attempt) = match server {
        Dependency::Postgres => (
            "database.url",
            "psql, with the same URL, from this machine; a refused connection is a wrong host or \
             port, or a server that is down; a refused password or database is a wrong URL; missing \
             tables want `quittance migrate`",
        ),
        Dependency::Redis => (
            "redis.url",
            "redis-cli -u, with the same URL, from this machine; a refused connection is a wrong \
             host or port, or a server that is down; NOAUTH or WRONGPASS is a wrong password",
        ),
        Dependency::Stripe => (
            "stripe.api_base",
            "https://status.stripe.com, and whether this machine may connect to it (a firewall, a \
             proxy)",
        ),
    };
    let settings = config::load(config, config::environment()).ok()?;
    let (value, origin) = settings.shown(key)?;
    let origin = origin.unwrap_or("the default");
    Some(format!("  server:  {value}\n  setting: {key}, from {origin}\n  try:     {attempt}"))
}
