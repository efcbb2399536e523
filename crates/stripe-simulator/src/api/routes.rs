//! Which path does what.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::core::Core;
use crate::error::ApiError;
use crate::objects::{Event, object_of, render_account, show_document, text};
use crate::world::Tx;

use super::expand::{check, expand};
use super::form::Form;
use super::list::{Entry, LIST_PARAMS, page};
use super::{params, stale};

/// Events older than this are gone (docs.stripe.com, "List all events").
const EVENTS_KEPT_SECONDS: i64 = 30 * 24 * 3600;

/// What is asked.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) form: Form,
    /// The parts of the path, decoded: an id may hold a slash.
    segments: Vec<String>,
}

impl Call {
    pub(crate) fn new(method: Method, path: &str, form: Form) -> Self {
        // As at Stripe, a raw plus stands for a space here, too.
        let decoded = |segment: &str| {
            let segment = segment.replace('+', " ");
            percent_decode_str(&segment).decode_utf8_lossy().into_owned()
        };
        let segments = path.trim_matches('/').split('/').map(decoded).collect();
        Self { method, path: path.to_owned(), form, segments }
    }

    fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The endpoint, as limits and counters know it: `GET /v1/charges/{id}`.
    pub(crate) fn endpoint(&self) -> String {
        let mut segments = self.segments();
        // Sessions are the one collection with two words to its name.
        let place = if segments.get(1) == Some(&"checkout") { 3 } else { 2 };
        if let Some(id) = segments.get_mut(place) {
            *id = "{id}";
        }
        format!("{} /{}", self.method, segments.join("/"))
    }

    /// The id of the one object that is asked for.
    fn object(&self) -> Option<&str> {
        match *self.segments().as_slice() {
            ["v1", "checkout", "sessions", id] => Some(id),
            ["v1", "checkout", _] => None,
            ["v1", _, id] => Some(id),
            _ => None,
        }
    }

    pub(crate) fn canonical(&self) -> String {
        format!("{} {} {}", self.method, self.path, self.form.canonical())
    }
}

/// Does what is asked, under the lock. `stale_by`: a read of one object shows it as it was so long ago.
pub(crate) fn dispatch(
    core: &Core,
    tx: &mut Tx<'_>,
    call: &Call,
    stale_by: Option<Duration>,
) -> Result<Value, ApiError> {
    check(&call.form, &call.segments(), call.method == Method::GET)?;
    let stale = stale_by.zip(call.object()).filter(|_| call.method == Method::GET);
    let stale = stale.and_then(|(by, id)| stale::read(tx, id, &call.form, by));
    let mut value = match (stale, &call.method) {
        (Some(stale), _) => stale?,
        (None, &Method::GET) => read(core, tx, call)?,
        (None, &Method::POST) => write(tx, call)?,
        (None, _) => return Err(unknown(call)),
    };
    expand(&mut value, &call.form, tx.books, tx.version);
    Ok(value)
}

