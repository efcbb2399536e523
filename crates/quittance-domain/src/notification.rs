//! Notifications and their topics.
//!
//! There are two sorts. A *state* notification is caused by a change of a row, whichever event or fetch showed
//! it. An *occurrence* is caused by an event and published once for its id, even if the object has changed
//! again since.

/// A notification, before it has an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// What happened.
    pub topic: Topic,
    /// What caused it.
    pub sort: Sort,
}

/// Cause of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// The state of a row changed.
    State,
    /// An event arrived.
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
    /// Creates a notification of a changed state.
    #[must_use]
    pub fn state(topic: Topic) -> Self {
        Self { topic, sort: Sort::State }
    }

    /// Creates a notification of an event.
    #[must_use]
    pub fn occurrence(topic: Topic) -> Self {
        Self { topic, sort: Sort::Occurrence }
    }
}

macro_rules! topics {
    ($($(#[doc = $doc:literal])+ $name:ident of $object:literal = $text:literal),+ $(,)?) => {
        /// Topic of a notification, which consumers subscribe to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Topic { $($(#[doc = $doc])+ $name),+ }

        impl Topic {
            /// All topics.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// Stripe's `object` of the object that it is about.
            #[must_use]
            pub fn object(self) -> &'static str {
                match self { $(Self::$name => $object),+ }
            }

            /// What happened, in a sentence: the doc comment of its variant.
            #[must_use]
            pub fn describe(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

topics! {
    /// The payment succeeded.
    PaymentSucceeded of "payment_intent" = "payment.succeeded",
    /// The customer must take an action, for example 3D Secure.
    PaymentRequiresAction of "payment_intent" = "payment.requires_action",
    /// The bank is processing the payment; the result is still open.
    PaymentProcessing of "payment_intent" = "payment.processing",
    /// The payment is authorized and can be captured.
    PaymentCapturable of "payment_intent" = "payment.capturable",
    /// The payment was canceled; no money was taken.
    PaymentCanceled of "payment_intent" = "payment.canceled",
    /// The refunded amount of a payment increased.
    PaymentRefunded of "charge" = "payment.refunded",
    /// A refund was sent to the customer; without a balance transaction, an authorization was released.
    RefundSucceeded of "refund" = "refund.succeeded",
    /// A refund failed; it may have succeeded before.
    RefundFailed of "refund" = "refund.failed",
    /// A refund was canceled.
    RefundCanceled of "refund" = "refund.canceled",
    /// A payment attempt failed; the payment may still succeed.
    PaymentAttemptFailed of "payment_intent" = "payment.attempt_failed",
    /// The payment method is saved and can be charged.
    SetupSucceeded of "setup_intent" = "setup.succeeded",
    /// The customer must take an action before the payment method can be saved.
    SetupRequiresAction of "setup_intent" = "setup.requires_action",
    /// The setup was canceled; no payment method was saved.
    SetupCanceled of "setup_intent" = "setup.canceled",
    /// The customer completed the checkout; `after.status` shows whether it is paid.
    CheckoutCompleted of "checkout.session" = "checkout.completed",
    /// A checkout is paid; with delayed payment methods, days after its completion.
    CheckoutPaid of "checkout.session" = "checkout.paid",
    /// The delayed payment of a completed checkout failed.
    CheckoutPaymentFailed of "checkout.session" = "checkout.payment_failed",
    /// The checkout expired before the customer completed it.
    CheckoutExpired of "checkout.session" = "checkout.expired",
    /// A customer disputed a charge with the bank, or the bank opened an inquiry.
    DisputeOpened of "dispute" = "dispute.opened",
    /// The dispute was won.
    DisputeWon of "dispute" = "dispute.won",
    /// The dispute was lost.
    DisputeLost of "dispute" = "dispute.lost",
    /// The dispute ended without a decision: an inquiry was closed, or the dispute was prevented.
    DisputeClosed of "dispute" = "dispute.closed",
    /// The disputed amount was withdrawn from the Stripe balance.
    DisputeFundsWithdrawn of "dispute" = "dispute.funds_withdrawn",
    /// The disputed amount was returned to the Stripe balance.
    DisputeFundsReinstated of "dispute" = "dispute.funds_reinstated",
    /// A connected account can make charges.
    AccountChargesEnabled of "account" = "account.charges_enabled",
    /// A connected account can no longer make charges.
    AccountChargesDisabled of "account" = "account.charges_disabled",
    /// A connected account can receive payouts.
    AccountPayoutsEnabled of "account" = "account.payouts_enabled",
    /// A connected account can no longer receive payouts.
    AccountPayoutsDisabled of "account" = "account.payouts_disabled",
    /// Stripe requires further information from a connected account.
    AccountRequirementsDue of "account" = "account.requirements_due",
    /// A connected account revoked the platform's access.
    AccountDeauthorized of "account" = "account.deauthorized",
    /// The payout reached the bank account.
    PayoutPaid of "payout" = "payout.paid",
    /// The payout failed; it may have been paid before.
    PayoutFailed of "payout" = "payout.failed",
    /// The payout was canceled.
    PayoutCanceled of "payout" = "payout.canceled",
    /// The subscription's trial started.
    SubscriptionTrialing of "subscription" = "subscription.trialing",
    /// The subscription became active: it started, or an overdue payment was made.
    SubscriptionActivated of "subscription" = "subscription.activated",
    /// A renewal payment is overdue; Stripe keeps retrying.
    SubscriptionPastDue of "subscription" = "subscription.past_due",
    /// A renewal payment is overdue; Stripe has stopped retrying.
    SubscriptionUnpaid of "subscription" = "subscription.unpaid",
    /// A trial ended without a payment method, so the subscription is paused.
    SubscriptionPaused of "subscription" = "subscription.paused",
    /// The subscription was canceled.
    SubscriptionCanceled of "subscription" = "subscription.canceled",
    /// A trial ends within days.
    SubscriptionTrialEnding of "subscription" = "subscription.trial_ending",
    /// An invoice was finalized and is due.
    InvoiceFinalized of "invoice" = "invoice.finalized",
    /// An invoice was paid, through Stripe or out of band.
    InvoicePaid of "invoice" = "invoice.paid",
    /// An invoice was voided.
    InvoiceVoided of "invoice" = "invoice.voided",
    /// An invoice was marked uncollectible.
    InvoiceUncollectible of "invoice" = "invoice.uncollectible",
    /// A payment attempt for an invoice failed; Stripe may retry.
    InvoicePaymentFailed of "invoice" = "invoice.payment_failed",
    /// The customer must take an action to pay an invoice.
    InvoicePaymentActionRequired of "invoice" = "invoice.payment_action_required",
}

/// The occurrence that an event of this type causes, if any.
#[must_use]
pub fn occurrence(event_type: &str) -> Option<Notification> {
    let topic = match event_type {
        "payment_intent.payment_failed" => Topic::PaymentAttemptFailed,
        "checkout.session.async_payment_failed" => Topic::CheckoutPaymentFailed,
        "checkout.session.expired" => Topic::CheckoutExpired,
        "charge.dispute.funds_withdrawn" => Topic::DisputeFundsWithdrawn,
        "charge.dispute.funds_reinstated" => Topic::DisputeFundsReinstated,
        "account.application.deauthorized" => Topic::AccountDeauthorized,
        "customer.subscription.trial_will_end" => Topic::SubscriptionTrialEnding,
        "invoice.payment_failed" => Topic::InvoicePaymentFailed,
        "invoice.payment_action_required" => Topic::InvoicePaymentActionRequired,
        _ => return None,
    };
    Some(Notification::occurrence(topic))
}
