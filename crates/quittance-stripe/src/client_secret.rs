//! Client secrets and page URLs: values by which a browser completes an object.

use std::fmt;

/// A value by which a browser completes a payment: its `client_secret`, or the `url` of its page. It is passed on
/// once and stored nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret {
    value: String,
    completes: Completes,
}

/// What a browser does with a [`ClientSecret`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completes {
    /// It confirms a payment.
    Payment,
    /// It sets a method up.
    Setup,
    /// It goes to a page of Stripe's.
    Page,
}

impl Completes {
    /// `payment`, `setup` or `page`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Setup => "setup",
            Self::Page => "page",
        }
    }
}

impl ClientSecret {
    pub(super) fn new(value: String, completes: Completes) -> Self {
        Self { value, completes }
    }

    /// What a browser does with it.
    #[must_use]
    pub fn completes(&self) -> Completes {
        self.completes
    }

    /// The value, for the answer to the client that asked.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret")
    }
}
