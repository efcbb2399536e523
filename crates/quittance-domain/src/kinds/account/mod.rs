//! Connected account: what Stripe lets it do, and what stands in the way.

mod seen;
mod standing;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use seen::{
    AccountSeen, Capabilities, Capability, CapabilityStatus, ListedCapability, Requirements,
};
pub use standing::{AccountStanding, AccountStatus};

use crate::listing::{Listing, ObjectList};
use crate::notification::{Notification, Topic};
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::transition::{RecordedState, StatusWord, recorded_word};

/// A connected account, as it is observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountObserved {
    /// It was looked at.
    Seen(Box<AccountSeen>),
    /// It cannot be looked at any more.
    Deauthorized {
        /// What the rules knew before.
        last: AccountKnown,
    },
}

/// The facts of an account that the rules compare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct AccountKnown {
    /// As last seen.
    pub charges_enabled: bool,
    /// As last seen.
    pub payouts_enabled: bool,
    /// What was due, of it or its capabilities, in time or not; sorted.
    pub due: Vec<String>,
}

/// Recorded state of an account, for the rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct AccountRecorded {
    /// The status in the row.
    #[serde(deserialize_with = "recorded_word")]
    pub status: StatusWord<AccountStatus>,
    /// The rest.
    #[serde(flatten)]
    pub known: AccountKnown,
}

impl RecordedState for AccountRecorded {
    type Status = AccountStatus;

    fn status(&self) -> &StatusWord<AccountStatus> {
        &self.status
    }
}

impl<'de> Deserialize<'de> for AccountObserved {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::Seen(Box::new(AccountSeen::deserialize(from)?)))
    }
}

impl Serialize for AccountObserved {
    /// What was not looked at has no columns here: those of its row stay as they are.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seen(seen) => seen.serialize(to),
            Self::Deauthorized { .. } => ().serialize(to),
        }
    }
}

impl AccountObserved {
    /// What remains of an account that took our access back.
    #[must_use]
    pub fn deauthorized(recorded: Option<&AccountRecorded>) -> Self {
        Self::Deauthorized { last: recorded.map(|r| r.known.clone()).unwrap_or_default() }
    }

    /// Where it stands.
    #[must_use]
    pub fn standing(&self) -> AccountStanding {
        match self {
            Self::Seen(seen) => AccountStanding::of(seen),
            Self::Deauthorized { .. } => AccountStanding::deauthorized(),
        }
    }

    /// What the rules will compare with.
    #[must_use]
    pub fn known(&self) -> AccountKnown {
        match self {
            Self::Deauthorized { last } => last.clone(),
            Self::Seen(seen) => {
                let capabilities = [&seen.capabilities.card_payments, &seen.capabilities.transfers]
                    .into_iter()
                    .flatten();
                let all = std::iter::once(&seen.requirements)
                    .chain(capabilities.map(|capability| &capability.requirements));
                let mut due: Vec<_> =
                    all.flat_map(|r| r.currently_due.iter().chain(&r.past_due)).cloned().collect();
                due.sort_unstable();
                due.dedup();
                AccountKnown {
                    charges_enabled: seen.charges_enabled,
                    payouts_enabled: seen.payouts_enabled,
                    due,
                }
            }
        }
    }
}

impl ObjectKind for AccountObserved {
    type Status = AccountStatus;
    type Recorded = AccountRecorded;

    const SPEC: KindSpec = KindSpec {
        object: "account",
        endpoint: "accounts",
        listing: Listing::but(
            &[ObjectList::of("list_accounts", "/v1/accounts")],
            "Accounts that took their access back are in no list.",
        ),
        id_prefixes: &["acct_"],
        // Fetched with what its capabilities lack.
        is_whole_in_events: false,
        facts: &[
            "can_charge",
            "can_receive_payouts",
            "can_receive_payments",
            "why_not",
            "deadline",
        ],
        signs: Signs {
            permissions: &["charges_enabled", "payouts_enabled"],
            other: &[
                "capabilities",
                "charges_enabled",
                "details_submitted",
                "payouts_enabled",
                "requirements",
                "metadata",
            ],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<AccountStatus> {
        self.standing().status
    }

    fn recorded(&self) -> AccountRecorded {
        AccountRecorded { status: self.status(), known: self.known() }
    }

    fn derived(&self) -> impl Serialize {
        self.standing()
    }

    /// The state facts that this step makes true. That something does not work at first sight is no
    /// change, and that access was taken changes nothing at the account.
    fn notifications(&self, recorded: Option<&AccountRecorded>) -> Vec<Notification> {
        let before = recorded.map(|r| r.known.clone()).unwrap_or_default();
        let now = self.known();
        let turned = |before, now, on, off| (before != now).then_some(if now { on } else { off });
        let charges = turned(
            before.charges_enabled,
            now.charges_enabled,
            Topic::AccountChargesEnabled,
            Topic::AccountChargesDisabled,
        );
        let payouts = turned(
            before.payouts_enabled,
            now.payouts_enabled,
            Topic::AccountPayoutsEnabled,
            Topic::AccountPayoutsDisabled,
        );
        let more = now.due.iter().any(|field| !before.due.contains(field));
        let due = more.then_some(Topic::AccountRequirementsDue);
        [charges, payouts, due].into_iter().flatten().map(Notification::state).collect()
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod json_tests;
