//! The abilities of a connected account, from all that Stripe says about it and its capabilities.
//!
//! No single flag tells: a capability can be active while payouts are off, and charges can be on
//! while the capability that a destination charge needs is not (docs.stripe.com, "Account
//! capabilities", "Handle verification with the API").

use serde::Serialize;

use super::seen::{AccountSeen, Capabilities, Capability, CapabilityStatus, Requirements};
use crate::event::Timestamp;
use crate::status_word::words;
use crate::transition::{StateMachine, StatusWord};

words! {
    /// Where a connected account stands. Stripe has no such word; this one is derived from what it says
    /// about the account and its capabilities together.
    pub enum AccountStatus {
        /// Its details are not complete yet.
        Onboarding = "onboarding",
        /// Something that it asked for is not to be had at present.
        Restricted = "restricted",
        /// All that it asked for works.
        Enabled = "enabled",
        /// Stripe rejected it.
        Rejected = "rejected",
        /// It took our access back; what else the row says is what was last seen.
        Deauthorized = "deauthorized",
    }
}

impl StateMachine for AccountStatus {
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

/// Conclusions from an account and its capabilities together: columns beside those that Stripe shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountStanding {
    /// In one word.
    pub status: StatusWord<AccountStatus>,
    /// Charges in the account's own name: direct ones, and those `on_behalf_of` it.
    pub can_charge: bool,
    /// Money that reaches it comes out again at its bank.
    pub can_receive_payouts: bool,
    /// A destination charge to it works to its end: what a platform asks before it makes one.
    pub can_receive_payments: bool,
    /// What stands in the way of any of the first two.
    pub why_not: Option<String>,
    /// What stands in the way of the third.
    pub why_no_payments: Option<String>,
    /// The next time at which something stops working unless something is handed in.
    pub deadline: Option<Timestamp>,
}

impl AccountStanding {
    /// Of an account that was looked at.
    #[must_use]
    pub fn of(seen: &AccountSeen) -> Self {
        let Capabilities { card_payments, transfers } = &seen.capabilities;
        let (cards, transfers) = (card_payments.as_ref(), transfers.as_ref());
        let can_charge = seen.charges_enabled && is_active(cards);
        let can_receive_payouts = seen.payouts_enabled && is_active(transfers);
        let can_receive_payments = seen.charges_enabled && can_receive_payouts;

        let disabled = disabled(seen);
        let charges = (!seen.charges_enabled).then(|| "charges are disabled".to_owned());
        let payouts = (!seen.payouts_enabled).then(|| "payouts are disabled".to_owned());
        let no_cards = lack("card_payments", cards);
        let no_transfers = lack("transfers", transfers);
        let payments = [&disabled, &charges, &payouts, &no_transfers];
        let all = [&disabled, &charges, &payouts, &no_cards, &no_transfers];

        Self {
            status: status(seen).into(),
            can_charge,
            can_receive_payouts,
            can_receive_payments,
            why_not: (!(can_charge && can_receive_payouts)).then(|| reasons(&all)),
            why_no_payments: (!can_receive_payments).then(|| reasons(&payments)),
            deadline: [Some(&seen.requirements), needs(cards), needs(transfers)]
                .into_iter()
                .flatten()
                .filter_map(|requirements| requirements.current_deadline)
                .min(),
        }
    }

    /// Of an account that took our access back.
    #[must_use]
    pub fn deauthorized() -> Self {
        let why = || Some("deauthorized: the account took our access back".to_owned());
        Self {
            status: AccountStatus::Deauthorized.into(),
            can_charge: false,
            can_receive_payouts: false,
            can_receive_payments: false,
            why_not: why(),
            why_no_payments: why(),
            deadline: None,
        }
    }
}

fn status(seen: &AccountSeen) -> AccountStatus {
    let reason = seen.requirements.disabled_reason.as_deref();
    let Capabilities { card_payments, transfers } = &seen.capabilities;
    let asked = [card_payments.as_ref(), transfers.as_ref()];
    let works = asked.iter().flatten().all(|c| c.status == CapabilityStatus::Active)
        && asked.iter().any(Option::is_some)
        && seen.charges_enabled
        && seen.payouts_enabled;
    if reason.is_some_and(|reason| reason.starts_with("rejected.")) {
        AccountStatus::Rejected
    } else if works {
        AccountStatus::Enabled
    } else if seen.details_submitted {
        AccountStatus::Restricted
    } else {
        AccountStatus::Onboarding
    }
}

fn is_active(capability: Option<&Capability>) -> bool {
    capability.is_some_and(|capability| capability.status == CapabilityStatus::Active)
}

fn needs(capability: Option<&Capability>) -> Option<&Requirements> {
    capability.map(|capability| &capability.requirements)
}

/// The account's own reason, with what would mend it.
fn disabled(seen: &AccountSeen) -> Option<String> {
    let reason = seen.requirements.disabled_reason.as_ref()?;
    Some(with_fields(reason.clone(), &seen.requirements.past_due))
}

fn lack(name: &str, capability: Option<&Capability>) -> Option<String> {
    let Some(Capability { status, requirements }) = capability else {
        return Some(format!("{name} was not requested"));
    };
    if *status == CapabilityStatus::Active {
        return None;
    }
    let mut text = format!("{name} is {}", status.as_str());
    if let Some(reason) = &requirements.disabled_reason {
        text += &format!(" ({reason})");
    }
    let fields = if requirements.past_due.is_empty() {
        &requirements.currently_due
    } else {
        &requirements.past_due
    };
    Some(with_fields(text, fields))
}

