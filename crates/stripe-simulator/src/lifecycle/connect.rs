//! Stories of connected accounts.

use rand::Rng;

use super::{GOOD, Teller, text};
use crate::actions::{AccountStep, PayoutStep};
use crate::drive::Account;
use crate::error::ApiError;

impl<R: Rng> Teller<'_, R> {
    /// A seller to whom a destination charge may be made. The platform looks before it charges,
    /// and waits with it until onboarding is through.
    pub(super) async fn checked_seller(&mut self) -> Result<String, ApiError> {
        let seller = self.account.connect_new()?;
        self.rest().await;
        while !seller.may_receive() {
            seller.move_account(AccountStep::Onboarded)?;
            self.rest().await;
        }
        Ok(seller.id().to_owned())
    }

    pub(super) async fn restricted(&mut self) -> Result<(), ApiError> {
        self.pay(GOOD).await?;
        let seller = self.onboarded().await?;
        for step in [
            AccountStep::MoreDue,
            AccountStep::PayoutsPaused,
            AccountStep::Onboarded,
            AccountStep::TransfersLost,
        ] {
            seller.move_account(step)?;
            self.rest().await;
        }
        if self.rng.random_bool(0.5) {
            seller.move_account(AccountStep::Onboarded)?;
            self.rest().await;
        }
        Ok(())
    }

    pub(super) async fn deauthorized(&mut self) -> Result<(), ApiError> {
        self.pay(GOOD).await?;
        let seller = self.onboarded().await?;
        let payout = text(&seller.create_payout(self.amount, "eur")?, "id");
        self.rest().await;
        seller.move_payout(&payout, PayoutStep::Paid)?;
        seller.deauthorize();
        self.rest().await;
        Ok(())
    }

    async fn onboarded(&mut self) -> Result<Account, ApiError> {
        let seller = self.account.connect_new()?;
        self.rest().await;
        seller.move_account(AccountStep::Onboarded)?;
        self.rest().await;
        Ok(seller)
    }
}
