//! Customer scenarios: saved methods, setups, checkouts, deletion.

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::Value;

use crate::account::Account;
use crate::actions::{NewCheckout, NewCustomer, NewSetup};
use crate::error::ApiError;
use crate::objects::{CheckoutMode, Metadata};

/// A scenario of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustomerScenario {
    /// Saves a card, falls behind with an invoice, and catches up.
    FellBehind,
    /// Saves two cards, then is deleted; one of the cards is renewed after that.
    Deleted,
    /// Is deleted in the moment in which it was made.
    DeletedAtOnce,
    /// Saves a card and takes it away again.
    MethodDetached,
    /// The bank sends a new card.
    CardRenewed,
    /// Saves a card through a setup.
    SetUp,
    /// The same with 3-D Secure, passed.
    SetUpAuthenticated,
    /// 3-D Secure, failed, then another card.
    SetUpAuthenticationFailed,
    /// Declined, then given up.
    SetUpDeclinedThenCanceled,
    /// Pays on Stripe's page with a card.
    CheckoutPaid,
    /// Pays on Stripe's page with a bank debit that comes through.
    CheckoutPaidLater,
    /// The same, and it bounces.
    CheckoutPaymentFailed,
    /// Is declined on Stripe's page, then pays with another card.
    CheckoutDeclinedThenPaid,
    /// Never comes through.
    CheckoutExpired,
    /// Saves a card on Stripe's page.
    CheckoutSetUp,
}

impl CustomerScenario {
    /// All scenarios.
    pub const ALL: &'static [Self] = &[
        Self::FellBehind,
        Self::Deleted,
        Self::DeletedAtOnce,
        Self::MethodDetached,
        Self::CardRenewed,
        Self::SetUp,
        Self::SetUpAuthenticated,
        Self::SetUpAuthenticationFailed,
        Self::SetUpDeclinedThenCanceled,
        Self::CheckoutPaid,
        Self::CheckoutPaidLater,
        Self::CheckoutPaymentFailed,
        Self::CheckoutDeclinedThenPaid,
        Self::CheckoutExpired,
        Self::CheckoutSetUp,
    ];
}

/// Runs a random scenario, with pauses of up to `pause` between its steps.
///
/// # Errors
/// Stripe's refusal of a step that belongs to no scenario.
pub async fn run_customer(
    account: &Account,
    rng: &mut impl Rng,
    pause: Duration,
) -> Result<CustomerScenario, ApiError> {
    let scenario = CustomerScenario::ALL.choose(rng).copied().unwrap_or(CustomerScenario::SetUp);
    run_customer_scenario(account, scenario, rng, pause).await?;
    Ok(scenario)
}

/// Runs one scenario.
///
/// # Errors
/// Stripe's refusal of a step that does not belong to it.
pub async fn run_customer_scenario(
    account: &Account,
    scenario: CustomerScenario,
    rng: &mut impl Rng,
    pause: Duration,
) -> Result<(), ApiError> {
    Runner { account, rng, pause }.run(scenario).await
}

const GOOD: &str = "pm_card_visa";
const BAD: &str = "pm_card_chargeDeclined";
const CAREFUL: &str = "pm_card_authenticationRequired";
const DEBIT: &str = "pm_usBankAccount";

struct Runner<'a, R> {
    account: &'a Account,
    rng: &'a mut R,
    pause: Duration,
}

