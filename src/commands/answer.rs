//! What a client is answered: shapes and names are Stripe's.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::command::RuleCode;
use crate::domain::failure::Class;
use crate::domain::kinds::{
    checkout::CheckoutObserved, customer::CustomerObserved, payment::PaymentObserved,
    refund::RefundObserved, setup::SetupObserved,
};
use crate::domain::object::{Observed, Subject};
use crate::domain::status_word::Vocabulary as _;
use crate::store::command::{StoredAnswer, StoredCommand};
use crate::stripe_api::{ClientSecret, Completes, Fetched, FetchedState, WriteRefusal};

use super::error::{CommandError, RETRY_AFTER};

/// Why the last attempt at a payment failed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PaymentErrorView {
    /// `card_declined`, ...
    pub code: Option<String>,
    /// The bank's finer word.
    pub decline_code: Option<String>,
    /// A sentence for people.
    pub message: Option<String>,
}

/// A payment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PaymentView {
    /// `pi_...`
    pub id: String,
    /// `payment_intent`
    pub object: &'static str,
    /// In the currency's smallest unit.
    pub amount: i64,
    /// What can be captured.
    pub amount_capturable: i64,
    /// What has been received.
    pub amount_received: i64,
    /// Three letters in lower case.
    pub currency: String,
    /// Stripe's status.
    pub status: String,
    /// `cus_...`
    pub customer: Option<String>,
    /// `pm_...`
    pub payment_method: Option<String>,
    /// `ch_...`
    pub latest_charge: Option<String>,
    /// When money is taken.
    pub capture_method: String,
    /// What the customer has to do next.
    pub next_action: Option<String>,
    /// Why the last attempt failed.
    pub last_payment_error: Option<PaymentErrorView>,
    /// Your own link to your rows.
    pub metadata: BTreeMap<String, String>,
    /// When Stripe made it, in seconds since 1970.
    pub created: i64,
    /// Whether it is in live mode.
    pub livemode: bool,
    /// The command that this answers.
    pub command: Uuid,
    /// Your own name for the purchase.
    pub reference: Option<String>,
    /// For the browser, to complete the payment. In no table and no log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// A refund.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RefundView {
    /// `re_...`
    pub id: String,
    /// `refund`
    pub object: &'static str,
    /// What goes back.
    pub amount: i64,
    /// Its currency.
    pub currency: String,
    /// Stripe's status.
    pub status: String,
    /// `pi_...`
    pub payment_intent: Option<String>,
    /// `ch_...`
    pub charge: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Your own link to your rows.
    pub metadata: BTreeMap<String, String>,
    /// When Stripe made it, in seconds since 1970.
    pub created: i64,
    /// The command that this answers.
    pub command: Uuid,
}

/// A customer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CustomerView {
    /// `cus_...`
    pub id: String,
    /// `customer`
    pub object: &'static str,
    /// Your own link to your rows.
    pub metadata: BTreeMap<String, String>,
    /// Whether it is in live mode.
    pub livemode: bool,
    /// The command that this answers.
    pub command: Uuid,
    /// Your own name for the customer.
    pub reference: Option<String>,
}

/// A checkout session.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CheckoutView {
    /// `cs_...`
    pub id: String,
    /// `checkout.session`
    pub object: &'static str,
    /// `payment`, `setup` or `subscription`.
    pub mode: String,
    /// `open`, `complete` or `expired`.
    pub status: Option<String>,
    /// `paid`, `unpaid` or `no_payment_required`.
    pub payment_status: String,
    /// After discounts and taxes.
    pub amount_total: Option<i64>,
    /// Three letters in lower case.
    pub currency: Option<String>,
    /// `cus_...`
    pub customer: Option<String>,
    /// `pi_...`, once the customer pays.
    pub payment_intent: Option<String>,
    /// `seti_...`
    pub setup_intent: Option<String>,
    /// `sub_...`
    pub subscription: Option<String>,
    /// When the page closes, in seconds since 1970.
    pub expires_at: i64,
    /// Your own link to your rows.
    pub metadata: BTreeMap<String, String>,
    /// When Stripe made it, in seconds since 1970.
    pub created: i64,
    /// Whether it is in live mode.
    pub livemode: bool,
    /// The command that this answers.
    pub command: Uuid,
    /// Your own name for the purchase.
    pub reference: Option<String>,
    /// Where to send the customer, while the session is open. In no table and no log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A setup: a method that is to be saved.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SetupView {
    /// `seti_...`
    pub id: String,
    /// `setup_intent`
    pub object: &'static str,
    /// Stripe's status.
    pub status: String,
    /// `off_session` or `on_session`.
    pub usage: String,
    /// `cus_...`
    pub customer: Option<String>,
    /// `pm_...`
    pub payment_method: Option<String>,
    /// What the customer has to do next.
    pub next_action: Option<String>,
    /// Your own link to your rows.
    pub metadata: BTreeMap<String, String>,
    /// When Stripe made it, in seconds since 1970.
    pub created: i64,
    /// Whether it is in live mode.
    pub livemode: bool,
    /// The command that this answers.
    pub command: Uuid,
    /// For the browser, to save the method. In no table and no log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// A command, and how far it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CommandView {
    /// Its id.
    pub id: Uuid,
    /// `command`
    pub object: &'static str,
    /// What it does: `create_payment`, ...
    pub kind: &'static str,
    /// `accepted`, `sent`, `unknown`, `done`, `refused` or `dead`.
    pub state: &'static str,
    /// Who asked.
    pub caller: String,
    /// Their key.
    pub idempotency_key: String,
    /// The payment that it changes or refunds.
    pub target: Option<String>,
    /// What was made or changed.
    pub object_id: Option<String>,
    /// What it moves.
    pub amount: Option<i64>,
    /// The currency of the amount.
    pub currency: Option<String>,
    /// The client's own name for what is made.
    pub reference: Option<String>,
    /// How often it was sent or looked up.
    pub attempts: i32,
    /// Why it is not done.
    pub failure: Option<String>,
    /// The same in words.
    pub failure_detail: Option<String>,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When something last became of it.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// When it came to its end.
    #[serde(with = "time::serde::rfc3339::option")]
    pub closed_at: Option<OffsetDateTime>,
}

