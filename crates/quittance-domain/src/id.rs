//! Ids of Stripe's objects, parsed once, and how they are written in URLs.
//!
//! A value of one of these types has been checked; nothing downstream checks it again.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Longest id that Stripe says it may send (docs.stripe.com, "Object IDs": up to 255 characters), in
/// bytes.
const MAX_LEN: usize = 255;

/// What is left as it is in a path: what RFC 3986 calls unreserved. A plus is not among it, because
/// Stripe reads a raw one as a space.
const NOT_UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes a text as one segment of a URL's path, or as one value of its query. The only
/// function that puts an id into a URL.
///
/// `.` and `..` have no encoding: a URL parser reads `%2e%2e` as a step up, too. So no id is one of them.
#[must_use]
pub fn url_segment(text: &str) -> String {
    utf8_percent_encode(text, NOT_UNRESERVED).to_string()
}

/// The opposite of [`url_segment`]; `None` where it is no text.
#[must_use]
pub fn from_url_segment(segment: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(segment).decode_utf8().ok()
}

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem}")]
pub struct IdError {
    what: &'static str,
    problem: &'static str,
}

/// Checks what no id may be, whoever chose it: an id ends up in a URL path, in keys, in a terminal and
/// in log lines.
fn check(what: &'static str, text: &str) -> Result<(), IdError> {
    let fail = |problem| Err(IdError { what, problem });
    if text.is_empty() {
        return fail("is empty");
    }
    if text.len() > MAX_LEN {
        return fail("is longer than 255 bytes");
    }
    if matches!(text, "." | "..") {
        return fail("is a step in a path");
    }
    if text.contains(char::is_control) {
        return fail("holds a control character");
    }
    Ok(())
}

/// Checks an id that Stripe made. Those hold letters, digits and `_`; capabilities and report types
/// are words with dots. The rule is wider than that, and keeps out what separates parts of a URL.
fn check_made_by_stripe(what: &'static str, text: &str) -> Result<(), IdError> {
    check(what, text)?;
    let fits = text.bytes().all(|b| {
        b.is_ascii_graphic() && !matches!(b, b'/' | b'?' | b'#' | b'%' | b'{' | b'}' | b'"' | b'\\')
    });
    if fits {
        Ok(())
    } else {
        Err(IdError { what, problem: "holds a character that no Stripe id has" })
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The id as Stripe writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as one segment of a URL's path: [`url_segment`].
            #[must_use]
            pub fn url_segment(&self) -> String {
                url_segment(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
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
    ($(#[$doc:meta])* $name:ident, $what:literal, $prefix:literal) => {
        id!($(#[$doc])* $name);

        impl $name {
            /// Parses the id.
            ///
            /// # Errors
            /// The text is empty, too long, lacks the prefix of its kind, or holds a character
            /// that no id of Stripe's has.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check_made_by_stripe($what, text)?;
                if text.starts_with($prefix) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError { what: $what, problem: concat!("lacks its prefix ", $prefix) })
                }
            }
        }
    };
}

id!(
    /// An event: `evt_...`.
    EventId, "event id", "evt_"
);
id!(
    /// Any object: `pi_...`, `ch_...`, `re_...`, or a name that people chose (docs.stripe.com, "Create a
    /// plan", "Create a coupon", "Create a product"; customers may have one, too). Before API 2018-05-21
    /// such a name could hold nearly anything: spaces, `/`, `%`, `#`, `?`, `+`, other scripts.
    ///
    /// Which of the two rules an id has to keep, its kind says:
    /// [`Kind::parse_id`](super::object::Kind::parse_id).
    ObjectId
);
id!(
    /// A connected account: `acct_...`.
    AccountId, "account id", "acct_"
);

impl ObjectId {
    /// Parses an id that people may have chosen, or the id of an object of any kind.
    ///
    /// # Errors
    /// The text is empty, longer than 255 bytes, `.` or `..`, or holds a control character.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        check("object id", text)?;
        Ok(Self(text.into()))
    }

    /// Parses an id that Stripe made.
    ///
    /// # Errors
    /// As [`Self::parse`]; or the text holds a character that no id of Stripe's has.
    pub fn parse_made_by_stripe(text: &str) -> Result<Self, IdError> {
        check_made_by_stripe("object id", text)?;
        Ok(Self(text.into()))
    }
}

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
        let made_by_stripe = |text| ObjectId::parse_made_by_stripe(text).unwrap_err().to_string();
        assert_eq!(
            made_by_stripe("pi_1/../x"),
            "object id holds a character that no Stripe id has"
        );
        assert_eq!(made_by_stripe(".."), "object id is a step in a path");
    }

    #[test]
    fn an_id_that_people_chose_may_be_any_text_of_255_bytes() {
        for text in
            ["gold-plan.v2", "Pro plan $699/month", "20% off", "...", "a?b#c", "größe", "🧾"]
        {
            assert_eq!(ObjectId::parse(text).unwrap().as_str(), text);
        }
        ObjectId::parse(&"x".repeat(255)).unwrap();
        ObjectId::parse(&"ü".repeat(127)).unwrap();
        let fault = |text: &str| ObjectId::parse(text).unwrap_err().to_string();
        for long in ["x".repeat(256), "ü".repeat(128)] {
            assert_eq!(fault(&long), "object id is longer than 255 bytes");
        }
        assert_eq!(fault(""), "object id is empty");
        for step in [".", ".."] {
            assert_eq!(fault(step), "object id is a step in a path");
        }
        for text in ["a\r\nb", "\0", "a\tb", "\u{7f}", "a\u{85}"] {
            assert_eq!(fault(text), "object id holds a control character", "{text:?}");
        }
    }

    #[test]
    fn an_id_in_a_url_stays_within_its_segment() {
        for (text, segment) in [
            ("cus_1", "cus_1"),
            ("a-b.c~d", "a-b.c~d"),
            ("jenny+shop@example.com", "jenny%2Bshop%40example.com"),
            ("Pro plan $699/month", "Pro%20plan%20%24699%2Fmonth"),
            ("20% off", "20%25%20off"),
            ("%2e%2e", "%252e%252e"),
            ("../x", "..%2Fx"),
            ("a?b#c;d&e=f", "a%3Fb%23c%3Bd%26e%3Df"),
            ("<b>\"'{id}", "%3Cb%3E%22%27%7Bid%7D"),
            ("ü", "%C3%BC"),
        ] {
            assert_eq!(ObjectId::parse(text).unwrap().url_segment(), segment);
            assert_eq!(from_url_segment(segment).unwrap(), text);
        }
        assert_eq!(from_url_segment("%FF"), None);
    }
}