impl<R: Rng> Runner<'_, R> {
    async fn run(&mut self, scenario: CustomerScenario) -> Result<(), ApiError> {
        use CustomerScenario as S;
        let account = self.account;
        let customer = self.customer().await;
        match scenario {
            S::FellBehind => {
                let method = id(&account.attach_method(GOOD, &customer)?);
                account.set_default_method(&customer, &method)?;
                self.pause().await;
                account.set_delinquent(&customer, true)?;
                self.pause().await;
                account.set_delinquent(&customer, false)?;
            }
            S::Deleted => {
                let method = id(&account.attach_method(GOOD, &customer)?);
                account.set_default_method(&customer, &method)?;
                account.attach_method(CAREFUL, &customer)?;
                self.pause().await;
                account.delete_customer(&customer)?;
                self.pause().await;
                account.renew_card(&method)?;
            }
            S::DeletedAtOnce => account.delete_customer(&customer)?,
            S::MethodDetached => {
                let method = id(&account.attach_method(GOOD, &customer)?);
                account.set_default_method(&customer, &method)?;
                self.pause().await;
                account.detach_method(&method)?;
            }
            S::CardRenewed => {
                let method = id(&account.attach_method(GOOD, &customer)?);
                self.pause().await;
                account.renew_card(&method)?;
            }
            S::SetUp | S::SetUpAuthenticated | S::SetUpAuthenticationFailed => {
                let setup = self.setup(&customer).await?;
                let card = if scenario == S::SetUp { GOOD } else { CAREFUL };
                account.confirm_setup(&setup, card)?;
                self.pause().await;
                if scenario != S::SetUp {
                    account.finish_setup_3ds(&setup, scenario == S::SetUpAuthenticated)?;
                    self.pause().await;
                }
                if scenario == S::SetUpAuthenticationFailed {
                    account.confirm_setup(&setup, GOOD)?;
                }
            }
            S::SetUpDeclinedThenCanceled => {
                let setup = self.setup(&customer).await?;
                declined(account.confirm_setup(&setup, BAD))?;
                self.pause().await;
                account.cancel_setup(&setup)?;
            }
            S::CheckoutPaid => {
                let session = self.checkout(&customer, CheckoutMode::Payment).await?;
                account.complete_checkout(&session, GOOD)?;
            }
            S::CheckoutPaidLater | S::CheckoutPaymentFailed => {
                let session = self.checkout(&customer, CheckoutMode::Payment).await?;
                account.complete_checkout(&session, DEBIT)?;
                self.pause().await;
                account.settle_checkout(&session, scenario == S::CheckoutPaidLater)?;
            }
            S::CheckoutDeclinedThenPaid => {
                let session = self.checkout(&customer, CheckoutMode::Payment).await?;
                declined(account.complete_checkout(&session, BAD))?;
                self.pause().await;
                account.complete_checkout(&session, GOOD)?;
            }
            S::CheckoutExpired => {
                let session = self.checkout(&customer, CheckoutMode::Payment).await?;
                account.expire_checkout(&session)?;
            }
            S::CheckoutSetUp => {
                let session = self.checkout(&customer, CheckoutMode::Setup).await?;
                account.complete_checkout(&session, GOOD)?;
            }
        }
        self.pause().await;
        Ok(())
    }

    async fn customer(&mut self) -> String {
        let made = self.account.create_customer(NewCustomer {
            id: None,
            balance: -i64::from(self.rng.random_range(0..3_u8)) * 500,
            currency: self.rng.random_bool(0.5).then(|| "eur".to_owned()),
            metadata: self.link("user_id"),
            ..NewCustomer::default()
        });
        self.pause().await;
        id(&made)
    }

    async fn setup(&mut self, customer: &str) -> Result<String, ApiError> {
        let made = self.account.create_setup(NewSetup {
            customer: Some(customer.to_owned()),
            payment_method: None,
            metadata: self.link("order_id"),
            ..NewSetup::default()
        })?;
        self.pause().await;
        Ok(id(&made))
    }

    async fn checkout(&mut self, customer: &str, mode: CheckoutMode) -> Result<String, ApiError> {
        let made = self.account.open_checkout(NewCheckout {
            mode,
            amount: self.rng.random_range(100..100_000),
            currency: "eur".to_owned(),
            customer: Some(customer.to_owned()),
            client_reference_id: Some(format!("cart-{}", self.rng.random_range(1..1_000_000_u32))),
            metadata: self.link("order_id"),
            ..NewCheckout::default()
        })?;
        self.pause().await;
        Ok(id(&made))
    }

    fn link(&mut self, key: &str) -> Metadata {
        let number = self.rng.random_range(1..1_000_000_000_u32);
        Metadata::from([(key.to_owned(), number.to_string())])
    }

    async fn pause(&mut self) {
        if !self.pause.is_zero() {
            let pause = self.pause.mul_f64(self.rng.random());
            tokio::time::sleep(pause).await;
        }
    }
}

/// An attempt that fails, as the scenario wants it.
fn declined(result: Result<Value, ApiError>) -> Result<(), ApiError> {
    match result {
        Err(error) if error.status != 402 => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn id(value: &Value) -> String {
    value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}
