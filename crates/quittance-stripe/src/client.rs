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
    /// What it is limited to where it reads in bulk: the name of its share, and the part of the rates.
    share_of_bulk: Option<(&'static str, f64)>,
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
            share_of_bulk: None,
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

    /// The same, drawing from another share of the limiter.
    pub(super) fn sharing(self, share: &'static str) -> Self {
        Self { share, ..self }
    }

    /// The same for reading in bulk, in a share of this name: with at most this part of the rates, which is greater
    /// than 0 and at most 1, but a request a second at least. It draws from the buckets that all share as well, so
    /// Stripe's limits hold for all together, and the rest of them is left to others.
    #[must_use]
    pub fn within(self, share: &'static str, part: f64) -> Self {
        Self { share_of_bulk: Some((share, part)), ..self }
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
        let (meta, raw) = self.get_it(subject, endpoint, request).await?;
        self.finish(subject, meta, raw).await
    }

    /// What an answer about an object comes to: with its inner lists whole, and redacted.
    pub(super) async fn finish(
        &self,
        subject: &Subject,
        mut meta: Meta,
        mut raw: Value,
    ) -> Result<Fetched, StripeError> {
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

    /// Takes a token of each bucket, or waits for them, if that is not too long.
    async fn draw(&self, buckets: &Buckets) -> Result<(), StripeError> {
        let began = Instant::now();
        let drawn = self.try_draw(buckets).await;
        self.metrics.limited(drawn.is_ok(), began.elapsed());
        drawn
    }

    async fn try_draw(&self, buckets: &Buckets) -> Result<(), StripeError> {
        let mut patience = PATIENCE;
        let all: Vec<(&str, u32)> =
            buckets.all.iter().map(|(name, rate)| (&**name, *rate)).collect();
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
            Some(Limited::Account) => self.budget.slow_down(buckets.account()).await,
            Some(Limited::Endpoint) => self.budget.slow_down(buckets.endpoint()).await,
            Some(Limited::Resource) | None => {}
        }
    }

    /// The buckets that a request draws from. Stripe's limits are for each account and mode.
    fn buckets(&self, scope: &Scope, endpoint: &str) -> Buckets {
        let account = scope.account.as_ref().map_or("own", |account| account.as_str());
        let mode = scope.mode;
        let mut all = vec![
            (format!("{account}:{mode}:{endpoint}"), self.endpoint_rate),
            (format!("{account}:{mode}:{}", self.share), self.account_rate),
        ];
        if let Some((name, part)) = self.share_of_bulk {
            let of_account = format!("{account}:{mode}:{}/{name}", self.share);
            all.extend([
                (format!("{account}:{mode}:{endpoint}/{name}"), part_of(self.endpoint_rate, part)),
                (of_account, part_of(self.account_rate, part)),
            ]);
        }
        Buckets { all }
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

/// The buckets that a request draws from, with their tokens a second: the endpoint's, the account's, and the
/// shares of both for reading in bulk.
struct Buckets {
    all: Vec<(String, u32)>,
}

impl Buckets {
    fn endpoint(&self) -> &str {
        self.all.first().map_or("", |(name, _)| name)
    }

    fn account(&self) -> &str {
        self.all.get(1).map_or("", |(name, _)| name)
    }
}

/// A part of a rate, in whole tokens a second and at least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between one and the rate, which is a u32"
)]
fn part_of(rate: u32, part: f64) -> u32 {
    (f64::from(rate) * part).round().clamp(1.0, f64::from(rate.max(1))) as u32
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
    fn a_part_of_a_rate_is_at_least_one_and_at_most_all() {
        let parts = [(80, 0.25), (25, 0.25), (25, 0.01), (1, 0.5), (0, 0.5), (80, 1.0), (80, 7.0)];
        let tokens: Vec<_> = parts.iter().map(|(rate, part)| part_of(*rate, *part)).collect();
        assert_eq!(tokens, [20, 6, 1, 1, 1, 80, 80]);
    }

    #[test]
    fn a_key_says_its_mode() {
        assert_eq!(mode_of_key("sk_live_x"), Some(Mode::Live));
        assert_eq!(mode_of_key("rk_test_x"), Some(Mode::Test));
        assert_eq!(mode_of_key("sk_livelihood"), None);
        assert_eq!(mode_of_key("token"), None);
    }
}
