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
    ($($(#[doc = $doc:literal])+ $name:ident of $object:literal = $text:literal),+ $(,)?) => {
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

            /// Stripe's `object` of what it is about.
            #[must_use]
            pub fn object(self) -> &'static str {
                match self { $(Self::$name => $object),+ }
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
    PaymentSucceeded of "payment_intent" = "payment.succeeded",
    /// The customer has to do something.
    PaymentRequiresAction of "payment_intent" = "payment.requires_action",
    /// With the bank.
    PaymentProcessing of "payment_intent" = "payment.processing",
    /// Authorised; waits to be captured.
    PaymentCapturable of "payment_intent" = "payment.capturable",
    /// Ended without money.
    PaymentCanceled of "payment_intent" = "payment.canceled",
    /// More of a payment went back than before.
    PaymentRefunded of "charge" = "payment.refunded",
    /// A refund was sent; without a balance transaction, an authorisation was released.
    RefundSucceeded of "refund" = "refund.succeeded",
    /// A refund failed, perhaps after it had succeeded.
    RefundFailed of "refund" = "refund.failed",
    /// A refund was called off.
    RefundCanceled of "refund" = "refund.canceled",
    /// An attempt to pay failed; the payment may still succeed.
    PaymentAttemptFailed of "payment_intent" = "payment.attempt_failed",
    /// The method is kept and can be charged.
    SetupSucceeded of "setup_intent" = "setup.succeeded",
    /// The customer has to do something before the method is kept.
    SetupRequiresAction of "setup_intent" = "setup.requires_action",
    /// Ended without a method.
    SetupCanceled of "setup_intent" = "setup.canceled",
    /// The customer came through; says whether it is paid.
    CheckoutCompleted of "checkout.session" = "checkout.completed",
    /// The money of a checkout is there, at once or days later.
    CheckoutPaid of "checkout.session" = "checkout.paid",
    /// The delayed payment of a completed checkout failed.
    CheckoutPaymentFailed of "checkout.session" = "checkout.payment_failed",
    /// Nobody came through in time.
    CheckoutExpired of "checkout.session" = "checkout.expired",
    /// A customer asks the bank for the money back, or the bank asks about it.
    DisputeOpened of "dispute" = "dispute.opened",
    /// The bank decided for us.
    DisputeWon of "dispute" = "dispute.won",
    /// The bank decided against us.
    DisputeLost of "dispute" = "dispute.lost",
    /// It ended without a decision: an inquiry closed, or a dispute was prevented.
    DisputeClosed of "dispute" = "dispute.closed",
    /// The disputed money was taken from the balance.
    DisputeFundsWithdrawn of "dispute" = "dispute.funds_withdrawn",
    /// The disputed money came back to the balance.
    DisputeFundsReinstated of "dispute" = "dispute.funds_reinstated",
    /// Charges of a connected account work.
    AccountChargesEnabled of "account" = "account.charges_enabled",
    /// They do not work any more.
    AccountChargesDisabled of "account" = "account.charges_disabled",
    /// Payouts of a connected account work.
    AccountPayoutsEnabled of "account" = "account.payouts_enabled",
    /// They do not work any more.
    AccountPayoutsDisabled of "account" = "account.payouts_disabled",
    /// A connected account has to hand in more than before.
    AccountRequirementsDue of "account" = "account.requirements_due",
    /// A connected account took our access back.
    AccountDeauthorized of "account" = "account.deauthorized",
    /// The bank has the money.
    PayoutPaid of "payout" = "payout.paid",
    /// The bank sent it back, perhaps after it had been paid.
    PayoutFailed of "payout" = "payout.failed",
    /// It was called off.
    PayoutCanceled of "payout" = "payout.canceled",
    /// A trial began.
    SubscriptionTrialing of "subscription" = "subscription.trialing",
    /// In good standing: begun, or recovered.
    SubscriptionActivated of "subscription" = "subscription.activated",
    /// A renewal is owed, and Stripe tries on.
    SubscriptionPastDue of "subscription" = "subscription.past_due",
    /// A renewal is owed, and Stripe tries no more.
    SubscriptionUnpaid of "subscription" = "subscription.unpaid",
    /// A trial ended, and there is nothing to pay with.
    SubscriptionPaused of "subscription" = "subscription.paused",
    /// Over.
    SubscriptionCanceled of "subscription" = "subscription.canceled",
    /// A trial ends within days.
    SubscriptionTrialEnding of "subscription" = "subscription.trial_ending",
    /// An invoice is final, and owed.
    InvoiceFinalized of "invoice" = "invoice.finalized",
    /// An invoice is settled, by Stripe or out of band.
    InvoicePaid of "invoice" = "invoice.paid",
    /// An invoice was called off.
    InvoiceVoided of "invoice" = "invoice.voided",
    /// An invoice was written off.
    InvoiceUncollectible of "invoice" = "invoice.uncollectible",
    /// An attempt to pay an invoice failed; another one may follow.
    InvoicePaymentFailed of "invoice" = "invoice.payment_failed",
    /// The customer has to do something to pay an invoice.
    InvoicePaymentActionRequired of "invoice" = "invoice.payment_action_required",
}

/// The occurrence that an event of this type tells, if any.
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
