//! Whose objects they are: an account, in live or test mode.

/// Account and mode: nothing in one is seen from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// A connected account; none: the key's own.
    pub account: Option<String>,
    /// Live or test.
    pub livemode: bool,
}
