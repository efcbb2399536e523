//! Requests that change nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::actions::render_account;
use crate::engine::Engine;
use crate::error::ApiError;
use crate::objects::{
    CheckoutSession, Event, LineItem, PaymentMethod, object_of, show_document, text,
};
use crate::scope::Scope;
use crate::store::Tx;

use super::call::Call;
use super::form::Form;
use super::list::{Entry, LIST_PARAMS, page};

/// Events older than this are gone (docs.stripe.com, "List all events").
const EVENTS_KEPT_SECONDS: i64 = 30 * 24 * 3600;

/// Answers a GET.
pub(crate) fn read(engine: &Engine, tx: &Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let (form, version) = (&call.form, tx.version);
    let segments = call.segments();
    if is_empty(&segments) {
        return Ok(json!({ "object": "list", "data": [], "has_more": false, "url": call.path }));
    }
    if let ["v1", collection, id] = segments.as_slice()
        && *collection != "checkout"
    {
        form.allow_only(&["expand"])?;
        if let Some(tombstone) = tx.tombstone(id) {
            return Ok(tombstone);
        }
    }
    match segments.as_slice() {
        ["v1", "payment_intents", id] => Ok(tx.objects.show_payment(&tx.payment(id)?, version)),
        ["v1", "charges", id] => {
            let charge = tx.charge(id)?;
            Ok(charge.render(version, &tx.objects.refunds_of(&charge)))
        }
        ["v1", "refunds", id] => Ok(tx.refund(id)?.render()),
        ["v1", "disputes", id] => tx.dispute(id),
        ["v1", "payouts", id] => tx.payout(id),
        ["v1", "accounts", id] => tx.account(id),
        ["v1", "accounts", _, "capabilities"] => {
            values(form, &call.path, i64::MAX, tx.objects.capabilities.all())
        }
        ["v1", "accounts", _, "capabilities", name] => tx.capability(name),
        ["v1", "disputes"] => {
            values(form, "/v1/disputes", tx.listed_until, tx.objects.disputes.all())
        }
        ["v1", "payouts"] => values(form, "/v1/payouts", tx.listed_until, tx.objects.payouts.all()),
        ["v1", "payment_methods", id] => {
            let found = tx.objects.payment_methods.get(id);
            let found = found.ok_or_else(|| ApiError::no_such("PaymentMethod", id, "id"))?;
            Ok(found.render())
        }
        ["v1", "customers", id] => Ok(tx.customer(id)?.render()),
        ["v1", "setup_intents", id] => Ok(tx.setup(id)?.render()),
        ["v1", "checkout", "sessions", id] => {
            form.allow_only(&["expand"])?;
            show_session(tx, form, id)
        }
        ["v1", "checkout", "sessions", id, "line_items"] => {
            let items = line_items(&tx.checkout(id)?);
            let items = items.iter().map(|item| Entry { id: text(item, "id"), created: 0, item });
            page(form, &call.path, i64::MAX, items, Value::clone)
        }
        ["v1", "customers", id, "payment_methods"] => {
            let customer = tx.customer(id)?.id;
            methods(tx, form, &call.path, &customer)
        }
        ["v1", "payment_methods"] => {
            let customer = form.owned(&["customer"]);
            let customer = customer.ok_or_else(|| ApiError::missing_param("customer"))?;
            methods(tx, form, &call.path, &customer)
        }
        ["v1", "events", id] => {
            let found = tx.objects.events.get(id).filter(|event| is_kept(event, tx.now));
            let event = found.ok_or_else(|| ApiError::no_such("event", id, "id"))?;
            Ok(show_event(engine, event))
        }
        ["v1", "account"] => {
            Ok(render_account(tx.scope.account.as_deref().unwrap_or(&engine.config.account)))
        }
        // An account has sixteen endpoints at most, so these have no pages.
        ["v1", "webhook_endpoints"] => {
            form.allow_only(&LIST_PARAMS)?;
            let data = engine.webhooks.endpoints(tx.scope.livemode);
            Ok(json!({ "object": "list", "data": data, "has_more": false, "url": call.path }))
        }
        ["v2", "core", "event_destinations"] => {
            form.allow_only(&["limit", "include"])?;
            let with_url = form.text(&["include"]) == Some("webhook_endpoint.url");
            let data = engine.webhooks.destinations(tx.scope.livemode, with_url);
            Ok(json!({ "data": data, "next_page_url": null, "previous_page_url": null }))
        }
        ["v1", "events"] => events(engine, tx, form),
        ["v1", "payment_intents" | "charges" | "refunds" | "setup_intents" | "customers"]
        | ["v1", "checkout", "sessions"] => list(tx, call),
        ["v1", "subscription_items"] => {
            let id = form.text(&["subscription"]);
            let id = id.ok_or_else(|| ApiError::missing_param("subscription"))?;
            part(tx, form, &call.path, ("subscription", id), "/items/data")
        }
        ["v1", "invoice_payments"] => match form.text(&["invoice"]) {
            Some(id) => part(tx, form, &call.path, ("invoice", id), "/payments/data"),
            None => invoice_payments(tx, form),
        },
        ["v1", "invoices", id, "lines"] => {
            part(tx, form, &call.path, ("invoice", id), "/lines/data")
        }
        ["v1", collection] if object_of(collection).is_some() => documents(tx, form, collection),
        ["v1", collection, id] => {
            let object = object_of(collection).ok_or_else(|| call.unknown())?;
            Ok(show_document(&tx.document(object, id)?, form.list("expand")))
        }
        _ => Err(call.unknown()),
    }
}

