//! Reads that lag: an object as it was a moment ago.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::error::ApiError;
use crate::world::Tx;

use super::form::Form;

/// The object as its events tell that it was `by` ago. `None`: it has not changed since, or nothing tells.
///
/// # Errors
/// There was no such object yet.
pub(crate) fn read(
    tx: &Tx<'_>,
    id: &str,
    form: &Form,
    by: Duration,
) -> Option<Result<Value, ApiError>> {
    let now = Instant::now();
    let is_new = |made: Instant| now.saturating_duration_since(made) < by;
    let mut events = tx.books.events.all().iter().rev();
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
