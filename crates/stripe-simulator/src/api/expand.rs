//! `expand[]` (docs.stripe.com, "Expanding responses").

use serde_json::Value;

use crate::error::ApiError;
use crate::objects::is_included;
use crate::world::Books;

use super::form::Form;

/// The fields that can be expanded, and what they lead to.
const LINKS: [(&str, &str, &str); 5] = [
    ("payment_intents", "latest_charge", "charges"),
    ("payment_intents", "payment_method", "payment_methods"),
    ("charges", "payment_intent", "payment_intents"),
    ("refunds", "charge", "charges"),
    ("refunds", "payment_intent", "payment_intents"),
];

/// Refuses a path that leads nowhere, before anything is done.
pub(crate) fn check(form: &Form, segments: &[&str], reads: bool) -> Result<(), ApiError> {
    let [_, collection, rest @ ..] = segments else { return Ok(()) };
    for path in form.list("expand") {
        // In a list, the objects are under `data`.
        let inner = if rest.is_empty() && reads { path.strip_prefix("data.") } else { Some(path) };
        let reached = inner.and_then(|inner| {
            inner.split('.').try_fold(*collection, |from, name| {
                LINKS.iter().find(|link| (link.0, link.1) == (from, name)).map(|link| link.2)
            })
        });
        let included = inner.is_some_and(|inner| is_included(collection, inner));
        if reached.is_none() && !included {
            let message = format!("This property cannot be expanded ({path}).");
            return Err(ApiError::invalid(message).param("expand"));
        }
    }
    Ok(())
}

/// Puts the objects in the place of the ids that the request names.
pub(crate) fn expand(value: &mut Value, form: &Form, books: &Books, version: &str) {
    for path in form.list("expand") {
        walk(value, &path.split('.').collect::<Vec<_>>(), books, version);
    }
}

fn walk(value: &mut Value, path: &[&str], books: &Books, version: &str) {
    if let Value::Array(items) = value {
        for item in items {
            walk(item, path, books, version);
        }
        return;
    }
    let Some((name, rest)) = path.split_first() else { return };
    let Some(field) = value.get_mut(*name) else { return };
    if let Some(object) = field.as_str().and_then(|id| books.find(id, version)) {
        *field = object;
    }
    walk(field, rest, books, version);
}
