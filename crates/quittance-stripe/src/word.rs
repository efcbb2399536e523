//! Stripe's words as async-stripe's types.

/// One of Stripe's words. async-stripe's types take any, and pass on those that they do not know.
pub(super) fn word<T: std::str::FromStr<Err = std::convert::Infallible>>(text: &str) -> T {
    match text.parse() {
        Ok(word) => word,
        Err(never) => match never {},
    }
}
