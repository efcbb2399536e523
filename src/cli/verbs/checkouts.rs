//! `quittance checkouts`

use std::path::Path;

use serde_json::Value;

use super::args::{DefaultKey, How, Request, pair, priced, whole};
use super::fields::Fields;
use super::submit;
use crate::domain::command::CommandKind;
use crate::roles::exit::{Exit, Failed};

/// `quittance checkouts ...`
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum CheckoutsCommand {
    /// Create a checkout session: a page of Stripe's, on which a customer pays, saves a method or subscribes.
    #[command(
        after_help = "The url that is printed leads to the page; it is stored nowhere. Prices without an id are given by --data.\n\nExamples:\n  quittance checkouts create --mode payment --price price_1...=2 --success-url https://shop.example/thanks --reference order-42\n  quittance checkouts create --data @session.json --dry-run"
    )]
    Create(Box<CreateCheckout>),
    /// Expire an open checkout session.
    #[command(after_help = "Example:\n  quittance checkouts expire cs_test_a1...")]
    Expire(ExpireCheckout),
}

/// `quittance checkouts create`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CreateCheckout {
    /// What it is for.
    #[arg(long, value_parser = ["payment", "setup", "subscription"], required_unless_present = "data")]
    mode: Option<String>,
    /// Where the customer is sent when it is complete; its origin is in api.return_urls.
    #[arg(long, value_name = "URL", required_unless_present = "data")]
    success_url: Option<String>,
    /// Where the page's link back leads.
    #[arg(long, value_name = "URL")]
    cancel_url: Option<String>,
    /// What is bought, and how many of it; repeat it for several.
    #[arg(long, value_name = "PRICE[=QUANTITY]", value_parser = priced)]
    price: Vec<Value>,
    /// Three letters in lower case, for --mode setup.
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Your own name for the purchase: one live session has it at a time.
    #[arg(long, value_name = "NAME")]
    reference: Option<String>,
    /// Who pays: cus_...
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Offer this payment method (card, sepa_debit, ...) and no other; repeat it for several.
    #[arg(long, value_name = "TYPE")]
    payment_method_type: Vec<String>,
    /// The connected account that is paid (a destination charge): acct_...
    #[arg(long, value_name = "ACCT")]
    destination: Option<String>,
    /// What the platform keeps of a destination charge, in the smallest unit.
    #[arg(long, value_name = "AMOUNT", value_parser = whole)]
    application_fee_amount: Option<i64>,
    /// Your own link to your rows; repeat it for several.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    #[command(flatten)]
    how: How,
}

/// `quittance checkouts expire`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExpireCheckout {
    /// The session: cs_...
    session: String,
    #[command(flatten)]
    how: How,
}

impl CheckoutsCommand {
    pub(in crate::cli) async fn run(self, config: Option<&Path>) -> Result<Exit, Failed> {
        let (request, how) = match self {
            Self::Create(it) => create(*it),
            Self::Expire(it) => {
                let fields = Fields::default();
                let (kind, default_key) = (CommandKind::ExpireCheckout, DefaultKey::OfRequest);
                (Request { kind, target: Some(it.session), fields, default_key }, it.how)
            }
        };
        submit::run(config, request, how).await
    }
}

fn create(it: CreateCheckout) -> (Request, How) {
    let types = it.payment_method_type.into_iter().map(Into::into).collect();
    let payment = "payment_intent_data";
    let fields = Fields::default()
        .with("mode", it.mode)
        .with("success_url", it.success_url)
        .with("cancel_url", it.cancel_url)
        .list("line_items", it.price)
        .with("currency", it.currency)
        .with("reference", it.reference)
        .with("customer", it.customer)
        .list("allowed_payment_method_types", types)
        .with(&format!("{payment}.transfer_data.destination"), it.destination)
        .with(&format!("{payment}.application_fee_amount"), it.application_fee_amount)
        .metadata(it.metadata);
    let (kind, default_key) = (CommandKind::CreateCheckout, DefaultKey::Random);
    (Request { kind, target: None, fields, default_key }, it.how)
}
