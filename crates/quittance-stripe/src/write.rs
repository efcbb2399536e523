//! Writes to Stripe: one request for one command, with its idempotency key, and what its answer proves.
//!
//! Nothing here retries. An answer says one of four things: it was done, it was refused for good, it certainly
//! had no effect, or what became of it is not known.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAllowedPaymentMethodTypes,
    CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
    CreateCheckoutSessionLineItemsPriceDataRecurring, CreateCheckoutSessionPaymentIntentData,
    CreateCheckoutSessionPaymentIntentDataTransferData, CreateCheckoutSessionSetupIntentData,
    CreateCheckoutSessionSubscriptionData, ExpireCheckoutSession, ProductData,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest as _};
use stripe_core::customer::CreateCustomer;
use stripe_core::payment_intent::{
    CancelPaymentIntent, CapturePaymentIntent, ConfirmPaymentIntent,
    ConfirmPaymentIntentOffSession, CreatePaymentIntent,
    CreatePaymentIntentAutomaticPaymentMethods, CreatePaymentIntentOffSession,
    CreatePaymentIntentTransferData,
};
use stripe_core::refund::CreateRefund;
use stripe_core::setup_intent::CreateSetupIntent;

use super::answer::Answer;
use super::client::Client;
use super::client_secret::{ClientSecret, Completes};
use super::error::StripeError;
use super::fetched::{Fetched, cut_short};
use super::refusal::Refusal;
use super::word::word;
use super::{decode, kinds, write_billing};
use quittance_config as config;
use quittance_domain::command::checkout::{LineItem, NewCheckout, SessionMode};
use quittance_domain::command::command_params::CommandParams;
use quittance_domain::command::params::NewPayment;
use quittance_domain::command::text_limits::COMMAND_KEY;
use quittance_domain::field;
use quittance_domain::id::{Mode, ObjectId, Scope};
use quittance_domain::object::{Kind, Subject};
use quittance_domain::surrogates;

/// One request to Stripe.
#[derive(Debug, Clone, Copy)]
pub struct WriteRequest<'a> {
    /// The command's id, which goes into the metadata of what it makes.
    pub command: &'a str,
    /// Stripe's idempotency key.
    pub key: &'a str,
    /// What is asked.
    pub params: &'a CommandParams,
    /// The payment that is changed.
    pub target: Option<&'a str>,
}

/// A request as it would be sent, for people who look before they act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRequest {
    /// `POST` or `DELETE`.
    pub method: &'static str,
    /// `/v1/refunds`
    pub path: String,
    /// The fields of the form, sorted: `metadata[order]` and `42`.
    pub parameters: Vec<(String, String)>,
}

impl PlannedRequest {
    /// The request of a command that is not written yet.
    #[must_use]
    pub fn of(params: &CommandParams, target: Option<&str>) -> Self {
        let command = "<the command's id>";
        let (_, _, built) = build(&WriteRequest { command, key: "", params, target });
        let body = built.body.unwrap_or_default();
        let mut parameters: Vec<_> =
            url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        parameters.sort();
        let method = match built.method {
            StripeMethod::Get => "GET",
            StripeMethod::Post => "POST",
            StripeMethod::Delete => "DELETE",
        };
        Self { method, path: format!("/v1{}", built.path), parameters }
    }
}

/// Stripe did it.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// What was made or changed.
    pub subject: Subject,
    /// Its state, as an observation like any other.
    pub fetched: Fetched,
    /// What completes it in a browser; none where there is none.
    pub client_secret: Option<ClientSecret>,
    /// Whether it is not the object as it is now: Stripe repeated an earlier answer, or a list inside the object
    /// goes on.
    pub replayed: bool,
}

/// A session of the customer portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalSession {
    /// `bps_...`
    pub id: String,
    /// When Stripe made it, in seconds since 1970.
    pub created: i64,
    /// Where to send the customer: whoever has it is signed in.
    pub url: ClientSecret,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
}

