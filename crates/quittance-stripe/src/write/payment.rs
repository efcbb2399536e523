//! Forms of payments, refunds, customers and setups.

use std::collections::HashMap;

use stripe_client_core::{RequestBuilder, StripeRequest as _};
use stripe_core::customer::CreateCustomer;
use stripe_core::payment_intent::{
    CancelPaymentIntent, CancelPaymentIntentCancellationReason, CapturePaymentIntent,
    ConfirmPaymentIntent, ConfirmPaymentIntentOffSession, CreatePaymentIntent,
    CreatePaymentIntentAutomaticPaymentMethods, CreatePaymentIntentOffSession,
    CreatePaymentIntentTransferData,
};
use stripe_core::refund::{CreateRefund, CreateRefundReason};
use stripe_core::setup_intent::{CreateSetupIntent, CreateSetupIntentUsage};

use crate::word::word;
use quittance_domain::command::params::{
    CancelPayment, CapturePayment, ConfirmPayment, NewCustomer, NewPayment, NewRefund, NewSetup,
};

pub(super) fn new_payment(
    params: &NewPayment,
    metadata: HashMap<String, String>,
) -> RequestBuilder {
    let currency: stripe_types::Currency = word(&params.currency);
    let mut it = CreatePaymentIntent::new(params.amount, currency).metadata(metadata);
    if params.method_types().is_empty() {
        let methods = params.automatic_payment_methods;
        let mut automatic = CreatePaymentIntentAutomaticPaymentMethods::new(
            methods.is_none_or(|methods| methods.enabled),
        );
        automatic.allow_redirects =
            methods.and_then(|methods| methods.allow_redirects).map(|it| word(it.as_str()));
        it = it.automatic_payment_methods(automatic);
    } else {
        let types = params.method_types().iter().map(|text| word(text));
        it = it.allowed_payment_method_types(
            types.collect::<Vec<stripe_shared::PaymentIntentAllowedPaymentMethodTypes>>(),
        );
    }
    if let Some(method) = params.capture_method {
        it = it.capture_method(word::<stripe_shared::PaymentIntentCaptureMethod>(method.as_str()));
    }
    if params.confirm {
        it = it.confirm(true);
    }
    if params.off_session {
        it = it.off_session(CreatePaymentIntentOffSession::Bool(true));
    }
    if let Some(usage) = params.setup_future_usage {
        it = it.setup_future_usage(word::<stripe_shared::PaymentIntentSetupFutureUsage>(
            usage.as_str(),
        ));
    }
    if let Some(transfer) = &params.transfer_data {
        it = it.transfer_data(CreatePaymentIntentTransferData::new(transfer.destination.clone()));
    }
    if let Some(fee) = params.application_fee_amount {
        it = it.application_fee_amount(fee);
    }
    type Set = fn(CreatePaymentIntent, String) -> CreatePaymentIntent;
    let texts: [(&Option<String>, Set); 7] = [
        (&params.customer, CreatePaymentIntent::customer),
        (&params.payment_method, CreatePaymentIntent::payment_method),
        (&params.return_url, CreatePaymentIntent::return_url),
        (&params.on_behalf_of, CreatePaymentIntent::on_behalf_of),
        (&params.receipt_email, CreatePaymentIntent::receipt_email),
        (&params.description, CreatePaymentIntent::description),
        (&params.statement_descriptor_suffix, CreatePaymentIntent::statement_descriptor_suffix),
    ];
    for (text, set) in texts {
        if let Some(text) = text {
            it = set(it, text.clone());
        }
    }
    it.build()
}

pub(super) fn confirm_payment(id: String, params: &ConfirmPayment) -> RequestBuilder {
    let mut it = ConfirmPaymentIntent::new(id);
    if let Some(method) = &params.payment_method {
        it = it.payment_method(method.clone());
    }
    if params.off_session {
        it = it.off_session(ConfirmPaymentIntentOffSession::Bool(true));
    }
    if let Some(url) = &params.return_url {
        it = it.return_url(url.clone());
    }
    it.build()
}

pub(super) fn capture_payment(id: String, params: &CapturePayment) -> RequestBuilder {
    let mut it = CapturePaymentIntent::new(id);
    if let Some(amount) = params.amount_to_capture {
        it = it.amount_to_capture(amount);
    }
    it.build()
}

pub(super) fn cancel_payment(id: String, params: &CancelPayment) -> RequestBuilder {
    let mut it = CancelPaymentIntent::new(id);
    if let Some(reason) = params.cancellation_reason {
        let reason: CancelPaymentIntentCancellationReason = word(reason.as_str());
        it = it.cancellation_reason(reason);
    }
    it.build()
}

pub(super) fn new_refund(params: &NewRefund, metadata: HashMap<String, String>) -> RequestBuilder {
    let mut it = CreateRefund::new().metadata(metadata);
    if let Some(payment) = &params.payment_intent {
        it = it.payment_intent(payment.clone());
    }
    if let Some(charge) = &params.charge {
        it = it.charge(charge.clone());
    }
    if let Some(amount) = params.amount {
        it = it.amount(amount);
    }
    if let Some(reason) = params.reason {
        it = it.reason(word::<CreateRefundReason>(reason.as_str()));
    }
    if let Some(reverse) = params.reverse_transfer {
        it = it.reverse_transfer(reverse);
    }
    if let Some(fee) = params.refund_application_fee {
        it = it.refund_application_fee(fee);
    }
    it.build()
}

pub(super) fn new_customer(
    params: &NewCustomer,
    metadata: HashMap<String, String>,
) -> RequestBuilder {
    let mut it = CreateCustomer::new().metadata(metadata);
    if let Some(email) = &params.email {
        it = it.email(email.clone());
    }
    if let Some(name) = &params.name {
        it = it.name(name.clone());
    }
    it.build()
}

pub(super) fn new_setup(params: &NewSetup, metadata: HashMap<String, String>) -> RequestBuilder {
    let mut it = CreateSetupIntent::new().metadata(metadata);
    if let Some(customer) = &params.customer {
        it = it.customer(customer.clone());
    }
    if let Some(usage) = params.usage {
        it = it.usage(word::<CreateSetupIntentUsage>(usage.as_str()));
    }
    if !params.method_types().is_empty() {
        let types = params.method_types().iter().map(|text| word(text));
        it = it.allowed_payment_method_types(
            types.collect::<Vec<stripe_shared::SetupIntentAllowedPaymentMethodTypes>>(),
        );
    }
    it.build()
}
