//! Money on its way to a bank account (docs.stripe.com, "Payouts", "The Payout object").

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::Snapshot;
use crate::store::Tx;

/// A change of a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutStep {
    /// It is handed to the bank.
    Sent,
    /// The bank has it.
    Paid,
    /// The bank sends it back, which it can do after it was paid.
    Failed,
    /// It is called off before the bank has it.
    Canceled,
}

const DAY: i64 = 24 * 3600;

impl Tx<'_> {
    pub(crate) fn payout(&self, id: &str) -> Result<Value, ApiError> {
        let found = self.objects.payouts.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("payout", id, "payout"))
    }

    pub(crate) fn create_payout(&mut self, amount: i64, currency: &str) -> String {
        let id = self.ids.mint("po");
        let payout = json!({
            "id": id,
            "object": "payout",
            "amount": amount,
            "application_fee": null,
            "application_fee_amount": null,
            "arrival_date": self.now + 2 * DAY,
            "automatic": true,
            "balance_transaction": self.ids.mint("txn"),
            "created": self.now,
            "currency": currency,
            "description": "STRIPE PAYOUT",
            "destination": self.ids.mint("ba"),
            "failure_balance_transaction": null,
            "failure_code": null,
            "failure_message": null,
            "livemode": self.scope.livemode,
            "metadata": {},
            "method": "standard",
            "original_payout": null,
            "payout_method": null,
            "reconciliation_status": "in_progress",
            "reversed_by": null,
            "source_type": "card",
            "statement_descriptor": null,
            "status": "pending",
            "trace_id": null,
            "type": "bank_account",
        });
        self.save_payout(&payout, "payout.created", None);
        id
    }

    pub(crate) fn move_payout(&mut self, id: &str, step: PayoutStep) -> Result<(), ApiError> {
        let mut payout = self.payout(id)?;
        let before = payout["status"].clone();
        let (from, status, event): (&[&str], _, _) = match step {
            PayoutStep::Sent => (&["pending"], "in_transit", "payout.updated"),
            PayoutStep::Paid => (&["pending", "in_transit"], "paid", "payout.paid"),
            PayoutStep::Failed => (&["pending", "in_transit", "paid"], "failed", "payout.failed"),
            PayoutStep::Canceled => (&["pending"], "canceled", "payout.canceled"),
        };
        if !before.as_str().is_some_and(|status| from.contains(&status)) {
            return Err(ApiError::invalid(format!("Payout {id} is {before}.")));
        }
        payout["status"] = json!(status);
        if step == PayoutStep::Failed {
            payout["failure_code"] = json!("account_closed");
            payout["failure_message"] = json!("The bank account has been closed.");
            payout["failure_balance_transaction"] = json!(self.ids.mint("txn"));
        }
        self.save_payout(&payout, event, Some(json!({ "status": before })));
        Ok(())
    }

    pub(crate) fn save_payout(&mut self, payout: &Value, kind: &str, previous: Option<Value>) {
        let id = payout["id"].as_str().unwrap_or_default();
        self.objects.payouts.put(id, payout.clone());
        self.emit(kind, Snapshot::Other(payout.clone()), previous);
    }
}
