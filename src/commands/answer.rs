//! Answers to a client: the body of a command that was done, with and without what is secret in it.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::view::{
    CheckoutView, CustomerView, PaymentView, RefundView, SetupView, SubscriptionView,
};
use crate::domain::object::{Observed, Subject};
use crate::store::command::{StoredAnswer, StoredCommand};
use crate::stripe_api::{ClientSecret, Completes, Fetched, FetchedState};

/// An answer to a client.
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

/// The answer to a command that was done, less what is secret.
pub(super) fn of_fetched(
    command: &StoredCommand,
    subject: &Subject,
    fetched: &Fetched,
) -> StoredAnswer {
    let id = subject.id.as_str();
    let observed = match &fetched.state {
        FetchedState::Present { observed, .. } => Some(observed),
        FetchedState::Deleted => None,
    };
    let body = match observed {
        Some(Observed::PaymentIntent(it)) => json!(PaymentView::of(command, id, it)),
        Some(Observed::Refund(it)) => json!(RefundView::of(command, id, it)),
        Some(Observed::Customer(it)) => json!(CustomerView::of(command, id, it)),
        Some(Observed::CheckoutSession(it)) => json!(CheckoutView::of(command, id, it)),
        Some(Observed::SetupIntent(it)) => json!(SetupView::of(command, id, it)),
        Some(Observed::Subscription(it)) => json!(SubscriptionView::of(command, id, it)),
        Some(_) | None => json!({ "id": id, "command": command.id }),
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
