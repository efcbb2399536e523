//! What the outbox tells.
//!
//! Two sorts. A *state fact* comes from a real change of a row, whichever event or fetch showed
//! it. An *occurrence* comes from an event itself and is told once for its id, also when the state
//! that it speaks of is already history.

/// A notification, before it has an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// What it says.
    pub topic: Topic,
    /// Why it is told.
    pub sort: Sort,
}

/// The two reasons to tell something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A row really changed.
    State,
    /// An event really arrived.
    Occurrence,
}

impl Sort {
    /// `state` or `occurrence`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Occurrence => "occurrence",
        }
    }
}

impl Notification {
    /// A fact that a change of the row makes true.
    #[must_use]
    pub fn state(topic: Topic) -> Self {
        Self { topic, sort: Sort::State }
    }

    /// A fact that an event tells by itself.
    #[must_use]
    pub fn occurrence(topic: Topic) -> Self {
        Self { topic, sort: Sort::Occurrence }
    }
}

macro_rules! topics {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal),+ $(,)?) => {
        /// What a notification says: the catalogue that consumers subscribe to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Topic { $($(#[doc = $doc])+ $name),+ }

        impl Topic {
            /// The whole catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What it says, in a sentence: the comment that stands above it here.
            #[must_use]
            pub fn describe(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

topics! {
    /// The money is there.
    PaymentSucceeded = "payment.succeeded",
    /// The customer has to do something.
    PaymentRequiresAction = "payment.requires_action",
    /// With the bank.
    PaymentProcessing = "payment.processing",
    /// Authorised; waits to be captured.
    PaymentCapturable = "payment.capturable",
    /// Ended without money.
    PaymentCanceled = "payment.canceled",
    /// More of it went back than before.
    PaymentRefunded = "payment.refunded",
    /// A refund was sent.
    RefundSucceeded = "refund.succeeded",
    /// A refund failed, perhaps after it had succeeded.
    RefundFailed = "refund.failed",
    /// A refund was called off.
    RefundCanceled = "refund.canceled",
    /// An attempt to pay failed; the payment may still succeed.
    PaymentAttemptFailed = "payment.attempt_failed",
    /// The method is kept and can be charged.
    SetupSucceeded = "setup.succeeded",
    /// The customer has to do something before the method is kept.
    SetupRequiresAction = "setup.requires_action",
    /// Ended without a method.
    SetupCanceled = "setup.canceled",
    /// The customer came through; says whether it is paid.
    CheckoutCompleted = "checkout.completed",
    /// The money of a checkout is there, at once or days later.
    CheckoutPaid = "checkout.paid",
    /// The delayed payment of a completed checkout failed.
    CheckoutPaymentFailed = "checkout.payment_failed",
    /// Nobody came through in time.
    CheckoutExpired = "checkout.expired",
}

/// The occurrence that an event of this type tells, if any.
#[must_use]
pub fn occurrence(event_type: &str) -> Option<Notification> {
    let topic = match event_type {
        "payment_intent.payment_failed" => Topic::PaymentAttemptFailed,
        "checkout.session.async_payment_failed" => Topic::CheckoutPaymentFailed,
        "checkout.session.expired" => Topic::CheckoutExpired,
        _ => return None,
    };
    Some(Notification::occurrence(topic))
}
