//! What a backfill is asked for: kinds, accounts, a range of time.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;

use crate::domain::id::{AccountId, Mode};
use crate::domain::object::Kind;
use crate::store::operation::BackfillSelection;

/// The accounts that a backfill reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackfillAccounts {
    /// The account that the key belongs to.
    Own,
    /// All accounts that are connected to it.
    Connected,
    /// Both.
    All,
    /// One connected account.
    One(AccountId),
}

impl BackfillAccounts {
    /// Whether the account that the key belongs to is one of them.
    #[must_use]
    pub fn has_own(&self) -> bool {
        matches!(self, Self::Own | Self::All)
    }

    /// Whether the connected accounts have to be listed.
    #[must_use]
    pub fn has_connected(&self) -> bool {
        matches!(self, Self::Connected | Self::All)
    }
}

impl fmt::Display for BackfillAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::Connected => f.write_str("connected"),
            Self::All => f.write_str("all"),
            Self::One(account) => account.fmt(f),
        }
    }
}

/// Error for a text that names no accounts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("own, connected, all, or the id of a connected account (acct_...)")]
pub struct AccountsError;

impl FromStr for BackfillAccounts {
    type Err = AccountsError;

    fn from_str(text: &str) -> Result<Self, AccountsError> {
        match text {
            "own" => Ok(Self::Own),
            "connected" => Ok(Self::Connected),
            "all" => Ok(Self::All),
            id => AccountId::parse(id).map(Self::One).map_err(|_| AccountsError),
        }
    }
}

/// What a backfill reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillRequest {
    /// The kinds of object.
    pub kinds: Vec<Kind>,
    /// Whose.
    pub accounts: BackfillAccounts,
    /// Live or test.
    pub mode: Mode,
    /// Only objects that were created then or later, of lists that can be read like that.
    pub since: Option<OffsetDateTime>,
    /// Only objects that were created before then, of lists that can be read like that.
    pub until: Option<OffsetDateTime>,
    /// Whether what it finds is published, with `origin: "backfill"`.
    pub notify: bool,
}

impl BackfillRequest {
    /// The kinds that can be listed, which is what is read where nothing else is asked for.
    #[must_use]
    pub fn listed_kinds() -> Vec<Kind> {
        Kind::every().filter(|kind| !kind.listing().lists.is_empty()).collect()
    }

    /// As it is stored.
    #[must_use]
    pub fn selection(&self) -> BackfillSelection {
        BackfillSelection {
            kinds: self.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
            accounts: self.accounts.to_string(),
            livemode: self.mode.is_live(),
            since: self.since,
            until: self.until,
            notify: self.notify,
        }
    }

    /// From what is stored. `None`: another version of the program has stored it.
    #[must_use]
    pub fn of(selection: &BackfillSelection) -> Option<Self> {
        Some(Self {
            kinds: selection.kinds.iter().map(|kind| Kind::parse(kind)).collect::<Option<_>>()?,
            accounts: selection.accounts.parse().ok()?,
            mode: Mode::from_livemode(selection.livemode),
            since: selection.since,
            until: selection.until,
            notify: selection.notify,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back() {
        for accounts in ["own", "connected", "all", "acct_1"] {
            let request = BackfillRequest {
                kinds: BackfillRequest::listed_kinds(),
                accounts: accounts.parse().unwrap(),
                mode: Mode::Live,
                since: Some(OffsetDateTime::UNIX_EPOCH),
                until: None,
                notify: true,
            };
            assert_eq!(BackfillRequest::of(&request.selection()), Some(request));
        }
        assert_eq!("mine".parse::<BackfillAccounts>(), Err(AccountsError));
    }
}