/// Stripe did not do it, or it is not known whether it did.
#[derive(Debug)]
pub enum WriteError {
    /// Refused, for good: the same key gets the same answer.
    Refused(Box<WriteRefusal>),
    /// It certainly had no effect, and the same request may be sent again.
    NotSent {
        /// Why.
        error: StripeError,
        /// When Stripe, or our own limiter, wants to hear of it again.
        again_after: Option<Duration>,
    },
    /// It certainly had no effect, and has none until an operator mends a setting.
    Misconfigured(StripeError),
    /// It may have had an effect.
    Unknown {
        /// Why.
        error: StripeError,
        /// Whether the same key would bring the same answer again, so that it has to be looked up.
        lookup: bool,
    },
}

/// Why Stripe refused a command.
#[derive(Debug, Clone)]
pub struct WriteRefusal {
    /// The HTTP status.
    pub status: u16,
    /// Stripe's `error.code`.
    pub code: Option<String>,
    /// The bank's finer word.
    pub decline_code: Option<String>,
    /// Stripe's sentence for people, without keys.
    pub message: Option<String>,
    /// The parameter that it is about.
    pub param: Option<String>,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
    /// The payment that exists all the same: a declined attempt leaves it.
    pub payment: Option<Box<Written>>,
}

#[derive(Deserialize)]
struct Body {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default, rename = "type", deserialize_with = "field::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "field::text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "field::text")]
    decline_code: Option<String>,
    #[serde(default, deserialize_with = "field::text")]
    param: Option<String>,
    #[serde(default)]
    payment_intent: Value,
}

/// Sends commands to Stripe, with a key and rates of their own.
#[derive(Debug)]
pub struct Writer {
    client: Client,
    mode: Mode,
}

impl Writer {
    /// A writer over a client that was made with [`config::Stripe::for_writing`].
    ///
    /// # Errors
    /// The key does not say whether it is for live or for test mode.
    pub fn new(client: Client) -> Result<Self, StripeError> {
        let mode = client.key_mode().ok_or(StripeError::Settings(
            "the key for commands does not begin with sk_live_, sk_test_, rk_live_ or rk_test_",
        ))?;
        Ok(Self { client: client.sharing("writes"), mode })
    }

    /// The settings of its client.
    #[must_use]
    pub fn settings(settings: &config::Stripe) -> config::Stripe {
        settings.for_writing()
    }

