//! Stories in which a bank has its say.

use rand::Rng;

use super::{GOOD, Teller, text};
use crate::actions::{DisputeEnd, PayoutStep};
use crate::error::ApiError;

impl<R: Rng> Teller<'_, R> {
    /// Paid, disputed, perhaps answered, and decided.
    pub(super) async fn dispute(&mut self, answer: bool, end: DisputeEnd) -> Result<(), ApiError> {
        self.pay(GOOD).await?;
        let inquiry = end == DisputeEnd::WarningClosed;
        let dispute = text(&self.account.dispute_payment(&self.payment, inquiry)?, "id");
        self.rest().await;
        if answer {
            self.account.submit_evidence(&dispute)?;
            self.rest().await;
        }
        self.account.close_dispute(&dispute, end)?;
        self.rest().await;
        Ok(())
    }

    /// Paid, and sent on to the bank, which may send it back days later.
    pub(super) async fn pay_out(&mut self, fails: bool) -> Result<(), ApiError> {
        self.pay(GOOD).await?;
        let payout = text(&self.account.create_payout(self.amount, "eur")?, "id");
        self.rest().await;
        self.account.move_payout(&payout, PayoutStep::Sent)?;
        self.rest().await;
        self.account.move_payout(&payout, PayoutStep::Paid)?;
        self.rest().await;
        if fails {
            self.account.move_payout(&payout, PayoutStep::Failed)?;
            self.rest().await;
        }
        Ok(())
    }
}
