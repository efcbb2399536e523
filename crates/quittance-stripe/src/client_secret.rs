//! Client secrets and page URLs: values by which a browser completes an object, and where Stripe's answers have
//! them.

use std::fmt;

use serde_json::Value;
use stripe_billing::subscription::RetrieveSubscription;
use stripe_client_core::{RequestBuilder, StripeRequest as _};

use super::client::Client;
use super::error::StripeError;
use super::kinds;
use quittance_domain::object::{Kind, Subject};

/// Fields that show how a subscription is completed: the payment of its latest invoice (docs.stripe.com, "Build a
/// subscriptions integration"), or after a trial without payment the setup of a method.
const COMPLETED_BY: [&str; 2] = ["latest_invoice.confirmation_secret", "pending_setup_intent"];

/// A value by which a browser completes a payment: its `client_secret`, or the `url` of its page. It is passed on
/// once and stored nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret {
    value: String,
    completes: Completes,
}

/// Use that a browser makes of a [`ClientSecret`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completes {
    /// It confirms a payment.
    Payment,
    /// It sets a method up.
    Setup,
    /// It goes to a page of Stripe's.
    Page,
}

impl Completes {
    /// `payment`, `setup` or `page`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Setup => "setup",
            Self::Page => "page",
        }
    }
}

impl ClientSecret {
    pub(super) fn new(value: String, completes: Completes) -> Self {
        Self { value, completes }
    }

    /// What a browser does with it.
    #[must_use]
    pub fn completes(&self) -> Completes {
        self.completes
    }

    /// The value, for the answer to the client that asked.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret")
    }
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
            request = with_secret(subject.id.url_segment());
        }
        let (_, raw) = self.get_it(subject, endpoint, request).await?;
        Ok(secret_of(&raw))
    }
}

pub(super) fn secret_of(raw: &Value) -> Option<ClientSecret> {
    let (name, completes) = match raw["object"].as_str() {
        Some("subscription") => return of_subscription(raw),
        Some("checkout.session") => ("url", Completes::Page),
        Some("setup_intent") => ("client_secret", Completes::Setup),
        _ => ("client_secret", Completes::Payment),
    };
    raw[name].as_str().map(|secret| ClientSecret::new(secret.to_owned(), completes))
}

/// The secret that completes a subscription in a browser: its open invoice is paid, or a method is set up. None where
/// nothing is to be confirmed.
fn of_subscription(subscription: &Value) -> Option<ClientSecret> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let invoice = &subscription["latest_invoice"];
    let payment = text(&invoice["confirmation_secret"]["client_secret"]);
    if let Some(payment) = payment.filter(|_| invoice["status"] == "open") {
        return Some(ClientSecret::new(payment, Completes::Payment));
    }
    let setup = &subscription["pending_setup_intent"];
    let over = setup["status"] == "succeeded" || setup["status"] == "canceled";
    let setup = text(&setup["client_secret"]).filter(|_| !over);
    setup.map(|setup| ClientSecret::new(setup, Completes::Setup))
}

/// The request for a subscription with what completes it.
fn with_secret(id: String) -> RequestBuilder {
    RetrieveSubscription::new(id).expand(completed_by()).build()
}

/// Fields to expand in an answer about a subscription, so that it shows how it is completed.
pub(super) fn completed_by() -> Vec<String> {
    COMPLETED_BY.iter().map(|path| (*path).to_owned()).collect()
}

/// Puts the ids in the place of the objects that were asked for along with the subscription, as it is shown
/// when it is asked for by itself.
pub(super) fn fold(subscription: &mut Value) {
    for path in COMPLETED_BY {
        let name = path.split('.').next().unwrap_or(path);
        let field = subscription.get_mut(name);
        if let Some(field) = field
            && let Some(id) = field.get("id").cloned()
        {
            *field = id;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = secret_of(&json!({"client_secret": "pi_1_secret_2"})).unwrap();
        assert_eq!(format!("{secret:?}"), "ClientSecret");
        assert_eq!(secret.reveal(), "pi_1_secret_2");
    }

    fn secret(subscription: Value) -> Option<(String, &'static str)> {
        let found = of_subscription(&subscription)?;
        Some((found.reveal().to_owned(), found.completes().as_str()))
    }

    #[test]
    fn a_subscription_is_completed_by_the_payment_of_its_open_invoice_or_by_a_setup() {
        let invoice = |status: &str| {
            json!({"id": "in_1", "status": status,
                   "confirmation_secret": {"client_secret": "pi_1_secret_x", "type": "payment_intent"}})
        };
        let setup = |status: &str| json!({"id": "seti_1", "status": status, "client_secret": "seti_1_secret_x"});
        let payment = Some(("pi_1_secret_x".to_owned(), "payment"));
        assert_eq!(secret(json!({"latest_invoice": invoice("open")})), payment);
        assert_eq!(secret(json!({"latest_invoice": invoice("paid")})), None);
        assert_eq!(secret(json!({"latest_invoice": invoice("void")})), None);
        let trial = json!({
            "latest_invoice": {"id": "in_1", "status": "paid", "confirmation_secret": null},
            "pending_setup_intent": setup("requires_payment_method"),
        });
        assert_eq!(secret(trial), Some(("seti_1_secret_x".to_owned(), "setup")));
        assert_eq!(secret(json!({"pending_setup_intent": setup("succeeded")})), None);
        assert_eq!(secret(json!({"latest_invoice": "in_1", "pending_setup_intent": null})), None);
    }

    #[test]
    fn what_was_asked_for_along_with_it_becomes_its_id_again() {
        let mut it = json!({
            "latest_invoice": {"id": "in_1", "confirmation_secret": {"client_secret": "x"}},
            "pending_setup_intent": null, "status": "active",
        });
        fold(&mut it);
        let expected =
            json!({"latest_invoice": "in_1", "pending_setup_intent": null, "status": "active"});
        assert_eq!(it, expected);
    }
}
