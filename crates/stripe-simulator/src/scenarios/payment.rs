//! Payment scenarios, each a sequence of steps that real payments go through.

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::Value;

use crate::account::Account;
use crate::actions::{AccountStep, Confirm, DisputeEnd, NewPayment, NewRefund, PayoutStep};
use crate::error::ApiError;
use crate::objects::{CaptureMethod, Metadata, RefundStart};

/// A scenario of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentScenario {
    /// Made and paid in one request.
    Paid,
    /// Made, looked at, then paid.
    PaidLater,
    /// Declined, then paid with another card.
    DeclinedThenPaid,
    /// No money in the bank, then given up.
    InsufficientFundsThenCanceled,
    /// 3-D Secure, passed.
    Authenticated,
    /// 3-D Secure, failed, then paid with another card.
    AuthenticationFailedThenPaid,
    /// Declined, as the customer was not there to do 3-D Secure.
    OffSessionDeclined,
    /// Authorised, then captured in full.
    Captured,
    /// Authorised, then captured in part: the rest goes back.
    CapturedInPart,
    /// Authorised, then let go.
    AuthorisationCanceled,
    /// Never paid.
    Abandoned,
    /// A bank debit that comes through.
    DebitPaid,
    /// A bank debit that bounces.
    DebitBounced,
    /// Paid, then given back in two parts.
    RefundedInParts,
    /// Paid, then given back.
    Refunded,
    /// Paid, and the refund takes its time.
    RefundPendingThenDone,
    /// Paid, and the refund comes back although it had succeeded.
    RefundFailed,
    /// Paid, and the refund is called off.
    RefundCanceled,
    /// Paid to a connected account, with a fee for the platform.
    Destination,
    /// Paid, disputed, answered, and won.
    DisputeWon,
    /// Paid, disputed, and lost.
    DisputeLost,
    /// Paid, asked about by the bank, and left at that.
    InquiryClosed,
    /// Paid, and paid out.
    PaidOut,
    /// Paid, paid out, and the bank sends the payout back.
    PayoutFailed,
    /// A connected account is onboarded, loses its payouts, then its transfers, and comes back.
    AccountRestricted,
    /// A connected account takes its access back.
    AccountDeauthorized,
}

impl PaymentScenario {
    /// All scenarios.
    pub const ALL: [Self; 26] = [
        Self::Paid,
        Self::PaidLater,
        Self::DeclinedThenPaid,
        Self::InsufficientFundsThenCanceled,
        Self::Authenticated,
        Self::AuthenticationFailedThenPaid,
        Self::OffSessionDeclined,
        Self::Captured,
        Self::CapturedInPart,
        Self::AuthorisationCanceled,
        Self::Abandoned,
        Self::DebitPaid,
        Self::DebitBounced,
        Self::RefundedInParts,
        Self::Refunded,
        Self::RefundPendingThenDone,
        Self::RefundFailed,
        Self::RefundCanceled,
        Self::Destination,
        Self::DisputeWon,
        Self::DisputeLost,
        Self::InquiryClosed,
        Self::PaidOut,
        Self::PayoutFailed,
        Self::AccountRestricted,
        Self::AccountDeauthorized,
    ];
}

impl PaymentScenario {
    /// Its name in the HTTP API and on the command line: `refunded_in_parts`.
    #[must_use]
    pub fn name(self) -> String {
        let mut name = String::new();
        for (at, letter) in format!("{self:?}").chars().enumerate() {
            if letter.is_ascii_uppercase() && at > 0 {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// The scenario of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name)
    }
}

/// A payment whose scenario is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What happened.
    pub scenario: PaymentScenario,
    /// To which payment.
    pub payment_intent: String,
}

/// Runs a random scenario, with pauses of up to `pause` between its steps.
///
/// # Errors
/// Stripe's refusal of a step that belongs to no scenario.
pub async fn run_payment(
    account: &Account,
    rng: &mut impl Rng,
    pause: Duration,
) -> Result<Finished, ApiError> {
    let scenario = PaymentScenario::ALL.choose(rng).copied().unwrap_or(PaymentScenario::Paid);
    run_payment_scenario(account, scenario, rng, pause).await
}

/// Runs one scenario.
///
/// # Errors
/// Stripe's refusal of a step that does not belong to it.
pub async fn run_payment_scenario(
    account: &Account,
    scenario: PaymentScenario,
    rng: &mut impl Rng,
    pause: Duration,
) -> Result<Finished, ApiError> {
    let mut runner = Runner { account, rng, pause, payment: String::new(), amount: 0 };
    runner.run(scenario).await?;
    Ok(Finished { scenario, payment_intent: runner.payment })
}

const GOOD: &str = "pm_card_visa";

struct Runner<'a, R> {
    account: &'a Account,
    rng: &'a mut R,
    pause: Duration,
    payment: String,
    amount: i64,
}

