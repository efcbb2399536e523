//! Which path does what.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::actions::{ItemChange, NewCheckout, NewSubscription, PaymentBehavior, PriceOf};
use crate::core::Core;
use crate::error::ApiError;
use crate::objects::{
    CheckoutSession, Event, LineItem, PaymentMethod, object_of, render_account, show_document, text,
};
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

    pub(crate) fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The endpoint, as limits and counters know it: `GET /v1/charges/{id}`.
    pub(crate) fn endpoint(&self) -> String {
        let mut segments = self.segments();
        // Sessions are the one kind of collection with two words to its name.
        let nested = segments.get(1).is_some_and(|it| ["checkout", "billing_portal"].contains(it));
        let place = if nested { 3 } else { 2 };
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
        (None, &Method::DELETE) => delete(tx, call)?,
        (None, _) => return Err(unknown(call)),
    };
    expand(&mut value, &call.form, tx.books, tx.version);
    Ok(value)
}

fn read(core: &Core, tx: &Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let (form, version) = (&call.form, tx.version);
    let segments = call.segments();
    if let ["v1", collection, id] = segments.as_slice()
        && *collection != "checkout"
    {
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
            values(form, &call.path, i64::MAX, tx.books.capabilities.all())
        }
        ["v1", "accounts", _, "capabilities", name] => tx.capability(name),
        ["v1", "disputes"] => {
            values(form, "/v1/disputes", tx.listed_until, tx.books.disputes.all())
        }
        ["v1", "payouts"] => values(form, "/v1/payouts", tx.listed_until, tx.books.payouts.all()),
        ["v1", "payment_methods", id] => {
            let found = tx.books.payment_methods.get(id);
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
        ["v1", "events"] => events(core, tx, form),
        ["v1", "payment_intents" | "charges" | "refunds" | "setup_intents" | "customers"]
        | ["v1", "checkout", "sessions"] => list(tx, call),
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

fn list(tx: &Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let (form, books, version, until) = (&call.form, &*tx.books, tx.version, tx.listed_until);
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
            page(form, &call.path, until, entries, |item| books.show_payment(item, version))
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
            page(form, &call.path, until, entries, render)
        }
        ["v1", "refunds"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["charge", "payment_intent"]].concat())?;
            let entries = books.refunds.all().iter();
            let entries = entries
                .filter(|item| alive(&item.id) && is("charge", Some(&item.charge)))
                .filter(|item| is("payment_intent", Some(&item.payment_intent)))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, &call.path, until, entries, |item| item.render())
        }
        ["v1", "setup_intents"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["customer", "payment_method"]].concat())?;
            let entries = books.setup_intents.all().iter();
            let entries = entries
                .filter(|item| is("customer", item.customer.as_deref()))
                .filter(|item| is("payment_method", item.payment_method.as_deref()))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, &call.path, until, entries, |item| item.render())
        }
        ["v1", "customers"] => {
            form.allow_only(&[&LIST_PARAMS[..], &["email"]].concat())?;
            let entries = books.customers.all().iter();
            let entries = entries
                .filter(|item| alive(&item.id) && is("email", item.email.as_deref()))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, &call.path, until, entries, |item| item.render())
        }
        ["v1", "checkout", "sessions"] => {
            let own = ["customer", "payment_intent", "status", "subscription"];
            form.allow_only(&[&LIST_PARAMS[..], &own].concat())?;
            let entries = books.checkout_sessions.all().iter();
            let entries = entries
                .filter(|item| is("customer", item.customer.as_deref()))
                .filter(|item| is("payment_intent", item.payment_intent.as_deref()))
                .filter(|item| is("status", Some(item.status)))
                .filter(|item| is("subscription", item.subscription.as_deref()))
                .map(|item| Entry { id: &item.id, created: item.created, item });
            page(form, &call.path, until, entries, |item| item.render())
        }
        _ => Err(unknown(call)),
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
    let entries = tx.books.payment_methods.all().iter().filter(wanted);
    let entries = entries.map(|item| Entry { id: &item.id, created: item.created, item });
    page(form, url, tx.listed_until, entries, PaymentMethod::render)
}

