//! Arguments of `quittance objects` and `quittance reconcile`.

use clap::{ArgGroup, Args, Subcommand};

use crate::cli::actor::ActorArg;
use crate::cli::out::Output;
use crate::cli::place::{Place, kind};
use crate::domain::object::Kind;
use crate::store::object::ObjectKey;

/// `quittance objects ...`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ObjectsCommand {
    /// Find objects by customer, metadata or object type.
    #[command(
        after_help = "Without --kind, only object types with an index for the search are searched: payments, charges, customers, subscriptions, invoices, ...\n\nExamples:\n  quittance objects list --customer cus_Qx...\n  quittance objects list --metadata order_id=42\n  quittance objects list --kind payout --live"
    )]
    List(Box<ListArgs>),
    /// Show one object: its row, the event and attempt behind it, pending or failed events, its timeline.
    #[command(
        after_help = "Examples:\n  quittance objects show pi_3PX...\n  quittance objects show gold-plan --kind product --data"
    )]
    Show(ShowArgs),
}

/// `quittance objects list`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["customer", "metadata", "kind"]))]
pub(in crate::cli) struct ListArgs {
    /// Only objects of this customer, and the customer: cus_...
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// Only objects with this metadata.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub metadata: Option<(String, String)>,
    /// Only this object type: payment_intent, invoice, ...
    #[arg(long, value_parser = kind)]
    pub kind: Option<Kind>,
    #[command(flatten)]
    pub place: Place,
    /// Maximum number of results.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Only those after this one: the next page. The end of each page prints it.
    #[arg(long, value_name = "KIND/ACCOUNT/MODE/ID", value_parser = cursor)]
    pub after: Option<ObjectKey>,
    #[command(flatten)]
    pub output: Output,
}

/// `quittance objects show`
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The object: pi_..., ch_..., cus_..., ...
    pub id: String,
    /// The object type, for an id whose prefix does not show it.
    #[arg(long, value_parser = kind)]
    pub kind: Option<Kind>,
    #[command(flatten)]
    pub place: Place,
    /// Also show the object's JSON (redacted).
    #[arg(long)]
    pub data: bool,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `quittance reconcile`
#[derive(Debug, Args)]
#[command(
    after_help = "Needs REDIS_URL, DATABASE_URL and STRIPE_SECRET_KEY. An object that has no row yet is fetched from your own account in the key's mode, unless --account, --live or --test is given.\n\nExamples:\n  quittance reconcile pi_3PX... --dry-run\n  quittance reconcile pi_3PX... ch_3PX... --reason 'ticket 4711'\n  quittance objects list --customer cus_Qx... --ids | xargs -d '\\n' quittance reconcile --"
)]
pub(in crate::cli) struct ReconcileArgs {
    /// The objects: pi_..., ch_..., sub_..., ...
    #[arg(required = true)]
    pub ids: Vec<String>,
    /// Write nothing; only print the differences between the row and Stripe.
    #[arg(long)]
    pub dry_run: bool,
    /// The object type, for ids whose prefix does not show it.
    #[arg(long, value_parser = kind)]
    pub kind: Option<Kind>,
    #[command(flatten)]
    pub place: Place,
    /// Reason, stored in the audit log.
    #[arg(long)]
    pub reason: Option<String>,
    #[command(flatten)]
    pub actor: ActorArg,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
}

fn cursor(text: &str) -> Result<ObjectKey, &'static str> {
    ObjectKey::from_cursor(text).ok_or("write it as the page before has printed it")
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
