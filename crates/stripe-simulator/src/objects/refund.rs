//! Refund (docs.stripe.com, "The Refund object", "Failed refunds").

use serde_json::{Value, json};

use super::metadata::Metadata;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
}

impl RefundStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) charge: String,
    pub(crate) created: i64,
    pub(crate) currency: String,
    pub(crate) failure_balance_transaction: Option<String>,
    pub(crate) failure_reason: Option<String>,
    pub(crate) instructions_email: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) payment_intent: String,
    pub(crate) reason: Option<String>,
    pub(crate) status: RefundStatus,
    pub(crate) transfer_reversal: Option<String>,
}

impl Refund {
    pub(crate) fn render(&self) -> Value {
        let mut value = json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "destination_details": {
                "card": {
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "metadata": self.metadata,
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": self.status.as_str(),
            "transfer_reversal": self.transfer_reversal,
        });
        // Stripe shows these only where they say something.
        if let Some(transaction) = &self.failure_balance_transaction {
            value["failure_balance_transaction"] = json!(transaction);
        }
        if let Some(reason) = &self.failure_reason {
            value["failure_reason"] = json!(reason);
        }
        if self.status == RefundStatus::RequiresAction {
            let email = self.instructions_email.as_deref().unwrap_or("jenny.rosén@example.com");
            value["next_action"] = json!({
                "type": "display_details",
                "display_details": {
                    "email_sent": { "email_sent_at": self.created, "email_sent_to": email },
                    "expires_at": self.created + 45 * 24 * 3600,
                },
            });
            value["instructions_email"] = json!(email);
        }
        if self.status == RefundStatus::Pending {
            value["pending_reason"] = json!("processing");
        }
        value
    }
}