    /// The mode that its key acts in.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Sends a command once.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn write(&self, request: WriteRequest<'_>) -> Result<Written, WriteError> {
        let (kind, endpoint, built) = build(&request);
        let answer = match self.client.post(&self.scope(), endpoint, built, request.key).await {
            Ok(answer) => answer,
            Err(error) => return Err(of_no_answer(error)),
        };
        if answer.meta.status.is_success() {
            // Whatever is wrong with the answer: it was done.
            return self
                .read(kind, &answer)
                .map_err(|error| WriteError::Unknown { error, lookup: false });
        }
        Err(self.refused(&answer))
    }

    /// Opens the customer portal once. The session is no object that can be looked at again.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn open_portal(
        &self,
        request: WriteRequest<'_>,
    ) -> Result<PortalSession, WriteError> {
        #[derive(Deserialize)]
        struct Session {
            id: String,
            created: i64,
            url: String,
        }
        let (_, endpoint, built) = build(&request);
        let answer = match self.client.post(&self.scope(), endpoint, built, request.key).await {
            Ok(answer) => answer,
            Err(error) => return Err(of_no_answer(error)),
        };
        if !answer.meta.status.is_success() {
            return Err(self.refused(&answer));
        }
        let request_id = answer.meta.request_id.clone();
        let read = decode::json(&answer.body, request_id.as_deref()).and_then(|raw| {
            serde_json::from_value::<Session>(raw).map_err(|error| StripeError::Undecodable {
                path: endpoint.to_owned(),
                // Never the value: the url is a secret.
                problem: format!("{:?}", error.classify()),
                request_id: request_id.clone(),
            })
        });
        match read {
            Ok(Session { id, created, url }) => {
                let url = ClientSecret::new(url, Completes::Page);
                Ok(PortalSession { id, created, url, request_id })
            }
            Err(error) => Err(WriteError::Unknown { error, lookup: false }),
        }
    }

    fn scope(&self) -> Scope {
        Scope { account: None, mode: self.mode }
    }

    fn read(&self, kind: Kind, answer: &Answer) -> Result<Written, StripeError> {
        let request_id = answer.meta.request_id.as_deref();
        let raw = decode::json(&answer.body, request_id)?;
        self.observe(kind, answer, raw)
    }

    fn observe(&self, kind: Kind, answer: &Answer, mut raw: Value) -> Result<Written, StripeError> {
        let request_id = answer.meta.request_id.as_deref();
        let id = raw["id"].as_str().and_then(|id| ObjectId::parse(id).ok());
        let id = id.ok_or_else(|| StripeError::WrongObject {
            field: "id",
            asked: kind.as_str().to_owned(),
            answered: "nothing".to_owned(),
            request_id: request_id.map(str::to_owned),
        })?;
        let subject = Subject { scope: self.scope(), kind, id, owner: None };
        decode::check_identity(&raw, &subject, request_id)?;
        let client_secret = secret_of(&raw);
        if kind == Kind::Subscription {
            write_billing::fold(&mut raw);
        }
        let replayed = answer.meta.replayed || cut_short(&raw).is_some();
        let fetched = Fetched::of(kind, &answer.meta, self.client.rules.redact(raw))?;
        Ok(Written { subject, fetched, client_secret, replayed })
    }

    fn refused(&self, answer: &Answer) -> WriteError {
        let refusal = Refusal::read(answer, false);
        let status = refusal.status;
        let body: Option<Body> =
            surrogates::read(&answer.body, |body| serde_json::from_slice(body)).ok();
        let Some(ErrorBody { kind, code, decline_code, param, payment_intent }) =
            body.map(|body| body.error)
        else {
            // Not Stripe's own words: a proxy, before or after Stripe.
            let error = StripeError::from(refusal);
            return match status {
                300..=499 => WriteError::Misconfigured(error),
                _ => WriteError::Unknown { error, lookup: false },
            };
        };
        let again_after = answer.meta.retry_after;
        match status {
            // Another process sends the same key, or did so a moment ago.
            409 => WriteError::Unknown { error: refusal.into(), lookup: false },
            // This program has changed how it writes the request: its key is of no use any more.
            400 if kind.as_deref() == Some("idempotency_error") => {
                WriteError::Unknown { error: refusal.into(), lookup: true }
            }
            401 | 403 => WriteError::Misconfigured(refusal.into()),
            429 => WriteError::NotSent { error: refusal.into(), again_after },
            408 | 424 => WriteError::Unknown { error: refusal.into(), lookup: false },
            400..=499 => {
                let payment = (!payment_intent.is_null())
                    .then(|| self.observe(Kind::PaymentIntent, answer, payment_intent).ok())
                    .flatten();
                WriteError::Refused(Box::new(WriteRefusal {
                    status,
                    code,
                    decline_code,
                    message: refusal.message.clone(),
                    param,
                    request_id: refusal.request_id().map(str::to_owned),
                    payment: payment.map(Box::new),
                }))
            }
            // Stripe keeps a 500 under its key, and says so when it repeats it.
            _ => WriteError::Unknown { error: refusal.into(), lookup: answer.meta.replayed },
        }
    }
}

/// What the lack of an answer means.
fn of_no_answer(error: StripeError) -> WriteError {
    match &error {
        StripeError::Settings(_)
        | StripeError::Tls(_)
        | StripeError::Unsendable(_)
        | StripeError::NoPath { .. }
        | StripeError::OtherMode { .. } => WriteError::Misconfigured(error),
        // There was no connection, so nothing was sent.
        StripeError::Unreachable(_) => WriteError::NotSent { error, again_after: None },
        StripeError::OverBudget { wait } => {
            let again_after = Some(*wait);
            WriteError::NotSent { error, again_after }
        }
        StripeError::Interrupted(_)
        | StripeError::TimedOut { .. }
        | StripeError::Refused(_)
        | StripeError::TooLong { .. }
        | StripeError::NotJson { .. }
        | StripeError::Undated { .. }
        | StripeError::Undecodable { .. }
        | StripeError::WrongObject { .. } => WriteError::Unknown { error, lookup: false },
    }
}

