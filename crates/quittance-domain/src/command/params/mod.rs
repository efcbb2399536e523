//! The parameters of each command. Names, shapes and units are Stripe's; `reference` is ours.
//!
//! They are what a client sends, what is stored, and what the request to Stripe is made of. Each checks by itself
//! what needs no more than the request.

mod checkout;
mod customer;
mod payment;
mod portal;
mod refund;
mod setup;
mod subscription;
mod subscription_change;

pub use checkout::{
    BillingInterval, ExpireCheckout, LineItem, NewCheckout, PriceData, ProductData, Recurring,
    SessionMode, SessionPaymentData,
};
pub use customer::NewCustomer;
pub use payment::{
    AllowRedirects, AutomaticPaymentMethods, CancelPayment, CancellationReason, CaptureMethod,
    CapturePayment, ConfirmPayment, NewPayment, ParamLimits, SetupFutureUsage, TransferData,
};
pub use portal::NewPortalSession;
pub use refund::{NewRefund, RefundReason};
pub use setup::NewSetup;
pub(super) use subscription::sorted;
pub use subscription::{
    NewSubscription, NewSubscriptionItem, PaymentBehavior, PricedItem, SaveDefaultPaymentMethod,
    SubscriptionPaymentSettings,
};
pub use subscription_change::{
    CancelSubscription, ProrationBehavior, SubscriptionItemChange, UpdateSubscription,
};