impl From<&StoredCommand> for CommandView {
    fn from(command: &StoredCommand) -> Self {
        Self {
            id: command.id,
            object: "command",
            kind: command.kind.as_str(),
            state: command.state.word(),
            caller: command.caller.clone(),
            idempotency_key: command.key.clone(),
            target: command.target.clone(),
            object_id: command.object_id.clone(),
            amount: command.amount,
            currency: command.currency.clone(),
            reference: command.reference.clone(),
            attempts: command.attempts,
            failure: command.failure.clone(),
            failure_detail: command.failure_detail.clone(),
            request_id: command.request_id.clone(),
            created_at: command.created_at,
            updated_at: command.updated_at,
            closed_at: command.closed_at,
        }
    }
}

/// A refusal, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs.
    pub code: String,
    /// What was wrong, and what to do.
    pub detail: String,
    /// The field that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The bank's finer word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    /// The payment that exists all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<String>,
    /// The method that was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// To bring the customer back for `authentication_required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Stripe's `Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Uuid>,
    /// The header `Retry-After`.
    #[serde(skip)]
    #[schema(ignore)]
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A refusal with nothing but its code and detail.
    #[must_use]
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            field: None,
            decline_code: None,
            payment_intent: None,
            payment_method: None,
            client_secret: None,
            request_id: None,
            command: None,
            retry_after: None,
        }
    }

    /// As it is stored, for each repetition. What is secret is not in it.
    pub(super) fn stored(&self) -> StoredAnswer {
        let body = json!(Self { client_secret: None, ..self.clone() });
        StoredAnswer { status: self.status, body }
    }

    /// What Stripe's refusal means to a client.
    pub(super) fn of_refusal(refusal: &WriteRefusal, command: Uuid) -> Self {
        let code = refusal.code.as_deref().unwrap_or_default();
        let decline = refusal.decline_code.as_deref();
        let (status, code) = match refusal.status {
            402 => {
                let word = match (code, decline) {
                    (
                        "authentication_required" | "subscription_payment_intent_requires_action",
                        _,
                    )
                    | (_, Some("authentication_required")) => "authentication_required",
                    (_, Some("insufficient_funds")) => "insufficient_funds",
                    ("expired_card", _) | (_, Some("expired_card")) => "expired_card",
                    ("incorrect_cvc", _) | (_, Some("incorrect_cvc")) => "incorrect_cvc",
                    ("processing_error", _) | (_, Some("processing_error")) => "processing_error",
                    _ => "card_declined",
                };
                (402, word)
            }
            404 => (404, "not_found"),
            _ => (400, "stripe_refused"),
        };
        let detail = refusal.message.clone().unwrap_or_else(|| "Stripe refused it.".to_owned());
        let written = refusal.payment.as_deref();
        let observed = written.and_then(|written| of_payment(&written.fetched));
        Self {
            field: refusal.param.clone(),
            decline_code: refusal.decline_code.clone(),
            payment_intent: written.map(|written| written.subject.id.as_str().to_owned()),
            payment_method: observed.and_then(|payment| payment.payment_method.clone()),
            request_id: refusal.request_id.clone(),
            command: Some(command),
            ..Self::new(status, code, detail)
        }
    }
}

