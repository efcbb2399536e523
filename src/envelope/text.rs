//! A text that is borrowed from the bytes wherever JSON allows it.

use std::borrow::Cow;
use std::ops::Deref;

use serde::Deserialize;

/// A borrowed text. A newtype, because serde borrows a bare `Cow<str>` but not one in an `Option`.
///
/// `&str` would not do: a JSON string with an escape in it cannot be borrowed, and would be refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
