//! `quittance config check`

use std::path::Path;

use clap::Subcommand;

use crate::config::{self, Role};
use crate::domain::failure::Class;
use crate::roles::exit::{Exit, Failed};
use crate::roles::online;
use crate::roles::parts;
use crate::stripe_api::StripeError;

/// `quittance config ...`
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Validate the settings, and print the effective ones without secrets.
    #[command(
        after_help = "Examples:\n  quittance config check --role worker\n  quittance --config quittance.toml config check --online"
    )]
    Check {
        /// Also check that all settings that this role needs are set.
        #[arg(long, value_enum)]
        role: Option<RoleArg>,
        /// Also fetch the account of the key and its webhook endpoints from Stripe, and warn where they
        /// differ from the settings. Needs STRIPE_SECRET_KEY.
        #[arg(long)]
        online: bool,
    },
}

/// A role, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum RoleArg {
    /// `quittance ingress`
    Ingress,
    /// `quittance worker`
    Worker,
    /// `quittance migrate`
    Migrate,
    /// `quittance dead-letters ...`
    Ops,
    /// `quittance admin`
    Admin,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Ingress => Self::Ingress,
            RoleArg::Worker => Self::Worker,
            RoleArg::Migrate => Self::Migrate,
            RoleArg::Ops => Self::Ops,
            RoleArg::Admin => Self::Admin,
        }
    }
}

/// A key that Stripe refuses is a wrong setting; an unreachable Stripe is not.
fn refusal(error: &StripeError) -> Failed {
    let exit = match error.failure().class {
        Class::Misconfigured(_) => Exit::Settings,
        Class::Permanent
        | Class::Transient
        | Class::RateLimited { .. }
        | Class::TooEarly { .. }
        | Class::Unavailable(_) => Exit::Failure,
    };
    Failed::because(exit, "Stripe did not answer", error)
}

pub(super) async fn run(path: Option<&Path>, command: ConfigCommand) -> Result<Exit, Failed> {
    let ConfigCommand::Check { role, online } = command;
    let refused = |error: config::ConfigError| Failed::new(Exit::Settings, error.to_string());
    let settings = config::load(path, config::environment()).map_err(refused)?;
    if let Some(role) = role {
        settings.require(role.into()).map_err(refused)?;
    }
    parts::usable(&settings)?;
    print!("{}", settings.redacted());
    if online {
        if settings.stripe.secret_key.is_empty() {
            let text = "stripe.secret_key is not set: set STRIPE_SECRET_KEY for --online";
            return Err(Failed::new(Exit::Settings, text));
        }
        let found = online::look(&settings).await;
        let kinds = [("ok", found.seen), ("warning", found.warnings), ("not seen", found.unseen)];
        // To standard error: standard output may be redirected into a settings file.
        for (kind, texts) in kinds {
            for text in texts {
                eprintln!("{kind}: {text}");
            }
        }
        if let Some(error) = found.fault {
            return Err(refusal(&error));
        }
    }
    Ok(Exit::Success)
}
