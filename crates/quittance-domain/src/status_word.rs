//! A status as Stripe says it, whether our rules know the word or not.

use std::borrow::Cow;

use serde::de::Error as _;

use super::field;

/// The words that Stripe has for something. Made by `words!`.
pub trait Vocabulary: Copy + Eq + 'static {
    /// All of them. Of a status: in the order in which an object usually passes them.
    const WORDS: &'static [Self];

    /// Stripe's word for it.
    fn word(self) -> &'static str;

    /// From Stripe's word.
    #[must_use]
    fn from_word(text: &str) -> Option<Self> {
        Self::WORDS.iter().copied().find(|it| it.word() == text)
    }
}

/// Declares an enum of words: its variants, and Stripe's text of each.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$doc:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The word, parsed.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                <Self as $crate::status_word::Vocabulary>::from_word(text)
            }
        }

        impl $crate::status_word::Vocabulary for $name {
            const WORDS: &'static [Self] = Self::ALL;

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
}
pub(crate) use words;

/// A status as Stripe says it: one that the rules know, or a word that Stripe added later.
///
/// An unknown word is recorded like any other, because Stripe owns the state. The rules tell nothing
/// of it, and each move from or to it is an anomaly, so that ops sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StatusWord<S> {
    /// One of the state machine's.
    Known(S),
    /// Another word, as Stripe writes it.
    Unknown(Box<str>),
}

/// The text is no word. Says nothing of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word of 1 to 64 letters, digits, `_`, `-` and `.`")]
pub struct NoWord;

/// Stands in `app.transitions` for the status of an object that Stripe gives none.
const NO_STATUS: &str = "null";

impl<S: Vocabulary> StatusWord<S> {
    /// From what Stripe says.
    ///
    /// # Errors
    /// The text has not the shape of a word; the tables refuse it, too.
    pub fn parse(text: &str) -> Result<Self, NoWord> {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let is_word = (1..=64).contains(&text.len()) && text.bytes().all(is_part);
        if is_word { Ok(Self::recorded(text)) } else { Err(NoWord) }
    }

    /// From what was recorded, whichever version did it.
    #[must_use]
    pub fn recorded(text: &str) -> Self {
        S::from_word(text).map_or_else(|| Self::Unknown(text.into()), Self::Known)
    }

    /// The status of an object that Stripe may give none: a null is a word that no state machine knows.
    #[must_use]
    pub fn or_none(status: Option<&Self>) -> Self {
        status.cloned().unwrap_or_else(|| Self::Unknown(NO_STATUS.into()))
    }

    /// Stripe's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(status) => status.word(),
            Self::Unknown(word) => word,
        }
    }

    /// The status, if the rules know it.
    #[must_use]
    pub fn known(&self) -> Option<S> {
        match self {
            Self::Known(status) => Some(*status),
            Self::Unknown(_) => None,
        }
    }

    /// The word, without a copy of one that the rules know.
    pub fn to_text(&self) -> Cow<'static, str> {
        match self {
            Self::Known(status) => Cow::Borrowed(status.word()),
            Self::Unknown(word) => Cow::Owned(word.to_string()),
        }
    }
}

impl<S: Vocabulary> From<S> for StatusWord<S> {
    fn from(status: S) -> Self {
        Self::Known(status)
    }
}

impl<S: Vocabulary> PartialEq<S> for StatusWord<S> {
    fn eq(&self, other: &S) -> bool {
        self.known() == Some(*other)
    }
}

impl<S: Vocabulary> serde::Serialize for StatusWord<S> {
    fn serialize<T: serde::Serializer>(&self, to: T) -> Result<T::Ok, T::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de, S: Vocabulary> serde::Deserialize<'de> for StatusWord<S> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = field::text(from)?.ok_or_else(|| D::Error::custom(NoWord))?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::charge::ChargeStatus;

    #[test]
    fn what_has_not_the_shape_of_a_word_is_no_status() {
        for text in ["", "a b", "a\0", "é", "a/b", &"x".repeat(65)] {
            assert_eq!(StatusWord::<ChargeStatus>::parse(text), Err(NoWord), "{text:?}");
        }
    }
}