/// Whether it is a list of objects that the simulator keeps none of: nobody has any.
fn is_empty(segments: &[&str]) -> bool {
    let path = segments.iter().skip(1).copied().collect::<Vec<_>>().join("/");
    let of_one = matches!(
        segments,
        ["v1", "customers", _, "tax_ids" | "sources" | "cash_balance_transactions"]
            | ["v1", "application_fees", _, "refunds"]
    );
    of_one || EMPTY_LISTS.contains(&path.as_str())
}

/// The lists of objects that the simulator keeps none of.
const EMPTY_LISTS: &[&str] = &[
    "application_fees",
    "billing/alerts",
    "billing/credit_balance_transactions",
    "billing/credit_grants",
    "billing/meters",
    "billing_portal/configurations",
    "climate/orders",
    "climate/products",
    "coupons",
    "credit_notes",
    "files",
    "financial_connections/accounts",
    "identity/verification_sessions",
    "invoiceitems",
    "issuing/authorizations",
    "issuing/cardholders",
    "issuing/cards",
    "issuing/disputes",
    "issuing/personalization_designs",
    "issuing/transactions",
    "payment_links",
    "plans",
    "promotion_codes",
    "quotes",
    "radar/early_fraud_warnings",
    "reporting/report_runs",
    "reviews",
    "sigma/scheduled_query_runs",
    "tax_ids",
    "tax_rates",
    "terminal/readers",
    "test_helpers/test_clocks",
    "topups",
    "transfers",
    "treasury/financial_accounts",
];

/// The accounts that are connected to the key's own, and have not taken their access back.
///
/// # Errors
/// The parameters are wrong.
pub(crate) fn accounts(
    engine: &Engine,
    scope: &Scope,
    form: &Form,
    list_lag: u32,
) -> Result<Value, ApiError> {
    let store = engine.store();
    let connected = store.objects.iter().filter(|(of, _)| {
        let is_open = of.account.as_ref().is_some_and(|id| !store.revoked.contains(id));
        is_open && of.livemode == scope.livemode
    });
    let mut all: Vec<Value> =
        connected.flat_map(|(_, objects)| objects.accounts.all().iter().cloned()).collect();
    all.sort_by_key(|account| account["created"].as_i64());
    let until = engine.clock.now() - i64::from(list_lag);
    values(form, "/v1/accounts", until, &all)
}

