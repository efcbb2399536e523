//! Giving money back, and what can become of it.

use serde_json::json;

use crate::error::ApiError;
use crate::objects::{Charge, ChargeStatus, Metadata, Refund, RefundStart, RefundStatus};
use crate::store::Tx;

/// `POST /v1/refunds`; of `charge` and `payment_intent` one is needed.
#[derive(Debug, Clone, Default)]
pub struct NewRefund {
    /// The charge to give back.
    pub charge: Option<String>,
    /// The payment to give back.
    pub payment_intent: Option<String>,
    /// None: all that is left.
    pub amount: Option<i64>,
    /// `duplicate`, `fraudulent`, `requested_by_customer`
    pub reason: Option<String>,
    /// The team's own keys and values.
    pub metadata: Metadata,
    /// Destination charges: whether the transfer is taken back too.
    pub reverse_transfer: bool,
    /// Destination charges: whether the platform's fee is given back too.
    pub refund_application_fee: bool,
    /// Where the customer is asked for a bank account.
    pub instructions_email: Option<String>,
    /// The status in which it begins; none: as the card says.
    pub start: Option<RefundStart>,
}

impl Tx<'_> {
    pub(crate) fn create_refund(&mut self, new: NewRefund) -> Result<String, ApiError> {
        const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];
        if let Some(reason) = new.reason.as_deref().filter(|reason| !REASONS.contains(reason)) {
            return Err(ApiError::invalid(format!("Invalid reason: {reason}")).param("reason"));
        }
        let mut charge = self.refundable(&new)?;
        let amount = new.amount.unwrap_or_else(|| charge.unrefunded());
        check_amount(&charge, amount)?;
        if new.reverse_transfer && charge.transfer.is_none() {
            let message = format!("Charge {} does not have an associated transfer.", charge.id);
            return Err(ApiError::invalid(message).param("reverse_transfer"));
        }
        if new.refund_application_fee && charge.application_fee.is_none() {
            let message = format!("Charge {} has no application fee to refund.", charge.id);
            return Err(ApiError::invalid(message).param("refund_application_fee"));
        }
        let start = new.start.unwrap_or_else(|| self.card_of(&charge));
        let refund = Refund {
            id: self.ids.mint("re"),
            amount,
            balance_transaction: Some(self.ids.mint("txn")),
            charge: charge.id.clone(),
            created: self.now,
            currency: charge.currency.clone(),
            failure_balance_transaction: None,
            failure_reason: None,
            instructions_email: new.instructions_email,
            metadata: new.metadata,
            payment_intent: charge.payment_intent.clone(),
            reason: new.reason,
            status: match start {
                RefundStart::Pending => RefundStatus::Pending,
                RefundStart::RequiresAction => RefundStatus::RequiresAction,
                RefundStart::Succeeded => RefundStatus::Succeeded,
            },
            transfer_reversal: (new.reverse_transfer && charge.transfer.is_some())
                .then(|| self.ids.mint("trr")),
        };
        self.add_refund(&mut charge, &refund);
        Ok(refund.id)
    }

    /// Writes a new refund and what it takes from its charge, pending or not: Stripe counts it at
    /// once.
    pub(super) fn add_refund(&mut self, charge: &mut Charge, refund: &Refund) {
        let before = charge.amount_refunded;
        charge.amount_refunded += refund.amount;
        charge.refunds.insert(0, refund.id.clone());
        // The charge is written before the events of the refund, so that both agree in every snapshot.
        self.objects.refunds.put(&refund.id, refund.clone());
        self.save_charge(charge, "charge.refunded", Some(json!({ "amount_refunded": before })));
        self.save_refund(refund, &["refund.created"], None);
    }

    /// The bank's late yes.
    pub(crate) fn succeed_refund(&mut self, id: &str) -> Result<(), ApiError> {
        let mut refund = self.refund(id)?;
        if !matches!(refund.status, RefundStatus::Pending | RefundStatus::RequiresAction) {
            return Err(wrong_status(&refund, "succeed"));
        }
        let previous = json!({ "status": refund.status.as_str() });
        refund.status = RefundStatus::Succeeded;
        self.save_refund(&refund, &["refund.updated", "charge.refund.updated"], Some(&previous));
        Ok(())
    }

    /// The bank sends the money back, which it can do after the refund had succeeded.
    pub(crate) fn fail_refund(&mut self, id: &str, reason: &str) -> Result<(), ApiError> {
        let mut refund = self.refund(id)?;
        let before = refund.status;
        if matches!(before, RefundStatus::Failed | RefundStatus::Canceled) {
            return Err(wrong_status(&refund, "fail"));
        }
        refund.status = RefundStatus::Failed;
        refund.failure_reason = Some(reason.to_owned());
        refund.failure_balance_transaction = Some(self.ids.mint("txn"));
        self.take_back(&refund)?;
        let previous = json!({ "status": before.as_str() });
        let kinds = ["refund.failed", "refund.updated", "charge.refund.updated"];
        self.save_refund(&refund, &kinds, Some(&previous));
        Ok(())
    }

    /// Calls a refund off, which Stripe allows only while it waits for the customer
    /// (docs.stripe.com, "Cancel a refund").
    pub(crate) fn cancel_refund(&mut self, id: &str) -> Result<(), ApiError> {
        let mut refund = self.refund(id)?;
        if refund.status != RefundStatus::RequiresAction {
            return Err(wrong_status(&refund, "cancel"));
        }
        refund.status = RefundStatus::Canceled;
        refund.failure_reason = Some("merchant_request".to_owned());
        refund.failure_balance_transaction = Some(self.ids.mint("txn"));
        self.take_back(&refund)?;
        let previous = json!({ "status": "requires_action" });
        self.save_refund(&refund, &["refund.updated", "charge.refund.updated"], Some(&previous));
        Ok(())
    }

    /// The charge is whole again, and no event of the charge says so: Stripe sends none.
    fn take_back(&mut self, refund: &Refund) -> Result<(), ApiError> {
        let mut charge = self.charge(&refund.charge)?;
        charge.amount_refunded -= refund.amount;
        self.objects.charges.put(&charge.id, charge.clone());
        Ok(())
    }

    fn refundable(&self, new: &NewRefund) -> Result<Charge, ApiError> {
        let charge = match (&new.charge, &new.payment_intent) {
            (Some(id), None) => self.charge(id)?,
            (Some(id), Some(payment)) => {
                let charge = self.charge(id)?;
                if charge.payment_intent != *payment {
                    let message = format!("Charge {id} does not belong to {payment}.");
                    return Err(ApiError::invalid(message).param("payment_intent"));
                }
                charge
            }
            (None, Some(id)) => {
                let payment = self.payment(id)?;
                match payment.latest_charge.as_deref().map(|id| self.charge(id)).transpose()? {
                    Some(charge) if charge.status == ChargeStatus::Succeeded => charge,
                    Some(_) | None => {
                        let message = format!(
                            "This PaymentIntent ({id}) does not have a successful charge to refund."
                        );
                        return Err(ApiError::invalid(message).param("payment_intent"));
                    }
                }
            }
            (None, None) => {
                return Err(ApiError::invalid(
                    "One of the following params should be provided for this request: \
                     payment_intent or charge.",
                )
                .code("parameter_missing"));
            }
        };
        if charge.status != ChargeStatus::Succeeded || !charge.captured {
            let message = format!("Charge {} has not been captured and paid.", charge.id);
            return Err(ApiError::invalid(message).code("charge_not_refundable").param("charge"));
        }
        Ok(charge)
    }

    fn card_of(&self, charge: &Charge) -> RefundStart {
        let method = self.objects.payment_methods.get(&charge.payment_method);
        method.map_or(RefundStart::Succeeded, |method| method.card.refunds)
    }
}

fn check_amount(charge: &Charge, amount: i64) -> Result<(), ApiError> {
    if charge.unrefunded() == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(ApiError::invalid(message).code("charge_already_refunded"));
    }
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(message).code("parameter_invalid_integer").param("amount"));
    }
    if amount > charge.unrefunded() {
        let message = format!(
            "Refund amount ({amount}) is greater than unrefunded amount on charge ({})",
            charge.unrefunded()
        );
        return Err(ApiError::invalid(message).param("amount"));
    }
    Ok(())
}

fn wrong_status(refund: &Refund, verb: &str) -> ApiError {
    let status = refund.status.as_str();
    ApiError::invalid(format!("Refund {} cannot {verb}: its status is {status}.", refund.id))
}
