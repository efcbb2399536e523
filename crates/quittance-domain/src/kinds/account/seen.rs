//! A connected account and its capabilities, as Stripe shows them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::Timestamp;
use crate::field;
use crate::status_word::words;
use crate::transition::StatusWord;

words! {
    /// Stripe's `status` of a capability (docs.stripe.com, "The Account object", `capabilities`).
    pub enum CapabilityStatus {
        /// It works.
        Active = "active",
        /// Stripe looks at it.
        Pending = "pending",
        /// It does not.
        Inactive = "inactive",
    }
}

/// Requirements of an account or of a capability.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
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

impl Serialize for Capability {
    /// Its column holds its status alone.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.status.serialize(to)
    }
}

/// The capabilities that decide what an account can do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct AccountSeen {
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
    #[serde(default, rename(deserialize = "type"), deserialize_with = "field::text")]
    pub account_type: Option<String>,
    /// Where it is, `DE`.
    #[serde(default, deserialize_with = "field::text")]
    pub country: Option<String>,
    /// In what it is paid out by default.
    #[serde(default, deserialize_with = "field::text")]
    pub default_currency: Option<String>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When it was made; Stripe does not show it of every account.
    #[serde(default, rename(serialize = "stripe_created"), deserialize_with = "field::time")]
    pub created: Option<Timestamp>,
}

impl AccountSeen {
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
