//! Taking what was authorised, in full or in part.

use serde_json::json;

use crate::error::ApiError;
use crate::objects::{Charge, Metadata, PaymentIntent, PaymentStatus, Refund, RefundStatus};
use crate::store::Tx;

use super::payments::unexpected_state;

impl Tx<'_> {
    /// Captures a payment; less than all of it gives the rest back.
    pub(crate) fn capture_payment(
        &mut self,
        id: &str,
        amount: Option<i64>,
    ) -> Result<(), ApiError> {
        let mut payment = self.payment(id)?;
        if payment.status != PaymentStatus::RequiresCapture {
            return Err(unexpected_state(&payment, "capture"));
        }
        let amount = amount.unwrap_or(payment.amount_capturable);
        if amount < 1 || amount > payment.amount_capturable {
            let message = format!(
                "The amount_to_capture must be between 1 and the amount_capturable of {}.",
                payment.amount_capturable
            );
            let error = ApiError::invalid(message).code("amount_too_large");
            return Err(error.param("amount_to_capture"));
        }
        self.release(&mut payment, amount)?;
        payment.status = PaymentStatus::Succeeded;
        payment.amount_received = amount;
        self.save_payment(&payment, "payment_intent.succeeded");
        Ok(())
    }

    /// Keeps `keep` of what is authorised and gives the rest back.
    ///
    /// Stripe calls that a refund, also where nothing was ever captured (docs.stripe.com, "Cancel
    /// a PaymentIntent": "the remaining amount_capturable is automatically refunded"): the
    /// charge's `amount_refunded` grows, so it can exceed `amount_captured`.
    pub(super) fn release(
        &mut self,
        payment: &mut PaymentIntent,
        keep: i64,
    ) -> Result<(), ApiError> {
        let id = payment.latest_charge.clone().unwrap_or_default();
        let mut charge = self.charge(&id)?;
        payment.amount_capturable = 0;
        let rest = charge.unrefunded() - keep;
        if keep > 0 {
            charge.captured = true;
            charge.amount_captured = keep;
            charge.balance_transaction = Some(self.ids.mint("txn"));
            if payment.transfer_destination.is_some() {
                charge.transfer = Some(self.ids.mint("tr"));
                charge.application_fee =
                    payment.application_fee_amount.map(|_| self.ids.mint("fee"));
            }
            let previous = json!({ "amount_captured": 0, "captured": false });
            self.save_charge(&charge, "charge.captured", Some(previous));
        }
        if rest > 0 {
            self.give_back(&mut charge, rest);
        }
        Ok(())
    }

    fn give_back(&mut self, charge: &mut Charge, rest: i64) {
        let refund = Refund {
            id: self.ids.mint("re"),
            amount: rest,
            // What was only authorised never was in the balance.
            balance_transaction: None,
            charge: charge.id.clone(),
            created: self.now,
            currency: charge.currency.clone(),
            failure_balance_transaction: None,
            failure_reason: None,
            instructions_email: None,
            metadata: Metadata::new(),
            payment_intent: charge.payment_intent.clone(),
            reason: None,
            status: RefundStatus::Succeeded,
            transfer_reversal: None,
        };
        self.add_refund(charge, &refund);
    }
}
