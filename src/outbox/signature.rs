//! Signatures of HTTP notifications by the Standard Webhooks scheme (standardwebhooks.com): `v1,` and the
//! HMAC-SHA256, in base64, of id, Unix time and body, joined by full stops.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Secret;

/// A signing secret cannot be parsed. The message does not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is whsec_ and base64")]
pub struct SecretError;

/// Signs with all of its secrets, so that a receiver that has any of them can verify.
#[derive(Clone)]
pub struct Signer(Vec<Hmac<Sha256>>);

impl Signer {
    /// Parses the secrets.
    ///
    /// # Errors
    /// One of them is not `whsec_` and base64.
    pub fn new(secrets: &[Secret]) -> Result<Self, SecretError> {
        let key = |secret: &Secret| {
            let text = secret.reveal().strip_prefix("whsec_").ok_or(SecretError)?;
            let bytes = BASE64_STANDARD.decode(text).map_err(|_| SecretError)?;
            Hmac::new_from_slice(&bytes).map_err(|_| SecretError)
        };
        Ok(Self(secrets.iter().map(key).collect::<Result<_, _>>()?))
    }

    /// Returns the value of the header `webhook-signature`.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = |key: &Hmac<Sha256>| {
            let mut mac = key.clone();
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
        };
        self.0.iter().map(signed).collect::<Vec<_>>().join(" ")
    }
}

/// Does not show the secrets.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn sign(secrets: &[&str]) -> Result<String, SecretError> {
        let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        Signer::new(&secrets).map(|signer| signer.sign(ID, 1_614_265_330, BODY))
    }

    #[test]
    fn the_signature_equals_that_of_the_reference_libraries() {
        assert_eq!(sign(&[SECRET]).unwrap(), SIGNATURE);
    }

    #[test]
    fn each_secret_signs_during_a_rotation() {
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let both = sign(&[other, SECRET]).unwrap();
        let [first, second] = both.split(' ').collect::<Vec<_>>()[..] else { panic!("{both}") };
        assert_eq!((first, second), (&*sign(&[other]).unwrap(), SIGNATURE));
    }

    #[test]
    fn a_malformed_secret_is_refused() {
        for secret in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64"] {
            assert_eq!(sign(&[secret]), Err(SecretError), "{secret}");
        }
    }
}
