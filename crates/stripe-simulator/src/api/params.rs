//! Form parameters, as the actions want them.

use crate::actions::{Confirm, NewPayment, NewRefund};
use crate::error::ApiError;
use crate::objects::CaptureMethod;

use super::form::Form;

/// Parameters that Stripe has and that change nothing here.
const WITHOUT_EFFECT: [&str; 11] = [
    "automatic_payment_methods",
    "confirmation_method",
    "mandate_data",
    "payment_method_options",
    "payment_method_types",
    "radar_options",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "use_stripe_sdk",
];

pub(crate) fn new_payment(form: &Form) -> Result<NewPayment, ApiError> {
    allow(
        form,
        &[
            "amount",
            "application_fee_amount",
            "capture_method",
            "confirm",
            "currency",
            "customer",
            "description",
            "metadata",
            "off_session",
            "on_behalf_of",
            "payment_method",
            "payment_method_data",
            "receipt_email",
            "return_url",
            "transfer_data",
            "transfer_group",
        ],
    )?;
    Ok(NewPayment {
        amount: form.integer(&["amount"])?.ok_or_else(|| ApiError::missing_param("amount"))?,
        currency: form
            .text(&["currency"])
            .ok_or_else(|| ApiError::missing_param("currency"))?
            .to_ascii_lowercase(),
        payment_method: payment_method(form),
        confirm: form.flag(&["confirm"])?,
        off_session: form.flag(&["off_session"])?,
        capture_method: capture_method(form)?,
        customer: form.owned(&["customer"]),
        description: form.owned(&["description"]),
        metadata: form.metadata(),
        transfer_destination: form.owned(&["transfer_data", "destination"]),
        transfer_group: form.owned(&["transfer_group"]),
        application_fee_amount: form.integer(&["application_fee_amount"])?,
        on_behalf_of: form.owned(&["on_behalf_of"]),
        receipt_email: form.owned(&["receipt_email"]),
        return_url: form.owned(&["return_url"]),
    })
}

pub(crate) fn confirm(form: &Form) -> Result<Confirm, ApiError> {
    allow(form, &["off_session", "payment_method", "payment_method_data", "return_url"])?;
    Ok(Confirm {
        payment_method: payment_method(form),
        off_session: form.flag(&["off_session"])?,
        return_url: form.owned(&["return_url"]),
    })
}

pub(crate) fn amount_to_capture(form: &Form) -> Result<Option<i64>, ApiError> {
    allow(form, &["amount_to_capture"])?;
    form.integer(&["amount_to_capture"])
}

pub(crate) fn cancellation_reason(form: &Form) -> Result<Option<String>, ApiError> {
    allow(form, &["cancellation_reason"])?;
    Ok(form.owned(&["cancellation_reason"]))
}

pub(crate) fn new_refund(form: &Form) -> Result<NewRefund, ApiError> {
    allow(
        form,
        &[
            "amount",
            "charge",
            "instructions_email",
            "metadata",
            "payment_intent",
            "reason",
            "refund_application_fee",
            "reverse_transfer",
        ],
    )?;
    Ok(NewRefund {
        charge: form.owned(&["charge"]),
        payment_intent: form.owned(&["payment_intent"]),
        amount: form.integer(&["amount"])?,
        reason: form.owned(&["reason"]),
        metadata: form.metadata(),
        reverse_transfer: form.flag(&["reverse_transfer"])?,
        start: None,
    })
}

/// How a step that only the simulator has shall end.
pub(crate) fn succeeds(form: &Form) -> Result<bool, ApiError> {
    form.allow_only(&["outcome", "expand"])?;
    match form.text(&["outcome"]) {
        Some("succeed") => Ok(true),
        Some("fail") => Ok(false),
        Some(_) | None => {
            Err(ApiError::invalid("outcome must be succeed or fail").param("outcome"))
        }
    }
}

fn allow(form: &Form, own: &[&str]) -> Result<(), ApiError> {
    form.allow_only(&[own, &WITHOUT_EFFECT, &["expand"]].concat())
}

/// A method by its id or, where the sandbox takes raw numbers, by its card.
fn payment_method(form: &Form) -> Option<String> {
    let number = form.owned(&["payment_method_data", "card", "number"]);
    form.owned(&["payment_method"]).or(number)
}

fn capture_method(form: &Form) -> Result<Option<CaptureMethod>, ApiError> {
    let parse = |text: &str| {
        CaptureMethod::parse(text).ok_or_else(|| {
            let message = format!("Invalid capture_method: {text}");
            ApiError::invalid(message).param("capture_method")
        })
    };
    form.text(&["capture_method"]).map(parse).transpose()
}
