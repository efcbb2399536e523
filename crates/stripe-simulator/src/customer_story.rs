//! Lives of customers: what they save, lose, pay for on Stripe's page, and how they leave.

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::Value;

use super::actions::{NewCheckout, NewCustomer, NewSetup};
use super::drive::Account;
use super::error::ApiError;
use super::objects::{CheckoutMode, Metadata};

/// What happens to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustomerStory {
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

impl CustomerStory {
    /// All stories.
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

/// Picks a story and lives through it, with pauses of up to `pause` between its steps.
///
/// # Errors
/// Stripe's refusal of a step that belongs to no story.
pub async fn run_customer(
    account: &Account,
    rng: &mut impl Rng,
    pause: Duration,
) -> Result<CustomerStory, ApiError> {
    let story = CustomerStory::ALL.choose(rng).copied().unwrap_or(CustomerStory::SetUp);
    run_customer_story(account, story, rng, pause).await?;
    Ok(story)
}

/// Lives through one story.
///
/// # Errors
/// Stripe's refusal of a step that does not belong to it.
pub async fn run_customer_story(
    account: &Account,
    story: CustomerStory,
    rng: &mut impl Rng,
    pause: Duration,
) -> Result<(), ApiError> {
    Teller { account, rng, pause }.tell(story).await
}

const GOOD: &str = "pm_card_visa";
const BAD: &str = "pm_card_chargeDeclined";
const CAREFUL: &str = "pm_card_authenticationRequired";
const DEBIT: &str = "pm_usBankAccount";

struct Teller<'a, R> {
    account: &'a Account,
    rng: &'a mut R,
    pause: Duration,
}

impl<R: Rng> Teller<'_, R> {
    async fn tell(&mut self, story: CustomerStory) -> Result<(), ApiError> {
        use CustomerStory as S;
        let account = self.account;
        let customer = self.customer().await;
        match story {
            S::FellBehind => {
                let method = id(&account.attach_method(GOOD, &customer)?);
                account.set_default_method(&customer, &method)?;
                self.rest().await;
                account.set_delinquent(&customer, true)?;
                self.rest().await;
                account.set_delinquent(&customer, false)?;
            }
            S::Deleted => {
                let method = id(&account.attach_method(GOOD, &customer)?);
                account.set_default_method(&customer, &method)?;
                account.attach_method(CAREFUL, &customer)?;
                self.rest().await;
                account.delete_customer(&customer)?;
                self.rest().await;
                account.renew_card(&method)?;
            }
            S::DeletedAtOnce => account.delete_customer(&customer)?,
            S::MethodDetached => {
                let method = id(&account.attach_method(GOOD, &customer)?);
                account.set_default_method(&customer, &method)?;
                self.rest().await;
                account.detach_method(&method)?;
            }
            S::CardRenewed => {
                let method = id(&account.attach_method(GOOD, &customer)?);
                self.rest().await;
                account.renew_card(&method)?;
            }
            S::SetUp | S::SetUpAuthenticated | S::SetUpAuthenticationFailed => {
                let setup = self.setup(&customer).await?;
                let card = if story == S::SetUp { GOOD } else { CAREFUL };
                account.confirm_setup(&setup, card)?;
                self.rest().await;
                if story != S::SetUp {
                    account.finish_setup_3ds(&setup, story == S::SetUpAuthenticated)?;
                    self.rest().await;
                }
                if story == S::SetUpAuthenticationFailed {
                    account.confirm_setup(&setup, GOOD)?;
                }
            }
            S::SetUpDeclinedThenCanceled => {
                let setup = self.setup(&customer).await?;
                declined(account.confirm_setup(&setup, BAD))?;
                self.rest().await;
                account.cancel_setup(&setup)?;
            }
            S::CheckoutPaid => {
                let session = self.checkout(&customer, CheckoutMode::Payment).await?;
                account.complete_checkout(&session, GOOD)?;
            }
            S::CheckoutPaidLater | S::CheckoutPaymentFailed => {
                let session = self.checkout(&customer, CheckoutMode::Payment).await?;
                account.complete_checkout(&session, DEBIT)?;
                self.rest().await;
                account.settle_checkout(&session, story == S::CheckoutPaidLater)?;
            }
            S::CheckoutDeclinedThenPaid => {
                let session = self.checkout(&customer, CheckoutMode::Payment).await?;
                declined(account.complete_checkout(&session, BAD))?;
                self.rest().await;
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
        self.rest().await;
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
        self.rest().await;
        id(&made)
    }

    async fn setup(&mut self, customer: &str) -> Result<String, ApiError> {
        let made = self.account.create_setup(NewSetup {
            customer: Some(customer.to_owned()),
            payment_method: None,
            metadata: self.link("order_id"),
            ..NewSetup::default()
        })?;
        self.rest().await;
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
        self.rest().await;
        Ok(id(&made))
    }

    fn link(&mut self, key: &str) -> Metadata {
        let number = self.rng.random_range(1..1_000_000_000_u32);
        Metadata::from([(key.to_owned(), number.to_string())])
    }

    async fn rest(&mut self) {
        if !self.pause.is_zero() {
            let pause = self.pause.mul_f64(self.rng.random());
            tokio::time::sleep(pause).await;
        }
    }
}

/// An attempt that fails, which is no fault here: it is the story.
fn declined(result: Result<Value, ApiError>) -> Result<(), ApiError> {
    match result {
        Err(error) if error.status != 402 => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn id(value: &Value) -> String {
    value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}
