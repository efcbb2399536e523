//! A signed cookie: `name.expires.nonce.mac`. Who takes one asks besides whether a sign-out has ended it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::keyring::{Identity, Keyring};

/// The cookie's name.
pub const COOKIE: &str = "quittance_session";

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub identity: Identity,
    /// What tells this session from others of the same person; nothing secret.
    id: String,
    /// When it is over, in seconds since 1970.
    expires: u64,
}

impl Session {
    /// The one that all share while nobody has to sign in.
    #[must_use]
    pub fn local() -> Self {
        Self { identity: Keyring::local(), id: "local".to_owned(), expires: u64::MAX }
    }

    /// What tells it from others; nothing secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it is over, in seconds since 1970.
    #[must_use]
    pub fn expires(&self) -> u64 {
        self.expires
    }
}

impl Keyring {
    /// Begins a session: the value of its cookie. `now` is in seconds since 1970. None for an
    /// identity without a token.
    #[must_use]
    pub fn begin(&self, identity: &Identity, now: u64, nonce: [u8; 16]) -> Option<String> {
        let expires = now.saturating_add(self.session_ttl.as_secs());
        let nonce = BASE64_URL_SAFE_NO_PAD.encode(nonce);
        let id = format!("{}.{expires}.{nonce}", identity.name);
        let known = self.tokens.iter().find(|known| known.identity == *identity)?;
        let mac = self.sign("session", &known.hash, &id);
        Some(format!("{id}.{mac}"))
    }

    /// The session of a cookie, unless it is over, forged, or its token is gone. The role is that
    /// of today's settings.
    #[must_use]
    pub fn session(&self, cookie: &str, now: u64) -> Option<Session> {
        let (id, mac) = cookie.rsplit_once('.')?;
        let mut parts = id.split('.');
        let (name, expires) = (parts.next()?, parts.next()?);
        let known = self.tokens.iter().find(|known| known.identity.name == name)?;
        let right = self.sign("session", &known.hash, id);
        // The signature first: what is not signed is not read.
        let signed = !right.is_empty() && bool::from(right.as_bytes().ct_eq(mac.as_bytes()));
        let expires: u64 = signed.then(|| expires.parse().ok()).flatten()?;
        let identity = known.identity.clone();
        (now < expires).then(|| Session { identity, id: id.to_owned(), expires })
    }

    /// What every changing form of a session carries: another site can send the cookie along, but
    /// cannot know this.
    #[must_use]
    pub fn form_token(&self, session: &Session) -> String {
        self.sign("form", &[], &session.id)
    }

    /// Whether a form came from a page of this session.
    #[must_use]
    pub fn is_form_token(&self, session: &Session, given: &str) -> bool {
        let right = self.form_token(session);
        !right.is_empty() && bool::from(right.as_bytes().ct_eq(given.as_bytes()))
    }

    /// The hash of the token takes part, so that a session ends with its token.
    fn sign(&self, purpose: &str, hash: &[u8], text: &str) -> String {
        // A key of any length is one for HMAC; were it not, nothing would ever be signed.
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

/// The value of a cookie among all that a request sends.
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
    fn a_session_lasts_as_long_as_it_was_given() {
        let (keyring, cookie) = signed_in();
        assert_eq!(keyring.session(&cookie, 1059).unwrap().identity.name, "ada");
        assert_eq!(keyring.session(&cookie, 1060), None);
    }

    #[test]
    fn a_session_that_was_changed_in_any_character_is_none() {
        let (keyring, cookie) = signed_in();
        for at in 0..cookie.len() {
            let mut forged = cookie.clone().into_bytes();
            forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
            assert_eq!(keyring.session(&String::from_utf8(forged).unwrap(), 1000), None, "{at}");
        }
        assert_eq!(keyring.session("", 1000), None);
    }

    #[test]
    fn a_session_ends_with_its_token_and_takes_its_role_of_today() {
        let (_, cookie) = signed_in();
        assert_eq!(keyring(&[("ada", "new", AdminRole::Operator)]).session(&cookie, 1000), None);
        let demoted = keyring(&[("ada", "one", AdminRole::Viewer)]);
        assert_eq!(demoted.session(&cookie, 1000).unwrap().identity.role, AdminRole::Viewer);
    }

    #[test]
    fn a_forms_token_is_good_for_its_session_alone() {
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
