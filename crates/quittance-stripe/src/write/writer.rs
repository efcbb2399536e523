//! One request for one command, and what its answer proves.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::request::{WriteRequest, build};
use crate::answer::Answer;
use crate::client::Client;
use crate::client_secret::{self, ClientSecret, Completes};
use crate::decode;
use crate::error::StripeError;
use crate::fetched::{Fetched, cut_short};
use crate::refusal::Refusal;
use quittance_config as config;
use quittance_domain::field;
use quittance_domain::id::{Mode, ObjectId, Scope};
use quittance_domain::object::{Kind, Subject};
use quittance_domain::surrogates;

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
        let client_secret = client_secret::secret_of(&raw);
        if kind == Kind::Subscription {
            client_secret::fold(&mut raw);
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

/// The error that the lack of an answer means.
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
