//! Why a read failed.

use std::error::Error;
use std::time::Duration;

use super::refusal::Refusal;
use quittance_domain::failure::{self, Class, Dependency, Failure};
use quittance_domain::id::Mode;

/// Why there is no state to work with. No variant's text holds a key or a payload.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// A setting cannot be used.
    #[error("{0}")]
    Settings(&'static str),
    /// TLS could not be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The request could not be written: an id that fits into no URL.
    #[error("the request cannot be written")]
    Unsendable(#[source] hyper::http::Error),
    /// No connection: name, route, port, or TLS.
    #[error("cannot connect to Stripe")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// The connection ended before the answer did.
    #[error("the connection to Stripe was lost before its answer ended")]
    Interrupted(#[source] Box<dyn Error + Send + Sync>),
    /// No whole answer within the time.
    #[error("no answer from Stripe within {after:?}")]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// Our own budget has nothing left for longer than is worth waiting for in place.
    #[error("the request budget is used up for {wait:?}")]
    OverBudget {
        /// When there is a token again.
        wait: Duration,
    },
    /// Stripe answered, and said no.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The answer is longer than any object of Stripe's.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// The answer is no JSON: a proxy's page, or cut short.
    #[error("the answer is no JSON: {problem}")]
    NotJson {
        /// What is wrong, and where.
        problem: String,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// The answer lacks a usable `Date`, without which nobody knows how old its state is.
    #[error("the answer has no usable Date header: something between here and Stripe removes it")]
    Undated {
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// The answer lacks a field that is needed, or has one that cannot be stored.
    #[error("cannot decode the answer: {path}: {problem}")]
    Undecodable {
        /// The field, from the root.
        path: String,
        /// What is wrong with it.
        problem: String,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// The answer is about something else than the question.
    #[error("asked for {field} {asked}, but the answer says {answered}")]
    WrongObject {
        /// The field that differs.
        field: &'static str,
        /// What was asked for.
        asked: String,
        /// What came.
        answered: String,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// An object that is found only below another one, which is not known.
    #[error("a {kind} cannot be asked for without the object that it belongs to")]
    NoPath {
        /// Stripe's `object`.
        kind: &'static str,
    },
    /// The key opens the other mode than the one in which the object lives.
    #[error(
        "the object lives in {wanted} mode and stripe.secret_key is a key of the other; use a \
         {wanted} key, or set the endpoint's `mode` so that it takes only events that the key can read"
    )]
    OtherMode {
        /// The object's mode.
        wanted: Mode,
        /// Whether Stripe sends such events to a rightly configured endpoint, too.
        to_be_expected: bool,
    },
}

impl From<Refusal> for StripeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl StripeError {
    /// Whether the key lacks a permission, which says nothing of the object.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.lacks_permission())
    }

    /// Whether Stripe says that the request is wrong.
    pub(super) fn is_invalid(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_invalid())
    }

    /// Whether Stripe says that there is no such object.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.missing().is_some()
    }

    /// Stripe's word that there is no such object, if that is what it says.
    #[must_use]
    pub fn missing(&self) -> Option<&Refusal> {
        if let Self::Refused(refusal) = self
            && refusal.is_missing()
        {
            return Some(refusal);
        }
        None
    }

    /// The failure as it is kept with its attempt.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let (class, code) = self.judge();
        Failure {
            class,
            code: code.into(),
            chain: failure::chain(self),
            request_id: self.request_id().map(str::to_owned),
            should_retry: match self {
                Self::Refused(refusal) => refusal.should_retry(),
                Self::Settings(_)
                | Self::Tls(_)
                | Self::Unsendable(_)
                | Self::Unreachable(_)
                | Self::Interrupted(_)
                | Self::TimedOut { .. }
                | Self::OverBudget { .. }
                | Self::TooLong { .. }
                | Self::NotJson { .. }
                | Self::Undated { .. }
                | Self::Undecodable { .. }
                | Self::WrongObject { .. }
                | Self::NoPath { .. }
                | Self::OtherMode { .. } => None,
            },
        }
    }

    /// Whether Stripe says that a connected account is not, or no longer, ours to read.
    #[must_use]
    pub fn is_access_lost(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_access_lost())
    }

    fn judge(&self) -> (Class, &'static str) {
        let misconfigured = Class::Misconfigured(Dependency::Stripe);
        match self {
            Self::Settings(_) => (misconfigured, "stripe_settings"),
            Self::Tls(_) => (misconfigured, "stripe_tls"),
            Self::Unsendable(_) => (Class::Permanent, "stripe_unsendable"),
            Self::Unreachable(_) => (Class::Unavailable(Dependency::Stripe), "stripe_unreachable"),
            Self::Interrupted(_) => (Class::Transient, "stripe_connection_lost"),
            Self::TimedOut { .. } => (Class::Transient, "stripe_timeout"),
            Self::OverBudget { wait } => {
                (Class::RateLimited { retry_after: Some(*wait) }, "stripe_over_budget")
            }
            Self::Refused(refusal) => refusal.judge(),
            Self::TooLong { .. } => (Class::Permanent, "stripe_answer_too_long"),
            // Whatever stands in the way may go away; the shape of Stripe's objects will not.
            Self::NotJson { .. } => (Class::Transient, "stripe_not_json"),
            Self::Undated { .. } => (misconfigured, "stripe_undated"),
            Self::Undecodable { .. } => (Class::Permanent, "stripe_undecodable"),
            Self::WrongObject { .. } => (Class::Permanent, "stripe_wrong_object"),
            Self::NoPath { .. } => (Class::Permanent, "stripe_no_path"),
            Self::OtherMode { .. } => (Class::Permanent, "stripe_key_of_other_mode"),
        }
    }

    fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.request_id(),
            Self::TooLong { request_id, .. }
            | Self::NotJson { request_id, .. }
            | Self::Undated { request_id }
            | Self::Undecodable { request_id, .. }
            | Self::WrongObject { request_id, .. } => request_id.as_deref(),
            Self::Settings(_)
            | Self::Tls(_)
            | Self::Unsendable(_)
            | Self::Unreachable(_)
            | Self::Interrupted(_)
            | Self::TimedOut { .. }
            | Self::OverBudget { .. }
            | Self::NoPath { .. }
            | Self::OtherMode { .. } => None,
        }
    }

    /// Whether the key opens the other mode than the one in which the object lives, and nothing in how
    /// Stripe sends events explains that.
    #[must_use]
    pub fn is_of_other_mode(&self) -> bool {
        matches!(self, Self::OtherMode { to_be_expected: false, .. })
    }

    /// Whether the request left this process.
    #[must_use]
    pub fn was_asked(&self) -> bool {
        match self {
            Self::Settings(_)
            | Self::Tls(_)
            | Self::Unsendable(_)
            | Self::OverBudget { .. }
            | Self::NoPath { .. }
            | Self::OtherMode { .. } => false,
            Self::Unreachable(_)
            | Self::Interrupted(_)
            | Self::TimedOut { .. }
            | Self::Refused(_)
            | Self::TooLong { .. }
            | Self::NotJson { .. }
            | Self::Undated { .. }
            | Self::Undecodable { .. }
            | Self::WrongObject { .. } => true,
        }
    }

    /// Whether this is no answer that Stripe gives to a good request: another object, one of another shape
    /// or size, or a refusal of what the request itself says. One object's oddity can be behind that;
    /// so can a proxy that mixes answers up, or a version of the API that is refused, for all alike.
    #[must_use]
    pub fn is_unusable(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.blames_the_request(),
            Self::TooLong { .. } | Self::Undecodable { .. } | Self::WrongObject { .. } => true,
            Self::Settings(_)
            | Self::Tls(_)
            | Self::Unsendable(_)
            | Self::Unreachable(_)
            | Self::Interrupted(_)
            | Self::TimedOut { .. }
            | Self::OverBudget { .. }
            | Self::NotJson { .. }
            | Self::Undated { .. }
            | Self::NoPath { .. }
            | Self::OtherMode { .. } => false,
        }
    }

    /// Whether Stripe itself gave an answer that was meant, if only to say no: it is up.
    #[must_use]
    pub fn was_answered(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_stripes_word(),
            Self::TooLong { .. } | Self::Undecodable { .. } | Self::WrongObject { .. } => true,
            Self::Settings(_)
            | Self::Tls(_)
            | Self::Unsendable(_)
            | Self::OverBudget { .. }
            | Self::NoPath { .. }
            | Self::OtherMode { .. }
            | Self::Unreachable(_)
            | Self::Interrupted(_)
            | Self::TimedOut { .. }
            | Self::NotJson { .. }
            | Self::Undated { .. } => false,
        }
    }
}
