//! Billing scenarios: subscriptions, invoices, schedules, products and prices.

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::Value;

use crate::account::Account;
use crate::actions::NewSubscription;
use crate::error::ApiError;
use crate::objects::Metadata;

/// A scenario of billing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BillingScenario {
    /// Begun, and renewed.
    Renewed,
    /// A renewal fails, and is paid with another card.
    RenewalRecovered,
    /// A renewal fails, and the subscription ends.
    RenewalCanceled,
    /// A renewal fails, and the subscription stays unpaid.
    RenewalUnpaid,
    /// A trial, announced, and then a first payment.
    TrialConverted,
    /// A trial that ends with nothing to pay with, and goes on later.
    TrialPaused,
    /// The first payment never comes.
    NeverBegun,
    /// The first payment needs the customer, who comes back.
    BegunLate,
    /// Canceled for the end of the period, which comes.
    CanceledAtPeriodEnd,
    /// Its items are replaced, twice.
    ItemsReplaced,
    /// More items than one answer shows.
    ManyItems,
    /// Collection stops and goes on.
    CollectionPaused,
    /// A draft that is deleted.
    DraftDeleted,
    /// Paid elsewhere.
    PaidOutOfBand,
    /// Called off.
    Voided,
    /// Written off, and paid after all.
    WrittenOffThenPaid,
    /// Products and prices change.
    CatalogueChanged,
    /// Products and prices are deleted.
    CatalogueDeleted,
    /// A schedule lets go.
    ScheduleReleased,
    /// A schedule comes to its end.
    ScheduleCompleted,
    /// A schedule is called off.
    ScheduleCanceled,
}

impl BillingScenario {
    /// All scenarios.
    pub const ALL: [Self; 21] = [
        Self::Renewed,
        Self::RenewalRecovered,
        Self::RenewalCanceled,
        Self::RenewalUnpaid,
        Self::TrialConverted,
        Self::TrialPaused,
        Self::NeverBegun,
        Self::BegunLate,
        Self::CanceledAtPeriodEnd,
        Self::ItemsReplaced,
        Self::ManyItems,
        Self::CollectionPaused,
        Self::DraftDeleted,
        Self::PaidOutOfBand,
        Self::Voided,
        Self::WrittenOffThenPaid,
        Self::CatalogueChanged,
        Self::CatalogueDeleted,
        Self::ScheduleReleased,
        Self::ScheduleCompleted,
        Self::ScheduleCanceled,
    ];
}

/// Runs a random scenario, with pauses of up to `pause` between its steps.
///
/// # Errors
/// Stripe's refusal of a step that belongs to no scenario.
pub async fn run_billing(
    account: &Account,
    rng: &mut impl Rng,
    pause: Duration,
) -> Result<BillingScenario, ApiError> {
    let scenario = BillingScenario::ALL.choose(rng).copied().unwrap_or(BillingScenario::Renewed);
    run_billing_scenario(account, scenario, rng, pause).await.map(|_| scenario)
}

/// Runs one scenario; the id of the object that it is about.
///
/// # Errors
/// Stripe's refusal of a step that does not belong to it.
pub async fn run_billing_scenario(
    account: &Account,
    scenario: BillingScenario,
    rng: &mut impl Rng,
    pause: Duration,
) -> Result<String, ApiError> {
    let customer = format!("cus_{:014}", rng.random_range(1..1_000_000_000_u32));
    Runner { account, rng, pause, customer }.run(scenario).await
}

const GOOD: &str = "pm_card_visa";
const BAD: &str = "pm_card_chargeDeclined";
const ASKING: &str = "pm_card_authenticationRequired";

struct Runner<'a, R> {
    account: &'a Account,
    rng: &'a mut R,
    pause: Duration,
    customer: String,
}

