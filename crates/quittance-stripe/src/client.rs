//! One read: budget, request, checks, columns.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use stripe_client_core::{RequestBuilder, StripeRequest as _};
use stripe_connect::account::CapabilitiesAccount;

use super::answer::{Answer, Limited, Meta};
use super::budget::Budget;
use super::error::StripeError;
use super::fetched::{Fetched, FetchedState};
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::transport::Transport;
use super::{decode, kinds};
use quittance_config as config;
use quittance_domain::field::List;
use quittance_domain::id::{Mode, Scope};
use quittance_domain::kinds::account::{AccountObserved, ListedCapability};
use quittance_domain::object::{Kind, Observed, Subject};
use quittance_redaction::Rules;

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
    metrics: Metrics,
    /// The bucket that all its requests of an account draw from.
    share: &'static str,
    /// A bucket besides, which bounds what reads in bulk: its name, and the requests that it gets a second.
    part: Option<(&'static str, u32)>,
    /// What is dropped from each answer before anything is made of it.
    pub(super) rules: Arc<Rules>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("transport", &self.transport)
            .field("key_mode", &self.key_mode)
            .finish_non_exhaustive()
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
            metrics: Metrics::default(),
            share: "all",
            part: None,
            rules: Arc::default(),
        })
    }

    /// The mode of the objects that the key can read, where the key says it.
    #[must_use]
    pub fn key_mode(&self) -> Option<Mode> {
        self.key_mode
    }

    /// The same, counting where it is seen.
    #[must_use]
    pub fn counting(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// The same, with more that is dropped from what Stripe answers.
    #[must_use]
    pub fn redacting(self, rules: &Arc<Rules>) -> Self {
        Self { rules: Arc::clone(rules), ..self }
    }

    /// The same for work that reads in bulk: its requests of an account draw from a bucket of this name besides
    /// all others, which gets this part of `stripe.endpoint_rate`, but one request a second at least. So what is
    /// urgent has the rest for itself.
    #[must_use]
    pub fn within(self, name: &'static str, part: f64) -> Self {
        let mut rate = 1;
        while rate < self.endpoint_rate && f64::from(rate) < f64::from(self.endpoint_rate) * part {
            rate += 1;
        }
        Self { part: Some((name, rate)), ..self }
    }

    /// The same, drawing from another share of the limiter.
    pub(super) fn sharing(self, share: &'static str) -> Self {
        Self { share, ..self }
    }

    /// Sends a write within the budget, and gives its answer, whatever it says.
    pub(super) async fn post(
        &self,
        scope: &Scope,
        endpoint: &'static str,
        request: RequestBuilder,
        key: &str,
    ) -> Result<Answer, StripeError> {
        let buckets = self.buckets(scope, endpoint);
        self.draw(&buckets).await?;
        let began = Instant::now();
        let answer = self.transport.exchange_once(request, key).await;
        self.metrics.asked(endpoint, &answer, began.elapsed());
        let answer = answer?;
        if !answer.meta.status.is_success() {
            self.heed(&Refusal::read(&answer, false), &buckets).await;
        }
        Ok(answer)
    }

    /// Asks Stripe for one object.
    ///
    /// # Errors
    /// See [`StripeError`]; each says its class.
    pub async fn fetch(&self, subject: &Subject) -> Result<Fetched, StripeError> {
        self.check_mode(&subject.scope)?;
        let (endpoint, request) = kinds::request(subject)?;
        let (mut meta, mut raw) = self.get_it(subject, endpoint, request).await?;
        self.complete(subject, &mut meta, &mut raw).await?;
        let mut fetched = Fetched::of(subject.kind, &meta, self.rules.redact(raw))?;
        if let FetchedState::Present { observed: Observed::Account(observed), .. } =
            &mut fetched.state
        {
            self.add_reasons(subject, observed).await?;
        }
        Ok(fetched)
    }

    /// Adds what the capabilities of an account lack where it does not say so itself.
    async fn add_reasons(
        &self,
        subject: &Subject,
        observed: &mut AccountObserved,
    ) -> Result<(), StripeError> {
        if let AccountObserved::Seen(seen) = observed
            && seen.lacks_reasons()
        {
            let request = CapabilitiesAccount::new(subject.id.url_segment());
            let answer = self.ask(subject, "account_capabilities", request.build()).await?;
            let of = answer.meta.request_id.as_deref();
            let raw = self.rules.redact(decode::json(&answer.body, of)?);
            let all: List<ListedCapability> = decode::typed(&raw, of)?;
            seen.add_reasons(all.data);
        }
        Ok(())
    }

    /// A key of the other mode finds nothing, and Stripe would answer "no such object" to every
    /// single read. Where Stripe itself mixes the modes, that is to be expected: a live Connect
    /// endpoint also gets the test events of connected accounts (docs.stripe.com, "Connect webhooks").
    pub(super) fn check_mode(&self, scope: &Scope) -> Result<(), StripeError> {
        match self.key_mode {
            Some(mode) if mode != scope.mode => Err(StripeError::OtherMode {
                wanted: scope.mode,
                to_be_expected: scope.account.is_some() && mode.is_live(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// The answer about the subject itself, whatever its kind.
    pub(super) async fn get_it(
        &self,
        subject: &Subject,
        endpoint: &'static str,
        request: RequestBuilder,
    ) -> Result<(Meta, Value), StripeError> {
        let (meta, raw) = self.get(subject, endpoint, request).await?;
        decode::check_identity(&raw, subject, meta.request_id.as_deref())?;
        Ok((meta, raw))
    }

    /// One answer, within the budget.
    pub(super) async fn get(
        &self,
        subject: &Subject,
        endpoint: &'static str,
        request: RequestBuilder,
    ) -> Result<(Meta, Value), StripeError> {
        let Answer { meta, body } = self.ask(subject, endpoint, request).await?;
        let raw = decode::json(&body, meta.request_id.as_deref())?;
        Ok((meta, raw))
    }

    /// One request about a subject within the budget, and its answer if it is a good one.
    async fn ask(
        &self,
        subject: &Subject,
        endpoint: &'static str,
        request: RequestBuilder,
    ) -> Result<Answer, StripeError> {
        let connected = subject.scope.account.is_some();
        self.ask_as(&reader(subject), connected, endpoint, request).await
    }

    /// The same in the name of `reader`. `connected`: what is asked for belongs to a connected
    /// account, whoever reads it.
    pub(super) async fn ask_as(
        &self,
        reader: &Scope,
        connected: bool,
        endpoint: &'static str,
        request: RequestBuilder,
    ) -> Result<Answer, StripeError> {
        let buckets = self.buckets(reader, endpoint);
        self.draw(&buckets).await?;

        let name = reader.account.as_ref().map(|account| account.as_str());
        let began = Instant::now();
        let answer = self.transport.exchange(request, name, None).await;
        self.metrics.asked(endpoint, &answer, began.elapsed());
        let answer = answer?;
        if !answer.meta.status.is_success() {
            let refusal = Refusal::read(&answer, connected);
            self.heed(&refusal, &buckets).await;
            return Err(refusal.into());
        }
        Ok(answer)
    }

    fn buckets(&self, scope: &Scope, endpoint: &str) -> Buckets {
        Buckets::of(scope, endpoint, self.share, self.part.map(|(name, _)| name))
    }

    /// Takes a token of each bucket, or waits for them, if that is not too long.
    async fn draw(&self, buckets: &Buckets) -> Result<(), StripeError> {
        let began = Instant::now();
        let drawn = self.try_draw(buckets).await;
        self.metrics.limited(drawn.is_ok(), began.elapsed());
        drawn
    }

    async fn try_draw(&self, buckets: &Buckets) -> Result<(), StripeError> {
        let mut patience = PATIENCE;
        let mut all =
            vec![(&*buckets.endpoint, self.endpoint_rate), (&*buckets.account, self.account_rate)];
        if let (Some(part), Some((_, rate))) = (&buckets.part, self.part) {
            all.push((&**part, rate));
        }
        let mut place = None;
        while let Some(waiting) = self.budget.take(&all, patience, place).await {
            // Never spin on a wait of nothing.
            let wait = waiting.time.max(Duration::from_millis(1));
            patience = patience.checked_sub(wait).ok_or(StripeError::OverBudget { wait })?;
            place = Some(waiting.place);
            tokio::time::sleep(wait).await;
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

/// In whose name an object is read. A platform reads the objects *of* its connected accounts in
/// their name, by the header `Stripe-Account`; the accounts *themselves* are its own to read, by
/// their id: `GET /v1/accounts/{id}` (docs.stripe.com, "Retrieve account", "Making API calls for
/// connected accounts"). So those count against the platform's limits, too.
fn reader(subject: &Subject) -> Scope {
    let account = match subject.kind {
        Kind::Account => None,
        Kind::PaymentIntent
        | Kind::Charge
        | Kind::Refund
        | Kind::Customer
        | Kind::SetupIntent
        | Kind::CheckoutSession
        | Kind::PaymentMethod
        | Kind::Subscription
        | Kind::Invoice
        | Kind::Product
        | Kind::Price
        | Kind::SubscriptionSchedule
        | Kind::Dispute
        | Kind::Payout
        | Kind::Mirrored(_) => subject.scope.account.clone(),
    };
    Scope { account, mode: subject.scope.mode }
}

/// The buckets that a request draws from. Stripe's limits are for each account and mode.
struct Buckets {
    endpoint: String,
    account: String,
    part: Option<String>,
}

impl Buckets {
    fn of(scope: &Scope, endpoint: &str, share: &str, part: Option<&str>) -> Self {
        let account = scope.account.as_ref().map_or("own", |account| account.as_str());
        let mode = scope.mode;
        Self {
            endpoint: format!("{account}:{mode}:{endpoint}"),
            account: format!("{account}:{mode}:{share}"),
            part: part.map(|part| format!("{account}:{mode}:{part}")),
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
    fn a_part_of_the_rate_is_a_request_a_second_at_least() {
        let settings =
            config::load(None, std::iter::once(("STRIPE_SECRET_KEY".into(), "sk_test_x".into())));
        let settings = settings.unwrap().stripe;
        let rate = |endpoint_rate, part| {
            let settings = config::Stripe { endpoint_rate, ..settings.clone() };
            let client = Client::new(&settings, Arc::new(crate::Unlimited)).unwrap();
            client.within("sweep", part).part
        };
        assert_eq!(rate(25, 0.2), Some(("sweep", 5)));
        assert_eq!(rate(25, 0.21), Some(("sweep", 6)));
        assert_eq!(rate(25, 0.0), Some(("sweep", 1)));
        assert_eq!(rate(25, 1.0), Some(("sweep", 25)));
    }

    #[test]
    fn a_key_says_its_mode() {
        assert_eq!(mode_of_key("sk_live_x"), Some(Mode::Live));
        assert_eq!(mode_of_key("rk_test_x"), Some(Mode::Test));
        assert_eq!(mode_of_key("sk_livelihood"), None);
        assert_eq!(mode_of_key("token"), None);
    }
}
