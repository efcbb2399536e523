//! Connected account: what Stripe lets it do, and what stands in the way.

use serde::{Deserialize, Deserializer};

use super::account_status::AccountStanding;
use super::event::Timestamp;
use super::field;
use super::notification::{Notification, Topic};
use super::transition::{self, StatusWord, Transition, Vocabulary};

/// Where a connected account stands. Stripe has no such word; this one is derived from what it
/// says about the account and its capabilities together (see [`super::account_status`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Its details are not complete yet.
    Onboarding,
    /// Something that it asked for is not to be had at present.
    Restricted,
    /// All that it asked for works.
    Enabled,
    /// Stripe rejected it.
    Rejected,
    /// It took our access back; what else the row says is what was last seen.
    Deauthorized,
}

impl transition::Status for Status {
    const ALL: &'static [Self] =
        &[Self::Onboarding, Self::Restricted, Self::Enabled, Self::Rejected, Self::Deauthorized];

    fn as_str(self) -> &'static str {
        match self {
            Self::Onboarding => "onboarding",
            Self::Restricted => "restricted",
            Self::Enabled => "enabled",
            Self::Rejected => "rejected",
            Self::Deauthorized => "deauthorized",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        match self {
            // An account can be connected again, and a rejection can be taken back.
            Self::Onboarding | Self::Deauthorized => self != next,
            Self::Restricted => matches!(next, Self::Enabled | Self::Rejected | Self::Deauthorized),
            Self::Enabled => matches!(next, Self::Restricted | Self::Rejected | Self::Deauthorized),
            Self::Rejected => {
                matches!(next, Self::Restricted | Self::Enabled | Self::Deauthorized)
            }
        }
    }
}

/// Stripe's `status` of a capability (docs.stripe.com, "The Account object", `capabilities`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CapabilityStatus {
    /// It works.
    Active,
    /// Stripe looks at it.
    Pending,
    /// It does not.
    Inactive,
}

impl CapabilityStatus {
    /// Stripe's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Inactive => "inactive",
        }
    }
}

impl Vocabulary for CapabilityStatus {
    fn word(self) -> &'static str {
        self.as_str()
    }

    fn from_word(text: &str) -> Option<Self> {
        [Self::Active, Self::Pending, Self::Inactive].into_iter().find(|it| it.as_str() == text)
    }
}

/// What has to be handed in, of an account or of a capability.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Requirements {
    /// To keep what works.
    #[serde(default, deserialize_with = "field::texts")]
    pub currently_due: Vec<String>,
    /// Too late: what needs it is off.
    #[serde(default, deserialize_with = "field::texts")]
    pub past_due: Vec<String>,
    /// Why it is off: `requirements.past_due`, `rejected.fraud`, `under_review`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub disabled_reason: Option<String>,
    /// Until when `currently_due` is wanted.
    #[serde(default, deserialize_with = "field::time")]
    pub current_deadline: Option<Timestamp>,
}

fn requirements<'de, D: Deserializer<'de>>(from: D) -> Result<Requirements, D::Error> {
    Ok(field::object(from)?.unwrap_or_default())
}

/// A capability that the account asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// Whether it works.
    pub status: StatusWord<CapabilityStatus>,
    /// What it lacks; looked up where it does not work.
    pub requirements: Requirements,
}

impl<'de> Deserialize<'de> for Capability {
    /// An account says of a capability its status alone.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let requirements = Requirements::default();
        Ok(Self { status: StatusWord::deserialize(from)?, requirements })
    }
}

/// The capabilities that decide what an account can do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Capabilities {
    /// Charges in its own name; none: not asked for.
    pub card_payments: Option<Capability>,
    /// Money from the platform; none: not asked for.
    pub transfers: Option<Capability>,
}

fn capabilities<'de, D: Deserializer<'de>>(from: D) -> Result<Capabilities, D::Error> {
    Ok(field::object(from)?.unwrap_or_default())
}

