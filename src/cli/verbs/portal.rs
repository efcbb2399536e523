//! `quittance portal`

use std::path::Path;

use super::args::{DefaultKey, How, Request};
use super::fields::Fields;
use super::submit;
use crate::domain::command::CommandKind;
use crate::roles::exit::{Exit, Failed};

/// `quittance portal ...`
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum PortalCommand {
    /// Open the customer portal: a page of Stripe's, on which a customer manages subscriptions and payment methods.
    #[command(
        after_help = "The url that is printed signs the customer in, for some minutes; it is stored nowhere. The same request with the\nsame key gets another one.\n\nExamples:\n  quittance portal create --customer cus_Qx...\n  quittance portal create --customer cus_Qx... --return-url https://shop.example/account --json"
    )]
    Create(CreatePortal),
}

/// `quittance portal create`
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CreatePortal {
    /// Who is signed in: cus_...
    #[arg(long, value_name = "ID", required_unless_present = "data")]
    customer: Option<String>,
    /// Where the portal's link back leads; its origin is in api.return_urls [default: as set at Stripe].
    #[arg(long, value_name = "URL")]
    return_url: Option<String>,
    #[command(flatten)]
    how: How,
}

impl PortalCommand {
    pub(in crate::cli) async fn run(self, config: Option<&Path>) -> Result<Exit, Failed> {
        let Self::Create(it) = self;
        let fields =
            Fields::default().with("customer", it.customer).with("return_url", it.return_url);
        let (kind, default_key) = (CommandKind::CreatePortalSession, DefaultKey::Random);
        submit::run(config, Request { kind, target: None, fields, default_key }, it.how).await
    }
}
