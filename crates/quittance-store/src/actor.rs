//! The person behind an act, for the audit log.

/// Who does something by hand, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor<'a> {
    /// Who.
    pub name: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
}