/// A capability as Stripe lists it by itself, with what it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ListedCapability {
    /// Its name: `card_payments`, `transfers`, ...
    pub id: String,
    /// What it lacks.
    #[serde(default, deserialize_with = "requirements")]
    pub requirements: Requirements,
}

/// All that Stripe says about an account and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seen {
    /// Stripe's word for "the whole way of a charge works". Absent only where nothing was asked for yet.
    #[serde(default, deserialize_with = "field::flag")]
    pub charges_enabled: bool,
    /// Stripe's word for "its balance can be paid out".
    #[serde(default, deserialize_with = "field::flag")]
    pub payouts_enabled: bool,
    /// Whether onboarding was gone through.
    #[serde(default, deserialize_with = "field::flag")]
    pub details_submitted: bool,
    /// What the account lacks.
    #[serde(default, deserialize_with = "requirements")]
    pub requirements: Requirements,
    /// What it asked for.
    #[serde(default, deserialize_with = "capabilities")]
    pub capabilities: Capabilities,
    /// `standard`, `express`, `custom`, `none`.
    #[serde(default, rename = "type", deserialize_with = "field::text")]
    pub account_type: Option<String>,
    /// Where it is, `DE`.
    #[serde(default, deserialize_with = "field::text")]
    pub country: Option<String>,
    /// In what it is paid out by default.
    #[serde(default, deserialize_with = "field::text")]
    pub default_currency: Option<String>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, deserialize_with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When it was made; Stripe does not show it of every account.
    #[serde(default, deserialize_with = "field::time")]
    pub created: Option<Timestamp>,
}

impl Seen {
    /// Whether the account alone does not say why something does not work.
    #[must_use]
    pub fn lacks_reasons(&self) -> bool {
        let Capabilities { card_payments, transfers } = &self.capabilities;
        let all = [card_payments, transfers].into_iter().flatten();
        all.into_iter().any(|capability| capability.status != CapabilityStatus::Active)
    }

    /// Adds what each capability lacks. Its status stays that of the account: the two answers are a
    /// moment apart, and what changed between them has an event of its own.
    pub fn add_reasons(&mut self, all: Vec<ListedCapability>) {
        for ListedCapability { id, requirements } in all {
            let slot = match id.as_str() {
                "card_payments" => &mut self.capabilities.card_payments,
                "transfers" => &mut self.capabilities.transfers,
                _ => continue,
            };
            if let Some(capability) = slot {
                capability.requirements = requirements;
            }
        }
    }
}

/// What we know of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// It was looked at.
    Seen(Box<Seen>),
    /// It cannot be looked at any more.
    Deauthorized {
        /// What the rules knew before.
        last: Known,
    },
}

/// What the rules compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// As last seen.
    pub charges_enabled: bool,
    /// As last seen.
    pub payouts_enabled: bool,
    /// What was due, of it or its capabilities, in time or not; sorted.
    pub due: Vec<String>,
}

/// What the rules need to know of the row as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The status in the row.
    pub status: StatusWord<Status>,
    /// The rest.
    pub known: Known,
}

impl<'de> Deserialize<'de> for Observed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::Seen(Box::new(Seen::deserialize(from)?)))
    }
}

impl Observed {
    /// What remains of an account that took our access back.
    #[must_use]
    pub fn deauthorized(recorded: Option<&Recorded>) -> Self {
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
    pub fn known(&self) -> Known {
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
                Known {
                    charges_enabled: seen.charges_enabled,
                    payouts_enabled: seen.payouts_enabled,
                    due,
                }
            }
        }
    }
}

/// Judges where it stands against where it stood.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::judge(recorded.map(|r| &r.status), &observed.standing().status.into())
}

/// The state facts that this step makes true. That something does not work at first sight is no
/// change, and that access was taken changes nothing at the account.
#[must_use]
pub fn notifications(recorded: Option<&Recorded>, observed: &Observed) -> Vec<Notification> {
    let before = recorded.map(|r| r.known.clone()).unwrap_or_default();
    let now = observed.known();
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

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "account_json_tests.rs"]
mod json_tests;
