//! Account, mode and object type of objects and events, on the command line.

use crate::domain::id::{AccountId, Mode};
use crate::domain::object::Kind;
use crate::ops::name::Name;
use crate::roles::exit::{Exit, Failed};

/// Account and mode.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Only this connected account; `own` is your own account.
    #[arg(long, value_name = "ACCT", value_parser = account)]
    pub account: Option<String>,
    /// Only live mode.
    #[arg(long, conflicts_with = "test")]
    pub live: bool,
    /// Only test mode.
    #[arg(long)]
    pub test: bool,
}

impl Place {
    /// The mode, if one is asked for.
    pub(super) fn mode(&self) -> Option<Mode> {
        match (self.live, self.test) {
            (true, _) => Some(Mode::Live),
            (_, true) => Some(Mode::Test),
            (false, false) => None,
        }
    }

    /// The connected account, if one is asked for.
    pub(super) fn connected(&self) -> Option<AccountId> {
        self.account.as_deref().and_then(|account| AccountId::parse(account).ok())
    }

    /// An object as it was typed.
    pub(super) fn name(&self, id: &str, kind: Option<Kind>) -> Result<Name, Failed> {
        let name = Name::parse(id)
            .map_err(|error| Failed::new(Exit::Failure, format!("`{id}`: {error}")))?;
        Ok(Name { kind, account: self.account.clone(), mode: self.mode(), ..name })
    }
}

/// As the tables have it: empty for the platform's own account.
fn account(text: &str) -> Result<String, String> {
    match text {
        "own" => Ok(String::new()),
        id => AccountId::parse(id)
            .map(|id| id.as_str().to_owned())
            .map_err(|error| format!("{error}; write acct_..., or `own` for your own account")),
    }
}

/// A kind, by Stripe's word for it.
pub(super) fn kind(text: &str) -> Result<Kind, String> {
    Kind::parse(text)
        .ok_or_else(|| "not a handled object type; `quittance kinds` lists them".to_owned())
}
