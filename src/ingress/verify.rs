//! Whether a body was signed by Stripe. Pure: a body, a header, secrets, a time; no I/O.
//!
//! As docs.stripe.com, "Verify webhook signatures manually", has it: the header is
//! `t=<unix seconds>,v1=<hex>[,v1=<hex>...][,v0=<hex>]`, and a `v1` is HMAC-SHA256, keyed with the
//! endpoint's whole `whsec_...`, over the text of `t`, a full stop, and the body as it was sent.
//! While a secret is being rolled there is one `v1` for each that is active.
//!
//! In two steps: [`Signature::parse`] looks at the header alone, so that what cannot be signed is refused
//! before a byte of its body is read; [`Signature::verify`] looks at the body.
//!
//! Three choices that are ours:
//! - Only the age of a signature is limited. A time in the future passes, as it does in Stripe's
//!   own libraries: `t` is signed, so nobody but Stripe can choose it, and a refusal would only
//!   ever hit a server whose clock runs late.
//! - `v0` is a fake that Stripe adds to test events. It is not looked at.
//! - A `t` that is there twice is refused: there is no telling which was signed.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::config::Secret;

/// A signing secret, ready for use: the part of the HMAC that depends on it alone is done.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Prepares a secret.
    ///
    /// # Errors
    /// Never for HMAC, which takes a key of any length; the crate's signature allows for others.
    pub fn new(secret: &Secret) -> Result<Self, hmac::digest::InvalidLength> {
        Hmac::new_from_slice(secret.reveal().as_bytes()).map(Self)
    }

    /// The `v1` that this secret gives to a body at a time.
    fn sign(&self, t: &str, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(t.as_bytes());
        mac.update(b".");
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }
}

/// Shows nothing of the secret.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// A signature that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Which of the secrets made it.
    pub index: usize,
    /// When, in seconds since 1970.
    pub t: i64,
}

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// The header lacks `t`, has it twice, or is no list of `name=value` at all.
    #[error("the signature header is malformed")]
    Malformed,
    /// The header has no `v1`.
    #[error("the signature header has no v1 signature")]
    NoV1,
    /// No `v1` was made with any of the secrets over this body.
    #[error("no signature matches")]
    Mismatch,
    /// It was made too long ago: a replay, or a clock that runs fast.
    #[error("the signature is too old")]
    Stale,
}

/// A `Stripe-Signature` that may hold: it has a time that is not too long ago, and a `v1`.
#[derive(Debug, Clone, Copy)]
pub struct Signature<'a> {
    header: &'a str,
    t_text: &'a str,
    t: i64,
}

impl<'a> Signature<'a> {
    /// Reads the header.
    ///
    /// `now` is in seconds since 1970; a signature may be `tolerance` old, that very second included.
    /// A stranger learns nothing from a refusal but what time it is here.
    ///
    /// # Errors
    /// Why it cannot hold, whatever the body is.
    pub fn parse(header: &'a str, tolerance: Duration, now: i64) -> Result<Self, Rejection> {
        let (t_text, t) = timestamp(header)?;
        if candidates(header).next().is_none() {
            return Err(Rejection::NoV1);
        }
        let tolerance = i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX);
        if now.saturating_sub(t) > tolerance {
            return Err(Rejection::Stale);
        }
        Ok(Self { header, t_text, t })
    }

    /// Verifies a body against it.
    ///
    /// # Errors
    /// [`Rejection::Mismatch`]: it was made with none of the keys over this body.
    pub fn verify(&self, body: &[u8], keys: &[Key]) -> Result<Match, Rejection> {
        let index = keys
            .iter()
            .position(|key| {
                let expected = key.sign(self.t_text, body);
                // As text: what is not 64 lower-case hex digits, as Stripe writes them, matches
                // nothing. All are compared, so the time taken does not say which of them came close.
                candidates(self.header)
                    .fold(subtle::Choice::from(0), |any, v1| {
                        any | expected.as_bytes().ct_eq(v1.as_bytes())
                    })
                    .into()
            })
            .ok_or(Rejection::Mismatch)?;
        Ok(Match { index, t: self.t })
    }
}

/// The `name=value` pairs. Space around one is dropped: proxies that fold headers put it there.
fn pairs(header: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    header.split(',').map(|pair| pair.trim().split_once('='))
}

fn candidates(header: &str) -> impl Iterator<Item = &str> {
    pairs(header).flatten().filter_map(|(name, value)| (name == "v1").then_some(value))
}

fn timestamp(header: &str) -> Result<(&str, i64), Rejection> {
    let mut found = None;
    for pair in pairs(header) {
        let (name, value) = pair.ok_or(Rejection::Malformed)?;
        if name == "t" && found.replace(value).is_some() {
            return Err(Rejection::Malformed);
        }
    }
    let text = found.ok_or(Rejection::Malformed)?;
    // `parse` would take a sign, too.
    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Rejection::Malformed);
    }
    text.parse().map(|t| (text, t)).map_err(|_| Rejection::Malformed)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
