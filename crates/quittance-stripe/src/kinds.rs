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

/// The endpoint, as the limiter and the metrics name it, and the request that retrieves the object.
///
/// # Errors
/// The API has no path to it.
pub(super) fn request(subject: &Subject) -> Result<(&'static str, RequestBuilder), StripeError> {
    // async-stripe puts it into the path as it is.
    let id = subject.id.url_segment();
    let spec = subject.kind.spec();
    let expand = spec.map_or(&[][..], |spec| spec.expand);
    macro_rules! retrieve {
        ($request:ident) => {{
            let request = $request::new(id);
            if expand.is_empty() {
                request.build()
            } else {
                let expand: Vec<_> = expand.iter().map(|&field| field.to_owned()).collect();
                request.expand(expand).build()
            }
        }};
    }
    let request = match subject.kind {
        Kind::PaymentIntent => retrieve!(RetrievePaymentIntent),
        Kind::Charge => retrieve!(RetrieveCharge),
        Kind::Refund => retrieve!(RetrieveRefund),
        Kind::Customer => retrieve!(RetrieveCustomer),
        Kind::SetupIntent => retrieve!(RetrieveSetupIntent),
        Kind::CheckoutSession => retrieve!(RetrieveCheckoutSession),
        Kind::PaymentMethod => retrieve!(RetrievePaymentMethod),
        Kind::Dispute => retrieve!(RetrieveDispute),
        Kind::Payout => retrieve!(RetrievePayout),
        Kind::Account => retrieve!(RetrieveAccount),
        Kind::Subscription => retrieve!(RetrieveSubscription),
        Kind::Invoice => retrieve!(RetrieveInvoice),
        Kind::Product => retrieve!(RetrieveProduct),
        Kind::Price => retrieve!(RetrievePrice),
        Kind::SubscriptionSchedule => retrieve!(RetrieveSubscriptionSchedule),
        Kind::Mirrored(mirror) => {
            // The transport puts the version of the API before each path, as async-stripe expects.
            let path = mirror.path(&subject.id, subject.owner.as_ref());
            let path = path.as_deref().and_then(|path| path.strip_prefix("/v1"));
            let path = path.ok_or(StripeError::NoPath { kind: mirror.as_str() })?;
            RequestBuilder::new(StripeMethod::Get, path)
        }
    };
    Ok((spec.map_or(subject.kind.as_str(), |spec| spec.endpoint), request))
}

/// Whether what an event shows of an object is all that a fetch of it would bring.
pub(super) fn is_whole_in_events(kind: Kind) -> bool {
    kind.spec().is_none_or(|spec| spec.is_whole_in_events)
}