fn documents(tx: &Tx<'_>, form: &Form, collection: &str) -> Result<Value, ApiError> {
    form.allow_only(&[&LIST_PARAMS[..], &["customer", "status"]].concat())?;
    let object = object_of(collection).unwrap_or_default();
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
            && !tx.books.deleted.contains_key(text(item, "id"))
            && customer.is_none_or(|customer| text(item, "customer") == customer)
            && has_status(item)
    };
    let entries = tx.books.documents.all().iter().filter(wanted).map(|item| Entry {
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
    page(form, "/v1/events", i64::MAX, entries, |event: &Arc<Event>| {
        event.render(tx.version, core.office.pending(&event.id))
    })
}

fn write(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    match call.segments().as_slice() {
        ["v1", "payment_intents", ..] | ["v1", "refunds", ..] => write_payment(tx, call),
        ["v1", "setup_intents"] => {
            let new = params::new_setup(form)?;
            begin(tx, new.customer.as_deref())?;
            let id = tx.create_setup(new)?;
            Ok(tx.setup(&id)?.render())
        }
        ["v1", "setup_intents", id, "confirm"] => {
            let (method, return_url) = params::confirm_setup(form)?;
            begin(tx, None)?;
            tx.confirm_setup(id, method.as_deref(), return_url)?;
            Ok(tx.setup(id)?.render())
        }
        ["v1", "setup_intents", id, "cancel"] => {
            let reason = params::cancellation_reason(form)?;
            begin(tx, None)?;
            tx.cancel_setup(id, reason.as_deref())?;
            Ok(tx.setup(id)?.render())
        }
        ["v1", "checkout", "sessions"] => {
            let (new, items) = params::new_checkout(form)?;
            begin(tx, new.customer.as_deref())?;
            let prices = prices(tx, items)?;
            let id = tx.open_checkout(NewCheckout { prices, ..new })?;
            show_session(tx, form, &id)
        }
        ["v1", "checkout", "sessions", id, "expire"] => {
            form.allow_only(&["expand"])?;
            begin(tx, None)?;
            tx.expire_checkout(id)?;
            show_session(tx, form, id)
        }
        ["v1", "subscriptions"] => subscribe(tx, form),
        ["v1", "subscriptions", id] => {
            let (mut change, items) = params::subscription_change(form)?;
            begin(tx, None)?;
            for (item, price) in items {
                let price = price.map(|price| tx.price_of(price)).transpose()?;
                change.items.push(ItemChange { price, ..item });
            }
            let it = tx.update_subscription(id, change)?;
            Ok(show_document(&it, form.list("expand")))
        }
        ["v1", "billing_portal", "sessions"] => {
            let session = params::new_portal(form)?;
            begin(tx, Some(text(&session, "customer")))?;
            Ok(tx.open_portal(session))
        }
        ["v1", "customers", ..] | ["v1", "payment_methods", ..] => write_customer(tx, call),
        ["v1", "products"] => {
            let (id, name) = params::new_product(form)?;
            begin(tx, None)?;
            tx.create_product(id.as_deref(), &name)
        }
        ["v1", "prices"] => {
            let new = params::new_price(form)?;
            begin(tx, None)?;
            tx.add_price(new)
        }
        ["simulator", ..] => happen(tx, call),
        _ => Err(unknown(call)),
    }
}

fn write_payment(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    match call.segments().as_slice() {
        ["v1", "payment_intents"] => {
            let new = params::new_payment(form)?;
            begin(tx, new.customer.as_deref())?;
            let id = tx.create_payment(new)?;
            show_payment(tx, &id)
        }
        ["v1", "payment_intents", id, "confirm"] => {
            let how = params::confirm(form)?;
            begin(tx, None)?;
            tx.confirm_payment(id, how)?;
            show_payment(tx, id)
        }
        ["v1", "payment_intents", id, "capture"] => {
            let amount = params::amount_to_capture(form)?;
            begin(tx, None)?;
            tx.capture_payment(id, amount)?;
            show_payment(tx, id)
        }
        ["v1", "payment_intents", id, "cancel"] => {
            let reason = params::cancellation_reason(form)?;
            begin(tx, None)?;
            tx.cancel_payment(id, reason)?;
            show_payment(tx, id)
        }
        ["v1", "refunds"] => {
            let new = params::new_refund(form)?;
            begin(tx, None)?;
            let id = tx.create_refund(new)?;
            Ok(tx.refund(&id)?.render())
        }
        ["v1", "refunds", id, "cancel"] => {
            form.allow_only(&["expand"])?;
            begin(tx, None)?;
            tx.cancel_refund(id)?;
            Ok(tx.refund(id)?.render())
        }
        _ => Err(unknown(call)),
    }
}

fn write_customer(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    match call.segments().as_slice() {
        ["v1", "customers"] => {
            let (new, method) = params::new_customer(form)?;
            begin(tx, None)?;
            let id = tx.create_customer(new).id;
            if let Some(method) = method {
                let method = tx.attach_checked(&method, &id)?;
                if params::default_method(form).is_some() {
                    tx.set_default_method(&id, Some(method))?;
                }
            }
            Ok(tx.customer(&id)?.render())
        }
        ["v1", "customers", id] => {
            let change = params::customer_change(form)?;
            begin(tx, None)?;
            tx.update_customer(id, change)?;
            Ok(tx.customer(id)?.render())
        }
        ["v1", "payment_methods"] => {
            let card = params::new_method(form)?;
            begin(tx, None)?;
            Ok(tx.create_method(&card)?.render())
        }
        ["v1", "payment_methods", id, "attach"] => {
            form.allow_only(&["customer", "expand"])?;
            let customer = form.text(&["customer"]);
            let customer = customer.ok_or_else(|| ApiError::missing_param("customer"))?;
            begin(tx, Some(customer))?;
            let id = tx.attach_checked(id, customer)?;
            Ok(tx.payment_method(&id)?.render())
        }
        ["v1", "payment_methods", id, "detach"] => {
            form.allow_only(&["expand"])?;
            begin(tx, None)?;
            tx.detach_method(id)?;
            Ok(tx.payment_method(id)?.render())
        }
        _ => Err(unknown(call)),
    }
}

fn subscribe(tx: &mut Tx<'_>, form: &Form) -> Result<Value, ApiError> {
    let (new, items) = params::new_subscription(form)?;
    begin(tx, Some(&new.customer))?;
    let prices = prices(tx, items)?;
    let customer = tx.customer(&new.customer)?;
    let method = new.default_payment_method.clone().or(customer.default_payment_method);
    let has_trial = new.trial_days.is_some() || new.trial_end.is_some();
    let waits = has_trial || new.payment_behavior == PaymentBehavior::DefaultIncomplete;
    let card = match method {
        Some(method) => method,
        None if waits => String::new(),
        None => {
            let message = "This customer has no attached payment source or default payment method. \
                Please consider adding a default payment method.";
            return Err(ApiError::invalid(message).code("resource_missing"));
        }
    };
    let it = tx.subscribe(NewSubscription { prices, card, ..new })?;
    Ok(show_document(&it, form.list("expand")))
}

/// What at Stripe the customer and the banks do.
fn happen(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    match call.segments().as_slice() {
        ["simulator", "payment_intents", id, "three_d_secure"] => {
            tx.finish_3ds(id, params::succeeds(form)?)?;
            show_payment(tx, id)
        }
        ["simulator", "payment_intents", id, "debit"] => {
            tx.settle_debit(id, params::succeeds(form)?)?;
            show_payment(tx, id)
        }
        ["simulator", "setup_intents", id, "three_d_secure"] => {
            tx.finish_setup_3ds(id, params::succeeds(form)?)?;
            Ok(tx.setup(id)?.render())
        }
        ["simulator", "checkout", "sessions", id, "complete"] => {
            form.allow_only(&["payment_method"])?;
            let method = form.text(&["payment_method"]).unwrap_or("pm_card_visa");
            tx.complete_checkout(id, method)?;
            show_session(tx, form, id)
        }
        ["simulator", "checkout", "sessions", id, "debit"] => {
            tx.settle_checkout(id, params::succeeds(form)?)?;
            show_session(tx, form, id)
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

fn delete(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    match call.segments().as_slice() {
        ["v1", "subscriptions", id] => {
            form.allow_only(&["cancellation_details", "expand", "invoice_now", "prorate"])?;
            let it = tx.cancel_subscription(id)?;
            Ok(show_document(&it, form.list("expand")))
        }
        ["v1", "customers", id] => {
            form.allow_only(&[])?;
            tx.delete_customer(id)?;
            tx.tombstone(id).ok_or_else(|| unknown(call))
        }
        _ => Err(unknown(call)),
    }
}

/// The parameters were good, and the request begins to act: its answer is kept under its key.
fn begin(tx: &mut Tx<'_>, customer: Option<&str>) -> Result<(), ApiError> {
    tx.began = true;
    match customer {
        Some(id) if tx.customer(id).is_err() => {
            Err(ApiError::no_such_param("customer", id, "customer"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The ids of the prices of items, made where they are given inline.
fn prices(tx: &mut Tx<'_>, items: Vec<(PriceOf, u64)>) -> Result<Vec<(String, u64)>, ApiError> {
    items.into_iter().map(|(price, quantity)| Ok((tx.price_of(price)?, quantity))).collect()
}

/// A session, with its items where they are asked for.
fn show_session(tx: &Tx<'_>, form: &Form, id: &str) -> Result<Value, ApiError> {
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