fn read(core: &Core, tx: &Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let (form, version) = (&call.form, tx.version);
    let segments = call.segments();
    if let ["v1", _, id] = segments.as_slice() {
        form.allow_only(&["expand"])?;
        if let Some(tombstone) = tx.tombstone(id) {
            return Ok(tombstone);
        }
    }
    match segments.as_slice() {
        ["v1", "payment_intents", id] => Ok(tx.books.show_payment(&tx.payment(id)?, version)),
        ["v1", "charges", id] => {
            let charge = tx.charge(id)?;
            Ok(charge.render(version, &tx.books.refunds_of(&charge)))
        }
        ["v1", "refunds", id] => Ok(tx.refund(id)?.render()),
        ["v1", "disputes", id] => tx.dispute(id),
        ["v1", "payouts", id] => tx.payout(id),
        ["v1", "accounts", id] => tx.account(id),
        ["v1", "accounts", _, "capabilities"] => {
            values(form, &call.path, tx.books.capabilities.all())
        }
        ["v1", "accounts", _, "capabilities", name] => tx.capability(name),
        ["v1", "disputes"] => values(form, "/v1/disputes", tx.books.disputes.all()),
        ["v1", "payouts"] => values(form, "/v1/payouts", tx.books.payouts.all()),
        ["v1", "payment_methods", id] => {
            let found = tx.books.payment_methods.get(id);
            let found = found.ok_or_else(|| ApiError::no_such("PaymentMethod", id, "id"))?;
            Ok(found.render())
        }
        ["v1", "customers", id] => Ok(tx.customer(id)?.render()),
        ["v1", "setup_intents", id] => Ok(tx.setup(id)?.render()),
        ["v1", "checkout", "sessions", id] => Ok(tx.checkout(id)?.render()),
        ["v1", "events", id] => {
            let found = tx.books.events.get(id).filter(|event| is_kept(event, tx.now));
            let event = found.ok_or_else(|| ApiError::no_such("event", id, "id"))?;
            Ok(event.render(version, core.office.pending(id)))
        }
        ["v1", "account"] => {
            Ok(render_account(tx.scope.account.as_deref().unwrap_or(&core.config.account)))
        }
        // An account has sixteen endpoints at most, so these have no pages.
        ["v1", "webhook_endpoints"] => {
            form.allow_only(&LIST_PARAMS)?;
            let data = core.office.endpoints(tx.scope.livemode);
            Ok(json!({ "object": "list", "data": data, "has_more": false, "url": call.path }))
        }
        ["v2", "core", "event_destinations"] => {
            form.allow_only(&["limit", "include"])?;
            let with_url = form.text(&["include"]) == Some("webhook_endpoint.url");
            let data = core.office.destinations(tx.scope.livemode, with_url);
            Ok(json!({ "data": data, "next_page_url": null, "previous_page_url": null }))
        }
        ["v1", "payment_intents" | "charges" | "refunds" | "events"] => list(core, tx, call),
        ["v1", "subscription_items"] => {
            let id = form.text(&["subscription"]);
            let id = id.ok_or_else(|| ApiError::missing_param("subscription"))?;
            part(tx, form, &call.path, ("subscription", id), "/items/data")
        }
        ["v1", "invoice_payments"] => {
            let id = form.text(&["invoice"]).ok_or_else(|| ApiError::missing_param("invoice"))?;
            part(tx, form, &call.path, ("invoice", id), "/payments/data")
        }
        ["v1", "invoices", id, "lines"] => {
            part(tx, form, &call.path, ("invoice", id), "/lines/data")
        }
        ["v1", collection] if object_of(collection).is_some() => documents(tx, form, collection),
        ["v1", collection, id] => {
            let object = object_of(collection).ok_or_else(|| unknown(call))?;
            Ok(show_document(&tx.document(object, id)?, form.list("expand")))
        }
        _ => Err(unknown(call)),
    }
}

fn list(core: &Core, tx: &Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let (form, books, version) = (&call.form, &*tx.books, tx.version);
    let alive = |id: &str| !books.deleted.contains_key(id);
    let is = |name: &str, held: Option<&str>| {
        form.text(&[name]).is_none_or(|wanted| held == Some(wanted))
    };
    match call.segments().as_slice() {
        ["v1", "payment_intents"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["customer"]].concat())?;
            let entries = books.payment_intents.all().iter();
            let entries = entries
                .filter(|item| alive(&item.id) && is("customer", item.customer.as_deref()))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, "/v1/payment_intents", entries, |item| books.show_payment(item, version))
        }
        ["v1", "charges"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["customer", "payment_intent"]].concat())?;
            let entries = books.charges.all().iter();
            let entries = entries
                .filter(|item| alive(&item.id) && is("customer", item.customer.as_deref()))
                .filter(|item| is("payment_intent", Some(&item.payment_intent)))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            let render = |item: &_| {
                let refunds = books.refunds_of(item);
                item.render(version, &refunds)
            };
            page(form, "/v1/charges", entries, render)
        }
        ["v1", "refunds"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["charge", "payment_intent"]].concat())?;
            let entries = books.refunds.all().iter();
            let entries = entries
                .filter(|item| alive(&item.id) && is("charge", Some(&item.charge)))
                .filter(|item| is("payment_intent", Some(&item.payment_intent)))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, "/v1/refunds", entries, |item| item.render())
        }
        ["v1", "events"] => events(core, tx, form),
        _ => Err(unknown(call)),
    }
}

/// A list of objects that are kept as they are shown.
fn values(form: &Form, url: &str, all: &[Value]) -> Result<Value, ApiError> {
    form.allow_only(&LIST_PARAMS)?;
    let entries = all.iter().map(|item| Entry {
        id: item["id"].as_str().unwrap_or_default(),
        created: item["created"].as_i64().unwrap_or_default(),
        item,
    });
    page(form, url, entries, Value::clone)
}

fn documents(tx: &Tx<'_>, form: &Form, collection: &str) -> Result<Value, ApiError> {
    form.allow_only(&[&LIST_PARAMS[..], &["customer"]].concat())?;
    let object = object_of(collection).unwrap_or_default();
    let wanted = |item: &&Value| {
        let customer = form.text(&["customer"]);
        text(item, "object") == object
            && !tx.books.deleted.contains_key(text(item, "id"))
            && customer.is_none_or(|customer| text(item, "customer") == customer)
    };
    let entries = tx.books.documents.all().iter().filter(wanted).map(|item| Entry {
        id: text(item, "id"),
        created: item["created"].as_i64().unwrap_or(0),
        item,
    });
    page(form, &format!("/v1/{collection}"), entries, |item| {
        show_document(item, form.list("expand").filter_map(|path| path.strip_prefix("data.")))
    })
}

