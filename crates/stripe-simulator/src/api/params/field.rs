//! Fields that several objects share: currencies and amounts, methods, addresses and texts.

use crate::api::form::Form;
use crate::error::ApiError;
use crate::objects::{CaptureMethod, MethodTypes};

/// Parameters of payments and setups that Stripe has and that change nothing here.
const WITHOUT_EFFECT: [&str; 7] = [
    "confirmation_method",
    "mandate_data",
    "payment_method_options",
    "radar_options",
    "shipping",
    "use_stripe_sdk",
    "expand",
];

/// The largest amount, in the currency's smallest unit (docs.stripe.com, "Supported currencies").
const MOST: i64 = 99_999_999;

/// The smallest amounts that can be charged (docs.stripe.com, "Supported currencies", Minimum and
/// maximum charge amounts). Of a currency that is not in it, 1.
const LEAST: [(&str, i64); 22] = [
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("usd", 50),
];

pub(super) fn allow(form: &Form, own: &[&str]) -> Result<(), ApiError> {
    form.allow_only(&[own, &WITHOUT_EFFECT].concat())
}

/// An error about a parameter inside another one.
pub(super) fn within(name: &str, mut error: ApiError) -> ApiError {
    if let Some(param) = error.body.param.take() {
        let (first, rest) = param.split_once('[').unwrap_or((&param, ""));
        let rest = if rest.is_empty() { String::new() } else { format!("[{rest}") };
        error.body.param = Some(format!("{name}[{first}]{rest}"));
    }
    error
}

/// A method by its id or, where the sandbox takes raw numbers, by its card.
pub(super) fn payment_method(form: &Form) -> Option<String> {
    let number = form.owned(&["payment_method_data", "card", "number"]);
    form.owned(&["payment_method"]).or(number)
}

/// `payment_method_types`, `automatic_payment_methods`, or neither, which is the latter.
pub(super) fn methods(form: &Form) -> Result<MethodTypes, ApiError> {
    const KNOWN: [&str; 12] = [
        "amazon_pay",
        "bancontact",
        "card",
        "cashapp",
        "customer_balance",
        "eps",
        "ideal",
        "klarna",
        "link",
        "paypal",
        "sepa_debit",
        "us_bank_account",
    ];
    // The newer name and the older one.
    let listed = ["allowed_payment_method_types", "payment_method_types"];
    let listed: Vec<String> =
        listed.iter().flat_map(|name| form.list(name)).map(str::to_owned).collect();
    let automatic = form.has("automatic_payment_methods");
    if let Some(unknown) = listed.iter().find(|kind| !KNOWN.contains(&kind.as_str())) {
        let message = format!("The payment method type \"{unknown}\" is invalid.");
        return Err(ApiError::invalid(message).param("payment_method_types"));
    }
    if automatic && form.text(&["automatic_payment_methods", "enabled"]).is_none() {
        return Err(ApiError::missing_param("automatic_payment_methods[enabled]"));
    }
    let enabled = form.flag(&["automatic_payment_methods", "enabled"])?;
    if enabled && !listed.is_empty() {
        let message = "You may only specify one of these parameters: automatic_payment_methods, \
            payment_method_types.";
        return Err(ApiError::invalid(message).param("automatic_payment_methods"));
    }
    if !listed.is_empty() {
        return Ok(MethodTypes::Listed(listed));
    }
    if automatic && !enabled {
        return Ok(MethodTypes::Listed(vec!["card".to_owned()]));
    }
    match form.text(&["automatic_payment_methods", "allow_redirects"]) {
        None | Some("always") => Ok(MethodTypes::Automatic { redirects: true }),
        Some("never") => Ok(MethodTypes::Automatic { redirects: false }),
        Some(other) => {
            let message =
                format!("Invalid allow_redirects: must be one of always or never; got {other}");
            Err(ApiError::invalid(message).param("automatic_payment_methods[allow_redirects]"))
        }
    }
}

pub(super) fn capture_method(form: &Form) -> Result<Option<CaptureMethod>, ApiError> {
    let parse = |text: &str| {
        CaptureMethod::parse(text).ok_or_else(|| {
            let message = format!("Invalid capture_method: {text}");
            ApiError::invalid(message).param("capture_method")
        })
    };
    form.text(&["capture_method"]).map(parse).transpose()
}

pub(super) fn currency(form: &Form, name: &str) -> Result<String, ApiError> {
    let text = form.text(&[name]).ok_or_else(|| ApiError::missing_param(name))?;
    let text = text.to_ascii_lowercase();
    if text.len() != 3 || !text.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(ApiError::invalid(format!("Invalid currency: {text}.")).param(name));
    }
    Ok(text)
}

/// Refuses what is too little or too much to be charged.
pub(super) fn check_amount(amount: i64, currency: &str, name: &str) -> Result<(), ApiError> {
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(message).code("parameter_invalid_integer").param(name));
    }
    let least = LEAST.iter().find(|(known, _)| *known == currency).map_or(1, |(_, least)| *least);
    if amount < least {
        let message =
            format!("Amount must be at least {least} in the smallest unit of {currency}.");
        return Err(ApiError::invalid(message).code("amount_too_small").param(name));
    }
    if amount > MOST {
        let message = format!("Amount must be no more than {MOST} in the smallest unit.");
        return Err(ApiError::invalid(message).code("amount_too_large").param(name));
    }
    Ok(())
}

pub(super) fn email(form: &Form, name: &str) -> Result<Option<String>, ApiError> {
    match form.text(&[name]) {
        Some(text)
            if !text
                .split_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()) =>
        {
            let message = format!("Invalid email address: {text}");
            Err(ApiError::invalid(message).code("email_invalid").param(name))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

pub(super) fn usage(form: &Form, name: &str) -> Result<Option<String>, ApiError> {
    match form.text(&[name]) {
        Some(text) if !["on_session", "off_session"].contains(&text) => {
            let message =
                format!("Invalid {name}: must be one of on_session or off_session; got {text}");
            Err(ApiError::invalid(message).param(name))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

pub(super) fn descriptor(form: &Form, name: &str) -> Result<Option<String>, ApiError> {
    const MOST: usize = 22;
    let Some(text) = form.text(&[name]) else { return Ok(None) };
    if text.chars().count() > MOST {
        let message = format!("The {name} must be at most {MOST} characters.");
        return Err(ApiError::invalid(message).param(name));
    }
    if text.contains(['<', '>', '\\', '\'', '"', '*']) {
        let message = format!("The {name} cannot contain the characters <, >, \\, ', \" and *.");
        return Err(ApiError::invalid(message).param(name));
    }
    Ok(Some(text.to_owned()))
}
