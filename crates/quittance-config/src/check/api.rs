//! Checks of the API: its tokens, address and amounts.

use std::time::Duration;

use humantime::format_duration;

use super::Checker;
use super::admin::is_hash;
use crate::Settings;

pub(super) fn check(settings: &Settings, checker: &mut Checker<'_>) {
    let api = &settings.api;
    let durations = [
        ("api.deadline", api.deadline, Duration::from_millis(100)),
        ("api.unsent_for", api.unsent_for, Duration::from_secs(1)),
        ("api.list_lag", api.list_lag, Duration::from_secs(1)),
        ("api.keep_keys", api.keep_keys, Duration::from_hours(30 * 24)),
    ];
    for (key, value, least) in durations {
        checker.must(value >= least, key, format!("must be at least {}", format_duration(least)));
    }
    checker.must(api.max_in_flight >= 1, "api.max_in_flight", "must be at least 1");
    if api.lease <= settings.stripe.timeout {
        checker.object(
            &["api.lease", "stripe.timeout"],
            format!(
                "must be longer than stripe.timeout = {}, or a command is taken from a process that still \
                 waits for Stripe",
                format_duration(settings.stripe.timeout)
            ),
            "Raise api.lease or lower stripe.timeout.",
        );
    }
    let limit = settings.status.max_command_age;
    if limit <= api.list_lag {
        checker.object(
            &["status.max_command_age", "api.list_lag"],
            format!(
                "must be longer than api.list_lag = {}, or a command that is looked up in time is called unhealthy",
                format_duration(api.list_lag)
            ),
            "Raise status.max_command_age or lower api.list_lag.",
        );
    }
    for (currency, range) in &api.amounts {
        let key = format!("api.amounts.{currency}");
        let code = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_lowercase());
        if !code && currency != "default" {
            checker.object(&[&key], "is not a currency", "Three letters in lower case: eur.");
        }
        if range.min < 1 || range.max < range.min {
            checker.object(
                &[&format!("{key}.max"), &format!("{key}.min")],
                "must be at least min, and min at least 1",
                "Amounts are in the currency's smallest unit.",
            );
        }
    }
    for url in &api.return_urls {
        let is_origin = url.trim_end_matches('/').matches('/').count() == 2
            && (url.starts_with("https://")
                || url.starts_with("http://localhost")
                || url.starts_with("http://127.0.0.1"));
        checker.must(is_origin, "api.return_urls", format!("{url:?} is no origin"));
    }
    tokens(settings, checker);
}

fn tokens(settings: &Settings, checker: &mut Checker<'_>) {
    let api = &settings.api;
    for (name, token) in &api.tokens {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || !name.bytes().all(plain) || name == "local" {
            checker.object(
                &[&format!("api.tokens.{name}")],
                "is not a name for a token",
                "A name is made of a-z, A-Z, 0-9, _ and -, and is not `local`.",
            );
        }
        if !token.hash.is_empty() && !is_hash(&token.hash) {
            checker.object(
                &[&format!("api.tokens.{name}.hash")],
                "is no hash of a token",
                "`quittance api token` makes a token and prints the lines for the settings.",
            );
        }
        for account in &token.destinations {
            checker.must(
                account.starts_with("acct_"),
                &format!("api.tokens.{name}.destinations"),
                "names something that is no account: they begin with acct_",
            );
        }
    }
    if api.known_tokens().next().is_none() && !api.listen.ip().is_loopback() {
        checker.object(
            &["api.listen"],
            "can be reached from other machines, and there is no token: everyone could move money",
            "Listen on 127.0.0.1, or make a token with `quittance api token`.",
        );
    }
}
