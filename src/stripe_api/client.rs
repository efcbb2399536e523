//! One read: budget, request, checks, columns.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use stripe_checkout::checkout_session::RetrieveCheckoutSession;
use stripe_client_core::StripeRequest;
use stripe_core::charge::RetrieveCharge;
use stripe_core::customer::RetrieveCustomer;
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_core::refund::RetrieveRefund;
use stripe_core::setup_intent::RetrieveSetupIntent;
use stripe_payment::payment_method::RetrievePaymentMethod;

use super::answer::{Answer, Limited, Meta};
use super::budget::Budget;
use super::error::StripeError;
use super::field::Unfit;
use super::refusal::Refusal;
use super::transport::Transport;
use super::{charge, decode, payment_intent, refund};
use super::{checkout_session, customer, payment_method, setup_intent};
use crate::config;
use crate::domain::event::Timestamp;
use crate::domain::id::{Mode, Scope};
use crate::domain::object::{Kind, Observed, Subject};

/// Longest wait for a token in place. Waiting in place is what keeps a worker from fetching more than
/// it may ask for; a longer wait gives the job back, which costs Redis and Postgres a round each.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads objects from Stripe.
pub struct Client {
    transport: Transport,
    budget: Arc<dyn Budget>,
    endpoint_rate: u32,
    account_rate: u32,
    key_mode: Option<Mode>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("transport", &self.transport)
            .field("key_mode", &self.key_mode)
            .finish_non_exhaustive()
    }
}

/// An object as Stripe has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// Not later than the instant at which the fetch began, on Stripe's own clock.
    pub observed_at: Timestamp,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
    /// What Stripe says.
    pub state: FetchedState,
}

/// Whether there is such an object.
#[derive(Clone, PartialEq)]
pub enum FetchedState {
    /// There is.
    Present {
        /// Its columns.
        observed: Observed,
        /// The answer as it came, secrets included: whoever stores it, redacts it.
        raw: Value,
    },
    /// There was: Stripe answers `{"deleted": true}`.
    Deleted,
}

impl fmt::Debug for FetchedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // `raw` holds secrets, and is nothing that belongs into a log line.
            Self::Present { observed, raw: _ } => {
                f.debug_struct("Present").field("observed", observed).finish_non_exhaustive()
            }
            Self::Deleted => f.write_str("Deleted"),
        }
    }
}

impl Client {
    /// A client of the configured account. Opens no connection.
    ///
    /// # Errors
    /// The base URL or the key cannot be used.
    pub fn new(settings: &config::Stripe, budget: Arc<dyn Budget>) -> Result<Self, StripeError> {
        Ok(Self {
            transport: Transport::new(settings)?,
            budget,
            endpoint_rate: settings.endpoint_rate,
            account_rate: settings.account_rate,
            key_mode: mode_of_key(settings.secret_key.reveal()),
        })
    }

    /// Asks Stripe for one object.
    ///
    /// # Errors
    /// See [`StripeError`]; each says its class.
    pub async fn fetch(&self, subject: &Subject) -> Result<Fetched, StripeError> {
        self.check_mode(&subject.scope)?;
        let id = subject.id.as_str();
        match subject.kind {
            Kind::PaymentIntent => {
                let request = RetrievePaymentIntent::new(id);
                self.read(subject, "payment_intents", &request, |it| {
                    Ok(Observed::PaymentIntent(Box::new(payment_intent::observe(it)?)))
                })
                .await
            }
            Kind::Charge => {
                let request = RetrieveCharge::new(id);
                self.read(subject, "charges", &request, |it| {
                    Ok(Observed::Charge(Box::new(charge::observe(it)?)))
                })
                .await
            }
            Kind::Refund => {
                let request = RetrieveRefund::new(id);
                self.read(subject, "refunds", &request, |it| {
                    Ok(Observed::Refund(Box::new(refund::observe(it)?)))
                })
                .await
            }
            Kind::Customer => {
                let request = RetrieveCustomer::new(id);
                self.read(subject, "customers", &request, |it| {
                    Ok(Observed::Customer(Box::new(customer::observe(it)?)))
                })
                .await
            }
            Kind::SetupIntent => {
                let request = RetrieveSetupIntent::new(id);
                self.read(subject, "setup_intents", &request, |it| {
                    Ok(Observed::SetupIntent(Box::new(setup_intent::observe(it)?)))
                })
                .await
            }
            Kind::CheckoutSession => {
                let request = RetrieveCheckoutSession::new(id);
                self.read(subject, "checkout_sessions", &request, |it| {
                    Ok(Observed::CheckoutSession(Box::new(checkout_session::observe(it)?)))
                })
                .await
            }
            Kind::PaymentMethod => {
                let request = RetrievePaymentMethod::new(id);
                self.read(subject, "payment_methods", &request, |it| {
                    Ok(Observed::PaymentMethod(Box::new(payment_method::observe(it)?)))
                })
                .await
            }
        }
    }

