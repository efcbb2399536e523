//! What is asked about an object of each kind. How the answer is read is said by its kind, in
//! [`quittance_domain`].

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

use super::error::StripeError;
use quittance_domain::object::{Kind, Subject};

/// What Stripe shows of an invoice only where it is asked for.
const WITH_AN_INVOICE: [&str; 2] = ["amount_paid_off_stripe", "payments"];

/// The endpoint, as the limiter and the metrics name it, and the request that retrieves the object.
///
/// # Errors
/// The API has no path to it.
pub(super) fn request(subject: &Subject) -> Result<(&'static str, RequestBuilder), StripeError> {
    // async-stripe puts it into the path as it is.
    let id = subject.id.url_segment();
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
            let included: Vec<_> = WITH_AN_INVOICE.map(str::to_owned).into();
            ("invoices", RetrieveInvoice::new(id).expand(included).build())
        }
        Kind::Product => ("products", RetrieveProduct::new(id).build()),
        Kind::Price => ("prices", RetrievePrice::new(id).build()),
        Kind::SubscriptionSchedule => {
            ("subscription_schedules", RetrieveSubscriptionSchedule::new(id).build())
        }
        Kind::Mirrored(mirror) => {
            // The transport puts the version of the API before each path, as async-stripe expects.
            let path = mirror.path(&subject.id, subject.owner.as_ref());
            let path = path.as_deref().and_then(|path| path.strip_prefix("/v1"));
            let path = path.ok_or(StripeError::NoPath { kind: mirror.as_str() })?;
            (mirror.as_str(), RequestBuilder::new(StripeMethod::Get, path))
        }
    })
}

/// Whether what an event shows of an object is all that a fetch of it would bring.
pub(super) fn is_whole_in_events(kind: Kind) -> bool {
    match kind {
        // Fetched with what its capabilities lack.
        Kind::Account => false,
        // Fetched with its payments.
        Kind::Invoice => false,
        Kind::PaymentIntent
        | Kind::Charge
        | Kind::Refund
        | Kind::Customer
        | Kind::SetupIntent
        | Kind::CheckoutSession
        | Kind::PaymentMethod
        | Kind::Dispute
        | Kind::Payout
        | Kind::Subscription
        | Kind::Product
        | Kind::Price
        | Kind::SubscriptionSchedule
        | Kind::Mirrored(_) => true,
    }
}