fn with_fields(text: String, fields: &[String]) -> String {
    if fields.is_empty() { text } else { format!("{text}: {}", fields.join(", ")) }
}

fn reasons(all: &[&Option<String>]) -> String {
    let all: Vec<&str> = all.iter().filter_map(|reason| reason.as_deref()).collect();
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn working() -> AccountSeen {
        let active = || {
            let requirements = Requirements::default();
            Some(Capability { status: CapabilityStatus::Active.into(), requirements })
        };
        AccountSeen {
            charges_enabled: true,
            payouts_enabled: true,
            details_submitted: true,
            requirements: Requirements::default(),
            capabilities: Capabilities { card_payments: active(), transfers: active() },
            account_type: None,
            country: None,
            default_currency: None,
            metadata: vec![],
            created: None,
        }
    }

    fn inactive(reason: &str, due: &[&str], deadline: Option<Timestamp>) -> Option<Capability> {
        Some(Capability {
            status: CapabilityStatus::Inactive.into(),
            requirements: Requirements {
                currently_due: due.iter().map(|&field| field.to_owned()).collect(),
                disabled_reason: Some(reason.to_owned()),
                current_deadline: deadline,
                ..Requirements::default()
            },
        })
    }

    fn with(change: impl FnOnce(&mut Capabilities)) -> AccountSeen {
        let mut seen = working();
        change(&mut seen.capabilities);
        seen
    }

    #[test]
    fn a_capability_with_a_status_of_tomorrow_does_not_work_and_is_quoted() {
        let asleep = Capability {
            status: StatusWord::Unknown("asleep".into()),
            requirements: Requirements::default(),
        };
        let it = AccountStanding::of(&with(|all| all.transfers = Some(asleep)));
        assert!(it.status == AccountStatus::Restricted && !it.can_receive_payments);
        assert_eq!(it.why_not.as_deref(), Some("transfers is asleep"));
    }

    #[test]
    fn where_all_works_nothing_stands_in_the_way() {
        let it = AccountStanding::of(&working());
        assert!(it.can_charge && it.can_receive_payouts && it.can_receive_payments);
        assert_eq!((it.why_not, it.why_no_payments, it.deadline), (None, None, None));
        assert!(it.status == AccountStatus::Enabled);
    }

    #[test]
    fn an_active_capability_does_not_help_while_payouts_are_off() {
        let mut seen = AccountSeen { payouts_enabled: false, ..working() };
        seen.requirements.disabled_reason = Some("requirements.past_due".into());
        seen.requirements.past_due = vec!["external_account".into()];
        let it = AccountStanding::of(&seen);
        assert!(it.can_charge && !it.can_receive_payouts && !it.can_receive_payments);
        let why = "requirements.past_due: external_account; payouts are disabled";
        assert_eq!(it.why_no_payments.as_deref(), Some(why));
        assert!(it.status == AccountStatus::Restricted);
    }

    #[test]
    fn enabled_payouts_do_not_help_while_transfers_are_inactive() {
        let transfers = inactive("requirements.fields_needed", &["company.tax_id"], Some(9));
        let it = AccountStanding::of(&with(|all| all.transfers = transfers));
        assert!(it.can_charge && !it.can_receive_payouts && !it.can_receive_payments);
        let why = "transfers is inactive (requirements.fields_needed): company.tax_id";
        assert_eq!(it.why_not.as_deref(), Some(why));
        assert_eq!(it.deadline, Some(9));
    }

    #[test]
    fn an_account_that_only_receives_needs_no_card_payments_for_that() {
        let it = AccountStanding::of(&with(|all| all.card_payments = None));
        assert!(!it.can_charge && it.can_receive_payouts && it.can_receive_payments);
        assert_eq!(it.why_not.as_deref(), Some("card_payments was not requested"));
        assert_eq!(it.why_no_payments, None);
        assert!(it.status == AccountStatus::Enabled, "all that it asked for works");
    }

    #[test]
    fn the_deadline_is_the_first_of_the_account_and_its_capabilities() {
        let mut seen = with(|all| all.card_payments = inactive("other", &[], Some(20)));
        seen.requirements.current_deadline = Some(30);
        assert_eq!(AccountStanding::of(&seen).deadline, Some(20));
        seen.requirements.current_deadline = Some(10);
        assert_eq!(AccountStanding::of(&seen).deadline, Some(10));
    }

    #[test]
    fn a_new_account_is_onboarding_and_a_rejected_one_is_rejected() {
        let mut seen =
            AccountSeen { details_submitted: false, charges_enabled: false, ..working() };
        assert!(AccountStanding::of(&seen).status == AccountStatus::Onboarding);
        seen.requirements.disabled_reason = Some("rejected.fraud".into());
        assert!(AccountStanding::of(&seen).status == AccountStatus::Rejected);
        assert!(!AccountStanding::of(&seen).can_receive_payments);
    }

    #[test]
    fn nothing_is_allowed_in_an_account_that_is_closed_to_us() {
        let it = AccountStanding::deauthorized();
        assert!(!it.can_charge && !it.can_receive_payouts && !it.can_receive_payments);
        assert!(it.why_not.is_some() && it.why_no_payments.is_some());
    }
}