/// A list inside one object, all of it: the object itself shows the first ten entries.
fn part(
    tx: &Tx<'_>,
    form: &Form,
    url: &str,
    (object, id): (&str, &str),
    list: &str,
) -> Result<Value, ApiError> {
    form.allow_only(&[&LIST_PARAMS[..], &["subscription", "invoice"]].concat())?;
    let document = tx.document(object, id)?;
    let entries = document.pointer(list).and_then(Value::as_array);
    let entries = entries.into_iter().flatten().map(|item| Entry {
        id: text(item, "id"),
        created: item["created"].as_i64().unwrap_or(0),
        item,
    });
    page(form, url, entries, Value::clone)
}

fn events(core: &Core, tx: &Tx<'_>, form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&[&LIST_PARAMS[..], &["type", "types", "delivery_success"]].concat())?;
    let mut kinds: Vec<&str> = form.list("types").collect();
    if kinds.len() > 20 {
        return Err(ApiError::invalid("types takes up to 20 entries").param("types"));
    }
    kinds.extend(form.text(&["type"]));
    let delivered = match form.text(&["delivery_success"]) {
        None => None,
        Some(_) => Some(form.flag(&["delivery_success"])?),
    };
    let wanted = |event: &Event| {
        let kind = kinds.is_empty() || kinds.iter().any(|pattern| matches(pattern, &event.kind));
        let success =
            delivered.is_none_or(|wanted| (core.office.pending(&event.id) == 0) == wanted);
        kind && success && is_kept(event, tx.now)
    };
    let entries = tx.books.events.all().iter().filter(|event| wanted(event));
    let entries = entries.map(|item| Entry { id: &item.id, created: item.created, item });
    page(form, "/v1/events", entries, |event: &Arc<Event>| {
        event.render(tx.version, core.office.pending(&event.id))
    })
}

fn write(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    let segments = call.segments();
    match segments.as_slice() {
        ["v1", "payment_intents"] => {
            let id = tx.create_payment(params::new_payment(form)?)?;
            show_payment(tx, &id)
        }
        ["v1", "payment_intents", id, "confirm"] => {
            tx.confirm_payment(id, params::confirm(form)?)?;
            show_payment(tx, id)
        }
        ["v1", "payment_intents", id, "capture"] => {
            tx.capture_payment(id, params::amount_to_capture(form)?)?;
            show_payment(tx, id)
        }
        ["v1", "payment_intents", id, "cancel"] => {
            tx.cancel_payment(id, params::cancellation_reason(form)?)?;
            show_payment(tx, id)
        }
        ["v1", "refunds"] => {
            let id = tx.create_refund(params::new_refund(form)?)?;
            Ok(tx.refund(&id)?.render())
        }
        ["v1", "refunds", id, "cancel"] => {
            form.allow_only(&["expand"])?;
            tx.cancel_refund(id)?;
            Ok(tx.refund(id)?.render())
        }
        // What at Stripe the customer and the banks do.
        ["simulator", "payment_intents", id, "three_d_secure"] => {
            tx.finish_3ds(id, params::succeeds(form)?)?;
            show_payment(tx, id)
        }
        ["simulator", "payment_intents", id, "debit"] => {
            tx.settle_debit(id, params::succeeds(form)?)?;
            show_payment(tx, id)
        }
        ["simulator", "refunds", id] => {
            match params::succeeds(form)? {
                true => tx.succeed_refund(id)?,
                false => tx.fail_refund(id, "lost_or_stolen_card")?,
            }
            Ok(tx.refund(id)?.render())
        }
        _ => Err(unknown(call)),
    }
}

fn show_payment(tx: &Tx<'_>, id: &str) -> Result<Value, ApiError> {
    Ok(tx.books.show_payment(&tx.payment(id)?, tx.version))
}

fn is_kept(event: &Event, now: i64) -> bool {
    event.created > now - EVENTS_KEPT_SECONDS
}

/// `payment_intent.*` stands for all of its kind.
fn matches(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => kind.starts_with(start),
        None => pattern == kind,
    }
}

fn unknown(call: &Call) -> ApiError {
    let message = format!(
        "Unrecognized request URL ({}: {}). Please see https://docs.stripe.com or we can help at \
         https://support.stripe.com/.",
        call.method, call.path
    );
    ApiError::new(404, "invalid_request_error", message)
}
