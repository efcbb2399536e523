//! Payout → [`payout::Observed`](crate::domain::payout::Observed).

use stripe_shared::Payout;

use super::field::{self, Unfit, id_text};
use crate::domain::payout::Observed;

pub(crate) fn observe(it: Payout) -> Result<Observed, Unfit> {
    Ok(Observed {
        status: field::status("payout.status", &it.status)?,
        amount: it.amount,
        currency: field::currency("payout.currency", &it.currency)?,
        arrival_date: it.arrival_date,
        automatic: it.automatic,
        method: it.method,
        destination_type: it.type_.as_str().to_owned(),
        destination: id_text(it.destination.as_ref()).map(str::to_owned),
        balance_transaction: id_text(it.balance_transaction.as_ref()).map(str::to_owned),
        failure_code: it.failure_code,
        failure_message: it.failure_message,
        statement_descriptor: it.statement_descriptor,
        metadata: it.metadata.map(field::metadata).unwrap_or_default(),
        created: it.created,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::payout::Status;
    use crate::stripe_api::decode;

    fn payout(changes: Value) -> Result<Observed, Unfit> {
        let mut it = json!({
            "id": "po_1", "object": "payout", "amount": 1100, "arrival_date": 1_700_100_000,
            "automatic": true, "balance_transaction": "txn_1", "created": 1_700_000_000,
            "currency": "eur", "destination": "ba_1", "livemode": false, "metadata": {},
            "method": "standard", "reconciliation_status": "completed", "source_type": "card",
            "status": "paid", "type": "bank_account",
        });
        for (key, value) in changes.as_object().unwrap() {
            it[key] = value.clone();
        }
        observe(decode::typed(&it, None).unwrap())
    }

    #[test]
    fn a_payout_says_where_it_goes_and_when_it_arrives() {
        let it = payout(json!({})).unwrap();
        assert_eq!(it.status, Status::Paid);
        assert_eq!((it.amount, it.arrival_date), (1100, 1_700_100_000));
        assert_eq!(it.destination.as_deref(), Some("ba_1"));
        assert_eq!(it.destination_type, "bank_account");
        assert_eq!(it.balance_transaction.as_deref(), Some("txn_1"));
    }

    #[test]
    fn a_failed_payout_says_why() {
        let changes = json!({
            "status": "failed", "failure_code": "account_closed",
            "failure_message": "The bank account has been closed.",
        });
        let it = payout(changes).unwrap();
        assert_eq!(it.status, Status::Failed);
        assert_eq!(it.failure_code.as_deref(), Some("account_closed"));
        assert_eq!(it.failure_message.as_deref(), Some("The bank account has been closed."));
    }

    #[test]
    fn a_new_status_is_named_with_its_field() {
        let error = payout(json!({"status": "lost"})).unwrap_err().into_error(None);
        assert_eq!(
            error.to_string(),
            "payout.status is \"lost\": a status that this version does not know"
        );
    }
}
