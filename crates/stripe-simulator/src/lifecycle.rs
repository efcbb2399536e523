//! Lives of payments, as they are: what a load of traffic is made of.

mod bank;
mod connect;

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::Value;

use super::actions::{Confirm, DisputeEnd, NewPayment, NewRefund};
use super::drive::Account;
use super::error::ApiError;
use super::objects::{CaptureMethod, Metadata, RefundStart};
use super::story::Story;

/// A payment whose story has been told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What happened.
    pub story: Story,
    /// To which payment.
    pub payment_intent: String,
}

/// Picks a story and lives through it, with pauses of up to `pause` between its steps.
///
/// # Errors
/// Stripe's refusal of a step that belongs to no story.
pub async fn run_payment(
    account: &Account,
    rng: &mut impl Rng,
    pause: Duration,
) -> Result<Finished, ApiError> {
    let story = Story::ALL.choose(rng).copied().unwrap_or(Story::Paid);
    run_story(account, story, rng, pause).await
}

/// Lives through one story.
///
/// # Errors
/// Stripe's refusal of a step that does not belong to it.
pub async fn run_story(
    account: &Account,
    story: Story,
    rng: &mut impl Rng,
    pause: Duration,
) -> Result<Finished, ApiError> {
    let mut teller = Teller { account, rng, pause, payment: String::new(), amount: 0 };
    teller.tell(story).await?;
    Ok(Finished { story, payment_intent: teller.payment })
}

const GOOD: &str = "pm_card_visa";

struct Teller<'a, R> {
    account: &'a Account,
    rng: &'a mut R,
    pause: Duration,
    payment: String,
    amount: i64,
}

