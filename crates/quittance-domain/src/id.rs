//! Names that Stripe gives to things, parsed once.
//!
//! A value of one of these types has been checked; nothing downstream checks it again.

use std::fmt;

/// Longest id that Stripe says it may send (docs.stripe.com, "Object IDs": up to 255 characters).
const MAX_LEN: usize = 255;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem}")]
pub struct IdError {
    what: &'static str,
    problem: &'static str,
}

fn check(what: &'static str, text: &str) -> Result<(), IdError> {
    let fail = |problem| Err(IdError { what, problem });
    if text.is_empty() {
        return fail("is empty");
    }
    if text.len() > MAX_LEN {
        return fail("is longer than 255 characters");
    }
    if text.bytes().all(|b| b == b'.') {
        return fail("is a path of dots");
    }
    // An id ends up in a URL path, in a Redis key and in log lines; user-chosen ids (products,
    // coupons) may hold more than letters and digits, but never a separator of any of those.
    if !text.bytes().all(|b| {
        b.is_ascii_graphic() && !matches!(b, b'/' | b'?' | b'#' | b'%' | b'{' | b'}' | b'"' | b'\\')
    }) {
        return fail("holds a character that no Stripe id has");
    }
    Ok(())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $prefix:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Parses the id.
            ///
            /// # Errors
            /// The text is empty, too long, lacks the prefix of its kind, or holds a character
            /// that no id has.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check($what, text)?;
                let prefix: &str = $prefix;
                if text.starts_with(prefix) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError { what: $what, problem: concat!("lacks its prefix ", $prefix) })
                }
            }

            /// The id as Stripe writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An event: `evt_...`.
    EventId, "event id", "evt_"
);
id!(
    /// Any object that an event is about: `pi_...`, `ch_...`, `re_...`.
    ObjectId, "object id", ""
);
id!(
    /// A connected account: `acct_...`.
    AccountId, "account id", "acct_"
);

/// Live or test: two worlds that share nothing, not even ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Real money.
    Live,
    /// A sandbox.
    Test,
}

impl Mode {
    /// From Stripe's `livemode`.
    #[must_use]
    pub fn from_livemode(livemode: bool) -> Self {
        if livemode { Self::Live } else { Self::Test }
    }

    /// As Stripe's `livemode`.
    #[must_use]
    pub fn is_live(self) -> bool {
        self == Self::Live
    }

    /// `live` or `test`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The namespace in which an object id means something: one account, in one mode.
///
/// `account` is `None` for the account that owns the API key, and the connected account otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// The connected account, or `None` for our own.
    pub account: Option<AccountId>,
    /// Live or test.
    pub mode: Mode,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_refused_with_its_fault() {
        assert_eq!(EventId::parse("").unwrap_err().to_string(), "event id is empty");
        assert_eq!(
            EventId::parse("pi_1").unwrap_err().to_string(),
            "event id lacks its prefix evt_"
        );
        assert_eq!(
            ObjectId::parse("pi_1/../x").unwrap_err().to_string(),
            "object id holds a character that no Stripe id has"
        );
        assert_eq!(ObjectId::parse("..").unwrap_err().to_string(), "object id is a path of dots");
        assert_eq!(
            ObjectId::parse(&"x".repeat(256)).unwrap_err().to_string(),
            "object id is longer than 255 characters"
        );
    }

    #[test]
    fn an_id_that_a_user_chose_is_accepted() {
        assert_eq!(ObjectId::parse("gold-plan.v2").unwrap().as_str(), "gold-plan.v2");
    }
}
