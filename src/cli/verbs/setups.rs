//! `quittance setups`

use std::path::Path;

use super::args::{DefaultKey, How, Request, pair};
use super::fields::Fields;
use super::submit;
use crate::domain::command::CommandKind;
use crate::roles::exit::{Exit, Failed};

/// `quittance setups ...`
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum SetupsCommand {
    /// Create a setup intent, by which a customer saves a payment method in a browser.
    #[command(
        after_help = "Example:\n  quittance setups create --customer cus_Qx... --usage off_session"
    )]
    Create(CreateSetup),
}

/// `quittance setups create`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CreateSetup {
    /// Whose method is saved: cus_...
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// How it will be used [default: Stripe's, off_session].
    #[arg(long, value_name = "USAGE", value_parser = ["on_session", "off_session"])]
    usage: Option<String>,
    /// Offer this payment method (card, sepa_debit, ...) and no other; repeat it for several.
    #[arg(long, value_name = "TYPE")]
    payment_method_type: Vec<String>,
    /// Your own link to your rows; repeat it for several.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    #[command(flatten)]
    how: How,
}

impl SetupsCommand {
    pub(in crate::cli) async fn run(self, config: Option<&Path>) -> Result<Exit, Failed> {
        let Self::Create(it) = self;
        let types = it.payment_method_type.into_iter().map(Into::into).collect();
        let fields = Fields::default()
            .with("customer", it.customer)
            .with("usage", it.usage)
            .list("allowed_payment_method_types", types)
            .metadata(it.metadata);
        let (kind, default_key) = (CommandKind::CreateSetup, DefaultKey::Random);
        submit::run(config, Request { kind, target: None, fields, default_key }, it.how).await
    }
}