impl<R: Rng> Runner<'_, R> {
    async fn run(&mut self, scenario: PaymentScenario) -> Result<(), ApiError> {
        match scenario {
            PaymentScenario::Paid => self.pay(GOOD).await,
            PaymentScenario::PaidLater => {
                self.create(|_| {}).await?;
                self.confirm(GOOD).await
            }
            PaymentScenario::DeclinedThenPaid => {
                self.create(|_| {}).await?;
                self.declined("pm_card_chargeDeclined").await?;
                self.confirm(GOOD).await
            }
            PaymentScenario::InsufficientFundsThenCanceled => {
                self.create(|_| {}).await?;
                self.declined("pm_card_chargeDeclinedInsufficientFunds").await?;
                self.cancel("abandoned").await
            }
            PaymentScenario::Authenticated => {
                self.pay("pm_card_authenticationRequired").await?;
                self.authenticate(true).await
            }
            PaymentScenario::AuthenticationFailedThenPaid => {
                self.pay("pm_card_authenticationRequired").await?;
                self.authenticate(false).await?;
                self.confirm(GOOD).await
            }
            PaymentScenario::OffSessionDeclined => {
                self.create(|_| {}).await?;
                self.declined("pm_card_authenticationRequired").await
            }
            PaymentScenario::Captured => {
                self.hold().await?;
                self.capture(None).await
            }
            PaymentScenario::CapturedInPart => {
                self.hold().await?;
                let part = self.part();
                self.capture(Some(part)).await
            }
            PaymentScenario::AuthorisationCanceled => {
                self.hold().await?;
                self.cancel("requested_by_customer").await
            }
            PaymentScenario::Abandoned => {
                self.create(|_| {}).await?;
                self.cancel("abandoned").await
            }
            PaymentScenario::DebitPaid => self.debit(true).await,
            PaymentScenario::DebitBounced => self.debit(false).await,
            PaymentScenario::RefundedInParts => {
                self.pay(GOOD).await?;
                let part = self.part();
                self.refund(Some(part), None).await?;
                self.refund(None, None).await.map(drop)
            }
            PaymentScenario::Refunded => {
                self.pay(GOOD).await?;
                self.refund(None, None).await.map(drop)
            }
            PaymentScenario::RefundPendingThenDone => {
                self.pay("pm_card_pendingRefund").await?;
                let refund = self.refund(None, None).await?;
                self.account.succeed_refund(&refund)?;
                self.pause().await;
                Ok(())
            }
            PaymentScenario::RefundFailed => {
                self.pay("pm_card_refundFail").await?;
                let part = self.part();
                let refund = self.refund(Some(part), None).await?;
                self.account.fail_refund(&refund)?;
                self.pause().await;
                Ok(())
            }
            PaymentScenario::RefundCanceled => {
                self.pay(GOOD).await?;
                let refund = self.refund(None, Some(RefundStart::RequiresAction)).await?;
                self.account.cancel_refund(&refund)?;
                self.pause().await;
                Ok(())
            }
            PaymentScenario::DisputeWon => self.dispute(true, DisputeEnd::Won).await,
            PaymentScenario::DisputeLost => self.dispute(false, DisputeEnd::Lost).await,
            PaymentScenario::InquiryClosed => self.dispute(true, DisputeEnd::WarningClosed).await,
            PaymentScenario::PaidOut => self.pay_out(false).await,
            PaymentScenario::PayoutFailed => self.pay_out(true).await,
            PaymentScenario::AccountRestricted => self.restricted().await,
            PaymentScenario::AccountDeauthorized => self.deauthorized().await,
            PaymentScenario::Destination => {
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
        self.pause().await;
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
        self.pause().await;
        Ok(())
    }

    /// An attempt that fails, as the scenario wants it.
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
        self.pause().await;
        Ok(())
    }

    async fn authenticate(&mut self, succeed: bool) -> Result<(), ApiError> {
        self.account.finish_3ds(&self.payment, succeed)?;
        self.pause().await;
        Ok(())
    }

    async fn debit(&mut self, succeed: bool) -> Result<(), ApiError> {
        self.pay("pm_usBankAccount").await?;
        self.account.settle_debit(&self.payment, succeed)?;
        self.pause().await;
        Ok(())
    }

    async fn capture(&mut self, amount: Option<i64>) -> Result<(), ApiError> {
        self.account.capture_payment(&self.payment, amount)?;
        self.pause().await;
        Ok(())
    }

    async fn cancel(&mut self, reason: &str) -> Result<(), ApiError> {
        self.account.cancel_payment(&self.payment, Some(reason))?;
        self.pause().await;
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
        self.pause().await;
        Ok(text(&refund, "id"))
    }

    /// Some of the amount, in steps that every currency has.
    fn part(&mut self) -> i64 {
        let steps = self.amount / 10;
        self.rng.random_range(1..steps.max(2)) * 10
    }

    async fn pause(&mut self) {
        if !self.pause.is_zero() {
            let pause = self.pause.mul_f64(self.rng.random());
            tokio::time::sleep(pause).await;
        }
    }
}

