//! One read: budget, request, checks, columns.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_core::charge::RetrieveCharge;
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_core::refund::RetrieveRefund;

use super::answer::{Answer, Limited, Meta};
use super::budget::Budget;
use super::error::StripeError;
use super::field::Unfit;
use super::refusal::Refusal;
use super::transport::Transport;
use super::{charge, decode, payment_intent, refund};
use crate::config;
use crate::domain::event::Timestamp;
use crate::domain::id::{Mode, Scope};
use crate::domain::object::{Kind, Observed, Subject};

/// Longest wait for a token in place. A longer one gives the job back, so that its place is free.
const PATIENCE: Duration = Duration::from_millis(200);

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
            Kind::Mirrored(mirror) => self.read_mirrored(subject, mirror).await,
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

    async fn read<R>(
        &self,
        subject: &Subject,
        endpoint: &'static str,
        request: &R,
        observe: impl FnOnce(R::Output) -> Result<Observed, Unfit>,
    ) -> Result<Fetched, StripeError>
    where
        R: StripeRequest,
        R::Output: DeserializeOwned,
    {
        let (raw, meta) = self.ask(subject, endpoint, request.build()).await?;
        let of = meta.request_id.as_deref();
        let observed_at = meta.dated()?;
        let state = if decode::is_deleted(&raw) {
            FetchedState::Deleted
        } else {
            let typed = decode::typed(&raw, of)?;
            let observed = observe(typed).map_err(|unfit| unfit.into_error(of))?;
            FetchedState::Present { observed, raw }
        };
        Ok(Fetched { observed_at, request_id: meta.request_id, state })
    }

    /// Asks for a subject, whatever its kind, and makes sure that the answer is about it.
    pub(super) async fn ask(
        &self,
        subject: &Subject,
        endpoint: &'static str,
        request: RequestBuilder,
    ) -> Result<(Value, Meta), StripeError> {
        let account = subject.scope.account.as_ref().map(|account| account.as_str());
        let buckets = Buckets::of(&subject.scope, endpoint);
        self.draw(&buckets).await?;

        let Answer { meta, body } = self.transport.exchange(request, account, None).await?;
        if !meta.status.is_success() {
            let refusal = Refusal::read(&Answer { meta, body }, account.is_some());
            self.heed(&refusal, &buckets).await;
            return Err(refusal.into());
        }
        let of = meta.request_id.as_deref();
        let raw = decode::json(&body, of)?;
        decode::check_identity(&raw, subject, of)?;
        Ok((raw, meta))
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
