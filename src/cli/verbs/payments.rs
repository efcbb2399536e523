//! `quittance payments`

use std::path::Path;

use super::args::{DefaultKey, How, Request, pair, whole};
use super::fields::Fields;
use super::payment_shown::{self, ShowPayment};
use super::submit;
use crate::domain::command::CommandKind;
use crate::roles::exit::{Exit, Failed};

/// `quittance payments ...`
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum PaymentsCommand {
    /// Create a payment, or charge a saved card (--payment-method, --confirm).
    #[command(
        after_help = "Amounts are in the currency's smallest unit: 1999 is 19.99 EUR, 500 is 500 JPY. The client_secret that is printed\ncompletes the payment in a browser; it is stored nowhere.\n\nExamples:\n  quittance payments create --amount 1999 --currency eur --reference order-42\n  quittance payments create --amount 1999 --currency eur --customer cus_Qx... --payment-method pm_1... --confirm --off-session\n  quittance payments create --amount 1999 --currency eur --destination acct_1... --application-fee-amount 150 --dry-run"
    )]
    Create(Box<CreatePayment>),
    /// Confirm a payment with a saved payment method.
    #[command(
        after_help = "Example:\n  quittance payments confirm pi_3PX... --payment-method pm_1... --off-session"
    )]
    Confirm(ConfirmPayment),
    /// Capture an authorised payment, whole or in part.
    #[command(
        after_help = "Without --idempotency-key the key is made of the request: the same command typed again is answered, and captures\nnothing more.\n\nExamples:\n  quittance payments capture pi_3PX...\n  quittance payments capture pi_3PX... --amount 1500 --dry-run"
    )]
    Capture(CapturePayment),
    /// Cancel a payment that is not paid.
    #[command(
        after_help = "Example:\n  quittance payments cancel pi_3PX... --cancellation-reason abandoned"
    )]
    Cancel(CancelPayment),
    /// Show a payment: its row, its charges, its refunds, and the commands about it.
    #[command(
        after_help = "Examples:\n  quittance payments show pi_3PX...\n  quittance payments show pi_3PX... --refresh --json"
    )]
    Show(ShowPayment),
}

/// `quittance payments create`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CreatePayment {
    /// In the currency's smallest unit.
    #[arg(long, value_name = "AMOUNT", value_parser = whole, required_unless_present = "data")]
    amount: Option<i64>,
    /// Three letters in lower case.
    #[arg(long, value_name = "CODE", required_unless_present = "data")]
    currency: Option<String>,
    /// Your own name for the purchase: one live payment has it at a time.
    #[arg(long, value_name = "NAME")]
    reference: Option<String>,
    /// Who pays: cus_...
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// A saved payment method: pm_...
    #[arg(long, value_name = "ID")]
    payment_method: Option<String>,
    /// Try the payment at once.
    #[arg(long)]
    confirm: bool,
    /// The customer is not there to authenticate it.
    #[arg(long)]
    off_session: bool,
    /// Where the customer comes back to after a redirect.
    #[arg(long, value_name = "URL")]
    return_url: Option<String>,
    /// Whether payment methods may redirect the customer.
    #[arg(long, value_name = "WHETHER", value_parser = ["always", "never"])]
    allow_redirects: Option<String>,
    /// Offer this payment method (card, sepa_debit, ...) and no other; repeat it for several.
    #[arg(long, value_name = "TYPE")]
    payment_method_type: Vec<String>,
    /// When money is taken.
    #[arg(long, value_name = "WHEN", value_parser = ["automatic", "automatic_async", "manual"])]
    capture_method: Option<String>,
    /// Save the payment method for later.
    #[arg(long, value_name = "USAGE", value_parser = ["on_session", "off_session"])]
    setup_future_usage: Option<String>,
    /// The connected account that is paid (a destination charge): acct_...
    #[arg(long, value_name = "ACCT")]
    destination: Option<String>,
    /// What the platform keeps of a destination charge, in the smallest unit.
    #[arg(long, value_name = "AMOUNT", value_parser = whole)]
    application_fee_amount: Option<i64>,
    /// The account on whose behalf the charge is made: acct_...
    #[arg(long, value_name = "ACCT")]
    on_behalf_of: Option<String>,
    /// Where Stripe sends a receipt.
    #[arg(long, value_name = "EMAIL")]
    receipt_email: Option<String>,
    /// A text for people.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Added to your descriptor on the customer's statement.
    #[arg(long, value_name = "TEXT")]
    statement_descriptor_suffix: Option<String>,
    /// Your own link to your rows; repeat it for several.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    #[command(flatten)]
    how: How,
}

