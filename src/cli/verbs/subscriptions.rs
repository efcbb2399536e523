//! `quittance subscriptions`

use std::path::Path;

use serde_json::{Map, Value};

use super::args::{DefaultKey, How, Request, pair, priced};
use super::fields::Fields;
use super::submit;
use crate::domain::command::CommandKind;
use crate::roles::exit::{Exit, Failed};

/// `quittance subscriptions ...`
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum SubscriptionsCommand {
    /// Create a subscription.
    #[command(
        after_help = "The client_secret that is printed completes it in a browser: the payment of its first invoice, or after a trial\nwithout payment the setup of a method (client_secret_type). It is stored nowhere.\n\nExamples:\n  quittance subscriptions create --customer cus_Qx... --price price_1...=2 --reference tea-of-user-7\n  quittance subscriptions create --customer cus_Qx... --price price_1... --trial-period-days 14 --dry-run\n  quittance subscriptions create --customer cus_Qx... --price price_1... --default-payment-method pm_1... --payment-behavior error_if_incomplete --off-session"
    )]
    Create(Box<CreateSubscription>),
    /// Change a subscription: its items, their quantities, whether it ends with its period.
    #[command(
        after_help = "An item is named by Stripe's fields: id of one that is there, without it a new one; price, quantity, deleted=true.\nWhat is not named stays as it is.\n\nExamples:\n  quittance subscriptions update sub_1... --quantity 3\n  quittance subscriptions update sub_1... --item id=si_1...,price=price_2... --proration-behavior always_invoice --dry-run\n  quittance subscriptions update sub_1... --item id=si_1...,deleted=true --item price=price_2...,quantity=2\n  quittance subscriptions update sub_1... --cancel-at-period-end"
    )]
    Update(Box<UpdateSubscription>),
    /// Cancel a subscription at once. At the end of its period: update --cancel-at-period-end.
    #[command(
        after_help = "Without --idempotency-key the key is made of the request: the same command typed again is answered.\n\nExamples:\n  quittance subscriptions cancel sub_1... --dry-run\n  quittance subscriptions cancel sub_1... --invoice-now --prorate"
    )]
    Cancel(CancelSubscription),
}

const BEHAVIORS: [&str; 3] = ["default_incomplete", "allow_incomplete", "error_if_incomplete"];

/// `quittance subscriptions create`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CreateSubscription {
    /// Who subscribes: cus_...
    #[arg(long, value_name = "ID", required_unless_present = "data")]
    customer: Option<String>,
    /// What is subscribed to, and how many of it; repeat it for several.
    #[arg(long, value_name = "PRICE[=QUANTITY]", value_parser = priced, required_unless_present = "data")]
    price: Vec<Value>,
    /// Your own name for the subscription: one that is not over has it at a time.
    #[arg(long, value_name = "NAME")]
    reference: Option<String>,
    /// What becomes of a payment that is not made at once [default: default_incomplete].
    #[arg(long, value_name = "BEHAVIOR", value_parser = BEHAVIORS)]
    payment_behavior: Option<String>,
    /// A saved payment method: pm_...
    #[arg(long, value_name = "ID")]
    default_payment_method: Option<String>,
    /// Whether the method of the first payment pays the later ones [default: on_subscription, without
    /// --default-payment-method].
    #[arg(long, value_name = "WHETHER", value_parser = ["on_subscription", "off"])]
    save_default_payment_method: Option<String>,
    /// The customer is not there to authenticate a payment.
    #[arg(long)]
    off_session: bool,
    /// Days without payment.
    #[arg(long, value_name = "DAYS", conflicts_with = "trial_end")]
    trial_period_days: Option<u32>,
    /// When the trial ends, in seconds since 1970.
    #[arg(long, value_name = "TIME")]
    trial_end: Option<i64>,
    /// End it with its first period.
    #[arg(long)]
    cancel_at_period_end: bool,
    /// Your own link to your rows; repeat it for several.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    #[command(flatten)]
    how: How,
}

