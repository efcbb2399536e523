//! Checks of Stripe keys, signing secrets and modes.

use super::Checker;
use crate::{Endpoint, ModeFilter, Secret, Settings};

const KEY: &str = "stripe.secret_key";

pub(super) fn check(settings: &Settings, checker: &mut Checker<'_>) {
    secret_key(checker, KEY, &settings.stripe.secret_key);
    secret_key(checker, "stripe.write_key", &settings.stripe.write_key);
    let account = &settings.stripe.account;
    checker.must(
        account.is_empty() || (account.starts_with("acct_") && is_token(account)),
        "stripe.account",
        "is no account's id: they begin with acct_",
    );
    for (name, endpoint) in &settings.endpoints {
        endpoint_name(checker, name);
        secrets(checker, name, endpoint);
        mode(checker, name, endpoint.mode, &settings.stripe.secret_key);
    }
}

fn secret_key(checker: &mut Checker<'_>, setting: &str, key: &Secret) {
    let text = key.reveal();
    if text.is_empty() {
        return;
    }
    let reveal = "Copy the secret key (sk_...) or, better, a restricted key (rk_...) from https://dashboard.stripe.com/apikeys.";
    if text.starts_with("pk_") {
        checker.object(
            &[setting],
            "is a publishable key, which may be seen by anyone and reads nothing",
            reveal,
        );
    } else if text.starts_with("whsec_") {
        checker.object(
            &[setting],
            "is a webhook signing secret",
            format!("That belongs in endpoints.default.secrets or STRIPE_WEBHOOK_SECRET. {reveal}"),
        );
    } else if !(text.starts_with("sk_") || text.starts_with("rk_")) {
        checker.object(&[setting], "must begin with sk_ or rk_", reveal);
    } else if !is_token(text) {
        checker.object(&[setting], "holds space or a character that no key has", reveal);
    }
}

/// Whether a text fits into a header, without spaces and without quotes that a shell should have removed.
fn is_token(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn endpoint_name(checker: &mut Checker<'_>, name: &str) {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(plain) {
        checker.object(
            &[&format!("endpoints.{name}")],
            "is not a name for an endpoint",
            "A name is made of a-z, 0-9, _ and -, for it is a part of a path.",
        );
    }
}

fn secrets(checker: &mut Checker<'_>, name: &str, endpoint: &Endpoint) {
    let key = format!("endpoints.{name}.secrets");
    let reveal = "Copy it from the endpoint's page in Stripe's dashboard (\"Reveal signing secret\"), or from `stripe listen`.";
    for (index, secret) in endpoint.secrets.iter().enumerate() {
        let text = secret.reveal();
        let number = index + 1;
        if !text.starts_with("whsec_") {
            checker.object(
                &[&key],
                format!("has a secret (number {number}) that does not begin with whsec_"),
                reveal,
            );
        } else if text.len() == "whsec_".len() || text.bytes().any(|byte| !byte.is_ascii_graphic())
        {
            checker.object(
                &[&key],
                format!("has a secret (number {number}) that is cut off or holds space"),
                reveal,
            );
        } else if endpoint.secrets[..index].contains(secret) {
            checker.object(
                &[&key],
                format!("has a secret (number {number}) twice"),
                "Remove one of them.",
            );
        }
    }
}

/// Checks the modes of endpoints: a key reads one mode, so all jobs of an endpoint that accepts only the other
/// would fail.
fn mode(checker: &mut Checker<'_>, name: &str, mode: ModeFilter, key: &Secret) {
    let of_key = ["sk_", "rk_"].iter().find_map(|kind| {
        let rest = key.reveal().strip_prefix(kind)?;
        ["live", "test"].into_iter().find(|mode| rest.starts_with(&format!("{mode}_")))
    });
    let of_endpoint = match mode {
        ModeFilter::Any => None,
        ModeFilter::Live => Some("live"),
        ModeFilter::Test => Some("test"),
    };
    if let (Some(of_key), Some(of_endpoint)) = (of_key, of_endpoint)
        && of_key != of_endpoint
    {
        checker.object(
            &[&format!("endpoints.{name}.mode"), KEY],
            format!("takes {of_endpoint} events, but {KEY} is a {of_key} key and cannot read their objects"),
            format!("Use a {of_endpoint} key, or mode = \"{of_key}\"."),
        );
    }
}
