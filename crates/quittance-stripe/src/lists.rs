//! Lists inside an object, read to their end.
//!
//! Stripe shows the first ten entries of such a list, and `has_more` (docs.stripe.com, "Pagination"). What
//! is kept would be cut short without a word, and a column could be made of half of the entries. So a
//! list that goes on is read again from its beginning, a hundred entries at once.

use serde_json::{Value, json};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Meta;
use super::client::Client;
use super::error::StripeError;
use super::fetched::goes_on;
use quittance_domain::id::url_segment;
use quittance_domain::object::{Kind, Subject};

/// Entries that one request brings at most.
const PAGE: usize = 100;

/// Requests that one list is worth. An invoice has 250 lines at most and a subscription 20 items, so a
/// thousand entries are more than any object of ours needs; what goes on after that keeps its `has_more`.
const MOST_PAGES: usize = 10;

/// The lists that objects show, where they are read, and how the limiter and the metrics name that.
/// `{id}`: the object's id.
const LISTS: &[(&str, &str, &str, &str)] = &[
    ("account", "external_accounts", "/accounts/{id}/external_accounts", "external_accounts"),
    ("application_fee", "refunds", "/application_fees/{id}/refunds", "application_fee_refunds"),
    ("charge", "refunds", "/charges/{id}/refunds", "charge_refunds"),
    ("checkout.session", "line_items", "/checkout/sessions/{id}/line_items", "checkout_line_items"),
    ("credit_note", "lines", "/credit_notes/{id}/lines", "credit_note_lines"),
    ("invoice", "lines", "/invoices/{id}/lines", "invoice_lines"),
    ("invoice", "payments", "/invoice_payments?invoice={id}", "invoice_payments"),
    ("subscription", "items", "/subscription_items?subscription={id}", "subscription_items"),
    ("transfer", "reversals", "/transfers/{id}/reversals", "transfer_reversals"),
];

impl Client {
    /// Reads the lists of an object to their end where its answer shows the beginning alone.
    ///
    /// A list is read after its object, and so is as new as the object's `observed_at` says or newer;
    /// a change in between has an event of its own, which makes us look again.
    ///
    /// # Errors
    /// See [`StripeError`]. A subscription with more items than fit is refused: one that is not seen
    /// would count as gone.
    pub(super) async fn complete(
        &self,
        subject: &Subject,
        meta: &mut Meta,
        raw: &mut Value,
    ) -> Result<(), StripeError> {
        let kind = subject.kind.as_str();
        for (_, field, path, endpoint) in LISTS.iter().filter(|(object, ..)| *object == kind) {
            if !goes_on(&raw[*field]) {
                continue;
            }
            let path = path.replace("{id}", &subject.id.url_segment());
            let (entries, more) = self.read_list(subject, meta, &path, endpoint).await?;
            if more && subject.kind == Kind::Subscription {
                return Err(StripeError::Undecodable {
                    path: format!("{field}.has_more"),
                    problem: format!("more than {} entries", entries.len()),
                    request_id: meta.request_id.clone(),
                });
            }
            raw[*field]["data"] = Value::Array(entries);
            raw[*field]["has_more"] = json!(more);
        }
        Ok(())
    }

    /// The entries of a list, and whether there are more than these.
    async fn read_list(
        &self,
        subject: &Subject,
        meta: &mut Meta,
        path: &str,
        endpoint: &'static str,
    ) -> Result<(Vec<Value>, bool), StripeError> {
        let mut entries: Vec<Value> = Vec::new();
        for _ in 0..MOST_PAGES {
            let mut request = RequestBuilder::new(StripeMethod::Get, page(path, entries.last()));
            // The query is a part of the path.
            request.query = None;
            let (answered, mut list) = self.get(subject, endpoint, request).await?;
            meta.goes_on(&answered);
            let Some(data) = list
                .get_mut("data")
                .and_then(Value::as_array_mut)
                .filter(|_| answered.status.is_success())
            else {
                return Err(StripeError::Undecodable {
                    path: "data".to_owned(),
                    problem: "not a list".to_owned(),
                    request_id: answered.request_id,
                });
            };
            let came = data.len();
            entries.append(data);
            if list["has_more"] != true {
                return Ok((entries, false));
            }
            // A page without an id to go on from would be read for ever.
            if came == 0 || entries.last().is_none_or(|last| last["id"].as_str().is_none()) {
                break;
            }
        }
        Ok((entries, true))
    }
}

/// The path of the page after this entry.
fn page(path: &str, last: Option<&Value>) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    let after = last.and_then(|last| last["id"].as_str());
    let after = after.map(|id| format!("&starting_after={}", url_segment(id))).unwrap_or_default();
    format!("{path}{mark}limit={PAGE}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_begins_where_the_last_one_ended() {
        let last = json!({"id": "il_9"});
        assert_eq!(page("/invoices/in_1/lines", None), "/invoices/in_1/lines?limit=100");
        assert_eq!(
            page("/invoice_payments?invoice=in_1", Some(&last)),
            "/invoice_payments?invoice=in_1&limit=100&starting_after=il_9"
        );
    }

    #[test]
    fn every_list_belongs_to_a_kind_that_we_know() {
        for (object, ..) in LISTS {
            assert!(Kind::parse(object).is_some(), "{object}");
        }
    }
}
