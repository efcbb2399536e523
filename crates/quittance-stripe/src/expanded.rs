//! A payment and its latest charge with one request.
//!
//! Where it is asked to, Stripe shows an object in the place of its id, as whole as in an answer of
//! its own (docs.stripe.com, "Expanding responses").

use serde_json::Value;
use stripe_client_core::StripeRequest as _;
use stripe_core::payment_intent::RetrievePaymentIntent;

use super::answer::Meta;
use super::client::Client;
use super::decode;
use super::error::StripeError;
use super::fetched::{Fetched, cut_short};
use super::kinds;
use quittance_domain::object::Subject;
use quittance_redaction::Rules;

const LATEST_CHARGE: &str = "latest_charge";

impl Client {
    /// Asks Stripe for a payment, and for its latest charge along with it. `charges`: those that
    /// somebody wants to know; the answer names the one that came along. None did where the latest
    /// one is another, or cannot be read; whoever asks for it by itself then hears why.
    ///
    /// # Errors
    /// See [`StripeError`]; each says its class, and is about the payment.
    pub async fn fetch_with_charge(
        &self,
        payment: &Subject,
        charges: &[Subject],
    ) -> Result<(Fetched, Option<(Subject, Fetched)>), StripeError> {
        self.check_mode(&payment.scope)?;
        let (endpoint, _) = kinds::request(payment)?;
        let request = RetrievePaymentIntent::new(payment.id.url_segment());
        let request = request.expand([LATEST_CHARGE.to_owned()]).build();
        let (meta, mut raw) = match self.get_it(payment, endpoint, request).await {
            // Perhaps it is the charge that the key may not read.
            Err(error) if error.is_forbidden() => return Ok((self.fetch(payment).await?, None)),
            answer => answer?,
        };
        let charge = take_charge(&mut raw);
        let payment = Fetched::of(payment.kind, &meta, self.rules.redact(raw))?;
        Ok((payment, charge.and_then(|raw| wanted(charges, &meta, raw, &self.rules))))
    }
}

/// Takes the charge out of the payment and leaves its id, as a payment shows it that was asked for
/// by itself.
fn take_charge(payment: &mut Value) -> Option<Value> {
    let field = payment.get_mut(LATEST_CHARGE)?;
    let id = field.get("id")?.clone();
    Some(std::mem::replace(field, id))
}

fn wanted(
    charges: &[Subject],
    meta: &Meta,
    raw: Value,
    rules: &Rules,
) -> Option<(Subject, Fetched)> {
    let of = meta.request_id.as_deref();
    let is_it = |charge: &&Subject| decode::check_identity(&raw, charge, of).is_ok();
    let charge = charges.iter().find(is_it)?.clone();
    // What goes on is read to its end by a request of its own.
    if cut_short(&raw).is_some() {
        return None;
    }
    let fetched = Fetched::of(charge.kind, meta, rules.redact(raw)).ok()?;
    Some((charge, fetched))
}
