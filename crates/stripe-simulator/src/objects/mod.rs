//! Objects, and their JSON as Stripe shows it: one file a kind.

mod charge;
mod document;
mod event;
mod kind;
mod metadata;
mod payment_intent;
mod payment_method;
mod refund;
mod rendering;
mod test_card;

mod checkout_session;
mod customer;
mod setup_intent;

pub(crate) use charge::{Charge, ChargeStatus};
pub(crate) use document::{is_included, object_of, show as show_document, text};
pub(crate) use event::{Cause, Event, Snapshot};
pub use kind::Kind;
pub(crate) use metadata::{Metadata, merge_metadata};
pub use payment_intent::{CaptureMethod, NewPayment};
pub(crate) use payment_intent::{PaymentIntent, PaymentStatus};
pub use payment_method::MethodTypes;
pub(crate) use payment_method::PaymentMethod;
pub(crate) use refund::{Refund, RefundStatus};

pub use checkout_session::{AfterCheckout, CheckoutMode};
pub(crate) use checkout_session::{CheckoutSession, LineItem};
pub(crate) use customer::Customer;
pub(crate) use setup_intent::{SetupIntent, SetupStatus};

pub(crate) use test_card::{AUTHENTICATION_REQUIRED, BANK_DEBIT_FAILED};
pub use test_card::{CardBehaviour, Decline, RefundStart, TestCard, test_cards};
