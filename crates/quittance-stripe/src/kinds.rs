//! What is asked about an object of each kind, and what the answer says.
//!
//! A new kind with a state machine is one arm in each of the two functions, and a file beside this
//! one.

use serde::de::DeserializeOwned;
use serde_json::Value;
use stripe_billing::invoice::RetrieveInvoice;
use stripe_billing::subscription::RetrieveSubscription;
use stripe_billing::subscription_schedule::RetrieveSubscriptionSchedule;
use stripe_checkout::checkout_session::RetrieveCheckoutSession;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest as _};
use stripe_connect::account::RetrieveAccount;
use stripe_core::charge::RetrieveCharge;
use stripe_core::customer::RetrieveCustomer;
use stripe_core::dispute::RetrieveDispute;
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_core::payout::RetrievePayout;
use stripe_core::refund::RetrieveRefund;
use stripe_core::setup_intent::RetrieveSetupIntent;
use stripe_payment::payment_method::RetrievePaymentMethod;
use stripe_product::price::RetrievePrice;
use stripe_product::product::RetrieveProduct;

use super::decode;
use super::error::StripeError;
use super::field::Unfit;
use super::{account, charge, dispute, payment_intent, payout, refund};
use super::{checkout_session, customer, payment_method, setup_intent};
use super::{invoice, price, product, subscription, subscription_schedule};
use crate::domain::account::Observed as ConnectedAccount;
use crate::domain::id::ObjectId;
use crate::domain::object::{Kind, Observed, Subject};

/// The endpoint, as the limiter and the metrics name it, and the request that retrieves the object.
///
/// # Errors
/// The API has no path to it.
pub(super) fn request(subject: &Subject) -> Result<(&'static str, RequestBuilder), StripeError> {
    let id = subject.id.as_str();
    Ok(match subject.kind {
        Kind::PaymentIntent => ("payment_intents", RetrievePaymentIntent::new(id).build()),
        Kind::Charge => ("charges", RetrieveCharge::new(id).build()),
        Kind::Refund => ("refunds", RetrieveRefund::new(id).build()),
        Kind::Customer => ("customers", RetrieveCustomer::new(id).build()),
        Kind::SetupIntent => ("setup_intents", RetrieveSetupIntent::new(id).build()),
        Kind::CheckoutSession => ("checkout_sessions", RetrieveCheckoutSession::new(id).build()),
        Kind::PaymentMethod => ("payment_methods", RetrievePaymentMethod::new(id).build()),
        Kind::Dispute => ("disputes", RetrieveDispute::new(id).build()),
        Kind::Payout => ("payouts", RetrievePayout::new(id).build()),
        Kind::Account => ("accounts", RetrieveAccount::new(id).build()),
        Kind::Subscription => ("subscriptions", RetrieveSubscription::new(id).build()),
        Kind::Invoice => {
            let included: Vec<_> = invoice::INCLUDED.map(str::to_owned).into();
            ("invoices", RetrieveInvoice::new(id).expand(included).build())
        }
        Kind::Product => ("products", RetrieveProduct::new(id).build()),
        Kind::Price => ("prices", RetrievePrice::new(id).build()),
        Kind::SubscriptionSchedule => {
            ("subscription_schedules", RetrieveSubscriptionSchedule::new(id).build())
        }
        Kind::Mirrored(mirror) => {
            let owner = subject.owner.as_ref().map(ObjectId::as_str);
            // The transport puts the version of the API before each path, as async-stripe expects.
            let path = mirror.path(id, owner);
            let path = path.as_deref().and_then(|path| path.strip_prefix("/v1"));
            let path = path.ok_or(StripeError::NoPath { kind: mirror.as_str() })?;
            (mirror.as_str(), RequestBuilder::new(StripeMethod::Get, path))
        }
    })
}

/// What the JSON of a living object says, in columns.
///
/// # Errors
/// It does not have the shape, or not the values, that this version knows.
pub(super) fn observe(
    kind: Kind,
    raw: &Value,
    request_id: Option<&str>,
) -> Result<Observed, StripeError> {
    let of = request_id;
    match kind {
        Kind::PaymentIntent => {
            read(raw, of, |it| Ok(Observed::PaymentIntent(payment_intent::observe(it)?.into())))
        }
        Kind::Charge => read(raw, of, |it| Ok(Observed::Charge(charge::observe(it)?.into()))),
        Kind::Refund => read(raw, of, |it| Ok(Observed::Refund(refund::observe(it)?.into()))),
        Kind::Customer => read(raw, of, |it| Ok(Observed::Customer(customer::observe(it)?.into()))),
        Kind::SetupIntent => {
            read(raw, of, |it| Ok(Observed::SetupIntent(setup_intent::observe(it)?.into())))
        }
        Kind::CheckoutSession => {
            read(raw, of, |it| Ok(Observed::CheckoutSession(checkout_session::observe(it)?.into())))
        }
        Kind::PaymentMethod => {
            read(raw, of, |it| Ok(Observed::PaymentMethod(payment_method::observe(it)?.into())))
        }
        Kind::Dispute => read(raw, of, |it| Ok(Observed::Dispute(dispute::observe(it)?.into()))),
        Kind::Payout => read(raw, of, |it| Ok(Observed::Payout(payout::observe(it)?.into()))),
        Kind::Account => read(raw, of, |it| {
            let seen = Box::new(account::observe(it)?);
            Ok(Observed::Account(ConnectedAccount::Seen(seen).into()))
        }),
        Kind::Subscription => read(&subscription::modern(raw), of, |it| {
            Ok(Observed::Subscription(subscription::observe(it)?.into()))
        }),
        Kind::Invoice => read(&invoice::modern(raw), of, |it| {
            Ok(Observed::Invoice(invoice::observe(it)?.into()))
        }),
        Kind::Product => read(raw, of, |it| Ok(Observed::Product(product::observe(it)?.into()))),
        Kind::Price => read(raw, of, |it| Ok(Observed::Price(price::observe(it)?.into()))),
        Kind::SubscriptionSchedule => read(raw, of, |it| {
            Ok(Observed::SubscriptionSchedule(subscription_schedule::observe(it)?.into()))
        }),
        Kind::Mirrored(mirror) => Ok(Observed::Mirrored(mirror)),
    }
}

/// Whether what an event shows of an object is all that a fetch of it would bring.
pub(super) fn is_whole_in_events(kind: Kind, raw: &Value) -> bool {
    match kind {
        // Fetched with what its capabilities lack.
        Kind::Account => false,
        // Fetched with its payments.
        Kind::Invoice => false,
        // Fetched with all of its items.
        Kind::Subscription => raw.pointer("/items/has_more").and_then(Value::as_bool) != Some(true),
        Kind::PaymentIntent
        | Kind::Charge
        | Kind::Refund
        | Kind::Customer
        | Kind::SetupIntent
        | Kind::CheckoutSession
        | Kind::PaymentMethod
        | Kind::Dispute
        | Kind::Payout
        | Kind::Product
        | Kind::Price
        | Kind::SubscriptionSchedule
        | Kind::Mirrored(_) => true,
    }
}

/// What is decoded is the living object, and not the request's own output: for a kind that can be
/// deleted that is "one of two", whose decoding could not name the field at fault. Deletion is told
/// apart before.
fn read<T: DeserializeOwned>(
    raw: &Value,
    request_id: Option<&str>,
    observe: impl FnOnce(T) -> Result<Observed, Unfit>,
) -> Result<Observed, StripeError> {
    let typed = decode::typed(raw, request_id)?;
    observe(typed).map_err(|unfit| unfit.into_error(request_id))
}