/// `quittance subscriptions update`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct UpdateSubscription {
    /// The subscription: sub_..., or its row's id.
    subscription: String,
    /// The quantity of its only item.
    #[arg(long, value_name = "QUANTITY", conflicts_with = "item")]
    quantity: Option<u32>,
    /// An item that changes, is new or goes; repeat it for several.
    #[arg(long, value_name = "FIELD=VALUE,...", value_parser = item)]
    item: Vec<Value>,
    /// End it with its present period; =false takes that back.
    #[arg(
        long, value_name = "WHETHER", num_args = 0..=1, require_equals = true,
        default_missing_value = "true"
    )]
    cancel_at_period_end: Option<bool>,
    /// A saved payment method: pm_...
    #[arg(long, value_name = "ID")]
    default_payment_method: Option<String>,
    /// What becomes of the price of the present period [default: Stripe's, create_prorations].
    #[arg(long, value_name = "BEHAVIOR", value_parser = ["always_invoice", "create_prorations", "none"])]
    proration_behavior: Option<String>,
    /// What becomes of a payment that is due at once and fails [default: Stripe's, allow_incomplete].
    #[arg(long, value_name = "BEHAVIOR", value_parser = BEHAVIORS)]
    payment_behavior: Option<String>,
    /// The customer is not there to authenticate a payment.
    #[arg(long)]
    off_session: bool,
    /// Added to your own link to your rows; repeat it for several.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    #[command(flatten)]
    how: How,
}

/// `quittance subscriptions cancel`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CancelSubscription {
    /// The subscription: sub_..., or its row's id.
    subscription: String,
    /// Invoice what was used and not invoiced yet.
    #[arg(long)]
    invoice_now: bool,
    /// Credit the rest of the period.
    #[arg(long)]
    prorate: bool,
    #[command(flatten)]
    how: How,
}

impl SubscriptionsCommand {
    pub(in crate::cli) async fn run(self, config: Option<&Path>) -> Result<Exit, Failed> {
        let (request, how) = match self {
            Self::Create(it) => create(*it),
            Self::Update(it) => update(*it),
            Self::Cancel(it) => {
                let fields =
                    Fields::default().on("invoice_now", it.invoice_now).on("prorate", it.prorate);
                let (kind, default_key) = (CommandKind::CancelSubscription, DefaultKey::OfRequest);
                (Request { kind, target: Some(it.subscription), fields, default_key }, it.how)
            }
        };
        submit::run(config, request, how).await
    }
}

fn create(it: CreateSubscription) -> (Request, How) {
    let saves = "payment_settings.save_default_payment_method";
    let fields = Fields::default()
        .with("customer", it.customer)
        .list("items", it.price)
        .with("reference", it.reference)
        .with("payment_behavior", it.payment_behavior)
        .with("default_payment_method", it.default_payment_method)
        .with(saves, it.save_default_payment_method)
        .on("off_session", it.off_session)
        .with("trial_period_days", it.trial_period_days)
        .with("trial_end", it.trial_end)
        .on("cancel_at_period_end", it.cancel_at_period_end)
        .metadata(it.metadata);
    let (kind, default_key) = (CommandKind::CreateSubscription, DefaultKey::Random);
    (Request { kind, target: None, fields, default_key }, it.how)
}

fn update(it: UpdateSubscription) -> (Request, How) {
    let fields = Fields::default()
        .with("quantity", it.quantity)
        .list("items", it.item)
        .with("cancel_at_period_end", it.cancel_at_period_end)
        .with("default_payment_method", it.default_payment_method)
        .with("proration_behavior", it.proration_behavior)
        .with("payment_behavior", it.payment_behavior)
        .on("off_session", it.off_session)
        .metadata(it.metadata);
    // The same change may be wanted again after another one: three seats, two, three.
    let (kind, default_key) = (CommandKind::UpdateSubscription, DefaultKey::Random);
    (Request { kind, target: Some(it.subscription), fields, default_key }, it.how)
}

/// `id=si_1,quantity=2`
fn item(text: &str) -> Result<Value, &'static str> {
    const SHAPE: &str =
        "write it like id=si_1...,quantity=2: of id, price, quantity and deleted, each once";
    let mut fields = Map::new();
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or(SHAPE)?;
        let value = match name {
            "id" | "price" if !value.is_empty() => Value::from(value),
            "quantity" => value.parse::<u32>().map(Value::from).map_err(|_| SHAPE)?,
            "deleted" => value.parse::<bool>().map(Value::from).map_err(|_| SHAPE)?,
            _ => return Err(SHAPE),
        };
        if fields.insert(name.to_owned(), value).is_some() {
            return Err(SHAPE);
        }
    }
    Ok(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_written_by_the_fields_of_stripe() {
        assert_eq!(item("id=si_1,quantity=2"), Ok(json!({"id": "si_1", "quantity": 2})));
        assert_eq!(item("id=si_1,deleted=true"), Ok(json!({"id": "si_1", "deleted": true})));
        assert_eq!(item("price=price_1"), Ok(json!({"price": "price_1"})));
        for other in
            ["", "si_1", "id=", "id=si_1,", "id=si_1,id=si_2", "quantity=-1", "deleted=yes", "x=1"]
        {
            assert!(item(other).is_err(), "{other}");
        }
    }
}
