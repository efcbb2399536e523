//! Checks of the operators' pages: their tokens and address.

use std::time::Duration;

use super::Checker;
use crate::{Secret, Settings};

pub(super) fn check(settings: &Settings, checker: &mut Checker<'_>) {
    let admin = &settings.admin;
    let range = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 3600);
    let ttl = range.contains(&admin.session_ttl);
    checker.must(ttl, "admin.session_ttl", "must be 1m to 30d");
    let key = &admin.session_key;
    checker.must(
        key.is_empty() || key.reveal().len() >= 32,
        "admin.session_key",
        "is shorter than 32 characters, and so could be guessed",
    );
    for (name, token) in &admin.tokens {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || !name.bytes().all(plain) {
            checker.object(
                &[&format!("admin.tokens.{name}")],
                "is not a name for a token",
                "A name is made of a-z, A-Z, 0-9, _ and -; it is what the audit log says.",
            );
        }
        if !token.hash.is_empty() && !is_hash(&token.hash) {
            checker.object(
                &[&format!("admin.tokens.{name}.hash")],
                "is no hash of a token",
                "`quittance admin token` makes a token and prints the line with its hash.",
            );
        }
    }
    if admin.known_tokens().next().is_none() && !admin.listen.ip().is_loopback() {
        checker.object(
            &["admin.listen"],
            "can be reached from other machines, and there is no token: everyone would be let in",
            "Listen on 127.0.0.1, or make a token with `quittance admin token`.",
        );
    }
}

pub(super) fn is_hash(hash: &Secret) -> bool {
    let digits = hash.reveal().strip_prefix("sha256:");
    digits.is_some_and(|digits| digits.len() == 64 && hex::decode(digits).is_ok())
}
