//! `quittance config check`

use std::path::Path;

use super::args::{ConfigCommand, RoleArg};
use super::exit::{Exit, Failed};
use crate::config::{self, Role};

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Ingress => Self::Ingress,
            RoleArg::Worker => Self::Worker,
            RoleArg::Migrate => Self::Migrate,
            RoleArg::Ops => Self::Ops,
        }
    }
}

pub(super) fn run(path: Option<&Path>, command: ConfigCommand) -> Result<Exit, Failed> {
    let ConfigCommand::Check { role } = command;
    let refused = |error: config::ConfigError| Failed::new(Exit::Settings, error.to_string());
    let settings = config::load(path, config::environment()).map_err(refused)?;
    if let Some(role) = role {
        settings.require(role.into()).map_err(refused)?;
    }
    print!("{}", settings.redacted());
    Ok(Exit::Success)
}
