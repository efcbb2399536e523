//! `expand[]` (docs.stripe.com, "Expanding responses").

use serde_json::Value;

use crate::error::ApiError;
use crate::objects::is_included;
use crate::store::Objects;

use super::form::Form;

/// The fields that can be expanded, and what they lead to. A collection is called as in its path.
const LINKS: [(&str, &str, &str); 21] = [
    ("payment_intents", "latest_charge", "charges"),
    ("payment_intents", "payment_method", "payment_methods"),
    ("payment_intents", "customer", "customers"),
    ("charges", "payment_intent", "payment_intents"),
    ("charges", "customer", "customers"),
    ("refunds", "charge", "charges"),
    ("refunds", "payment_intent", "payment_intents"),
    ("setup_intents", "payment_method", "payment_methods"),
    ("setup_intents", "customer", "customers"),
    ("payment_methods", "customer", "customers"),
    ("sessions", "customer", "customers"),
    ("sessions", "invoice", "invoices"),
    ("sessions", "payment_intent", "payment_intents"),
    ("sessions", "setup_intent", "setup_intents"),
    ("sessions", "subscription", "subscriptions"),
    ("subscriptions", "customer", "customers"),
    ("subscriptions", "default_payment_method", "payment_methods"),
    ("subscriptions", "latest_invoice", "invoices"),
    ("subscriptions", "pending_setup_intent", "setup_intents"),
    ("invoices", "customer", "customers"),
    ("prices", "product", "products"),
];

/// Refuses a path that leads nowhere, before anything is done.
pub(crate) fn check(form: &Form, segments: &[&str], reads: bool) -> Result<(), ApiError> {
    let (collection, rest) = match segments {
        [_, "checkout", collection, rest @ ..] | [_, collection, rest @ ..] => (*collection, rest),
        _ => return Ok(()),
    };
    for path in form.list("expand") {
        // In a list, the objects are under `data`.
        let inner = if rest.is_empty() && reads { path.strip_prefix("data.") } else { Some(path) };
        if !inner.is_some_and(|inner| leads(collection, inner)) {
            let message = format!("This property cannot be expanded ({path}).");
            return Err(ApiError::invalid(message).param("expand"));
        }
    }
    Ok(())
}

/// Whether each step of a path is a link, or its end is a field that is shown where it is asked for.
fn leads(collection: &str, path: &str) -> bool {
    if is_included(collection, path) {
        return true;
    }
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let link = LINKS.iter().find(|link| (link.0, link.1) == (collection, name));
    link.is_some_and(|link| rest.is_empty() || leads(link.2, rest))
}

/// Puts the objects in the place of the ids that the request names.
pub(crate) fn expand(value: &mut Value, form: &Form, objects: &Objects, version: &str) {
    let paths: Vec<&str> = form.list("expand").collect();
    walk(value, &paths, objects, version);
}

/// All paths at once: an object is put in its place with all that is asked of it.
fn walk(value: &mut Value, paths: &[&str], objects: &Objects, version: &str) {
    if let Value::Array(items) = value {
        for item in items {
            walk(item, paths, objects, version);
        }
        return;
    }
    for path in paths {
        let (name, _) = path.split_once('.').unwrap_or((path, ""));
        let Some(field) = value.get_mut(name) else { continue };
        let rest: Vec<&str> = paths
            .iter()
            .filter_map(|other| other.split_once('.').filter(|(head, _)| *head == name))
            .map(|(_, rest)| rest)
            .collect();
        let found = field.as_str().and_then(|id| objects.find(id, version, &rest));
        if let Some(object) = found {
            *field = object;
        }
        if !rest.is_empty() {
            walk(field, &rest, objects, version);
        }
    }
}
