//! Form parameters, checked as Stripe checks them before a request begins to act.

use serde_json::{Value, json};

use crate::actions::{
    Confirm, CustomerChange, ItemChange, NewCheckout, NewCustomer, NewPayment, NewPrice, NewRefund,
    NewSetup, NewSubscription, PaymentBehavior, PriceOf, SubscriptionChange,
};
use crate::error::ApiError;
use crate::objects::{AfterCheckout, CaptureMethod, CheckoutMode, MethodTypes};

use super::form::Form;

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

/// What a payment has also where a checkout session makes it.
fn payment_data(form: &Form) -> Result<NewPayment, ApiError> {
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
fn item(name: &str, form: &Form) -> Result<(PriceOf, u64), ApiError> {
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

fn quantity(name: &str, form: &Form) -> Result<Option<u64>, ApiError> {
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

/// An error about a parameter inside another one.
fn within(name: &str, mut error: ApiError) -> ApiError {
    if let Some(param) = error.body.param.take() {
        let (first, rest) = param.split_once('[').unwrap_or((&param, ""));
        let rest = if rest.is_empty() { String::new() } else { format!("[{rest}") };
        error.body.param = Some(format!("{name}[{first}]{rest}"));
    }
    error
}

/// A checkout session, with the prices of its items still to be looked up.
pub(crate) fn new_checkout(form: &Form) -> Result<(NewCheckout, Vec<(PriceOf, u64)>), ApiError> {
    form.allow_only(&[
        "allow_promotion_codes",
        "allowed_payment_method_types",
        "automatic_payment_methods",
        "billing_address_collection",
        "cancel_url",
        "client_reference_id",
        "currency",
        "customer",
        "customer_creation",
        "customer_email",
        "expand",
        "expires_at",
        "line_items",
        "locale",
        "metadata",
        "mode",
        "payment_intent_data",
        "payment_method_types",
        "setup_intent_data",
        "submit_type",
        "subscription_data",
        "success_url",
        "ui_mode",
    ])?;
    let mode = match form.text(&["mode"]) {
        Some("payment") => CheckoutMode::Payment,
        Some("setup") => CheckoutMode::Setup,
        Some("subscription") => CheckoutMode::Subscription,
        Some(other) => {
            let message = format!(
                "Invalid mode: must be one of payment, setup, or subscription; got {other}"
            );
            return Err(ApiError::invalid(message).param("mode"));
        }
        None => return Err(ApiError::missing_param("mode")),
    };
    let items: Vec<_> = form
        .entries("line_items")
        .iter()
        .map(|(name, entry)| item(name, entry))
        .collect::<Result<_, _>>()?;
    match (mode, items.is_empty()) {
        (CheckoutMode::Setup, false) => {
            let message = "You can not pass `line_items` in `setup` mode.";
            return Err(ApiError::invalid(message).param("line_items"));
        }
        (CheckoutMode::Payment | CheckoutMode::Subscription, true) => {
            return Err(ApiError::missing_param("line_items"));
        }
        (CheckoutMode::Setup, true)
        | (CheckoutMode::Payment | CheckoutMode::Subscription, false) => {}
    }
    for (name, wanted) in [
        ("payment_intent_data", CheckoutMode::Payment),
        ("setup_intent_data", CheckoutMode::Setup),
        ("subscription_data", CheckoutMode::Subscription),
    ] {
        if form.has(name) && mode != wanted {
            let message = format!("You can not pass `{name}` in `{}` mode.", mode.as_str());
            return Err(ApiError::invalid(message).param(name));
        }
    }
    if mode == CheckoutMode::Setup && !form.has("payment_method_types") && !form.has("currency") {
        return Err(ApiError::missing_param("currency"));
    }
    let success_url = form.owned(&["success_url"]);
    let success_url = success_url.ok_or_else(|| ApiError::missing_param("success_url"))?;
    let payment = form.under("payment_intent_data");
    let named = |error| within("payment_intent_data", error);
    let new = NewCheckout {
        mode,
        amount: 0,
        currency: form.owned(&["currency"]).unwrap_or_default(),
        customer: form.owned(&["customer"]),
        client_reference_id: form.owned(&["client_reference_id"]),
        metadata: form.metadata()?,
        customer_email: email(form, "customer_email")?,
        prices: Vec::new(),
        success_url: Some(success_url),
        cancel_url: form.owned(&["cancel_url"]),
        expires_at: form.integer(&["expires_at"])?,
        methods: methods(form)?,
        then: AfterCheckout {
            payment: payment_data(&payment).map_err(named)?,
            subscription_metadata: form.under("subscription_data").metadata()?,
            trial_days: form.integer(&["subscription_data", "trial_period_days"])?,
            setup_metadata: form.under("setup_intent_data").metadata()?,
        },
    };
    Ok((new, items))
}

/// A subscription, with the prices of its items and its first card still to be looked up.
pub(crate) fn new_subscription(
    form: &Form,
) -> Result<(NewSubscription, Vec<(PriceOf, u64)>), ApiError> {
    form.allow_only(&[
        "application_fee_percent",
        "cancel_at_period_end",
        "collection_method",
        "currency",
        "customer",
        "default_payment_method",
        "description",
        "expand",
        "items",
        "metadata",
        "off_session",
        "on_behalf_of",
        "payment_behavior",
        "payment_settings",
        "proration_behavior",
        "transfer_data",
        "trial_end",
        "trial_period_days",
        "trial_settings",
    ])?;
    let customer = form.owned(&["customer"]);
    let items: Vec<_> = form
        .entries("items")
        .iter()
        .map(|(name, entry)| item(name, entry))
        .collect::<Result<_, _>>()?;
    if items.is_empty() {
        return Err(ApiError::missing_param("items"));
    }
    let payment_behavior = match form.text(&["payment_behavior"]) {
        None | Some("allow_incomplete") => PaymentBehavior::AllowIncomplete,
        Some("default_incomplete") => PaymentBehavior::DefaultIncomplete,
        Some("error_if_incomplete") => PaymentBehavior::ErrorIfIncomplete,
        Some(other) => {
            let message = format!(
                "Invalid payment_behavior: must be one of allow_incomplete, default_incomplete, or \
                 error_if_incomplete; got {other}"
            );
            return Err(ApiError::invalid(message).param("payment_behavior"));
        }
    };
    if let Some(method) = form.text(&["collection_method"])
        && method != "charge_automatically"
    {
        let message = "The simulator collects automatically alone.";
        return Err(ApiError::invalid(message).param("collection_method"));
    }
    let percent = form.text(&["application_fee_percent"]).map(|text| {
        let number = text.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
        number.ok_or_else(|| {
            ApiError::invalid(format!("Invalid decimal: {text}")).param("application_fee_percent")
        })
    });
    let saves = form.text(&["payment_settings", "save_default_payment_method"]);
    let mut metadata = form.metadata()?;
    metadata.retain(|_, value| !value.is_empty());
    let new = NewSubscription {
        customer: customer.ok_or_else(|| ApiError::missing_param("customer"))?,
        prices: Vec::new(),
        card: String::new(),
        trial_days: form.integer(&["trial_period_days"])?.filter(|days| *days > 0),
        trial_end: match form.text(&["trial_end"]) {
            Some("now") => None,
            _ => form.integer(&["trial_end"])?,
        },
        metadata,
        payment_behavior,
        default_payment_method: form.owned(&["default_payment_method"]),
        saves_method: saves == Some("on_subscription"),
        cancel_at_period_end: form.flag(&["cancel_at_period_end"])?,
        description: form.owned(&["description"]),
        transfer_destination: form.owned(&["transfer_data", "destination"]),
        application_fee_percent: percent.transpose()?,
        on_behalf_of: form.owned(&["on_behalf_of"]),
    };
    Ok((new, items))
}

/// A change of an item, and its price, still to be looked up or made.
pub(crate) type PricedChange = (ItemChange, Option<PriceOf>);

/// A change of a subscription; its items with inline prices still to be made.
pub(crate) fn subscription_change(
    form: &Form,
) -> Result<(SubscriptionChange, Vec<PricedChange>), ApiError> {
    form.allow_only(&[
        "cancel_at_period_end",
        "default_payment_method",
        "description",
        "expand",
        "items",
        "metadata",
        "off_session",
        "pause_collection",
        "payment_behavior",
        "proration_behavior",
    ])?;
    let mut items = Vec::new();
    for (name, entry) in form.entries("items") {
        entry
            .allow_only(&[
                "clear_usage",
                "deleted",
                "id",
                "metadata",
                "price",
                "price_data",
                "quantity",
            ])
            .map_err(|error| within(&name, error))?;
        let price = match entry.owned(&["price"]) {
            Some(id) => Some(PriceOf::Id(id)),
            None if entry.has("price_data") => {
                let data = new_price(&entry.under("price_data"));
                let name = format!("{name}[price_data]");
                Some(PriceOf::Inline(data.map_err(|error| within(&name, error))?))
            }
            None => None,
        };
        let change = ItemChange {
            id: entry.owned(&["id"]),
            price: None,
            quantity: quantity(&name, &entry)?,
            deleted: entry.flag(&["deleted"])?,
        };
        items.push((change, price));
    }
    let cancel = form.has("cancel_at_period_end");
    let pauses = form.has("pause_collection");
    let change = SubscriptionChange {
        items: Vec::new(),
        cancel_at_period_end: match cancel {
            true => Some(form.flag(&["cancel_at_period_end"])?),
            false => None,
        },
        default_payment_method: form.owned(&["default_payment_method"]),
        description: form.owned(&["description"]),
        metadata: form.metadata()?,
        pause_collection: pauses.then(|| form.owned(&["pause_collection", "behavior"])),
    };
    Ok((change, items))
}

/// A session of the customer portal, as the API shows it, without its id.
pub(crate) fn new_portal(form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&[
        "configuration",
        "customer",
        "expand",
        "flow_data",
        "locale",
        "on_behalf_of",
        "return_url",
    ])?;
    let customer = form.text(&["customer"]).ok_or_else(|| ApiError::missing_param("customer"))?;
    Ok(json!({
        "object": "billing_portal.session",
        "configuration": form.text(&["configuration"]).unwrap_or("bpc_1Simulator"),
        "customer": customer,
        "flow": null,
        "locale": form.text(&["locale"]),
        "on_behalf_of": form.text(&["on_behalf_of"]),
        "return_url": form.text(&["return_url"]),
    }))
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
    form.allow_only(&[own, &WITHOUT_EFFECT].concat())
}

/// A method by its id or, where the sandbox takes raw numbers, by its card.
fn payment_method(form: &Form) -> Option<String> {
    let number = form.owned(&["payment_method_data", "card", "number"]);
    form.owned(&["payment_method"]).or(number)
}

/// `payment_method_types`, `automatic_payment_methods`, or neither, which is the latter.
fn methods(form: &Form) -> Result<MethodTypes, ApiError> {
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

fn capture_method(form: &Form) -> Result<Option<CaptureMethod>, ApiError> {
    let parse = |text: &str| {
        CaptureMethod::parse(text).ok_or_else(|| {
            let message = format!("Invalid capture_method: {text}");
            ApiError::invalid(message).param("capture_method")
        })
    };
    form.text(&["capture_method"]).map(parse).transpose()
}

fn currency(form: &Form, name: &str) -> Result<String, ApiError> {
    let text = form.text(&[name]).ok_or_else(|| ApiError::missing_param(name))?;
    let text = text.to_ascii_lowercase();
    if text.len() != 3 || !text.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(ApiError::invalid(format!("Invalid currency: {text}.")).param(name));
    }
    Ok(text)
}

/// Refuses what is too little or too much to be charged.
fn check_amount(amount: i64, currency: &str, name: &str) -> Result<(), ApiError> {
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

fn email(form: &Form, name: &str) -> Result<Option<String>, ApiError> {
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

fn usage(form: &Form, name: &str) -> Result<Option<String>, ApiError> {
    match form.text(&[name]) {
        Some(text) if !["on_session", "off_session"].contains(&text) => {
            let message =
                format!("Invalid {name}: must be one of on_session or off_session; got {text}");
            Err(ApiError::invalid(message).param(name))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn descriptor(form: &Form, name: &str) -> Result<Option<String>, ApiError> {
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
