//! Parameters of payments, refunds and setups.

use super::field::{
    allow, capture_method, check_amount, currency, descriptor, email, methods, payment_method,
    usage,
};
use crate::actions::{Confirm, NewPayment, NewRefund, NewSetup};
use crate::api::form::Form;
use crate::error::ApiError;

pub(crate) fn new_payment(form: &Form) -> Result<NewPayment, ApiError> {
    allow(
        form,
        &[
            "amount",
            "application_fee_amount",
            "automatic_payment_methods",
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
            "allowed_payment_method_types",
            "payment_method_types",
            "receipt_email",
            "return_url",
            "setup_future_usage",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_data",
            "transfer_group",
        ],
    )?;
    let amount = form.integer(&["amount"])?.ok_or_else(|| ApiError::missing_param("amount"))?;
    let currency = currency(form, "currency")?;
    check_amount(amount, &currency, "amount")?;
    let confirm = form.flag(&["confirm"])?;
    for name in ["off_session", "return_url"] {
        if form.has(name) && !confirm {
            let message = format!(
                "The parameter `{name}` cannot be passed when creating a PaymentIntent unless \
                 `confirm` is set to true."
            );
            return Err(ApiError::invalid(message).param(name));
        }
    }
    Ok(NewPayment {
        amount,
        currency,
        payment_method: payment_method(form),
        confirm,
        off_session: form.flag(&["off_session"])?,
        customer: form.owned(&["customer"]),
        return_url: form.owned(&["return_url"]),
        methods: methods(form)?,
        ..payment_data(form)?
    })
}

/// Parameters that a payment has also where a checkout session makes it.
pub(super) fn payment_data(form: &Form) -> Result<NewPayment, ApiError> {
    let destination = form.owned(&["transfer_data", "destination"]);
    for (account, param) in [
        (destination.as_deref(), "transfer_data[destination]"),
        (form.text(&["on_behalf_of"]), "on_behalf_of"),
    ] {
        if let Some(account) = account.filter(|id| !id.starts_with("acct_")) {
            return Err(ApiError::no_such_param("destination", account, param));
        }
    }
    Ok(NewPayment {
        capture_method: capture_method(form)?,
        description: form.owned(&["description"]),
        metadata: form.metadata()?,
        transfer_destination: destination,
        transfer_group: form.owned(&["transfer_group"]),
        application_fee_amount: form.integer(&["application_fee_amount"])?,
        on_behalf_of: form.owned(&["on_behalf_of"]),
        receipt_email: email(form, "receipt_email")?,
        setup_future_usage: usage(form, "setup_future_usage")?,
        statement_descriptor: descriptor(form, "statement_descriptor")?,
        statement_descriptor_suffix: descriptor(form, "statement_descriptor_suffix")?,
        ..NewPayment::default()
    })
}

pub(crate) fn confirm(form: &Form) -> Result<Confirm, ApiError> {
    allow(
        form,
        &[
            "off_session",
            "payment_method",
            "payment_method_data",
            "receipt_email",
            "return_url",
            "setup_future_usage",
        ],
    )?;
    Ok(Confirm {
        payment_method: payment_method(form),
        off_session: form.flag(&["off_session"])?,
        return_url: form.owned(&["return_url"]),
        setup_future_usage: usage(form, "setup_future_usage")?,
        receipt_email: email(form, "receipt_email")?,
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
    form.allow_only(&[
        "amount",
        "charge",
        "expand",
        "instructions_email",
        "metadata",
        "payment_intent",
        "reason",
        "refund_application_fee",
        "reverse_transfer",
    ])?;
    Ok(NewRefund {
        charge: form.owned(&["charge"]),
        payment_intent: form.owned(&["payment_intent"]),
        amount: form.integer(&["amount"])?,
        reason: form.owned(&["reason"]),
        metadata: form.metadata()?,
        reverse_transfer: form.flag(&["reverse_transfer"])?,
        refund_application_fee: form.flag(&["refund_application_fee"])?,
        instructions_email: email(form, "instructions_email")?,
        start: None,
    })
}

pub(crate) fn new_setup(form: &Form) -> Result<NewSetup, ApiError> {
    allow(
        form,
        &[
            "automatic_payment_methods",
            "confirm",
            "customer",
            "description",
            "metadata",
            "on_behalf_of",
            "payment_method",
            "payment_method_data",
            "allowed_payment_method_types",
            "payment_method_types",
            "return_url",
            "usage",
        ],
    )?;
    let confirm = form.flag(&["confirm"])?;
    if form.has("return_url") && !confirm {
        let message = "The parameter `return_url` cannot be passed when creating a SetupIntent unless \
            `confirm` is set to true.";
        return Err(ApiError::invalid(message).param("return_url"));
    }
    Ok(NewSetup {
        customer: form.owned(&["customer"]),
        payment_method: payment_method(form),
        metadata: form.metadata()?,
        description: form.owned(&["description"]),
        methods: methods(form)?,
        on_behalf_of: form.owned(&["on_behalf_of"]),
        usage: usage(form, "usage")?,
        confirm,
        return_url: form.owned(&["return_url"]),
    })
}

pub(crate) fn confirm_setup(form: &Form) -> Result<(Option<String>, Option<String>), ApiError> {
    allow(form, &["payment_method", "payment_method_data", "return_url"])?;
    Ok((payment_method(form), form.owned(&["return_url"])))
}
