//! What the outbox tells.
//!
//! Two sorts. A *state fact* comes from a real change of a row, whichever event or fetch showed
//! it. An *occurrence* comes from an event itself and is told once for its id, also when the state
//! that it speaks of is already history.

use super::object::Kind;

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
    ($($(#[doc = $doc:literal])+ $name:ident of $kind:ident = $text:literal),+ $(,)?) => {
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

            /// The kind of object that it is about.
            #[must_use]
            pub fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind),+ }
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
    PaymentSucceeded of PaymentIntent = "payment.succeeded",
    /// The customer has to do something.
    PaymentRequiresAction of PaymentIntent = "payment.requires_action",
    /// With the bank.
    PaymentProcessing of PaymentIntent = "payment.processing",
    /// Authorised; waits to be captured.
    PaymentCapturable of PaymentIntent = "payment.capturable",
    /// Ended without money.
    PaymentCanceled of PaymentIntent = "payment.canceled",
    /// More of a payment went back than before.
    PaymentRefunded of Charge = "payment.refunded",
    /// A refund was sent; without a balance transaction, an authorisation was released.
    RefundSucceeded of Refund = "refund.succeeded",
    /// A refund failed, perhaps after it had succeeded.
    RefundFailed of Refund = "refund.failed",
    /// A refund was called off.
    RefundCanceled of Refund = "refund.canceled",
    /// An attempt to pay failed; the payment may still succeed.
    PaymentAttemptFailed of PaymentIntent = "payment.attempt_failed",
    /// The method is kept and can be charged.
    SetupSucceeded of SetupIntent = "setup.succeeded",
    /// The customer has to do something before the method is kept.
    SetupRequiresAction of SetupIntent = "setup.requires_action",
    /// Ended without a method.
    SetupCanceled of SetupIntent = "setup.canceled",
    /// The customer came through; says whether it is paid.
    CheckoutCompleted of CheckoutSession = "checkout.completed",
    /// The money of a checkout is there, at once or days later.
    CheckoutPaid of CheckoutSession = "checkout.paid",
    /// The delayed payment of a completed checkout failed.
    CheckoutPaymentFailed of CheckoutSession = "checkout.payment_failed",
    /// Nobody came through in time.
    CheckoutExpired of CheckoutSession = "checkout.expired",
    /// A customer asks the bank for the money back, or the bank asks about it.
    DisputeOpened of Dispute = "dispute.opened",
    /// The bank decided for us.
    DisputeWon of Dispute = "dispute.won",
    /// The bank decided against us.
    DisputeLost of Dispute = "dispute.lost",
    /// It ended without a decision: an inquiry closed, or a dispute was prevented.
    DisputeClosed of Dispute = "dispute.closed",
    /// The disputed money was taken from the balance.
    DisputeFundsWithdrawn of Dispute = "dispute.funds_withdrawn",
    /// The disputed money came back to the balance.
    DisputeFundsReinstated of Dispute = "dispute.funds_reinstated",
    /// Charges of a connected account work.
    AccountChargesEnabled of Account = "account.charges_enabled",
    /// They do not work any more.
    AccountChargesDisabled of Account = "account.charges_disabled",
    /// Payouts of a connected account work.
    AccountPayoutsEnabled of Account = "account.payouts_enabled",
    /// They do not work any more.
    AccountPayoutsDisabled of Account = "account.payouts_disabled",
    /// A connected account has to hand in more than before.
    AccountRequirementsDue of Account = "account.requirements_due",
    /// A connected account took our access back.
    AccountDeauthorized of Account = "account.deauthorized",
    /// The bank has the money.
    PayoutPaid of Payout = "payout.paid",
    /// The bank sent it back, perhaps after it had been paid.
    PayoutFailed of Payout = "payout.failed",
    /// It was called off.
    PayoutCanceled of Payout = "payout.canceled",
    /// A trial began.
    SubscriptionTrialing of Subscription = "subscription.trialing",
    /// In good standing: begun, or recovered.
    SubscriptionActivated of Subscription = "subscription.activated",
    /// A renewal is owed, and Stripe tries on.
    SubscriptionPastDue of Subscription = "subscription.past_due",
    /// A renewal is owed, and Stripe tries no more.
    SubscriptionUnpaid of Subscription = "subscription.unpaid",
    /// A trial ended, and there is nothing to pay with.
    SubscriptionPaused of Subscription = "subscription.paused",
    /// Over.
    SubscriptionCanceled of Subscription = "subscription.canceled",
    /// A trial ends within days.
    SubscriptionTrialEnding of Subscription = "subscription.trial_ending",
    /// An invoice is final, and owed.
    InvoiceFinalized of Invoice = "invoice.finalized",
    /// An invoice is settled, by Stripe or out of band.
    InvoicePaid of Invoice = "invoice.paid",
    /// An invoice was called off.
    InvoiceVoided of Invoice = "invoice.voided",
    /// An invoice was written off.
    InvoiceUncollectible of Invoice = "invoice.uncollectible",
    /// An attempt to pay an invoice failed; another one may follow.
    InvoicePaymentFailed of Invoice = "invoice.payment_failed",
    /// The customer has to do something to pay an invoice.
    InvoicePaymentActionRequired of Invoice = "invoice.payment_action_required",
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
