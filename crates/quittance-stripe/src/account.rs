//! Account and capabilities → [`account::Observed`](crate::domain::account::Observed).

use std::borrow::Borrow;

use stripe_shared::{Account, AccountCapabilitiesStatus};

use super::field::{self, Unfit};
use crate::domain::account::{Capability, CapabilityStatus, Requirements, Seen};

const CARD_PAYMENTS: &str = "card_payments";
const TRANSFERS: &str = "transfers";

pub(crate) fn observe(it: Account) -> Result<Seen, Unfit> {
    let requirements = it.requirements.map(|r| Requirements {
        currently_due: r.currently_due.unwrap_or_default(),
        past_due: r.past_due.unwrap_or_default(),
        disabled_reason: r.disabled_reason.map(|reason| reason.as_str().to_owned()),
        current_deadline: r.current_deadline,
    });
    let (cards, transfers) =
        it.capabilities.map(|c| (c.card_payments, c.transfers)).unwrap_or_default();
    Ok(Seen {
        // Both are absent only where nothing was asked for yet.
        charges_enabled: it.charges_enabled.unwrap_or(false),
        payouts_enabled: it.payouts_enabled.unwrap_or(false),
        details_submitted: it.details_submitted.unwrap_or(false),
        requirements: requirements.unwrap_or_default(),
        card_payments: capability("account.capabilities.card_payments", cards.as_ref())?,
        transfers: capability("account.capabilities.transfers", transfers.as_ref())?,
        account_type: it.type_.map(|type_| type_.as_str().to_owned()),
        country: it.country,
        default_currency: it.default_currency.map(|currency| currency.to_string()),
        metadata: it.metadata.map(field::metadata).unwrap_or_default(),
        created: it.created,
    })
}

fn capability(
    name: &'static str,
    status: Option<&AccountCapabilitiesStatus>,
) -> Result<Option<Capability>, Unfit> {
    let Some(status) = status else { return Ok(None) };
    let status = match status.as_str() {
        "active" => CapabilityStatus::Active,
        "pending" => CapabilityStatus::Pending,
        "inactive" => CapabilityStatus::Inactive,
        other => return Err(field::unknown_status(name, other)),
    };
    Ok(Some(Capability { status, requirements: Requirements::default() }))
}

/// Whether the account alone does not say why something does not work.
pub(crate) fn lacks_reasons(seen: &Seen) -> bool {
    [&seen.card_payments, &seen.transfers]
        .into_iter()
        .flatten()
        .any(|capability| capability.status != CapabilityStatus::Active)
}

/// Adds what each capability lacks. Its status stays that of the account: the two answers are a
/// moment apart, and what changed between them has an event of its own.
pub(crate) fn add_reasons<C: Borrow<stripe_shared::Capability>>(seen: &mut Seen, all: &[C]) {
    for it in all {
        let it: &stripe_shared::Capability = it.borrow();
        let slot = match it.id.as_str() {
            CARD_PAYMENTS => &mut seen.card_payments,
            TRANSFERS => &mut seen.transfers,
            _ => continue,
        };
        if let (Some(capability), Some(requirements)) = (slot.as_mut(), &it.requirements) {
            let reason = requirements.disabled_reason.as_ref();
            capability.requirements = Requirements {
                currently_due: requirements.currently_due.clone(),
                past_due: requirements.past_due.clone(),
                disabled_reason: reason.map(|reason| reason.as_str().to_owned()),
                current_deadline: requirements.current_deadline,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::stripe_api::decode;

    fn account(changes: Value) -> Result<Seen, Unfit> {
        let mut it = json!({
            "id": "acct_1", "object": "account", "charges_enabled": true, "payouts_enabled": false,
            "details_submitted": true, "country": "DE", "default_currency": "eur",
            "created": 1_700_000_000, "type": "express", "metadata": {"shop": "7"},
            "capabilities": {"card_payments": "active", "transfers": "inactive"},
            "requirements": {
                "currently_due": ["external_account"], "past_due": ["external_account"],
                "disabled_reason": "requirements.past_due", "current_deadline": 1_700_100_000,
            },
        });
        for (key, value) in changes.as_object().unwrap() {
            it[key] = value.clone();
        }
        observe(decode::typed(&it, None).unwrap())
    }

    #[test]
    fn an_account_says_what_works_and_what_is_due() {
        let it = account(json!({})).unwrap();
        assert!(it.charges_enabled && !it.payouts_enabled && it.details_submitted);
        assert_eq!(it.requirements.past_due, ["external_account"]);
        assert_eq!(it.requirements.disabled_reason.as_deref(), Some("requirements.past_due"));
        assert_eq!(it.requirements.current_deadline, Some(1_700_100_000));
        assert_eq!(it.card_payments.as_ref().unwrap().status, CapabilityStatus::Active);
        assert_eq!(it.account_type.as_deref(), Some("express"));
        assert!(lacks_reasons(&it));
    }

    #[test]
    fn a_capability_says_what_it_lacks() {
        let mut it = account(json!({})).unwrap();
        let transfers: stripe_shared::Capability = decode::typed(
            &json!({
                "id": "transfers", "object": "capability", "account": "acct_1", "requested": true,
                "status": "inactive", "requirements": {
                    "currently_due": ["company.tax_id"], "past_due": [], "errors": [],
                    "eventually_due": [], "pending_verification": [],
                    "disabled_reason": "requirements.fields_needed", "current_deadline": 9,
                },
            }),
            None,
        )
        .unwrap();
        add_reasons(&mut it, &[transfers]);
        let needed = it.transfers.unwrap().requirements;
        assert_eq!(needed.currently_due, ["company.tax_id"]);
        assert_eq!(needed.disabled_reason.as_deref(), Some("requirements.fields_needed"));
        assert_eq!(needed.current_deadline, Some(9));
    }

    #[test]
    fn what_was_not_asked_for_is_not_there() {
        let it = account(json!({"capabilities": {"transfers": "active"}})).unwrap();
        assert_eq!(it.card_payments, None);
        assert!(!lacks_reasons(&it));
        assert_eq!(account(json!({"capabilities": null})).unwrap().transfers, None);
    }

    #[test]
    fn a_new_status_of_a_capability_is_named_with_its_field() {
        let it = account(json!({"capabilities": {"transfers": "asleep"}}));
        assert_eq!(
            it.unwrap_err().into_error(None).to_string(),
            "account.capabilities.transfers is \"asleep\": a status that this version does not know"
        );
    }
}
