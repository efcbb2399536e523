//! Verification of webhook signatures. Pure functions of body, header, secrets and time, without I/O.
//!
//! The scheme (docs.stripe.com, "Verify webhook signatures manually"): the header is
//! `t=<unix seconds>,v1=<hex>[,v1=<hex>...][,v0=<hex>]`, and a `v1` is HMAC-SHA256, keyed with the
//! endpoint's whole `whsec_...`, over the text of `t`, a full stop, and the body as it was sent.
//! While a secret is being rolled there is one `v1` for each that is active.
//!
//! There are two steps: [`Signature::parse`] checks the header alone, so that a request that cannot be signed is
//! refused before a byte of its body is read; [`Signature::verify`] checks the body.
//!
//! Three choices of Quittance:
//! - Only the age of a signature is limited. A time in the future passes, as it does in Stripe's
//!   own libraries: `t` is signed, so only Stripe can choose it, and a refusal would only
//!   affect a server whose clock is slow.
//! - `v0` is a fake signature that Stripe adds to test events. It is ignored.
//! - A header with two `t` is refused: it is ambiguous which one was signed.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::config::Secret;

/// A signing secret, with the part of the HMAC precomputed that depends on it alone.
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

    /// Computes the `v1` of a body and a time.
    fn sign(&self, t: &str, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(t.as_bytes());
        mac.update(b".");
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }
}

/// Does not show the secret.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// A verified signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Index of the secret that made it.
    pub index: usize,
    /// When it was made, in seconds since 1970.
    pub t: i64,
}

/// Reason for refusing a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// The header lacks `t`, has it twice, or is no list of `name=value`.
    #[error("the signature header is malformed")]
    Malformed,
    /// The header has no `v1`.
    #[error("the signature header has no v1 signature")]
    NoV1,
    /// No `v1` was made with any of the secrets over this body.
    #[error("no signature matches")]
    Mismatch,
    /// It was made too long ago: a replay, or a local clock that is fast.
    #[error("the signature is too old")]
    Stale,
}

/// A parsed `Stripe-Signature`: it has a time that is not too long ago, and a `v1`.
#[derive(Debug, Clone, Copy)]
pub struct Signature<'a> {
    header: &'a str,
    t_text: &'a str,
    t: i64,
}

impl<'a> Signature<'a> {
    /// Parses the header.
    ///
    /// `now` is in seconds since 1970. A signature may be up to `tolerance` old, inclusive. A refusal reveals
    /// nothing but the local time.
    ///
    /// # Errors
    /// [`Rejection::Malformed`], [`Rejection::NoV1`] or [`Rejection::Stale`], whatever the body is.
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
    /// [`Rejection::Mismatch`]: none of the keys made it over this body.
    pub fn verify(&self, body: &[u8], keys: &[Key]) -> Result<Match, Rejection> {
        let index = keys
            .iter()
            .position(|key| {
                let expected = key.sign(self.t_text, body);
                // Compared as text: only the 64 lower-case hex digits that Stripe writes match. All
                // candidates are compared, in constant time, so the timing reveals nothing about them.
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

/// The `name=value` pairs, without the space around them that proxies add when they fold headers.
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
    // `parse` would also accept a sign.
    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Rejection::Malformed);
    }
    text.parse().map(|t| (text, t)).map_err(|_| Rejection::Malformed)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
