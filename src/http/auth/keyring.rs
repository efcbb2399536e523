//! Access tokens of operators and clients.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::{Admin, AdminRole};

/// Prefix of a token, so that secret scanners recognize it.
const PREFIX: &str = "qta_";

/// Identity of an authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name of the token, as in the audit log.
    pub name: String,
    /// Its permissions.
    pub role: AdminRole,
}

/// A token's hash and identity.
pub(super) struct Known {
    pub(super) identity: Identity,
    pub(super) hash: [u8; 32],
}

/// The hashes of all tokens, and the key that signs sessions.
pub struct Keyring {
    pub(super) tokens: Vec<Known>,
    pub(super) session_key: Vec<u8>,
    pub(super) session_ttl: Duration,
}

/// Makes a token of 256 random bits.
#[must_use]
pub fn new_token(random: [u8; 32]) -> String {
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random))
}

/// The hash of a token, as it is in the settings.
#[must_use]
pub fn hash_of(token: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(token)))
}

impl Keyring {
    /// Creates a keyring from checked settings. `random` signs the sessions if no key is set.
    #[must_use]
    pub fn new(admin: &Admin, random: [u8; 32]) -> Self {
        let known = |(name, token): (&str, &crate::config::admin::Token)| {
            let digits = token.hash.reveal().strip_prefix("sha256:")?;
            let hash = hex::decode(digits).ok()?.try_into().ok()?;
            Some(Known { identity: Identity { name: name.to_owned(), role: token.role }, hash })
        };
        let session_key = match admin.session_key.reveal() {
            "" => random.to_vec(),
            key => key.as_bytes().to_vec(),
        };
        Self {
            tokens: admin.known_tokens().filter_map(known).collect(),
            session_key,
            session_ttl: admin.session_ttl,
        }
    }

    /// Whether access needs no sign-in, because no tokens are configured.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Returns the identity of a token. Takes the same time for all wrong tokens.
    #[must_use]
    pub fn identify(&self, token: &str) -> Option<Identity> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let mut found = None;
        for known in &self.tokens {
            // No early return: the time reveals nothing about which token was compared last.
            if bool::from(known.hash.ct_eq(&hash)) {
                found = Some(&known.identity);
            }
        }
        found.cloned()
    }

    /// The identity of all callers while access needs no sign-in.
    #[must_use]
    pub fn local() -> Identity {
        Identity { name: "local".to_owned(), role: AdminRole::Operator }
    }
}

/// Shows the names of the tokens, and no secrets.
impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.tokens.iter().map(|known| &known.identity)).finish()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Secret, admin};

    pub(in crate::http::auth) fn keyring(tokens: &[(&str, &str, AdminRole)]) -> Keyring {
        let token = |hash: String, role| admin::Token { hash: Secret::new(hash), role };
        let tokens: BTreeMap<_, _> = tokens
            .iter()
            .map(|(name, text, role)| ((*name).to_owned(), token(hash_of(text), *role)))
            .chain([("default".to_owned(), token(String::new(), AdminRole::Viewer))])
            .collect();
        let settings = Admin {
            listen: ([127, 0, 0, 1], 0).into(),
            session_ttl: Duration::from_secs(60),
            session_key: Secret::new(""),
            behind_proxy: false,
            tokens,
        };
        Keyring::new(&settings, [7; 32])
    }

    #[test]
    fn only_a_token_with_a_known_hash_is_accepted() {
        let keyring =
            keyring(&[("ada", "one", AdminRole::Operator), ("bob", "two", AdminRole::Viewer)]);
        let bob = keyring.identify("two").unwrap();
        assert_eq!((&*bob.name, bob.role), ("bob", AdminRole::Viewer));
        assert_eq!(keyring.identify("one").unwrap().name, "ada");
        for wrong in ["", "three", "One", &hash_of("one")] {
            assert_eq!(keyring.identify(wrong), None, "{wrong}");
        }
        assert!(!keyring.is_open());
    }

    #[test]
    fn a_token_without_a_hash_is_never_accepted() {
        let keyring = keyring(&[]);
        assert!(keyring.is_open());
        assert_eq!(keyring.identify(""), None);
    }

    #[test]
    fn a_new_token_has_the_prefix() {
        let token = new_token([0; 32]);
        assert!(token.starts_with("qta_") && token.len() == 47, "{token}");
    }
}
