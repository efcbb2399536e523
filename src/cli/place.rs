//! Where an object is, on the command line: its kind, its account, its mode.

use crate::domain::id::{AccountId, Mode};
use crate::domain::object::Kind;
use crate::ops::name::Name;
use crate::roles::exit::{Exit, Failed};

/// Account and mode.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Only of this connected account; `own`: only of our own.
    #[arg(long, value_name = "ACCT", value_parser = account)]
    pub account: Option<String>,
    /// Only in live mode.
    #[arg(long, conflicts_with = "test")]
    pub live: bool,
    /// Only in test mode.
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

/// As the tables have it: empty for our own.
fn account(text: &str) -> Result<String, String> {
    match text {
        "own" => Ok(String::new()),
        id => AccountId::parse(id)
            .map(|id| id.as_str().to_owned())
            .map_err(|error| format!("{error}; write acct_..., or `own` for our own account")),
    }
}

/// A kind, by Stripe's word for it.
pub(super) fn kind(text: &str) -> Result<Kind, String> {
    Kind::parse(text)
        .ok_or_else(|| "no kind that is handled; `quittance kinds` lists them".to_owned())
}