fn status_of(code: RuleCode) -> u16 {
    match code {
        RuleCode::AmountNotInteger
        | RuleCode::CurrencyInvalid
        | RuleCode::MetadataInvalid
        | RuleCode::DescriptorInvalid
        | RuleCode::TextTooLong
        | RuleCode::ReturnUrlNotHttps
        | RuleCode::ReturnUrlNotAllowed
        | RuleCode::ReturnUrlRequired
        | RuleCode::ParametersConflict
        | RuleCode::IdempotencyKeyInvalid
        | RuleCode::IdempotencyKeySecret
        | RuleCode::ReferenceInvalid
        | RuleCode::CardData => 400,
        RuleCode::StatusForbids | RuleCode::ReferencePaid | RuleCode::ReferenceDiffers => 409,
        RuleCode::AmountTooSmall
        | RuleCode::AmountTooLarge
        | RuleCode::AmountNotDivisible
        | RuleCode::FeeExceedsAmount
        | RuleCode::RefundExceedsLeft
        | RuleCode::CaptureExceedsCapturable
        | RuleCode::DestinationNotPayable => 422,
    }
}

impl From<&CommandError> for Problem {
    fn from(error: &CommandError) -> Self {
        let detail = error.to_string();
        match error {
            CommandError::Breach(breach) => Self {
                field: Some(breach.field.clone()),
                ..Self::new(status_of(breach.code), breach.code.as_str(), detail)
            },
            CommandError::NotFound { .. } => Self::new(404, "not_found", detail),
            CommandError::KeyReused { command } => Self {
                command: Some(*command),
                field: Some("Idempotency-Key".to_owned()),
                ..Self::new(422, "idempotency_key_reused", detail)
            },
            CommandError::InProgress { command } => Self {
                command: Some(*command),
                retry_after: Some(RETRY_AFTER),
                ..Self::new(409, "command_in_progress", detail)
            },
            CommandError::OtherCurrency { .. } => Self {
                field: Some("currency".to_owned()),
                ..Self::new(422, "currency_differs", detail)
            },
            CommandError::OverLimit { .. } => Self::new(403, "amount_limit", detail),
            CommandError::Busy => Self {
                retry_after: Some(RETRY_AFTER),
                ..Self::new(503, "busy", format!("{detail}. Repeat it with the same key."))
            },
            CommandError::Stripe(failure) => {
                let code = match failure.class {
                    Class::Misconfigured(_) => "misconfigured",
                    Class::Permanent
                    | Class::Transient
                    | Class::RateLimited { .. }
                    | Class::Unavailable(_)
                    | Class::TooEarly { .. } => "stripe_unavailable",
                };
                Self {
                    retry_after: Some(RETRY_AFTER),
                    request_id: failure.request_id.clone(),
                    ..Self::new(503, code, format!("{detail}. Repeat it with the same key."))
                }
            }
            CommandError::Store(error) if error.class() == Class::Permanent => {
                let detail = "This request could not be stored. The log of Quittance says why.";
                Self::new(500, "not_storable", detail)
            }
            CommandError::Store(_) => {
                let detail = "The database did not answer. Repeat the request with the same key.";
                let retry_after = Some(RETRY_AFTER);
                Self { retry_after, ..Self::new(503, "store_unavailable", detail) }
            }
        }
    }
}

/// What a client gets.
#[derive(Debug)]
pub struct CommandReply {
    /// The HTTP status.
    pub status: u16,
    /// The body, a problem document from 400 on.
    pub body: Value,
    /// The command that it is about.
    pub command: Uuid,
    /// Whether it is the answer of an earlier request.
    pub replayed: bool,
    /// When to come again.
    pub retry_after: Option<Duration>,
}

fn of_payment(fetched: &Fetched) -> Option<&PaymentObserved> {
    match &fetched.state {
        FetchedState::Present { observed: Observed::PaymentIntent(payment), .. } => Some(payment),
        FetchedState::Present { .. } | FetchedState::Deleted => None,
    }
}

/// The answer to a command that was done, less what is secret.
pub(super) fn of_fetched(
    command: &StoredCommand,
    subject: &Subject,
    fetched: &Fetched,
) -> StoredAnswer {
    let id = subject.id.as_str();
    let body = match &fetched.state {
        FetchedState::Present { observed: Observed::PaymentIntent(payment), .. } => {
            json!(payment_view(command, id, payment))
        }
        FetchedState::Present { observed: Observed::Refund(refund), .. } => {
            json!(refund_view(command, id, refund))
        }
        FetchedState::Present { observed: Observed::Customer(customer), .. } => {
            json!(customer_view(command, id, customer))
        }
        FetchedState::Present { observed: Observed::CheckoutSession(session), .. } => {
            json!(checkout_view(command, id, session))
        }
        FetchedState::Present { observed: Observed::SetupIntent(setup), .. } => {
            json!(setup_view(command, id, setup))
        }
        FetchedState::Present { observed: Observed::Subscription(it), .. } => {
            json!(super::subscription::view(command, id, it))
        }
        FetchedState::Present { .. } | FetchedState::Deleted => {
            json!({ "id": id, "command": command.id })
        }
    };
    StoredAnswer { status: 200, body }
}

