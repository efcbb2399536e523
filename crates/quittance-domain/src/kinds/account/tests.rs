use super::*;
use crate::transition::{Move, matrix};

fn seen(charges: bool, payouts: bool, due: &[&str]) -> AccountObserved {
    let active = || {
        let requirements = Requirements::default();
        Some(Capability { status: CapabilityStatus::Active.into(), requirements })
    };
    AccountObserved::Seen(Box::new(AccountSeen {
        charges_enabled: charges,
        payouts_enabled: payouts,
        details_submitted: true,
        requirements: Requirements {
            currently_due: due.iter().map(|&field| field.to_owned()).collect(),
            ..Requirements::default()
        },
        capabilities: Capabilities { card_payments: active(), transfers: active() },
        account_type: None,
        country: None,
        default_currency: None,
        metadata: vec![],
        created: None,
    }))
}

fn recorded(observed: &AccountObserved) -> AccountRecorded {
    observed.recorded()
}

fn told(before: Option<&AccountObserved>, now: &AccountObserved) -> Vec<Topic> {
    let recorded = before.map(recorded);
    now.notifications(recorded.as_ref()).into_iter().map(|n| n.topic).collect()
}

#[test]
fn the_state_machine_is_the_reviewed_one() {
    insta::assert_snapshot!(matrix::<AccountStatus>());
}

#[test]
fn what_is_turned_on_or_off_is_told_once() {
    let (off, on) = (seen(false, false, &[]), seen(true, true, &[]));
    let enabled = [Topic::AccountChargesEnabled, Topic::AccountPayoutsEnabled];
    assert_eq!(told(Some(&off), &on), enabled);
    assert_eq!(told(None, &on), enabled, "also at first sight");
    assert_eq!(told(Some(&on), &on), []);
    assert_eq!(told(Some(&on), &seen(true, false, &[])), [Topic::AccountPayoutsDisabled]);
    assert_eq!(told(Some(&on), &seen(false, true, &[])), [Topic::AccountChargesDisabled]);
    assert_eq!(told(None, &off), [], "what never worked was not turned off");
}

#[test]
fn that_something_is_due_is_told_when_more_is_due_than_before() {
    let (one, two) = (seen(true, true, &["a"]), seen(true, true, &["a", "b"]));
    let none = seen(true, true, &[]);
    assert_eq!(told(Some(&none), &one), [Topic::AccountRequirementsDue]);
    assert_eq!(told(Some(&one), &two), [Topic::AccountRequirementsDue]);
    assert_eq!(told(Some(&two), &one), []);
    assert_eq!(told(Some(&one), &none), []);
}

#[test]
fn losing_access_changes_where_it_stands_and_nothing_at_the_account() {
    let before = recorded(&seen(true, true, &["a"]));
    let now = AccountObserved::deauthorized(Some(&before));
    assert_eq!(now.transition(Some(&before)).kind, Move::Expected);
    assert_eq!(now.notifications(Some(&before)), []);
    // Given again, it is compared with what was last seen.
    assert_eq!(told(Some(&now), &seen(true, true, &["a"])), []);
    assert_eq!(told(Some(&now), &seen(true, false, &["a"])), [Topic::AccountPayoutsDisabled]);
}
