//! Acts of banks: disputes and payouts.

use serde_json::Value;

use super::Account;
use crate::actions::{DisputeEnd, PayoutStep};
use crate::error::ApiError;
use crate::objects::Cause;

impl Account {
    /// A customer disputes a payment's last charge; an inquiry withdraws no money yet.
    ///
    /// # Errors
    /// The payment has no charge that could be disputed.
    pub fn dispute_payment(&self, payment: &str, inquiry: bool) -> Result<Value, ApiError> {
        self.act(Cause::default(), |tx| {
            let payment = tx.payment(payment)?;
            let charge = payment.latest_charge.unwrap_or_default();
            let id = tx.open_dispute(&charge, inquiry)?;
            tx.dispute(&id)
        })
    }

    /// Evidence is handed in.
    ///
    /// # Errors
    /// The dispute takes none any more.
    pub fn submit_evidence(&self, dispute: &str) -> Result<Value, ApiError> {
        self.act(self.cause(), |tx| {
            tx.submit_evidence(dispute)?;
            tx.dispute(dispute)
        })
    }

    /// The bank decides.
    ///
    /// # Errors
    /// The dispute is over, or cannot end like that.
    pub fn close_dispute(&self, dispute: &str, end: DisputeEnd) -> Result<Value, ApiError> {
        self.act(Cause::default(), |tx| {
            tx.close_dispute(dispute, end)?;
            tx.dispute(dispute)
        })
    }

    /// Stripe's schedule makes a payout.
    ///
    /// # Errors
    /// None; the same shape as the others.
    pub fn create_payout(&self, amount: i64, currency: &str) -> Result<Value, ApiError> {
        self.act(Cause::default(), |tx| {
            let id = tx.create_payout(amount, currency);
            tx.payout(&id)
        })
    }

    /// Puts a payout there as it is shown, whatever its id, and emits `payout.created`: for what
    /// must hold when two accounts have the same id.
    pub fn put_payout(&self, payout: Value) {
        self.act(Cause::default(), |tx| tx.save_payout(&payout, "payout.created", None));
    }

    /// A payout goes on, or comes back.
    ///
    /// # Errors
    /// It cannot from where it is.
    pub fn move_payout(&self, payout: &str, step: PayoutStep) -> Result<Value, ApiError> {
        self.act(Cause::default(), |tx| {
            tx.move_payout(payout, step)?;
            tx.payout(payout)
        })
    }
}
