//! The search in Stripe's lists for what a command has made.

use stripe_client_core::{RequestBuilder, StripeMethod};

use crate::client::Client;
use crate::decode;
use crate::error::StripeError;
use quittance_domain::command::text_limits::COMMAND_KEY;
use quittance_domain::id::{ObjectId, Scope, url_segment};
use quittance_domain::object::Kind;

impl Client {
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
            filter.push_str(&format!("&customer={}", url_segment(customer)));
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
            after = format!("&starting_after={}", url_segment(last));
        }
    }
}
