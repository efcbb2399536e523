//! `app.connected_accounts`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::account::{
    Capabilities, Capability, Known, Observed, Recorded, Requirements, Seen,
};
use quittance_domain::account_status::AccountStanding;
use quittance_domain::transition::Status as _;

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let AccountStanding {
        status,
        can_charge,
        can_receive_payouts,
        can_receive_payments,
        why_not,
        why_no_payments,
        deadline,
    } = observed.standing();
    let mut row = json!({
        "status": status.as_str(),
        "can_charge": can_charge,
        "can_receive_payouts": can_receive_payouts,
        "can_receive_payments": can_receive_payments,
        "why_not": why_not,
        "why_no_payments": why_no_payments,
        "deadline": deadline,
    });
    let Observed::Seen(seen) = observed else { return row };
    let Seen {
        charges_enabled,
        payouts_enabled,
        details_submitted,
        requirements: Requirements { currently_due, past_due, disabled_reason, current_deadline },
        capabilities: Capabilities { card_payments, transfers },
        account_type,
        country,
        default_currency,
        metadata,
        created,
    } = &**seen;
    let facts = json!({
        "charges_enabled": charges_enabled,
        "payouts_enabled": payouts_enabled,
        "details_submitted": details_submitted,
        "currently_due": currently_due,
        "past_due": past_due,
        "disabled_reason": disabled_reason,
        "current_deadline": current_deadline,
        "card_payments": word(card_payments.as_ref()),
        "transfers": word(transfers.as_ref()),
        "account_type": account_type,
        "country": country,
        "default_currency": default_currency,
        "metadata": super::metadata(metadata),
        "created": created,
    });
    if let (Value::Object(row), Value::Object(facts)) = (&mut row, facts) {
        row.extend(facts);
    }
    row
}

fn word(capability: Option<&Capability>) -> Option<&str> {
    capability.map(|capability| capability.status.as_str())
}

pub(super) fn facts(observed: &Observed) -> Value {
    let standing = observed.standing();
    json!({
        "can_charge": standing.can_charge,
        "can_receive_payouts": standing.can_receive_payouts,
        "can_receive_payments": standing.can_receive_payments,
        "why_not": standing.why_not,
        "deadline": standing.deadline,
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    let Known { charges_enabled, payouts_enabled, due } = observed.known();
    json!({
        "status": observed.standing().status.as_str(),
        "charges_enabled": charges_enabled,
        "payouts_enabled": payouts_enabled,
        "due": due,
    })
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    let known = Known {
        charges_enabled: stored.flag("charges_enabled")?,
        payouts_enabled: stored.flag("payouts_enabled")?,
        due: stored.texts("due")?,
    };
    Ok(Recorded { status: stored.status()?, known })
}
