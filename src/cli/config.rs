//! `quittance config check`

use std::path::Path;

use super::args::{ConfigCommand, RoleArg};
use super::exit::{Exit, Failed};
use super::online;
use crate::config::{self, Role};

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

pub(super) async fn run(path: Option<&Path>, command: ConfigCommand) -> Result<Exit, Failed> {
    let ConfigCommand::Check { role, online } = command;
    let refused = |error: config::ConfigError| Failed::new(Exit::Settings, error.to_string());
    let settings = config::load(path, config::environment()).map_err(refused)?;
    if let Some(role) = role {
        settings.require(role.into()).map_err(refused)?;
    }
    print!("{}", settings.redacted());
    if online {
        if settings.stripe.secret_key.is_empty() {
            let text =
                "stripe.secret_key is not set, so Stripe cannot be asked: set STRIPE_SECRET_KEY";
            return Err(Failed::new(Exit::Settings, text));
        }
        let found = online::look(&settings).await;
        let kinds = [("ok", found.seen), ("warning", found.warnings), ("not seen", found.unseen)];
        println!();
        for (kind, texts) in kinds {
            for text in texts {
                println!("# {kind}: {text}");
            }
        }
    }
    Ok(Exit::Success)
}
