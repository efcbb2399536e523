//! The kinds of object.

/// A kind of object that the simulator keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `payment_intent`
    PaymentIntent,
    /// `charge`
    Charge,
    /// `refund`
    Refund,
    /// `dispute`
    Dispute,
    /// `payout`
    Payout,
    /// `account`, connected ones
    Account,
    /// `subscription`
    Subscription,
    /// `invoice`
    Invoice,
    /// `product`
    Product,
    /// `price`
    Price,
    /// `subscription_schedule`
    SubscriptionSchedule,
    /// `event`
    Event,
    /// `customer`
    Customer,
    /// `setup_intent`
    SetupIntent,
    /// `checkout.session`
    CheckoutSession,
    /// `payment_method`
    PaymentMethod,
    /// `billing_portal.session`
    PortalSession,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::PaymentIntent,
        Self::Charge,
        Self::Refund,
        Self::Dispute,
        Self::Payout,
        Self::Account,
        Self::Subscription,
        Self::Invoice,
        Self::Product,
        Self::Price,
        Self::SubscriptionSchedule,
        Self::Event,
        Self::Customer,
        Self::SetupIntent,
        Self::CheckoutSession,
        Self::PaymentMethod,
        Self::PortalSession,
    ];

    /// From Stripe's `object`.
    #[must_use]
    pub fn parse(object: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == object)
    }

    /// Stripe's `object`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentIntent => "payment_intent",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Customer => "customer",
            Self::SetupIntent => "setup_intent",
            Self::CheckoutSession => "checkout.session",
            Self::PaymentMethod => "payment_method",
            Self::PortalSession => "billing_portal.session",
            Self::Dispute => "dispute",
            Self::Payout => "payout",
            Self::Account => "account",
            Self::Subscription => "subscription",
            Self::Invoice => "invoice",
            Self::Product => "product",
            Self::Price => "price",
            Self::SubscriptionSchedule => "subscription_schedule",
            Self::Event => "event",
        }
    }
}