impl<R: Rng> Runner<'_, R> {
    async fn run(&mut self, scenario: BillingScenario) -> Result<String, ApiError> {
        let account = self.account;
        let id;
        match scenario {
            BillingScenario::Renewed => {
                id = self.begin(GOOD, None, 1).await?;
                account.announce_renewal(&id)?;
                self.then(account.renew(&id, GOOD)).await?;
            }
            BillingScenario::RenewalRecovered => {
                id = self.failed_renewal().await?;
                self.then(account.retry_renewal(&id, GOOD)).await?;
            }
            BillingScenario::RenewalCanceled => {
                id = self.failed_renewal().await?;
                self.then(account.give_up_renewal(&id, true)).await?;
            }
            BillingScenario::RenewalUnpaid => {
                id = self.failed_renewal().await?;
                self.then(account.give_up_renewal(&id, false)).await?;
            }
            BillingScenario::TrialConverted => {
                id = self.begin(GOOD, Some(14), 1).await?;
                self.then(account.announce_trial_end(&id)).await?;
                self.then(account.renew(&id, GOOD)).await?;
            }
            BillingScenario::TrialPaused => {
                id = self.begin(GOOD, Some(7), 1).await?;
                self.then(account.pause_after_trial(&id)).await?;
                self.then(account.resume_subscription(&id)).await?;
            }
            BillingScenario::NeverBegun => {
                id = self.begin(BAD, None, 1).await?;
                self.then(account.expire_subscription(&id)).await?;
            }
            BillingScenario::BegunLate => {
                id = self.begin(ASKING, None, 1).await?;
                self.then(account.retry_renewal(&id, GOOD)).await?;
            }
            BillingScenario::CanceledAtPeriodEnd => {
                id = self.begin(GOOD, None, 2).await?;
                self.then(account.cancel_at_period_end(&id)).await?;
                self.then(account.cancel_subscription(&id)).await?;
            }
            BillingScenario::ItemsReplaced => {
                id = self.begin(GOOD, None, 2).await?;
                for count in [3, 1] {
                    let prices = self.prices(count)?;
                    self.then(account.replace_items(&id, &prices)).await?;
                }
            }
            BillingScenario::ManyItems => id = self.begin(GOOD, None, 13).await?,
            BillingScenario::CollectionPaused => {
                id = self.begin(GOOD, None, 1).await?;
                self.then(account.pause_collection(&id, Some("void"))).await?;
                self.then(account.pause_collection(&id, None)).await?;
            }
            BillingScenario::DraftDeleted => {
                id = self.draft().await?;
                self.then(account.delete_draft(&id)).await?;
            }
            BillingScenario::PaidOutOfBand => {
                id = self.open_invoice().await?;
                self.then(account.pay_out_of_band(&id)).await?;
            }
            BillingScenario::Voided => {
                id = self.open_invoice().await?;
                self.then(account.void_invoice(&id)).await?;
            }
            BillingScenario::WrittenOffThenPaid => {
                id = self.open_invoice().await?;
                self.then(account.pay_invoice(&id, BAD)).await?;
                self.then(account.write_off_invoice(&id)).await?;
                self.then(account.pay_invoice(&id, GOOD)).await?;
            }
            BillingScenario::CatalogueChanged => {
                let (price, _) = self.prices(1)?.remove(0);
                self.then(account.update_price(&price, "yearly, soon", false)).await?;
                let own = format!("gold-plan.{}", self.customer);
                self.then(account.create_product(Some(&own), "Gold")).await?;
                self.then(account.update_product(&own, "Platinum", false)).await?;
                id = own;
            }
            BillingScenario::CatalogueDeleted => {
                id = text(&account.create_product(None, "Silver")?, "id");
                let price = text(&account.create_price(&id, 900, "eur")?, "id");
                self.then(account.delete_price(&price)).await?;
                self.then(account.delete_product(&id)).await?;
            }
            BillingScenario::ScheduleReleased => {
                id = self.started_schedule().await?;
                self.then(account.release_schedule(&id)).await?;
            }
            BillingScenario::ScheduleCompleted => {
                id = self.started_schedule().await?;
                self.then(account.complete_schedule(&id)).await?;
            }
            BillingScenario::ScheduleCanceled => {
                id = self.started_schedule().await?;
                self.then(account.cancel_schedule(&id)).await?;
            }
        }
        Ok(id)
    }

    fn prices(&mut self, count: usize) -> Result<Vec<(String, u64)>, ApiError> {
        let product = text(&self.account.create_product(None, "Bronze")?, "id");
        let mut prices = Vec::new();
        for _ in 0..count {
            let amount = self.rng.random_range(100..10_000);
            let price = self.account.create_price(&product, amount, "eur")?;
            prices.push((text(&price, "id"), self.rng.random_range(1..4)));
        }
        Ok(prices)
    }

    async fn begin(
        &mut self,
        card: &str,
        trial_days: Option<i64>,
        items: usize,
    ) -> Result<String, ApiError> {
        let prices = self.prices(items)?;
        let made = self.account.subscribe(NewSubscription {
            customer: self.customer.clone(),
            prices,
            card: card.to_owned(),
            trial_days,
            metadata: Metadata::from([("order_id".to_owned(), self.customer.clone())]),
            ..NewSubscription::default()
        })?;
        self.pause().await;
        Ok(text(&made, "id"))
    }

    async fn failed_renewal(&mut self) -> Result<String, ApiError> {
        let id = self.begin(GOOD, None, 1).await?;
        self.then(self.account.renew(&id, BAD)).await?;
        self.then(self.account.retry_renewal(&id, BAD)).await?;
        Ok(id)
    }

    async fn draft(&mut self) -> Result<String, ApiError> {
        let amount = self.rng.random_range(100..10_000);
        let made = self.account.draft_invoice(&self.customer, amount, "usd")?;
        self.pause().await;
        Ok(text(&made, "id"))
    }

    async fn open_invoice(&mut self) -> Result<String, ApiError> {
        let id = self.draft().await?;
        self.then(self.account.finalize_invoice(&id)).await?;
        Ok(id)
    }

    async fn started_schedule(&mut self) -> Result<String, ApiError> {
        let schedule = text(&self.account.create_schedule(&self.customer)?, "id");
        let subscription = self.begin(GOOD, None, 1).await?;
        self.then(self.account.start_schedule(&schedule, &subscription)).await?;
        Ok(schedule)
    }

    /// A step, and a rest after it.
    async fn then(&mut self, step: Result<Value, ApiError>) -> Result<(), ApiError> {
        step?;
        self.pause().await;
        Ok(())
    }

    async fn pause(&mut self) {
        if !self.pause.is_zero() {
            let pause = self.pause.mul_f64(self.rng.random());
            tokio::time::sleep(pause).await;
        }
    }
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
