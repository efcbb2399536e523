//! `quittance objects`: list and show objects.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::name::{self, Known, Name, NameError};
use super::timeline::{Moment, Story};
use crate::domain::object::Kind;
use crate::store::object::{Found, ObjectFilter, ObjectKey, ObjectRow, Origin, TypedRow};
use crate::store::timeline::{Attempt, ObjectDeadLetter};
use crate::store::{Store, StoreError};

/// Newest entries of each sort that a timeline shows.
const MOST: u32 = 200;

/// A page of a list of objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ObjectPage {
    /// The objects.
    pub objects: Vec<Found>,
    /// Whether there are more: the page after the last of these.
    pub more: bool,
}

/// Why objects could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Neither customer nor metadata nor kind.
    #[error("say what to look for: a customer, a key and value of the metadata, or a kind")]
    NothingAsked,
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lists objects: those of a customer or with a word in their metadata, the last made first; or
/// those of a kind, by their ids backwards. Without a kind, the mirrored kinds are not looked
/// through, nor typed ones that are seldom asked for.
///
/// # Errors
/// Nothing was asked for, or Postgres.
pub async fn list(
    store: &Store,
    filter: &ObjectFilter,
    after: Option<&ObjectKey>,
    limit: u32,
) -> Result<ObjectPage, FindError> {
    if filter.customer.is_none() && filter.metadata.is_none() && filter.kind.is_none() {
        return Err(FindError::NothingAsked);
    }
    let mut objects = store.find_objects(filter, after, limit.saturating_add(1)).await?;
    let more = objects.len() > limit as usize;
    objects.truncate(limit as usize);
    Ok(ObjectPage { objects, more })
}

/// An object that a row names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Link {
    /// The field that names it: `customer`, `latest_charge`.
    pub field: String,
    /// Its id.
    pub id: String,
}

/// A pending or failed event that keeps an object from being up to date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Obstacle {
    /// One line of text.
    pub text: String,
    /// The event whose change is not in the row yet.
    pub event: String,
    /// The dead letter, if the event was dead-lettered.
    pub dead_letter: Option<i64>,
}

/// One object with its row, origin, pending or failed events and timeline.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ObjectShown {
    /// Which object.
    pub object: ObjectKey,
    /// Its row as it is now; none where events speak of it and none of them has settled yet.
    pub row: Option<ObjectRow>,
    /// Its row in `app`; none for a mirrored kind.
    pub table: Option<TypedRow>,
    /// Where the row came from: the event, and the attempt that asked Stripe. None where a person
    /// asked, or where that attempt is no longer kept.
    pub origin: Option<Origin>,
    /// Pending or failed events that keep it from being up to date; empty if there are none.
    pub obstacles: Vec<Obstacle>,
    /// The objects that it names.
    pub links: Vec<Link>,
    /// Its timeline, oldest first.
    pub timeline: Vec<Moment>,
    /// Whether older entries of the timeline are not shown.
    pub cut: bool,
}

/// Shows an object: row, origin and timeline.
///
/// # Errors
/// It is not clear which one is meant, nothing is known of it, or Postgres.
pub async fn show(store: &Store, name: &Name) -> Result<ObjectShown, NameError> {
    let Known { key, row } = name::find(store, name).await?;
    let table = store.typed_row(&key).await?;
    let origin = match row.as_ref().and_then(|row| row.cause.as_deref()) {
        Some(event) => store.origin(event).await?,
        None => None,
    };
    let story = Story::of(store, &key, MOST).await?;
    let obstacles = obstacles(row.as_ref(), &story.dead_letters, &story.attempts);
    let cut = story.is_cut(MOST);
    let data = row.as_ref().and_then(|row| row.data.as_ref());
    Ok(ObjectShown {
        links: data.map(links).unwrap_or_default(),
        timeline: story.moments(),
        object: key,
        row,
        table,
        origin,
        obstacles,
        cut,
    })
}

/// Why the row may be out of date: dead letters that are not resolved, and events that are still retried.
fn obstacles(
    row: Option<&ObjectRow>,
    dead_letters: &[ObjectDeadLetter],
    attempts: &[Attempt],
) -> Vec<Obstacle> {
    let mut found = Vec::new();
    for dead_letter in dead_letters {
        let ObjectDeadLetter { id, event, code, message, .. } = dead_letter;
        let kind = dead_letter.event_type.as_deref().unwrap_or("an event");
        let text = match dead_letter.state.as_str() {
            "open" => format!(
                "dead letter {id} is open: {kind} ({event}) was dead-lettered ({code}): {message}"
            ),
            "retrying" => format!("dead letter {id} is being retried: {kind} ({event})"),
            "discarded" if row.is_none_or(|row| row.updated_at < dead_letter.created_at) => {
                format!("dead letter {id} was discarded: {kind} ({event})")
            }
            _ => continue,
        };
        found.push(Obstacle { text, event: event.clone(), dead_letter: Some(*id) });
    }
    let mut seen = std::collections::BTreeSet::new();
    for attempt in attempts.iter().filter(|attempt| !attempt.ended) {
        // The newest comes first.
        if seen.insert(attempt.event.as_str()) {
            let kind = attempt.event_type.as_deref().unwrap_or("an event");
            let code = attempt.code.as_deref().unwrap_or("no reason stored");
            let text = format!(
                "{kind} ({}) is in the queue and will be retried: attempt {} failed ({code})",
                attempt.event, attempt.number
            );
            found.push(Obstacle { text, event: attempt.event.clone(), dead_letter: None });
        }
    }
    found
}

/// The fields at the top of an object that name another one whose kind has a state machine: by how the
/// id begins, or by the field where people choose the id.
fn links(data: &Value) -> Vec<Link> {
    let Some(fields) = data.as_object() else { return Vec::new() };
    let of = |(field, value): (&String, &Value)| {
        let id = value.as_str().or_else(|| value["id"].as_str())?;
        let names = |kind: &Kind| kind.prefixes().iter().any(|prefix| id.starts_with(prefix));
        let is_named = |kind: &Kind| kind.has_chosen_ids() && kind.as_str() == field;
        let known = field != "id" && Kind::ALL.iter().any(|kind| names(kind) || is_named(kind));
        known.then(|| Link { field: field.clone(), id: id.to_owned() })
    };
    fields.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_links_to_what_it_names_expanded_or_not() {
        let found = links(&json!({
            "id": "pi_1", "customer": "cus_1", "latest_charge": {"id": "ch_1"},
            "client_secret": "pi_1_secret", "description": "x", "amount": 5, "review": null,
        }));
        let found: Vec<_> = found.iter().map(|link| (&*link.field, &*link.id)).collect();
        assert!(found.contains(&("customer", "cus_1")), "{found:?}");
        assert!(found.contains(&("latest_charge", "ch_1")), "{found:?}");
        assert!(!found.iter().any(|(field, _)| *field == "id"), "{found:?}");
        let chosen =
            links(&json!({"id": "sub_1", "customer": "user 42", "description": "user 42"}));
        let link = Link { field: "customer".to_owned(), id: "user 42".to_owned() };
        assert_eq!(chosen, [link]);
    }
}