fn secret_of(raw: &Value) -> Option<ClientSecret> {
    let (name, completes) = match raw["object"].as_str() {
        Some("subscription") => return write_billing::secret_of(raw),
        Some("checkout.session") => ("url", Completes::Page),
        Some("setup_intent") => ("client_secret", Completes::Setup),
        _ => ("client_secret", Completes::Payment),
    };
    raw[name].as_str().map(|secret| ClientSecret::new(secret.to_owned(), completes))
}

impl Client {
    /// Asks Stripe again for what completes an object in a browser: it is never stored.
    ///
    /// # Errors
    /// See [`StripeError`]; each says its class.
    pub async fn client_secret(
        &self,
        subject: &Subject,
    ) -> Result<Option<ClientSecret>, StripeError> {
        self.check_mode(&subject.scope)?;
        let (endpoint, mut request) = kinds::request(subject)?;
        if subject.kind == Kind::Subscription {
            request = write_billing::with_secret(subject.id.url_segment());
        }
        let (_, raw) = self.get_it(subject, endpoint, request).await?;
        Ok(secret_of(&raw))
    }

    /// Looks in Stripe's list for what a command has made: by its metadata, among what was made since this
    /// second. `customer`: among what this one has; of subscriptions, only such a list shows those of test clocks
    /// (docs.stripe.com, "List subscriptions").
    ///
    /// # Errors
    /// See [`StripeError`]; each says its class.
    pub async fn find_made(
        &self,
        kind: Kind,
        scope: &Scope,
        command: &str,
        since: i64,
        customer: Option<&str>,
    ) -> Result<Option<ObjectId>, StripeError> {
        let (path, endpoint) = match kind {
            Kind::PaymentIntent => ("/payment_intents", "list_payment_intents"),
            Kind::Refund => ("/refunds", "list_refunds"),
            Kind::Customer => ("/customers", "list_customers"),
            Kind::SetupIntent => ("/setup_intents", "list_setup_intents"),
            Kind::CheckoutSession => ("/checkout/sessions", "list_checkout_sessions"),
            Kind::Subscription => ("/subscriptions", "list_subscriptions"),
            Kind::Charge
            | Kind::PaymentMethod
            | Kind::Invoice
            | Kind::Product
            | Kind::Price
            | Kind::SubscriptionSchedule
            | Kind::Dispute
            | Kind::Payout
            | Kind::Account
            | Kind::Mirrored(_) => return Err(StripeError::NoPath { kind: kind.as_str() }),
        };
        // One that has been canceled meanwhile was made all the same.
        let mut filter =
            if kind == Kind::Subscription { "&status=all".to_owned() } else { String::new() };
        if let Some(customer) = customer {
            filter.push_str(&format!("&customer={}", quittance_domain::id::url_segment(customer)));
        }
        let mut after = String::new();
        loop {
            let mut request = RequestBuilder::new(StripeMethod::Get, path);
            request.query = Some(format!("limit=100{filter}&created%5Bgte%5D={since}{after}"));
            let answer = self.ask_as(scope, false, endpoint, request).await?;
            let request_id = answer.meta.request_id.as_deref();
            let page = decode::json(&answer.body, request_id)?;
            let undecodable = |path: &str| StripeError::Undecodable {
                path: path.to_owned(),
                problem: "is not there".to_owned(),
                request_id: request_id.map(str::to_owned),
            };
            let data = page["data"].as_array().ok_or_else(|| undecodable("data"))?;
            let made = data.iter().find(|one| one["metadata"][COMMAND_KEY] == command);
            if let Some(made) = made {
                let id = made["id"].as_str().and_then(|id| ObjectId::parse(id).ok());
                return id.map(Some).ok_or_else(|| undecodable("data.id"));
            }
            let more = page["has_more"].as_bool().ok_or_else(|| undecodable("has_more"))?;
            let Some(last) = data.last().filter(|_| more) else { return Ok(None) };
            let last = last["id"].as_str().ok_or_else(|| undecodable("data.id"))?;
            after = format!("&starting_after={}", quittance_domain::id::url_segment(last));
        }
    }
}