impl<R: Rng> Teller<'_, R> {
    async fn tell(&mut self, story: Story) -> Result<(), ApiError> {
        match story {
            Story::Paid => self.pay(GOOD).await,
            Story::PaidLater => {
                self.create(|_| {}).await?;
                self.confirm(GOOD).await
            }
            Story::DeclinedThenPaid => {
                self.create(|_| {}).await?;
                self.declined("pm_card_chargeDeclined").await?;
                self.confirm(GOOD).await
            }
            Story::InsufficientFundsThenCanceled => {
                self.create(|_| {}).await?;
                self.declined("pm_card_chargeDeclinedInsufficientFunds").await?;
                self.cancel("abandoned").await
            }
            Story::Authenticated => {
                self.pay("pm_card_authenticationRequired").await?;
                self.authenticate(true).await
            }
            Story::AuthenticationFailedThenPaid => {
                self.pay("pm_card_authenticationRequired").await?;
                self.authenticate(false).await?;
                self.confirm(GOOD).await
            }
            Story::OffSessionDeclined => {
                self.create(|_| {}).await?;
                self.declined("pm_card_authenticationRequired").await
            }
            Story::Captured => {
                self.hold().await?;
                self.capture(None).await
            }
            Story::CapturedInPart => {
                self.hold().await?;
                let part = self.part();
                self.capture(Some(part)).await
            }
            Story::AuthorisationCanceled => {
                self.hold().await?;
                self.cancel("requested_by_customer").await
            }
            Story::Abandoned => {
                self.create(|_| {}).await?;
                self.cancel("abandoned").await
            }
            Story::DebitPaid => self.debit(true).await,
            Story::DebitBounced => self.debit(false).await,
            Story::RefundedInParts => {
                self.pay(GOOD).await?;
                let part = self.part();
                self.refund(Some(part), None).await?;
                self.refund(None, None).await.map(drop)
            }
            Story::Refunded => {
                self.pay(GOOD).await?;
                self.refund(None, None).await.map(drop)
            }
            Story::RefundPendingThenDone => {
                self.pay("pm_card_pendingRefund").await?;
                let refund = self.refund(None, None).await?;
                self.account.succeed_refund(&refund)?;
                self.rest().await;
                Ok(())
            }
            Story::RefundFailed => {
                self.pay("pm_card_refundFail").await?;
                let part = self.part();
                let refund = self.refund(Some(part), None).await?;
                self.account.fail_refund(&refund)?;
                self.rest().await;
                Ok(())
            }
            Story::RefundCanceled => {
                self.pay(GOOD).await?;
                let refund = self.refund(None, Some(RefundStart::RequiresAction)).await?;
                self.account.cancel_refund(&refund)?;
                self.rest().await;
                Ok(())
            }
            Story::DisputeWon => self.dispute(true, DisputeEnd::Won).await,
            Story::DisputeLost => self.dispute(false, DisputeEnd::Lost).await,
            Story::InquiryClosed => self.dispute(true, DisputeEnd::WarningClosed).await,
            Story::PaidOut => self.pay_out(false).await,
            Story::PayoutFailed => self.pay_out(true).await,
            Story::AccountRestricted => self.restricted().await,
            Story::AccountDeauthorized => self.deauthorized().await,
            Story::Destination => {
                let seller = self.checked_seller().await?;
                self.create(|new| {
                    new.payment_method = Some(GOOD.to_owned());
                    new.confirm = true;
                    new.transfer_destination = Some(seller.clone());
                    new.on_behalf_of = new.transfer_destination.clone();
                    new.application_fee_amount = Some(new.amount / 10);
                })
                .await
            }
        }
    }

    async fn create(&mut self, change: impl FnOnce(&mut NewPayment)) -> Result<(), ApiError> {
        let (currency, amount) = price(self.rng);
        let order = self.rng.random_range(1..1_000_000_000_u32);
        let mut new = NewPayment {
            amount,
            currency: currency.to_owned(),
            customer: self.rng.random_bool(0.7).then(|| format!("cus_{order:014}")),
            description: Some(format!("Bestellung № {order}")),
            metadata: Metadata::from([("order_id".to_owned(), order.to_string())]),
            capture_method: self.rng.random_bool(0.2).then_some(CaptureMethod::Automatic),
            ..NewPayment::default()
        };
        change(&mut new);
        let made = self.account.create_payment(new)?;
        self.payment = text(&made, "id");
        self.amount = amount;
        self.rest().await;
        Ok(())
    }

    async fn pay(&mut self, card: &str) -> Result<(), ApiError> {
        self.create(|new| {
            new.payment_method = Some(card.to_owned());
            new.confirm = true;
        })
        .await
    }

    async fn hold(&mut self) -> Result<(), ApiError> {
        self.create(|new| {
            new.payment_method = Some(GOOD.to_owned());
            new.confirm = true;
            new.capture_method = Some(CaptureMethod::Manual);
        })
        .await
    }

    async fn confirm(&mut self, card: &str) -> Result<(), ApiError> {
        let how = Confirm { payment_method: Some(card.to_owned()), ..Confirm::default() };
        self.account.confirm_payment(&self.payment, how)?;
        self.rest().await;
        Ok(())
    }

    /// An attempt that fails, which is no fault here: it is the story.
    async fn declined(&mut self, card: &str) -> Result<(), ApiError> {
        let how = Confirm {
            payment_method: Some(card.to_owned()),
            off_session: true,
            ..Confirm::default()
        };
        match self.account.confirm_payment(&self.payment, how) {
            Err(error) if error.status != 402 => return Err(error),
            Ok(_) | Err(_) => {}
        }
        self.rest().await;
        Ok(())
    }

    async fn authenticate(&mut self, succeed: bool) -> Result<(), ApiError> {
        self.account.finish_3ds(&self.payment, succeed)?;
        self.rest().await;
        Ok(())
    }

    async fn debit(&mut self, succeed: bool) -> Result<(), ApiError> {
        self.pay("pm_usBankAccount").await?;
        self.account.settle_debit(&self.payment, succeed)?;
        self.rest().await;
        Ok(())
    }

    async fn capture(&mut self, amount: Option<i64>) -> Result<(), ApiError> {
        self.account.capture_payment(&self.payment, amount)?;
        self.rest().await;
        Ok(())
    }

    async fn cancel(&mut self, reason: &str) -> Result<(), ApiError> {
        self.account.cancel_payment(&self.payment, Some(reason))?;
        self.rest().await;
        Ok(())
    }

    async fn refund(
        &mut self,
        amount: Option<i64>,
        start: Option<RefundStart>,
    ) -> Result<String, ApiError> {
        let refund = self.account.create_refund(NewRefund {
            payment_intent: Some(self.payment.clone()),
            amount,
            start,
            reason: Some("requested_by_customer".to_owned()),
            ..NewRefund::default()
        })?;
        self.rest().await;
        Ok(text(&refund, "id"))
    }

    /// Some of the amount, in steps that every currency has.
    fn part(&mut self) -> i64 {
        let steps = self.amount / 10;
        self.rng.random_range(1..steps.max(2)) * 10
    }

    async fn rest(&mut self) {
        if !self.pause.is_zero() {
            let pause = self.pause.mul_f64(self.rng.random());
            tokio::time::sleep(pause).await;
        }
    }
}

/// Amounts in currencies without, with two and with three decimals; the last of three is zero, as
/// Stripe wants it (docs.stripe.com, "Supported currencies", Three-decimal currencies).
fn price(rng: &mut impl Rng) -> (&'static str, i64) {
    match rng.random_range(0..10) {
        0 => ("jpy", rng.random_range(100..50_000)),
        1 => ("kwd", rng.random_range(100..10_000) * 10),
        2..=4 => ("usd", rng.random_range(100..100_000)),
        _ => ("eur", rng.random_range(100..100_000)),
    }
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
