//! What each kind of object is, and how Stripe shows it: one file a kind.

mod charge;
mod document;
mod event;
mod kind;
mod payment_intent;
mod payment_method;
mod refund;
mod test_card;

mod checkout_session;
mod customer;
mod setup_intent;

pub(crate) use charge::{Charge, ChargeStatus};
pub(crate) use document::{is_included, object_of, show as show_document, text};
pub(crate) use event::{Cause, Event, Snapshot};
pub use kind::Kind;
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

use std::collections::BTreeMap;

use serde_json::Value;

/// The team's own keys and values on an object.
pub(crate) type Metadata = BTreeMap<String, String>;

/// Adds keys and values; an empty value takes its key away.
pub(crate) fn merge_metadata(metadata: &mut Metadata, change: Metadata) {
    metadata.extend(change);
    metadata.retain(|_, value| !value.is_empty());
}

/// Whether a version shows objects as they were before 2022-11-15, when a PaymentIntent carried
/// its charges and a charge its refunds (docs.stripe.com, "Upgrades", 2022-11-15).
pub(crate) fn is_before_2022_11_15(version: &str) -> bool {
    version < "2022-11-15"
}

/// One object of two: a single `json!` of this size goes beyond the macro's depth.
fn merge(value: &mut Value, rest: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, rest) {
        fields.extend(more);
    }
}