fn list(tx: &Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let (form, objects, version, until) = (&call.form, &*tx.objects, tx.version, tx.listed_until);
    let alive = |id: &str| !objects.deleted.contains_key(id);
    let is = |name: &str, held: Option<&str>| {
        form.text(&[name]).is_none_or(|wanted| held == Some(wanted))
    };
    match call.segments().as_slice() {
        ["v1", "payment_intents"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["customer"]].concat())?;
            let entries = objects.payment_intents.all().iter();
            let entries = entries
                .filter(|item| alive(&item.id) && is("customer", item.customer.as_deref()))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, &call.path, until, entries, |item| objects.show_payment(item, version))
        }
        ["v1", "charges"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["customer", "payment_intent"]].concat())?;
            let entries = objects.charges.all().iter();
            let entries = entries
                .filter(|item| alive(&item.id) && is("customer", item.customer.as_deref()))
                .filter(|item| is("payment_intent", Some(&item.payment_intent)))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            let render = |item: &_| {
                let refunds = objects.refunds_of(item);
                item.render(version, &refunds)
            };
            page(form, &call.path, until, entries, render)
        }
        ["v1", "refunds"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["charge", "payment_intent"]].concat())?;
            let entries = objects.refunds.all().iter();
            let entries = entries
                .filter(|item| alive(&item.id) && is("charge", Some(&item.charge)))
                .filter(|item| is("payment_intent", Some(&item.payment_intent)))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, &call.path, until, entries, |item| item.render())
        }
        ["v1", "setup_intents"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["customer", "payment_method"]].concat())?;
            let entries = objects.setup_intents.all().iter();
            let entries = entries
                .filter(|item| is("customer", item.customer.as_deref()))
                .filter(|item| is("payment_method", item.payment_method.as_deref()))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, &call.path, until, entries, |item| item.render())
        }
        ["v1", "customers"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["email"]].concat())?;
            let entries = objects.customers.all().iter();
            let entries = entries
                .filter(|item| alive(&item.id) && is("email", item.email.as_deref()))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, &call.path, until, entries, |item| item.render())
        }
        ["v1", "checkout", "sessions"] => {
            let own = ["customer", "payment_intent", "status", "subscription"];
            form.allow_only(&[&LIST_PARAMS[..], &own].concat())?;
            let entries = objects.checkout_sessions.all().iter();
            let entries = entries
                .filter(|item| is("customer", item.customer.as_deref()))
                .filter(|item| is("payment_intent", item.payment_intent.as_deref()))
                .filter(|item| is("status", Some(item.status)))
                .filter(|item| is("subscription", item.subscription.as_deref()))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, &call.path, until, entries, |item| item.render())
        }
        _ => Err(call.unknown()),
    }
}

/// A list of objects that are kept as they are shown.
fn values(form: &Form, url: &str, until: i64, all: &[Value]) -> Result<Value, ApiError> {
    form.allow_only(&LIST_PARAMS)?;
    let entries = all.iter().map(|item| Entry {
        id: item["id"].as_str().unwrap_or_default(),
        created: item["created"].as_i64().unwrap_or_default(),
        item,
    });
    page(form, url, until, entries, Value::clone)
}

/// The methods that a customer keeps.
fn methods(tx: &Tx<'_>, form: &Form, url: &str, customer: &str) -> Result<Value, ApiError> {
    form.allow_only(&[&LIST_PARAMS[..], &["customer", "type"]].concat())?;
    let wanted = |item: &&PaymentMethod| {
        item.customer.as_deref() == Some(customer)
            && form.text(&["type"]).is_none_or(|kind| item.kind() == kind)
    };
    let entries = tx.objects.payment_methods.all().iter().filter(wanted);
    let entries = entries.map(|item| Entry { id: &item.id, created: item.created, item });
    page(form, url, tx.listed_until, entries, PaymentMethod::render)
}

