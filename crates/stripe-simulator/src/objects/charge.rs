//! Charge (docs.stripe.com, "The Charge object").

use serde_json::{Value, json};

use super::metadata::Metadata;
use super::payment_method::billing_details;
use super::refund::Refund;
use super::rendering::{is_before_2022_11_15, merge};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChargeStatus {
    Pending,
    Succeeded,
    Failed,
}

impl ChargeStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) amount_captured: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) application_fee: Option<String>,
    pub(crate) application_fee_amount: Option<i64>,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) captured: bool,
    pub(crate) created: i64,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) disputed: bool,
    pub(crate) failure_code: Option<String>,
    pub(crate) failure_message: Option<String>,
    /// The bank's word, which Stripe shows in `outcome.reason`.
    pub(crate) decline_reason: Option<String>,
    pub(crate) livemode: bool,
    pub(crate) metadata: Metadata,
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) payment_intent: String,
    pub(crate) payment_method: String,
    pub(crate) payment_method_details: Value,
    pub(crate) receipt_email: Option<String>,
    /// Newest first.
    pub(crate) refunds: Vec<String>,
    pub(crate) status: ChargeStatus,
    pub(crate) transfer: Option<String>,
    pub(crate) transfer_destination: Option<String>,
    pub(crate) transfer_group: Option<String>,
}

impl Charge {
    /// What can still be given back.
    pub(crate) fn unrefunded(&self) -> i64 {
        self.amount - self.amount_refunded
    }

    fn fully_refunded(&self) -> bool {
        self.amount_refunded > 0 && self.unrefunded() == 0
    }

    /// The object as one version of the API shows it; older ones carry its refunds.
    pub(crate) fn render(&self, version: &str, refunds: &[&Refund]) -> Value {
        let mut value = json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.amount_captured,
            "amount_refunded": self.amount_refunded,
            "application": null,
            "application_fee": self.application_fee,
            "application_fee_amount": self.application_fee_amount,
            "balance_transaction": self.balance_transaction,
            "billing_details": billing_details(),
            "calculated_statement_descriptor": "SIMULATOR",
            "captured": self.captured,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "disputed": self.disputed,
            "failure_balance_transaction": null,
            "failure_code": self.failure_code,
            "failure_message": self.failure_message,
            "fraud_details": {},
            "livemode": self.livemode,
        });
        let rest = json!({
            "metadata": self.metadata,
            "on_behalf_of": self.on_behalf_of,
            "outcome": self.outcome(),
            "paid": self.status == ChargeStatus::Succeeded,
            "payment_intent": self.payment_intent,
            "payment_method": self.payment_method,
            "payment_method_details": self.payment_method_details,
            "presentment_details": null,
            "receipt_email": self.receipt_email,
            "receipt_number": null,
            "receipt_url": self.balance_transaction.as_ref()
                .map(|_| format!("https://pay.stripe.com/receipts/payment/{}", self.id)),
            "refunded": self.fully_refunded(),
            "review": null,
            "shipping": null,
            "source": null,
            "source_transfer": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": self.status.as_str(),
            "transfer_data": self.transfer_destination.as_ref()
                .map(|destination| json!({ "amount": null, "destination": destination })),
            "transfer_group": self.transfer_group,
        });
        merge(&mut value, rest);
        if let Some(transfer) = &self.transfer {
            value["transfer"] = json!(transfer);
        }
        if is_before_2022_11_15(version) {
            value["refunds"] = json!({
                "object": "list",
                "data": refunds.iter().map(|refund| refund.render()).collect::<Vec<_>>(),
                "has_more": false,
                "total_count": refunds.len(),
                "url": format!("/v1/charges/{}/refunds", self.id),
            });
        }
        value
    }

    fn outcome(&self) -> Value {
        let (network, reason, seller_message, kind) = match self.status {
            ChargeStatus::Pending => return Value::Null,
            ChargeStatus::Succeeded => {
                ("approved_by_network", None, "Payment complete.", "authorized")
            }
            ChargeStatus::Failed => (
                "declined_by_network",
                self.decline_reason.as_deref(),
                "The bank did not return any further details with this decline.",
                "issuer_declined",
            ),
        };
        json!({
            "advice_code": null,
            "network_advice_code": null,
            "network_decline_code": null,
            "network_status": network,
            "reason": reason,
            "risk_level": "normal",
            "risk_score": 32,
            "seller_message": seller_message,
            "type": kind,
        })
    }
}