/// The kind of what is made or changed, the endpoint's name for limiter and metrics, and the request.
fn build(request: &WriteRequest<'_>) -> (Kind, &'static str, RequestBuilder) {
    let target = quittance_domain::id::url_segment(request.target.unwrap_or_default());
    let metadata = |given: &std::collections::BTreeMap<String, String>| {
        let mut all: std::collections::HashMap<String, String> =
            given.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        all.insert(COMMAND_KEY.to_owned(), request.command.to_owned());
        all
    };
    match request.params {
        CommandParams::CreatePayment(params) => {
            let built = new_payment(params).metadata(metadata(&params.metadata)).build();
            (Kind::PaymentIntent, "create_payment_intent", built)
        }
        CommandParams::ConfirmPayment(params) => {
            let mut it = ConfirmPaymentIntent::new(target);
            if let Some(method) = &params.payment_method {
                it = it.payment_method(method.clone());
            }
            if params.off_session {
                it = it.off_session(ConfirmPaymentIntentOffSession::Bool(true));
            }
            if let Some(url) = &params.return_url {
                it = it.return_url(url.clone());
            }
            (Kind::PaymentIntent, "confirm_payment_intent", it.build())
        }
        CommandParams::CapturePayment(params) => {
            let mut it = CapturePaymentIntent::new(target);
            if let Some(amount) = params.amount_to_capture {
                it = it.amount_to_capture(amount);
            }
            (Kind::PaymentIntent, "capture_payment_intent", it.build())
        }
        CommandParams::CancelPayment(params) => {
            let mut it = CancelPaymentIntent::new(target);
            if let Some(reason) = params.cancellation_reason {
                let reason: stripe_core::payment_intent::CancelPaymentIntentCancellationReason =
                    word(reason.as_str());
                it = it.cancellation_reason(reason);
            }
            (Kind::PaymentIntent, "cancel_payment_intent", it.build())
        }
        CommandParams::CreateRefund(params) => {
            let mut it = CreateRefund::new().metadata(metadata(&params.metadata));
            if let Some(payment) = &params.payment_intent {
                it = it.payment_intent(payment.clone());
            }
            if let Some(charge) = &params.charge {
                it = it.charge(charge.clone());
            }
            if let Some(amount) = params.amount {
                it = it.amount(amount);
            }
            if let Some(reason) = params.reason {
                it = it.reason(word::<stripe_core::refund::CreateRefundReason>(reason.as_str()));
            }
            if let Some(reverse) = params.reverse_transfer {
                it = it.reverse_transfer(reverse);
            }
            if let Some(fee) = params.refund_application_fee {
                it = it.refund_application_fee(fee);
            }
            (Kind::Refund, "create_refund", it.build())
        }
        CommandParams::CreateCustomer(params) => {
            let mut it = CreateCustomer::new().metadata(metadata(&params.metadata));
            if let Some(email) = &params.email {
                it = it.email(email.clone());
            }
            if let Some(name) = &params.name {
                it = it.name(name.clone());
            }
            (Kind::Customer, "create_customer", it.build())
        }
        CommandParams::CreateCheckout(params) => {
            let built = new_checkout(params, &metadata(&params.metadata)).build();
            (Kind::CheckoutSession, "create_checkout_session", built)
        }
        CommandParams::ExpireCheckout(_) => {
            let built = ExpireCheckoutSession::new(target).build();
            (Kind::CheckoutSession, "expire_checkout_session", built)
        }
        CommandParams::CreateSetup(params) => {
            let mut it = CreateSetupIntent::new().metadata(metadata(&params.metadata));
            if let Some(customer) = &params.customer {
                it = it.customer(customer.clone());
            }
            if let Some(usage) = params.usage {
                it = it.usage(word::<stripe_core::setup_intent::CreateSetupIntentUsage>(
                    usage.as_str(),
                ));
            }
            if !params.method_types().is_empty() {
                let types = params.method_types().iter().map(|text| word(text));
                it = it.allowed_payment_method_types(
                    types.collect::<Vec<stripe_shared::SetupIntentAllowedPaymentMethodTypes>>(),
                );
            }
            (Kind::SetupIntent, "create_setup_intent", it.build())
        }
        CommandParams::CreateSubscription(params) => {
            let built = write_billing::new_subscription(params, metadata(&params.metadata));
            (Kind::Subscription, "create_subscription", built)
        }
        CommandParams::UpdateSubscription(params) => {
            let built = write_billing::update_subscription(target, params, request.command);
            (Kind::Subscription, "update_subscription", built)
        }
        CommandParams::CancelSubscription(params) => {
            let built = write_billing::cancel_subscription(target, params);
            (Kind::Subscription, "cancel_subscription", built)
        }
        CommandParams::CreatePortalSession(params) => {
            (Kind::Customer, "create_portal_session", write_billing::portal_session(params))
        }
    }
}

