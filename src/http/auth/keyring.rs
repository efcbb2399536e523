//! The tokens that are let in.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::{Admin, AdminRole};

/// How a token begins, so that it is known for what it is where it turns up.
const PREFIX: &str = "qta_";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The token's name: what the audit log says.
    pub name: String,
    /// What they may do.
    pub role: AdminRole,
}

/// One token, as its hash.
pub(super) struct Known {
    pub(super) identity: Identity,
    pub(super) hash: [u8; 32],
}

/// All tokens, and the key that signs sessions.
pub struct Keyring {
    pub(super) tokens: Vec<Known>,
    pub(super) session_key: Vec<u8>,
    pub(super) session_ttl: Duration,
}

/// A random token of 256 bits.
#[must_use]
pub fn new_token(random: [u8; 32]) -> String {
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random))
}

/// What the settings keep of a token.
#[must_use]
pub fn hash_of(token: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(token)))
}

impl Keyring {
    /// Reads the tokens of checked settings. `random` signs the sessions where no key is set.
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

    /// Whether nobody has to sign in, because there is nothing to sign in with.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whose token this is. Takes the same time for all that are not right.
    #[must_use]
    pub fn identify(&self, token: &str) -> Option<Identity> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let mut found = None;
        for known in &self.tokens {
            // No early end: the time says nothing of which token it was compared with last.
            if bool::from(known.hash.ct_eq(&hash)) {
                found = Some(&known.identity);
            }
        }
        found.cloned()
    }

    /// Whoever comes in while nobody has to sign in.
    #[must_use]
    pub fn local() -> Identity {
        Identity { name: "local".to_owned(), role: AdminRole::Operator }
    }
}

/// Shows whose tokens there are, and nothing of them.
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
    fn a_token_is_known_by_its_hash_and_no_other_is() {
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
    fn a_token_without_a_hash_lets_nobody_in() {
        let keyring = keyring(&[]);
        assert!(keyring.is_open());
        assert_eq!(keyring.identify(""), None);
    }

    #[test]
    fn a_new_token_is_known_for_what_it_is() {
        let token = new_token([0; 32]);
        assert!(token.starts_with("qta_") && token.len() == 47, "{token}");
    }
}
