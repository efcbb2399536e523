//! Sessions as signed cookies: `name.expires.nonce.mac`. The caller also checks whether a sign-out has ended one.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::keyring::{Identity, Keyring};

/// Name of the cookie.
pub const COOKIE: &str = "quittance_session";

/// A session of an operator who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The operator's identity.
    pub identity: Identity,
    /// Distinguishes this session from others of the same operator; not secret.
    id: String,
    /// When it expires, in seconds since 1970.
    expires: u64,
}

impl Session {
    /// The session that all requests share while access needs no sign-in.
    #[must_use]
    pub fn local() -> Self {
        Self { identity: Keyring::local(), id: "local".to_owned(), expires: u64::MAX }
    }

    /// The id of the session; not secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it expires, in seconds since 1970.
    #[must_use]
    pub fn expires(&self) -> u64 {
        self.expires
    }
}

impl Keyring {
    /// Starts a session; returns the value of its cookie. `now` is in seconds since 1970. `None` for an identity
    /// without a token.
    #[must_use]
    pub fn begin(&self, identity: &Identity, now: u64, nonce: [u8; 16]) -> Option<String> {
        let expires = now.saturating_add(self.session_ttl.as_secs());
        let nonce = BASE64_URL_SAFE_NO_PAD.encode(nonce);
        let id = format!("{}.{expires}.{nonce}", identity.name);
        let known = self.tokens.iter().find(|known| known.identity == *identity)?;
        let mac = self.sign("session", &known.hash, &id);
        Some(format!("{id}.{mac}"))
    }

    /// Returns the session of a cookie, unless it has expired, is forged, or its token was removed. The role is
    /// that of the current settings.
    #[must_use]
    pub fn session(&self, cookie: &str, now: u64) -> Option<Session> {
        let (id, mac) = cookie.rsplit_once('.')?;
        let mut parts = id.split('.');
        let (name, expires) = (parts.next()?, parts.next()?);
        let known = self.tokens.iter().find(|known| known.identity.name == name)?;
        let right = self.sign("session", &known.hash, id);
        // The signature first: unsigned text is not parsed.
        let signed = !right.is_empty() && bool::from(right.as_bytes().ct_eq(mac.as_bytes()));
        let expires: u64 = signed.then(|| expires.parse().ok()).flatten()?;
        let identity = known.identity.clone();
        (now < expires).then(|| Session { identity, id: id.to_owned(), expires })
    }

    /// The token in each form of a session (CSRF token): another site can cause the cookie to be sent, but does
    /// not know this token.
    #[must_use]
    pub fn form_token(&self, session: &Session) -> String {
        self.sign("form", &[], &session.id)
    }

    /// Whether a form's token belongs to this session.
    #[must_use]
    pub fn is_form_token(&self, session: &Session, given: &str) -> bool {
        let right = self.form_token(session);
        !right.is_empty() && bool::from(right.as_bytes().ct_eq(given.as_bytes()))
    }

    /// Includes the token's hash in the signature, so that a session ends with its token.
    fn sign(&self, purpose: &str, hash: &[u8], text: &str) -> String {
        // HMAC accepts keys of any length; if it refused one, nothing would be signed.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.session_key) else {
            return String::new();
        };
        for part in [purpose.as_bytes(), hash, text.as_bytes()] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

/// Returns the value of a cookie of a request.
#[must_use]
pub fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::super::keyring::tests::keyring;
    use super::*;
    use crate::config::AdminRole;

    const ADA: (&str, &str, AdminRole) = ("ada", "one", AdminRole::Operator);

    fn signed_in() -> (Keyring, String) {
        let keyring = keyring(&[ADA]);
        let ada = keyring.identify("one").unwrap();
        let cookie = keyring.begin(&ada, 1000, [1; 16]).unwrap();
        (keyring, cookie)
    }

    #[test]
    fn a_session_expires_after_its_lifetime() {
        let (keyring, cookie) = signed_in();
        assert_eq!(keyring.session(&cookie, 1059).unwrap().identity.name, "ada");
        assert_eq!(keyring.session(&cookie, 1060), None);
    }

    #[test]
    fn a_session_with_any_changed_character_is_refused() {
        let (keyring, cookie) = signed_in();
        for at in 0..cookie.len() {
            let mut forged = cookie.clone().into_bytes();
            forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
            assert_eq!(keyring.session(&String::from_utf8(forged).unwrap(), 1000), None, "{at}");
        }
        assert_eq!(keyring.session("", 1000), None);
    }

    #[test]
    fn a_session_ends_with_its_token_and_has_the_current_role() {
        let (_, cookie) = signed_in();
        assert_eq!(keyring(&[("ada", "new", AdminRole::Operator)]).session(&cookie, 1000), None);
        let demoted = keyring(&[("ada", "one", AdminRole::Viewer)]);
        assert_eq!(demoted.session(&cookie, 1000).unwrap().identity.role, AdminRole::Viewer);
    }

    #[test]
    fn a_form_token_is_valid_for_its_session_only() {
        let (keyring, cookie) = signed_in();
        let ada = keyring.identify("one").unwrap();
        let session = keyring.session(&cookie, 1000).unwrap();
        let other = keyring.begin(&ada, 1000, [2; 16]).unwrap();
        let other = keyring.session(&other, 1000).unwrap();
        let token = keyring.form_token(&session);
        assert!(keyring.is_form_token(&session, &token));
        assert!(!keyring.is_form_token(&other, &token));
        assert!(!keyring.is_form_token(&session, ""));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        assert_eq!(cookie("theme=dark; quittance_session=a.b=; x", COOKIE), Some("a.b="));
        assert_eq!(cookie("not_quittance_session=a", COOKIE), None);
    }
}
