//! A customer goes to the bank (docs.stripe.com, "How disputes work", "Inquiries").

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::{ChargeStatus, Snapshot};
use crate::store::Tx;

/// The end of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeEnd {
    /// The bank decides for the merchant, and the money comes back.
    Won,
    /// The bank decides for the customer.
    Lost,
    /// An inquiry ends without a dispute.
    WarningClosed,
}

const WEEK: i64 = 7 * 24 * 3600;

impl Tx<'_> {
    pub(crate) fn dispute(&self, id: &str) -> Result<Value, ApiError> {
        let found = self.objects.disputes.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("dispute", id, "dispute"))
    }

    /// Disputes a charge; an inquiry withdraws no money.
    pub(crate) fn open_dispute(&mut self, charge: &str, inquiry: bool) -> Result<String, ApiError> {
        let mut charge = self.charge(charge)?;
        if charge.status != ChargeStatus::Succeeded || !charge.captured || charge.disputed {
            return Err(ApiError::invalid(format!("Charge {} cannot be disputed.", charge.id)));
        }
        let id = self.ids.mint("dp");
        let status = if inquiry { "warning_needs_response" } else { "needs_response" };
        let dispute = json!({
            "id": id,
            "object": "dispute",
            "amount": charge.amount_captured,
            "balance_transactions": [],
            "charge": charge.id,
            "created": self.now,
            "currency": charge.currency,
            "enhanced_eligibility_types": [],
            "evidence": { "customer_email_address": null, "enhanced_evidence": {} },
            "evidence_details": {
                "due_by": self.now + WEEK,
                "enhanced_eligibility": {},
                "has_evidence": false,
                "past_due": false,
                "submission_count": 0,
            },
            "is_charge_refundable": inquiry,
            "livemode": self.scope.livemode,
            "metadata": {},
            "network_reason_code": "10.4",
            "payment_intent": charge.payment_intent,
            "reason": "fraudulent",
            "status": status,
        });
        // The charge says so too, without an event of its own.
        charge.disputed = true;
        self.objects.charges.put(&charge.id, charge.clone());
        self.save_dispute(&dispute, "charge.dispute.created", None);
        if !inquiry {
            self.save_dispute(&dispute, "charge.dispute.funds_withdrawn", None);
        }
        Ok(id)
    }

    /// The merchant hands in evidence.
    pub(crate) fn submit_evidence(&mut self, id: &str) -> Result<(), ApiError> {
        let mut dispute = self.dispute(id)?;
        let before = dispute["status"].clone();
        let next = match before.as_str() {
            Some("needs_response") => "under_review",
            Some("warning_needs_response") => "warning_under_review",
            _ => return Err(ApiError::invalid(format!("Dispute {id} takes no evidence."))),
        };
        dispute["status"] = json!(next);
        dispute["evidence_details"]["has_evidence"] = json!(true);
        dispute["evidence_details"]["submission_count"] = json!(1);
        self.save_dispute(&dispute, "charge.dispute.updated", Some(json!({ "status": before })));
        Ok(())
    }

    /// The bank decides.
    pub(crate) fn close_dispute(&mut self, id: &str, end: DisputeEnd) -> Result<(), ApiError> {
        let mut dispute = self.dispute(id)?;
        let before = dispute["status"].clone();
        let inquiry = before.as_str().is_some_and(|status| status.starts_with("warning_"));
        let over = matches!(before.as_str(), Some("won" | "lost" | "warning_closed" | "prevented"));
        if over || inquiry != (end == DisputeEnd::WarningClosed) {
            return Err(ApiError::invalid(format!("Dispute {id} cannot end like that.")));
        }
        dispute["status"] = json!(match end {
            DisputeEnd::Won => "won",
            DisputeEnd::Lost => "lost",
            DisputeEnd::WarningClosed => "warning_closed",
        });
        self.save_dispute(&dispute, "charge.dispute.closed", Some(json!({ "status": before })));
        if end == DisputeEnd::Won {
            self.save_dispute(&dispute, "charge.dispute.funds_reinstated", None);
        }
        Ok(())
    }

    fn save_dispute(&mut self, dispute: &Value, kind: &str, previous: Option<Value>) {
        let id = dispute["id"].as_str().unwrap_or_default();
        self.objects.disputes.put(id, dispute.clone());
        self.emit(kind, Snapshot::Other(dispute.clone()), previous);
    }
}