fn documents(tx: &Tx<'_>, form: &Form, collection: &str) -> Result<Value, ApiError> {
    form.allow_only(&[&LIST_PARAMS[..], &["active", "customer", "status"]].concat())?;
    let object = object_of(collection).unwrap_or_default();
    // Those that cannot be bought any more are listed only where they are asked for, and prices that were made
    // inline are not listed at all.
    let active = match form.text(&["active"]) {
        None => true,
        Some(_) => form.flag(&["active"])?,
    };
    let is_offered = |item: &Value| {
        !["price", "product"].contains(&object)
            || item["active"] == active && !tx.objects.inline_prices.contains(text(item, "id"))
    };
    // Subscriptions that have ended are listed only where they are asked for.
    let has_status = |item: &Value| match (object, form.text(&["status"])) {
        ("subscription", None) => text(item, "status") != "canceled",
        ("subscription", Some("all")) | (_, None) => true,
        ("subscription", Some("ended")) => {
            ["canceled", "incomplete_expired"].contains(&text(item, "status"))
        }
        (_, Some(status)) => text(item, "status") == status,
    };
    let wanted = |item: &&Value| {
        let customer = form.text(&["customer"]);
        text(item, "object") == object
            && !tx.objects.deleted.contains_key(text(item, "id"))
            && customer.is_none_or(|customer| text(item, "customer") == customer)
            && has_status(item)
            && is_offered(item)
    };
    let entries = tx.objects.documents.all().iter().filter(wanted).map(|item| Entry {
        id: text(item, "id"),
        created: item["created"].as_i64().unwrap_or(0),
        item,
    });
    page(form, &format!("/v1/{collection}"), tx.listed_until, entries, |item| {
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
    page(form, url, i64::MAX, entries, Value::clone)
}

/// The payments of all invoices.
fn invoice_payments(tx: &Tx<'_>, form: &Form) -> Result<Value, ApiError> {
    let invoices = tx.objects.documents.all().iter().filter(|it| text(it, "object") == "invoice");
    let payments = invoices.filter_map(|it| it.pointer("/payments/data").and_then(Value::as_array));
    let mut all: Vec<Value> = payments.flatten().cloned().collect();
    all.sort_by_key(|payment| payment["created"].as_i64());
    values(form, "/v1/invoice_payments", tx.listed_until, &all)
}

fn events(engine: &Engine, tx: &Tx<'_>, form: &Form) -> Result<Value, ApiError> {
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
    let chaos_is_calm = engine.chaos().events_listed_late <= 0.0;
    let wanted = |event: &Event| {
        let kind = kinds.is_empty() || kinds.iter().any(|pattern| matches(pattern, &event.kind));
        let success =
            delivered.is_none_or(|wanted| (engine.webhooks.pending(&event.id) == 0) == wanted);
        let listable = chaos_is_calm || engine.listable_at(event) <= tx.now;
        kind && success && listable && is_kept(event, tx.now)
    };
    // By the time at which they were made, and those of one second in their order.
    let mut events: Vec<&Arc<Event>> =
        tx.objects.events.all().iter().filter(|event| wanted(event)).collect();
    events.sort_by_key(|event| event.created);
    let entries =
        events.iter().map(|item| Entry { id: &item.id, created: item.created, item: *item });
    page(form, "/v1/events", i64::MAX, entries, |event: &Arc<Event>| show_event(engine, event))
}

/// An event as its own account reads it: in the version in which it was made, whatever the request asks for, and
/// without its account, which only a webhook names.
fn show_event(engine: &Engine, event: &Event) -> Value {
    let pending = engine.webhooks.pending(&event.id);
    let mut value = event.render(&engine.config.api_version, pending);
    if let Some(fields) = value.as_object_mut() {
        fields.remove("account");
    }
    value
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

/// A session, with its items where they are asked for.
pub(super) fn show_session(tx: &Tx<'_>, form: &Form, id: &str) -> Result<Value, ApiError> {
    let session = tx.checkout(id)?;
    let mut value = session.render();
    if form.list("expand").any(|path| path == "line_items") {
        let url = format!("/v1/checkout/sessions/{id}/line_items");
        value["line_items"] = json!({
            "object": "list", "data": line_items(&session), "has_more": false, "url": url,
        });
    }
    Ok(value)
}

fn line_items(session: &CheckoutSession) -> Vec<Value> {
    session.line_items.iter().map(LineItem::render).collect()
}

pub(super) fn show_payment(tx: &Tx<'_>, id: &str) -> Result<Value, ApiError> {
    Ok(tx.objects.show_payment(&tx.payment(id)?, tx.version))
}

/// The object as its last event before then showed it, `by` ago. `None`: it has not changed since, or had
/// no event.
///
/// # Errors
/// There was no such object yet.
pub(crate) fn read_stale(
    tx: &Tx<'_>,
    id: &str,
    form: &Form,
    by: Duration,
) -> Option<Result<Value, ApiError>> {
    let now = Instant::now();
    let is_new = |made: Instant| now.saturating_duration_since(made) < by;
    let mut events = tx.objects.events.all().iter().rev();
    let has_changed = events
        .clone()
        .take_while(|event| is_new(event.made))
        .any(|event| event.snapshot.id() == id);
    if !has_changed {
        return None;
    }
    let before = events.find(|event| event.snapshot.id() == id && !is_new(event.made));
    Some(match before {
        Some(event) => Ok(event.snapshot.read(tx.version, form.list("expand"))),
        None => Err(ApiError::no_such("object", id, "id")),
    })
}