/// Steps of banks: disputes and payouts.
impl<R: Rng> Runner<'_, R> {
    /// Paid, disputed, perhaps answered, and decided.
    async fn dispute(&mut self, answer: bool, end: DisputeEnd) -> Result<(), ApiError> {
        self.pay(GOOD).await?;
        let inquiry = end == DisputeEnd::WarningClosed;
        let dispute = text(&self.account.dispute_payment(&self.payment, inquiry)?, "id");
        self.pause().await;
        if answer {
            self.account.submit_evidence(&dispute)?;
            self.pause().await;
        }
        self.account.close_dispute(&dispute, end)?;
        self.pause().await;
        Ok(())
    }

    /// Paid, and sent on to the bank, which may send it back days later.
    async fn pay_out(&mut self, fails: bool) -> Result<(), ApiError> {
        self.pay(GOOD).await?;
        let payout = text(&self.account.create_payout(self.amount, "eur")?, "id");
        self.pause().await;
        self.account.move_payout(&payout, PayoutStep::Sent)?;
        self.pause().await;
        self.account.move_payout(&payout, PayoutStep::Paid)?;
        self.pause().await;
        if fails {
            self.account.move_payout(&payout, PayoutStep::Failed)?;
            self.pause().await;
        }
        Ok(())
    }
}

/// Steps of connected accounts.
impl<R: Rng> Runner<'_, R> {
    /// A seller to whom a destination charge may be made. The platform looks before it charges,
    /// and waits with it until onboarding is through.
    async fn checked_seller(&mut self) -> Result<String, ApiError> {
        let seller = self.account.connect_new()?;
        self.pause().await;
        while !seller.may_receive() {
            seller.move_account(AccountStep::Onboarded)?;
            self.pause().await;
        }
        Ok(seller.id().to_owned())
    }

    async fn restricted(&mut self) -> Result<(), ApiError> {
        self.pay(GOOD).await?;
        let seller = self.onboarded().await?;
        for step in [
            AccountStep::MoreDue,
            AccountStep::PayoutsPaused,
            AccountStep::Onboarded,
            AccountStep::TransfersLost,
        ] {
            seller.move_account(step)?;
            self.pause().await;
        }
        if self.rng.random_bool(0.5) {
            seller.move_account(AccountStep::Onboarded)?;
            self.pause().await;
        }
        Ok(())
    }

    async fn deauthorized(&mut self) -> Result<(), ApiError> {
        self.pay(GOOD).await?;
        let seller = self.onboarded().await?;
        let payout = text(&seller.create_payout(self.amount, "eur")?, "id");
        self.pause().await;
        seller.move_payout(&payout, PayoutStep::Paid)?;
        seller.deauthorize();
        self.pause().await;
        Ok(())
    }

    async fn onboarded(&mut self) -> Result<Account, ApiError> {
        let seller = self.account.connect_new()?;
        self.pause().await;
        seller.move_account(AccountStep::Onboarded)?;
        self.pause().await;
        Ok(seller)
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
