//! Advice for a server that cannot be reached: its address, the setting it comes from, what to try.

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::exit::{Exit, Failed, exit_of_store};
use super::parts;
use crate::config::{self, Settings};
use crate::domain::failure::{self, Dependency};

/// Time limit of a diagnosis.
const PATIENCE: Duration = Duration::from_secs(3);

/// A failure with what can be found out about the server behind it, and a few lines for people. No lines
/// where no server is to blame, or where the settings cannot be read again.
pub(crate) async fn explained(config: Option<&Path>, failed: Failed) -> (Failed, Option<String>) {
    let Some(trouble) = failed.trouble else { return (failed, None) };
    let Ok(settings) = config::load(config, config::environment()) else { return (failed, None) };
    if trouble.server != Dependency::Postgres {
        let advice = advice(&settings, trouble.server, None);
        return (failed, advice);
    }
    if trouble.refused
        && let Err(schema) = fitting(&settings).await
    {
        return (schema, None);
    }
    let cause = if trouble.refused { None } else { cause(&settings).await };
    // Not when the message ends with it already.
    let cause = cause.filter(|cause| !failed.to_string().ends_with(cause));
    let advice = advice(&settings, trouble.server, cause.as_deref());
    (failed, advice)
}

/// Fails where Postgres answers and its schema is not the one of this program, or a pooler in front of
/// it cannot be worked with.
pub(crate) async fn fitting(settings: &Settings) -> Result<(), Failed> {
    let Ok(store) = parts::store(settings, "check") else { return Ok(()) };
    match timeout(PATIENCE, store.check_schema()).await {
        Ok(Err(error)) if matches!(exit_of_store(&error), Exit::Schema | Exit::Settings) => {
            Err(Failed::because(exit_of_store(&error), "the database cannot be used", &error))
        }
        // Any other failure is reported by the command that uses the database.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Why no connection to Postgres can be opened, if that is so.
async fn cause(settings: &Settings) -> Option<String> {
    let store = parts::store(settings, "check").ok()?;
    let error = store.unreachable_because().await?;
    failure::chain(&error).pop()
}

fn advice(settings: &Settings, server: Dependency, cause: Option<&str>) -> Option<String> {
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
            &[
                "`quittance config check --online` says what Stripe makes of the key",
                "401 or 403: stripe.secret_key is wrong, was rolled, or lacks a permission",
                "refused or timed out: a proxy or a firewall between this machine and Stripe",
                "429 or 5xx: later; https://status.stripe.com",
            ],
        ),
    };
    let (value, origin) = settings.shown(key)?;
    let origin = origin.unwrap_or("the default");
    let attempts = attempts.join("\n           ");
    let cause = cause.map(|cause| format!("  cause:   {cause}\n")).unwrap_or_default();
    Some(format!(
        "{cause}  server:  {value}\n  setting: {key}, from {origin}\n  try:     {attempts}"
    ))
}