/// Puts what completes an object in a browser into its answer.
pub(super) fn with_secret(body: &mut Value, secret: Option<&ClientSecret>) {
    if let (Some(fields), Some(secret)) = (body.as_object_mut(), secret) {
        let name = match secret.completes() {
            Completes::Page => "url",
            Completes::Payment | Completes::Setup => "client_secret",
        };
        fields.insert(name.to_owned(), Value::from(secret.reveal()));
        if fields.get("object").is_some_and(|object| object == "subscription") {
            let completes = Value::from(secret.completes().as_str());
            fields.insert("client_secret_type".to_owned(), completes);
        }
    }
}

fn payment_view(command: &StoredCommand, id: &str, payment: &PaymentObserved) -> PaymentView {
    PaymentView {
        id: id.to_owned(),
        object: "payment_intent",
        amount: payment.amount,
        amount_capturable: payment.amount_capturable,
        amount_received: payment.amount_received,
        currency: payment.currency.as_str().to_owned(),
        status: payment.status.to_text().into_owned(),
        customer: payment.customer.clone(),
        payment_method: payment.payment_method.clone(),
        latest_charge: payment.latest_charge.as_ref().map(|id| id.as_str().to_owned()),
        capture_method: payment.capture_method.clone(),
        next_action: payment.next_action.clone(),
        last_payment_error: payment.failure.as_ref().map(|failure| PaymentErrorView {
            code: failure.code.clone(),
            decline_code: failure.decline_code.clone(),
            message: failure.message.clone(),
        }),
        metadata: payment.metadata.iter().cloned().collect(),
        created: payment.created,
        livemode: command.livemode,
        command: command.id,
        reference: command.reference.clone(),
        client_secret: None,
    }
}

fn refund_view(command: &StoredCommand, id: &str, refund: &RefundObserved) -> RefundView {
    RefundView {
        id: id.to_owned(),
        object: "refund",
        amount: refund.amount,
        currency: refund.currency.as_str().to_owned(),
        status: refund.status.to_text().into_owned(),
        payment_intent: refund.payment_intent.as_ref().map(|id| id.as_str().to_owned()),
        charge: refund.charge.as_ref().map(|id| id.as_str().to_owned()),
        reason: refund.reason.clone(),
        metadata: refund.metadata.iter().cloned().collect(),
        created: refund.created,
        command: command.id,
    }
}

fn customer_view(command: &StoredCommand, id: &str, customer: &CustomerObserved) -> CustomerView {
    CustomerView {
        id: id.to_owned(),
        object: "customer",
        metadata: customer.metadata.iter().cloned().collect(),
        livemode: command.livemode,
        command: command.id,
        reference: command.reference.clone(),
    }
}

fn checkout_view(command: &StoredCommand, id: &str, session: &CheckoutObserved) -> CheckoutView {
    CheckoutView {
        id: id.to_owned(),
        object: "checkout.session",
        mode: session.mode.clone(),
        status: session.progress.as_ref().map(|status| status.to_text().into_owned()),
        payment_status: session.payment_status.to_text().into_owned(),
        amount_total: session.amount_total,
        currency: session.currency.map(|currency| currency.as_str().to_owned()),
        customer: session.customer.clone(),
        payment_intent: session.payment_intent.clone(),
        setup_intent: session.setup_intent.clone(),
        subscription: session.subscription.clone(),
        expires_at: session.expires_at,
        metadata: session.metadata.iter().cloned().collect(),
        created: session.created,
        livemode: command.livemode,
        command: command.id,
        reference: command.reference.clone(),
        url: None,
    }
}

fn setup_view(command: &StoredCommand, id: &str, setup: &SetupObserved) -> SetupView {
    SetupView {
        id: id.to_owned(),
        object: "setup_intent",
        status: setup.status.to_text().into_owned(),
        usage: setup.usage.clone(),
        customer: setup.customer.clone(),
        payment_method: setup.payment_method.clone(),
        next_action: setup.next_action.clone(),
        metadata: setup.metadata.iter().cloned().collect(),
        created: setup.created,
        livemode: command.livemode,
        command: command.id,
        client_secret: None,
    }
}
