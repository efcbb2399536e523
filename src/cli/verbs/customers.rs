//! `quittance customers`

use std::path::Path;

use super::args::{DefaultKey, How, Request, pair};
use super::fields::Fields;
use super::submit;
use crate::domain::command::CommandKind;
use crate::roles::exit::{Exit, Failed};

/// `quittance customers ...`
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum CustomersCommand {
    /// Create a customer.
    #[command(
        after_help = "Example:\n  quittance customers create --email jane@example.com --reference user-7"
    )]
    Create(CreateCustomer),
}

/// `quittance customers create`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CreateCustomer {
    /// Their email address.
    #[arg(long)]
    email: Option<String>,
    /// Their name.
    #[arg(long = "name", value_name = "TEXT")]
    full_name: Option<String>,
    /// Your own name for the customer, your user's id say: one customer has it.
    #[arg(long, value_name = "NAME")]
    reference: Option<String>,
    /// Your own link to your rows; repeat it for several.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    #[command(flatten)]
    how: How,
}

impl CustomersCommand {
    pub(in crate::cli) async fn run(self, config: Option<&Path>) -> Result<Exit, Failed> {
        let Self::Create(it) = self;
        let fields = Fields::default()
            .with("email", it.email)
            .with("name", it.full_name)
            .with("reference", it.reference)
            .metadata(it.metadata);
        let (kind, default_key) = (CommandKind::CreateCustomer, DefaultKey::Random);
        submit::run(config, Request { kind, target: None, fields, default_key }, it.how).await
    }
}