    /// A key of the other mode finds nothing, and Stripe would answer "no such object" to every
    /// single read. That is our own mistake and must not dead-letter the world; except where Stripe
    /// itself mixes the modes: a live Connect endpoint also gets the test events of connected
    /// accounts (docs.stripe.com, "Connect webhooks"), and those must not stop the live ones.
    fn check_mode(&self, scope: &Scope) -> Result<(), StripeError> {
        match self.key_mode {
            Some(mode) if mode != scope.mode => Err(StripeError::OtherMode {
                wanted: scope.mode,
                to_be_expected: scope.account.is_some() && mode.is_live(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// What is decoded is the living object, and not the request's own output: for a kind that can
    /// be deleted that is "one of two", whose decoding could not name the field at fault. Deletion
    /// is told apart before.
    async fn read<R, T>(
        &self,
        subject: &Subject,
        endpoint: &'static str,
        request: &R,
        observe: impl FnOnce(T) -> Result<Observed, Unfit>,
    ) -> Result<Fetched, StripeError>
    where
        R: StripeRequest,
        T: DeserializeOwned,
    {
        let account = subject.scope.account.as_ref().map(|account| account.as_str());
        let buckets = Buckets::of(&subject.scope, endpoint);
        self.draw(&buckets).await?;

        let answer = self.transport.exchange(request.build(), account, None).await?;
        let Meta { request_id, .. } = &answer.meta;
        let undated = || StripeError::Undated { request_id: request_id.clone() };
        if !answer.meta.status.is_success() {
            let refusal = Refusal::read(&answer, account.is_some());
            self.heed(&refusal, &buckets).await;
            if refusal.is_missing() && is_gone_without_a_trace(subject) {
                let observed_at = answer.meta.began_at().ok_or_else(undated)?;
                let request_id = request_id.clone();
                return Ok(Fetched { observed_at, request_id, state: FetchedState::Deleted });
            }
            return Err(refusal.into());
        }
        let observed_at = answer.meta.began_at().ok_or_else(undated);
        let Answer { meta, body } = answer;
        let of = meta.request_id.as_deref();
        let raw = decode::json(&body, of)?;
        decode::check_identity(&raw, subject, of)?;
        let observed_at = observed_at?;
        let state = if decode::is_deleted(&raw) {
            FetchedState::Deleted
        } else {
            let typed = decode::typed(&raw, of)?;
            let observed = observe(typed).map_err(|unfit| unfit.into_error(of))?;
            FetchedState::Present { observed, raw }
        };
        Ok(Fetched { observed_at, request_id: meta.request_id, state })
    }

    /// Takes a token of each bucket, the scarcer one first: a token that was taken while the other
    /// bucket is empty is lost, which only makes us ask a little less.
    async fn draw(&self, buckets: &Buckets) -> Result<(), StripeError> {
        let mut patience = PATIENCE;
        let both = [(&buckets.endpoint, self.endpoint_rate), (&buckets.account, self.account_rate)];
        for (bucket, rate) in both {
            while let Some(wait) = self.budget.take(bucket, rate).await {
                // Others may take the token that we wait for; never spin on a wait of nothing.
                let wait = wait.max(Duration::from_millis(1));
                patience = patience.checked_sub(wait).ok_or(StripeError::OverBudget { wait })?;
                tokio::time::sleep(wait).await;
            }
        }
        Ok(())
    }

    async fn heed(&self, refusal: &Refusal, buckets: &Buckets) {
        match refusal.limited() {
            Some(Limited::Account) => self.budget.slow_down(&buckets.account).await,
            Some(Limited::Endpoint) => self.budget.slow_down(&buckets.endpoint).await,
            Some(Limited::Resource) | None => {}
        }
    }
}

/// Whether "no such object" means that it was deleted.
///
/// Cards and sources of the time before PaymentMethods (`card_...`, `src_...`, `ba_...`) appear as
/// payment methods too. Detaching one of those deletes it, and what answers from then on is a 404
/// (docs.stripe.com, "Compatible payment method types"). Of all other objects it is a fault: a
/// wrong account, a wrong mode.
fn is_gone_without_a_trace(subject: &Subject) -> bool {
    subject.kind == Kind::PaymentMethod && !subject.id.as_str().starts_with("pm_")
}

/// The buckets that a request draws from. Stripe's limits are for each account and mode.
struct Buckets {
    endpoint: String,
    account: String,
}

impl Buckets {
    fn of(scope: &Scope, endpoint: &str) -> Self {
        let account = scope.account.as_ref().map_or("own", |account| account.as_str());
        let mode = scope.mode;
        Self {
            endpoint: format!("{account}:{mode}:{endpoint}"),
            account: format!("{account}:{mode}:all"),
        }
    }
}

/// `sk_live_...`, `rk_test_...`; none for a key of another form.
fn mode_of_key(key: &str) -> Option<Mode> {
    let rest = key.strip_prefix("sk_").or_else(|| key.strip_prefix("rk_"))?;
    [Mode::Live, Mode::Test]
        .into_iter()
        .find(|mode| rest.strip_prefix(mode.as_str()).is_some_and(|rest| rest.starts_with('_')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_its_mode() {
        assert_eq!(mode_of_key("sk_live_x"), Some(Mode::Live));
        assert_eq!(mode_of_key("rk_test_x"), Some(Mode::Test));
        assert_eq!(mode_of_key("sk_livelihood"), None);
        assert_eq!(mode_of_key("token"), None);
    }
}
