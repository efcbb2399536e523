//! The rule of destinations: money goes only to an account that can receive it.

use crate::command::{RuleBreach, RuleCode};
use crate::event::Timestamp;

const FIELD: &str = "transfer_data.destination";

/// A connected account, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDestination {
    /// Whether a destination charge to it works to its end.
    pub can_receive_payments: bool,
    /// What stands in the way.
    pub why_not: Option<String>,
    /// Until when Stripe wants what is due, as a date.
    pub deadline: Option<String>,
    /// What Stripe wants, as Stripe names it.
    pub due: Vec<String>,
    /// When Stripe was asked, by its own clock.
    pub observed_at: Timestamp,
}

/// Result of a check of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationCheck {
    /// What is known is fresh enough, and says yes.
    Payable,
    /// Nothing is known, or it is too old: ask Stripe, then judge again.
    Ask,
    /// No.
    Breach(RuleBreach),
}

/// Judges a destination by what is known of it. `now` is the present, and `fresh` how old the knowledge may
/// be, both in seconds.
#[must_use]
pub fn check(known: Option<&KnownDestination>, now: Timestamp, fresh: i64) -> DestinationCheck {
    let Some(known) = known else { return DestinationCheck::Ask };
    if now.saturating_sub(known.observed_at) > fresh {
        return DestinationCheck::Ask;
    }
    if known.can_receive_payments {
        return DestinationCheck::Payable;
    }
    let why = known.why_not.as_deref().unwrap_or("Stripe does not say why");
    let due = if known.due.is_empty() { "it".to_owned() } else { known.due.join(", ") };
    let wants = match &known.deadline {
        Some(until) => format!(" Stripe wants {due} by {until}."),
        None if known.due.is_empty() => String::new(),
        None => format!(" Stripe wants {due}, and names no date."),
    };
    let detail =
        format!("cannot receive payments: {why}.{wants} `quittance accounts check` says more.");
    DestinationCheck::Breach(RuleBreach::new(RuleCode::DestinationNotPayable, FIELD, detail))
}

/// The refusal of an account that Stripe does not have, or that is not ours.
#[must_use]
pub fn not_there() -> RuleBreach {
    let detail = "is no account that is connected to yours.";
    RuleBreach::new(RuleCode::DestinationNotPayable, FIELD, detail)
}

/// The refusal of an account that the token may not pay.
#[must_use]
pub fn not_permitted() -> RuleBreach {
    let detail = "is not among the destinations that this token may pay.";
    RuleBreach::new(RuleCode::DestinationNotPayable, FIELD, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(can_receive_payments: bool, observed_at: Timestamp) -> KnownDestination {
        KnownDestination {
            can_receive_payments,
            why_not: Some("payouts are disabled".into()),
            deadline: Some("2026-12-01".into()),
            due: vec!["external_account".into(), "tos_acceptance.date".into()],
            observed_at,
        }
    }

    #[test]
    fn only_fresh_knowledge_decides() {
        let now = 10_000;
        assert_eq!(check(None, now, 3_600), DestinationCheck::Ask);
        assert_eq!(check(Some(&known(true, 6_399)), now, 3_600), DestinationCheck::Ask);
        assert_eq!(check(Some(&known(false, 6_399)), now, 3_600), DestinationCheck::Ask);
        assert_eq!(check(Some(&known(true, 6_400)), now, 3_600), DestinationCheck::Payable);
        // Stripe's clock may be a little ahead.
        assert_eq!(check(Some(&known(true, 10_002)), now, 0), DestinationCheck::Payable);
    }

    #[test]
    fn a_refusal_says_why_and_until_when() {
        let DestinationCheck::Breach(breach) = check(Some(&known(false, 10)), 10, 0) else {
            panic!("it is not payable");
        };
        assert_eq!(breach.code, RuleCode::DestinationNotPayable);
        assert_eq!(breach.field, "transfer_data.destination");
        assert_eq!(
            breach.detail,
            "cannot receive payments: payouts are disabled. Stripe wants external_account, \
             tos_acceptance.date by 2026-12-01. `quittance accounts check` says more."
        );
        let detail = |deadline: Option<&str>, due: &[&str]| {
            let known = KnownDestination {
                deadline: deadline.map(str::to_owned),
                due: due.iter().map(|&one| one.to_owned()).collect(),
                ..known(false, 10)
            };
            match check(Some(&known), 10, 0) {
                DestinationCheck::Breach(breach) => breach.detail,
                DestinationCheck::Payable | DestinationCheck::Ask => String::new(),
            }
        };
        assert!(
            detail(None, &["external_account"]).contains("external_account, and names no date.")
        );
        assert!(
            detail(Some("2026-12-01"), &[]).contains("disabled. Stripe wants it by 2026-12-01.")
        );
        assert!(detail(None, &[]).contains("payouts are disabled. `quittance"));
    }
}
