//! Parameters of customers and of their payment methods.

use serde_json::json;

use super::field::email;
use crate::actions::{CustomerChange, NewCustomer};
use crate::api::form::Form;
use crate::error::ApiError;

pub(crate) fn new_customer(form: &Form) -> Result<(NewCustomer, Option<String>), ApiError> {
    form.allow_only(&[
        "address",
        "balance",
        "description",
        "email",
        "expand",
        "invoice_settings",
        "metadata",
        "name",
        "payment_method",
        "phone",
        "preferred_locales",
        "shipping",
        "tax",
        "tax_exempt",
    ])?;
    let address = form.has("address").then(|| {
        let part = |name| form.text(&["address", name]);
        json!({ "city": part("city"), "country": part("country"), "line1": part("line1"),
                "line2": part("line2"), "postal_code": part("postal_code"), "state": part("state") })
    });
    let mut metadata = form.metadata()?;
    metadata.retain(|_, value| !value.is_empty());
    let new = NewCustomer {
        id: None,
        balance: form.integer(&["balance"])?.unwrap_or(0),
        currency: None,
        metadata,
        email: email(form, "email")?,
        name: form.owned(&["name"]),
        phone: form.owned(&["phone"]),
        description: form.owned(&["description"]),
        address,
    };
    Ok((new, form.owned(&["payment_method"])))
}

pub(crate) fn customer_change(form: &Form) -> Result<CustomerChange, ApiError> {
    form.allow_only(&[
        "description",
        "email",
        "expand",
        "invoice_settings",
        "metadata",
        "name",
        "phone",
    ])?;
    Ok(CustomerChange {
        email: email(form, "email")?,
        name: form.owned(&["name"]),
        phone: form.owned(&["phone"]),
        description: form.owned(&["description"]),
        default_payment_method: default_method(form),
        metadata: form.metadata()?,
    })
}

/// `invoice_settings[default_payment_method]`
pub(crate) fn default_method(form: &Form) -> Option<String> {
    form.owned(&["invoice_settings", "default_payment_method"])
}

/// The card, or bank account, of a new method.
pub(crate) fn new_method(form: &Form) -> Result<String, ApiError> {
    form.allow_only(&["billing_details", "card", "expand", "metadata", "type", "us_bank_account"])?;
    match form.text(&["type"]) {
        Some("us_bank_account") => Ok("pm_usBankAccount".to_owned()),
        Some("card") => {
            let token =
                form.text(&["card", "token"]).map(|token| token.replacen("tok_", "pm_card_", 1));
            let number = form.owned(&["card", "number"]).or(token);
            number.ok_or_else(|| ApiError::missing_param("card[number]"))
        }
        Some(other) => {
            Err(ApiError::invalid(format!("The simulator has no method of the type {other}."))
                .param("type"))
        }
        None => Err(ApiError::missing_param("type")),
    }
}
