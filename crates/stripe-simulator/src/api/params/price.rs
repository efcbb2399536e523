//! Parameters of products and prices, and of the items of a session or a subscription.

use super::field::{currency, within};
use crate::actions::{NewPrice, PriceOf};
use crate::api::form::Form;
use crate::error::ApiError;

/// The product's id, if it was chosen, its name and its metadata.
pub(crate) fn new_product(form: &Form) -> Result<(Option<String>, String), ApiError> {
    form.allow_only(&["active", "description", "expand", "id", "metadata", "name"])?;
    let name = form.owned(&["name"]).ok_or_else(|| ApiError::missing_param("name"))?;
    Ok((form.owned(&["id"]), name))
}

pub(crate) fn new_price(form: &Form) -> Result<NewPrice, ApiError> {
    form.allow_only(&[
        "currency",
        "expand",
        "metadata",
        "nickname",
        "product",
        "product_data",
        "recurring",
        "tax_behavior",
        "unit_amount",
    ])?;
    let amount = form.integer(&["unit_amount"])?;
    let interval = form.owned(&["recurring", "interval"]);
    let known = ["day", "week", "month", "year"];
    if let Some(interval) = interval.as_deref().filter(|interval| !known.contains(interval)) {
        let message = format!("Invalid recurring[interval]: must be one of {}", known.join(", "));
        return Err(
            ApiError::invalid(format!("{message}; got {interval}")).param("recurring[interval]")
        );
    }
    if form.has("recurring") && interval.is_none() {
        return Err(ApiError::missing_param("recurring[interval]"));
    }
    Ok(NewPrice {
        product: form.owned(&["product"]),
        product_name: form.owned(&["product_data", "name"]),
        unit_amount: amount.ok_or_else(|| ApiError::missing_param("unit_amount"))?,
        currency: currency(form, "currency")?,
        interval,
        nickname: form.owned(&["nickname"]),
        metadata: form.metadata()?,
        inline: false,
    })
}

/// `price` or `price_data` of an item, and its quantity.
pub(super) fn item(name: &str, form: &Form) -> Result<(PriceOf, u64), ApiError> {
    form.allow_only(&["adjustable_quantity", "metadata", "price", "price_data", "quantity"])
        .map_err(|error| within(name, error))?;
    let price = match form.owned(&["price"]) {
        Some(id) => PriceOf::Id(id),
        None if form.has("price_data") => {
            let data = new_price(&form.under("price_data"));
            PriceOf::Inline(data.map_err(|error| within(&format!("{name}[price_data]"), error))?)
        }
        None => return Err(ApiError::missing_param(&format!("{name}[price]"))),
    };
    Ok((price, quantity(name, form)?.unwrap_or(1)))
}

pub(super) fn quantity(name: &str, form: &Form) -> Result<Option<u64>, ApiError> {
    let given = form.integer(&["quantity"]).map_err(|error| within(name, error))?;
    given
        .map(|given| {
            u64::try_from(given).map_err(|_| {
                ApiError::invalid("This value must be greater than or equal to 0.")
                    .code("parameter_invalid_integer")
                    .param(&format!("{name}[quantity]"))
            })
        })
        .transpose()
}
