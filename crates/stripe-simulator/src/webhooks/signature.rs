//! `Stripe-Signature` (docs.stripe.com, "Webhooks", Verify webhook signatures manually).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The hex of a `v1` signature: HMAC-SHA256 over `"{t}."` and the body's bytes, keyed with the
/// whole secret, `whsec_` included.
#[must_use]
pub fn v1_signature(secret: &str, t: i64, body: &[u8]) -> String {
    // HMAC takes keys of any length, so this is never the empty text.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(t.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// The whole header, with one `v1` for each active secret and the meaningless `v0` that test events
/// carry.
#[must_use]
pub fn sign<S: AsRef<str>>(secrets: &[S], t: i64, body: &[u8]) -> String {
    let mut header = format!("t={t}");
    for secret in secrets {
        header.push_str(",v1=");
        header.push_str(&v1_signature(secret.as_ref(), t, body));
    }
    header.push_str(",v0=");
    header.push_str(&v1_signature("v0", t, body));
    header
}

/// A header that a good verifier refuses: the true signature under the fake scheme, or one made
/// with a secret that no endpoint has.
pub(crate) fn forge<S: AsRef<str>>(secrets: &[S], t: i64, body: &[u8], only_v0: bool) -> String {
    match secrets.first() {
        Some(secret) if only_v0 => format!("t={t},v0={}", v1_signature(secret.as_ref(), t, body)),
        Some(_) | None => format!("t={t},v1={}", v1_signature("whsec_forged", t, body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '%s' '1700000000.{"id": "evt_1"}' | openssl dgst -sha256 -hmac whsec_test_secret`
    const BY_OPENSSL: &str = "33aa1568c6627d0d2d42556693c208077ca8f8b437ac8d9d6ebb6c2c650033eb";

    #[test]
    fn a_signature_is_what_openssl_computes() {
        assert_eq!(
            v1_signature("whsec_test_secret", 1_700_000_000, br#"{"id": "evt_1"}"#),
            BY_OPENSSL
        );
    }

    #[test]
    fn each_active_secret_signs() {
        let header = sign(&["whsec_new", "whsec_old"], 1, b"{}");
        let new = v1_signature("whsec_new", 1, b"{}");
        let old = v1_signature("whsec_old", 1, b"{}");
        assert!(header.starts_with(&format!("t=1,v1={new},v1={old},v0=")), "{header}");
    }

    #[test]
    fn a_forgery_carries_no_true_v1() {
        let truth = v1_signature("whsec_a", 1, b"{}");
        for only_v0 in [true, false] {
            assert!(!forge(&["whsec_a"], 1, b"{}", only_v0).contains(&format!("v1={truth}")));
        }
    }
}