/// A session. What it makes carries its metadata, too.
fn new_checkout(
    params: &NewCheckout,
    metadata: &std::collections::HashMap<String, String>,
) -> CreateCheckoutSession {
    let mode: stripe_shared::CheckoutSessionMode = word(params.mode.as_str());
    let mut it = CreateCheckoutSession::new()
        .mode(mode)
        .success_url(params.success_url.clone())
        .metadata(metadata.clone());
    if !params.line_items.is_empty() {
        it = it.line_items(params.line_items.iter().map(line_item).collect::<Vec<_>>());
    }
    if !params.method_types().is_empty() {
        let types = params.method_types().iter().map(|text| word(text));
        it = it.allowed_payment_method_types(
            types.collect::<Vec<CreateCheckoutSessionAllowedPaymentMethodTypes>>(),
        );
    }
    match params.mode {
        SessionMode::Payment => {
            let mut data = CreateCheckoutSessionPaymentIntentData::new();
            data.metadata = Some(metadata.clone());
            if let Some(given) = &params.payment_intent_data {
                data.application_fee_amount = given.application_fee_amount;
                data.setup_future_usage = given.setup_future_usage.map(|it| word(it.as_str()));
                data.transfer_data = given.transfer_data.as_ref().map(|transfer| {
                    let destination = transfer.destination.clone();
                    CreateCheckoutSessionPaymentIntentDataTransferData::new(destination)
                });
            }
            it = it.payment_intent_data(data);
        }
        SessionMode::Setup => {
            let mut data = CreateCheckoutSessionSetupIntentData::new();
            data.metadata = Some(metadata.clone());
            it = it.setup_intent_data(data);
        }
        SessionMode::Subscription => {
            let mut data = CreateCheckoutSessionSubscriptionData::new();
            data.metadata = Some(metadata.clone());
            it = it.subscription_data(data);
        }
    }
    if let Some(currency) = &params.currency {
        it = it.currency(word::<stripe_types::Currency>(currency));
    }
    type Set = fn(CreateCheckoutSession, String) -> CreateCheckoutSession;
    let texts: [(&Option<String>, Set); 3] = [
        (&params.cancel_url, CreateCheckoutSession::cancel_url),
        (&params.customer, CreateCheckoutSession::customer),
        (&params.reference, CreateCheckoutSession::client_reference_id),
    ];
    for (text, set) in texts {
        if let Some(text) = text {
            it = set(it, text.clone());
        }
    }
    it
}

fn line_item(item: &LineItem) -> CreateCheckoutSessionLineItems {
    let mut it = CreateCheckoutSessionLineItems::new();
    it.price.clone_from(&item.price);
    it.quantity = Some(u64::from(item.quantity.unwrap_or(1)));
    it.price_data = item.price_data.as_ref().map(|given| {
        let currency: stripe_types::Currency = word(&given.currency);
        let mut data = CreateCheckoutSessionLineItemsPriceData::new(currency);
        data.unit_amount = Some(given.unit_amount);
        data.product.clone_from(&given.product);
        data.product_data =
            given.product_data.as_ref().map(|product| ProductData::new(product.name.clone()));
        data.recurring = given.recurring.as_ref().map(|given| {
            let interval: stripe_checkout::checkout_session::CreateCheckoutSessionLineItemsPriceDataRecurringInterval =
                word(given.interval.as_str());
            let mut recurring = CreateCheckoutSessionLineItemsPriceDataRecurring::new(interval);
            recurring.interval_count = given.interval_count;
            recurring
        });
        data
    });
    it
}