/// `quittance payments confirm`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ConfirmPayment {
    /// The payment: pi_..., or its row's id.
    payment: String,
    /// Another payment method than it has: pm_...
    #[arg(long, value_name = "ID")]
    payment_method: Option<String>,
    /// The customer is not there to authenticate it.
    #[arg(long)]
    off_session: bool,
    /// Where the customer comes back to after a redirect.
    #[arg(long, value_name = "URL")]
    return_url: Option<String>,
    #[command(flatten)]
    how: How,
}

/// `quittance payments capture`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CapturePayment {
    /// The payment: pi_..., or its row's id.
    payment: String,
    /// A part, in the smallest unit [default: all that can be captured].
    #[arg(long, value_name = "AMOUNT", value_parser = whole)]
    amount: Option<i64>,
    #[command(flatten)]
    how: How,
}

/// `quittance payments cancel`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CancelPayment {
    /// The payment: pi_..., or its row's id.
    payment: String,
    /// Stripe's reason.
    #[arg(long, value_name = "REASON", value_parser = ["duplicate", "fraudulent", "requested_by_customer", "abandoned"])]
    cancellation_reason: Option<String>,
    #[command(flatten)]
    how: How,
}

impl PaymentsCommand {
    pub(in crate::cli) async fn run(self, config: Option<&Path>) -> Result<Exit, Failed> {
        let (request, how) = match self {
            Self::Create(it) => create(*it),
            Self::Confirm(it) => {
                let fields = Fields::default()
                    .with("payment_method", it.payment_method)
                    .on("off_session", it.off_session)
                    .with("return_url", it.return_url);
                // Its status lets it be confirmed once; after a decline another try is wanted.
                let (kind, default_key) = (CommandKind::ConfirmPayment, DefaultKey::Random);
                (Request { kind, target: Some(it.payment), fields, default_key }, it.how)
            }
            Self::Capture(it) => {
                let fields = Fields::default().with("amount_to_capture", it.amount);
                let (kind, default_key) = (CommandKind::CapturePayment, DefaultKey::OfRequest);
                (Request { kind, target: Some(it.payment), fields, default_key }, it.how)
            }
            Self::Cancel(it) => {
                let fields = Fields::default().with("cancellation_reason", it.cancellation_reason);
                let (kind, default_key) = (CommandKind::CancelPayment, DefaultKey::OfRequest);
                (Request { kind, target: Some(it.payment), fields, default_key }, it.how)
            }
            Self::Show(it) => return payment_shown::run(config, it).await,
        };
        submit::run(config, request, how).await
    }
}

fn create(it: CreatePayment) -> (Request, How) {
    let redirects = it.allow_redirects;
    let types = it.payment_method_type.into_iter().map(Into::into).collect();
    let fields = Fields::default()
        .with("amount", it.amount)
        .with("currency", it.currency)
        .with("reference", it.reference)
        .with("customer", it.customer)
        .with("payment_method", it.payment_method)
        .on("confirm", it.confirm)
        .on("off_session", it.off_session)
        .with("return_url", it.return_url)
        .on("automatic_payment_methods.enabled", redirects.is_some())
        .with("automatic_payment_methods.allow_redirects", redirects)
        .list("allowed_payment_method_types", types)
        .with("capture_method", it.capture_method)
        .with("setup_future_usage", it.setup_future_usage)
        .with("transfer_data.destination", it.destination)
        .with("application_fee_amount", it.application_fee_amount)
        .with("on_behalf_of", it.on_behalf_of)
        .with("receipt_email", it.receipt_email)
        .with("description", it.description)
        .with("statement_descriptor_suffix", it.statement_descriptor_suffix)
        .metadata(it.metadata);
    let (kind, default_key) = (CommandKind::CreatePayment, DefaultKey::Random);
    (Request { kind, target: None, fields, default_key }, it.how)
}