fn new_payment(params: &NewPayment) -> CreatePaymentIntent {
    let currency: stripe_types::Currency = word(&params.currency);
    let mut it = CreatePaymentIntent::new(params.amount, currency);
    if params.method_types().is_empty() {
        let methods = params.automatic_payment_methods;
        let mut automatic = CreatePaymentIntentAutomaticPaymentMethods::new(
            methods.is_none_or(|methods| methods.enabled),
        );
        automatic.allow_redirects =
            methods.and_then(|methods| methods.allow_redirects).map(|it| word(it.as_str()));
        it = it.automatic_payment_methods(automatic);
    } else {
        let types = params.method_types().iter().map(|text| word(text));
        it = it.allowed_payment_method_types(
            types.collect::<Vec<stripe_shared::PaymentIntentAllowedPaymentMethodTypes>>(),
        );
    }
    if let Some(method) = params.capture_method {
        it = it.capture_method(word::<stripe_shared::PaymentIntentCaptureMethod>(method.as_str()));
    }
    if params.confirm {
        it = it.confirm(true);
    }
    if params.off_session {
        it = it.off_session(CreatePaymentIntentOffSession::Bool(true));
    }
    if let Some(usage) = params.setup_future_usage {
        it = it.setup_future_usage(word::<stripe_shared::PaymentIntentSetupFutureUsage>(
            usage.as_str(),
        ));
    }
    if let Some(transfer) = &params.transfer_data {
        it = it.transfer_data(CreatePaymentIntentTransferData::new(transfer.destination.clone()));
    }
    if let Some(fee) = params.application_fee_amount {
        it = it.application_fee_amount(fee);
    }
    type Set = fn(CreatePaymentIntent, String) -> CreatePaymentIntent;
    let texts: [(&Option<String>, Set); 7] = [
        (&params.customer, CreatePaymentIntent::customer),
        (&params.payment_method, CreatePaymentIntent::payment_method),
        (&params.return_url, CreatePaymentIntent::return_url),
        (&params.on_behalf_of, CreatePaymentIntent::on_behalf_of),
        (&params.receipt_email, CreatePaymentIntent::receipt_email),
        (&params.description, CreatePaymentIntent::description),
        (&params.statement_descriptor_suffix, CreatePaymentIntent::statement_descriptor_suffix),
    ];
    for (text, set) in texts {
        if let Some(text) = text {
            it = set(it, text.clone());
        }
    }
    it
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use quittance_domain::command::CommandKind;

    #[test]
    fn a_planned_request_is_what_would_be_sent_field_by_field() {
        let params = json!({"payment_intent": "pi_1", "amount": 500, "metadata": {"order": "4 2"}});
        let params = CommandParams::read(CommandKind::CreateRefund, params).unwrap();
        let planned = PlannedRequest::of(&params, Some("pi_1"));
        assert_eq!((planned.method, &*planned.path), ("POST", "/v1/refunds"));
        let shown: Vec<_> =
            planned.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "amount=500",
            "metadata[order]=4 2",
            "metadata[quittance_command]=<the command's id>",
            "payment_intent=pi_1",
        ];
        assert_eq!(shown, expected);
        let capture = CommandParams::read(CommandKind::CapturePayment, json!({})).unwrap();
        let planned = PlannedRequest::of(&capture, Some("pi_1"));
        assert_eq!(planned.path, "/v1/payment_intents/pi_1/capture");
        let cancel = CommandParams::read(CommandKind::CancelSubscription, json!({})).unwrap();
        let planned = PlannedRequest::of(&cancel, Some("sub_1"));
        assert_eq!((planned.method, &*planned.path), ("DELETE", "/v1/subscriptions/sub_1"));
    }

    fn body(kind: CommandKind, params: Value, target: Option<&str>) -> (String, String) {
        let params = CommandParams::read(kind, params).unwrap();
        let request = WriteRequest { command: "c0", key: "k", params: &params, target };
        let (_, _, built) = build(&request);
        let mut parts: Vec<_> =
            built.body.unwrap_or_default().split('&').map(str::to_owned).collect();
        parts.sort();
        (built.path, parts.join("&"))
    }

    #[test]
    fn a_payment_becomes_stripes_form() {
        let params = json!({
            "amount": 2000, "currency": "eur", "reference": "order-42",
            "transfer_data": {"destination": "acct_1"}, "application_fee_amount": 100,
            "capture_method": "manual", "metadata": {"order": "42"},
        });
        let (path, form) = body(CommandKind::CreatePayment, params, None);
        assert_eq!(path, "/payment_intents");
        assert_eq!(
            form,
            "amount=2000&application_fee_amount=100&automatic_payment_methods[enabled]=true\
             &capture_method=manual&currency=eur&metadata[order]=42&metadata[quittance_command]=c0\
             &transfer_data[destination]=acct_1"
        );
    }

    #[test]
    fn a_saved_card_is_charged_while_the_customer_is_away() {
        let params = json!({
            "amount": 2000, "currency": "eur", "customer": "cus_1", "payment_method": "pm_1",
            "confirm": true, "off_session": true, "allowed_payment_method_types": ["card"],
        });
        let (_, form) = body(CommandKind::CreatePayment, params, None);
        assert_eq!(
            form,
            "allowed_payment_method_types[0]=card&amount=2000&confirm=true&currency=eur\
             &customer=cus_1&metadata[quittance_command]=c0&off_session=true&payment_method=pm_1"
        );
    }

    #[test]
    fn a_change_of_a_payment_leaves_its_metadata_alone() {
        let capture = json!({"amount_to_capture": 500});
        let (path, form) = body(CommandKind::CapturePayment, capture, Some("pi_1"));
        assert_eq!((&*path, &*form), ("/payment_intents/pi_1/capture", "amount_to_capture=500"));
        let cancel = json!({"cancellation_reason": "abandoned"});
        let (path, form) = body(CommandKind::CancelPayment, cancel, Some("pi_1"));
        assert_eq!(
            (&*path, &*form),
            ("/payment_intents/pi_1/cancel", "cancellation_reason=abandoned")
        );
    }

    #[test]
    fn a_session_and_what_it_makes_carry_the_commands_metadata() {
        let params = json!({
            "mode": "payment", "success_url": "https://shop.example/?a=1&b=2", "reference": "order-42",
            "payment_method_types": ["card"],
            "line_items": [{"price_data": {"currency": "eur", "unit_amount": 500, "product": "prod_1"},
                            "quantity": 4}],
            "payment_intent_data": {"transfer_data": {"destination": "acct_1"},
                                    "application_fee_amount": 100},
        });
        let (path, form) = body(CommandKind::CreateCheckout, params, None);
        assert_eq!(path, "/checkout/sessions");
        assert_eq!(
            form,
            "allowed_payment_method_types[0]=card&client_reference_id=order-42\
             &line_items[0][price_data][currency]=eur\
             &line_items[0][price_data][product]=prod_1&line_items[0][price_data][unit_amount]=500\
             &line_items[0][quantity]=4&metadata[quittance_command]=c0&mode=payment\
             &payment_intent_data[application_fee_amount]=100\
             &payment_intent_data[metadata][quittance_command]=c0\
             &payment_intent_data[transfer_data][destination]=acct_1\
             &success_url=https://shop.example/?a%3D1%26b%3D2"
        );
        let (path, form) = body(CommandKind::ExpireCheckout, json!({}), Some("cs_1"));
        assert_eq!((&*path, &*form), ("/checkout/sessions/cs_1/expire", ""));
    }

    #[test]
    fn the_older_name_of_the_methods_is_sent_under_the_one_that_stripe_takes() {
        let params = json!({"customer": "cus_1", "payment_method_types": ["card"]});
        let (path, form) = body(CommandKind::CreateSetup, params, None);
        assert_eq!(path, "/setup_intents");
        assert_eq!(
            form,
            "allowed_payment_method_types[0]=card&customer=cus_1&metadata[quittance_command]=c0"
        );
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = secret_of(&json!({"client_secret": "pi_1_secret_2"})).unwrap();
        assert_eq!(format!("{secret:?}"), "ClientSecret");
        assert_eq!(secret.reveal(), "pi_1_secret_2");
    }
}
