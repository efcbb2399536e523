//! The event that a worker decides on, and where in the bytes its object is.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::created::Created;
use super::peek::{SNAPSHOT, THIN};
use super::snapshot::RawObject;
use super::text::Text;
use crate::domain::event::{About, Event};
use crate::domain::field;
use crate::domain::id::{AccountId, EventId, IdError, Mode, ObjectId, Scope};
use crate::domain::mirror::{self, Mirror, Owner, Parent};
use crate::domain::object::Kind;
use crate::domain::surrogates;

/// Why bytes cannot be read as an event. Ends up in a dead letter, so it names the place and never
/// quotes what is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// Not JSON.
    #[error("not JSON: {problem} at line {line}, column {column}")]
    Syntax {
        /// What JSON has against it.
        problem: &'static str,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON, but not the JSON of an event.
    #[error(
        "`{path}` holds a value of another type, or is there twice (line {line}, column {column})"
    )]
    Shape {
        /// The field, or the object around it.
        path: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// `object` says that it is something else.
    #[error("`object` is neither `event` nor `v2.core.event`")]
    NotAnEvent,
    /// A field that every event has.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A time that no table can hold.
    #[error("`{0}` is outside of the years 1 to 9999")]
    OutOfRange(&'static str),
    /// A name that cannot be one, and that no index would take.
    #[error("`{field}` is longer than 255 characters, or holds a control character")]
    Name {
        /// Where it stands.
        field: &'static str,
    },
    /// An id that cannot be one.
    #[error("`{field}`: {problem}")]
    Id {
        /// Where it stands.
        field: &'static str,
        /// Its fault.
        #[source]
        problem: IdError,
    },
}

/// Longest name of a type, a version or a kind.
const LONGEST_NAME: usize = 255;

/// Everything is optional here, because serde names the place of a wrong value but not that of a
/// missing one. Only what decides where an event belongs can be of a wrong type; the rest is read where
/// it can be read, and left out where it is odd: the API may well have a good answer.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    object: Option<Text<'a>>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default, rename = "type")]
    event_type: Option<Text<'a>>,
    #[serde(default)]
    created: Option<Created>,
    #[serde(default)]
    livemode: Option<bool>,
    #[serde(borrow, default)]
    account: Option<Text<'a>>,
    #[serde(borrow, default)]
    context: Option<Text<'a>>,
    #[serde(default, deserialize_with = "field::text")]
    api_version: Option<String>,
    #[serde(borrow, default)]
    data: Option<Data<'a>>,
    #[serde(borrow, default)]
    related_object: Option<Related<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    previous_attributes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, default)]
    object: Option<Text<'a>>,
    #[serde(default, deserialize_with = "field::reference")]
    id: Option<Box<str>>,
    #[serde(default, deserialize_with = "field::reference")]
    charge: Option<Box<str>>,
    #[serde(default, deserialize_with = "field::reference")]
    payment_intent: Option<Box<str>>,
    // What it may belong to.
    #[serde(default, deserialize_with = "field::reference")]
    customer: Option<Box<str>>,
    #[serde(default, deserialize_with = "field::reference")]
    account: Option<Box<str>>,
    #[serde(default, deserialize_with = "field::reference")]
    fee: Option<Box<str>>,
    #[serde(default, deserialize_with = "field::reference")]
    source: Option<Box<str>>,
    #[serde(default, deserialize_with = "field::reference")]
    subscription: Option<Box<str>>,
    #[serde(default, deserialize_with = "field::reference")]
    alert: Option<Box<str>>,
    #[serde(default)]
    test_clock: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Related<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(default, deserialize_with = "field::reference")]
    id: Option<Box<str>>,
    #[serde(default, deserialize_with = "field::text")]
    url: Option<String>,
}

/// Reads an event from the bytes in which Stripe sent it.
///
/// # Errors
/// The bytes are no event, or lack something without which it cannot be kept in the ledger. No
/// repetition mends that: the job is dead-lettered at once.
pub fn parse(bytes: &[u8]) -> Result<Event, Undecodable> {
    surrogates::read(bytes, |bytes| read(bytes).map(|(event, _)| event))
}

/// Reads an event like [`parse`], and keeps its object as the bytes in which it came.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_object(bytes: &[u8]) -> Result<(Event, RawObject), Undecodable> {
    surrogates::read(bytes, read)
}

fn read(bytes: &[u8]) -> Result<(Event, RawObject), Undecodable> {
    let wire: Wire<'_> = decode(bytes).map_err(|at| at.fault(bytes, None))?;
    let raw = wire.data.as_ref().and_then(|data| data.object).map(RawValue::get);
    let object: Option<Object<'_>> = raw
        .map(|raw| decode(raw.as_bytes()).map_err(|at| at.fault(bytes, Some(raw))))
        .transpose()?;
    let thin = match wire.object.as_deref() {
        Some(SNAPSHOT) => false,
        Some(THIN) => true,
        Some(_) => return Err(Undecodable::NotAnEvent),
        None => return Err(Undecodable::Missing("object")),
    };
    let id = present("id", wire.id)?;
    let event_type = present("type", wire.event_type)?;
    named("type", &event_type)?;
    let created = present("created", wire.created)?.0.ok_or(Undecodable::OutOfRange("created"))?;
    let livemode = present("livemode", wire.livemode)?;
    let account = match (thin, &wire.account, &wire.context) {
        (_, Some(account), _) => Some(("account", &**account)),
        // A thin event names its account as the last step of a path: `acct_1` or `org_1/acct_1`.
        (true, None, Some(context)) => context
            .rsplit('/')
            .next()
            .filter(|step| step.starts_with("acct_"))
            .map(|step| ("context", step)),
        (true, None, None) | (false, None, _) => None,
    };
    let previous = wire.data.as_ref().and_then(|data| data.previous_attributes).map(RawValue::get);
    let about = if thin {
        related(wire.related_object)?
    } else {
        present("data", wire.data)?;
        snapshot(present("data.object", object)?)?
    };
    let event = Event {
        id: EventId::parse(&id).map_err(at("id"))?,
        event_type: event_type.as_ref().into(),
        created,
        scope: Scope {
            account: account
                .map(|(field, text)| AccountId::parse(text).map_err(at(field)))
                .transpose()?,
            mode: Mode::from_livemode(livemode),
        },
        api_version: wire.api_version.filter(|version| is_name(version)).map(Into::into),
        about,
    };
    Ok((event, RawObject::new(raw, previous)))
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        self
    }
}

fn present<T>(field: &'static str, value: Option<T>) -> Result<T, Undecodable> {
    value.ok_or(Undecodable::Missing(field))
}

/// Refuses what is no name: Stripe's are words, and Postgres holds no U+0000.
fn named(field: &'static str, text: &str) -> Result<(), Undecodable> {
    if is_name(text) { Ok(()) } else { Err(Undecodable::Name { field }) }
}

fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && !text.contains(char::is_control)
}

fn at(field: &'static str) -> impl Fn(IdError) -> Undecodable {
    move |problem| Undecodable::Id { field, problem }
}

fn snapshot(mut object: Object<'_>) -> Result<Option<About>, Undecodable> {
    let Some(kind) = object.object.take().filter(|kind| !kind.is_empty()) else { return Ok(None) };
    named("data.object.object", &kind)?;
    Ok(Some(About {
        owner: object.owner(&kind)?,
        failure: None,
        by_test_clock: object.test_clock.is_some(),
        shown: None,
        id: object_id(&kind, "data.object.id", object.id)?,
        charge: link(Kind::Charge, object.charge),
        payment_intent: link(Kind::PaymentIntent, object.payment_intent),
        object: kind.as_ref().into(),
    }))
}

fn related(related: Option<Related<'_>>) -> Result<Option<About>, Undecodable> {
    // Not every thin event is about an object.
    let Some(Related { kind: Some(kind), id, url }) = related else { return Ok(None) };
    if kind.is_empty() {
        return Ok(None);
    }
    named("related_object.type", &kind)?;
    let owner = url.as_deref().and_then(|url| Mirror::parse(&kind)?.owner_in(url));
    let owner = owner.map(|(field, id)| {
        let id = field.parse_id(&id).map_err(at("related_object.url"))?;
        Ok(Parent { field, id })
    });
    Ok(Some(About {
        id: object_id(&kind, "related_object.id", id)?,
        charge: None,
        payment_intent: None,
        failure: None,
        by_test_clock: false,
        shown: None,
        owner: owner.transpose()?,
        object: kind.as_ref().into(),
    }))
}

impl Object<'_> {
    /// What it belongs to: the first of the owners that its kind has and that it names. It is the field
    /// that says of which kind the owner is.
    fn owner(&self, kind: &str) -> Result<Option<Parent>, Undecodable> {
        let mut fault = None;
        for field in mirror::owners(kind) {
            let (name, reference) = match field {
                Owner::Customer => ("data.object.customer", &self.customer),
                Owner::Account => ("data.object.account", &self.account),
                Owner::Fee => ("data.object.fee", &self.fee),
                Owner::Source => ("data.object.source", &self.source),
                Owner::Subscription => ("data.object.subscription", &self.subscription),
                Owner::Alert => ("data.object.alert", &self.alert),
            };
            let Some(id) = reference.as_deref() else { continue };
            match field.parse_id(id) {
                Ok(id) => return Ok(Some(Parent { field, id })),
                Err(problem) => fault = fault.or_else(|| Some(at(name)(problem))),
            }
        }
        fault.map_or(Ok(None), Err)
    }
}

/// The id of another object of this kind; none where it cannot be one.
fn link(kind: Kind, id: Option<Box<str>>) -> Option<ObjectId> {
    kind.parse_id(&id?).ok()
}

/// The object's own id. That of a kind that we do not handle may be anything, and must not turn an event
/// that is merely ignored into a dead letter.
fn object_id(
    kind: &str,
    field: &'static str,
    id: Option<Box<str>>,
) -> Result<Option<ObjectId>, Undecodable> {
    let Some(text) = id else { return Ok(None) };
    match Kind::parse(kind) {
        Some(kind) => kind.parse_id(&text).map(Some).map_err(at(field)),
        None => Ok(ObjectId::parse(&text).ok()),
    }
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, NotDecoded> {
    // Keeping track of the path costs as much again, and nearly every event fits.
    serde_json::from_slice(bytes).or_else(|_| decode_tracked(bytes))
}

/// The same, and where it fails.
fn decode_tracked<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, NotDecoded> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let decoded = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        NotDecoded { path, error: error.into_inner() }
    })?;
    json.end().map_err(|error| NotDecoded { path: ".".to_owned(), error })?;
    Ok(decoded)
}

/// Where some JSON could not be read, and why.
struct NotDecoded {
    path: String,
    error: serde_json::Error,
}

impl NotDecoded {
    /// The fault, by its place in the whole body. `object`: what was read is not the body but this part of
    /// it, its object.
    fn fault(self, body: &[u8], object: Option<&str>) -> Undecodable {
        let Self { path, error } = self;
        let (line, column) = (error.line(), error.column());
        let (path, line, column) = match object {
            None => (path, line, column),
            Some(object) => {
                let path = match path.as_str() {
                    "." => "data.object".to_owned(),
                    inner => format!("data.object.{inner}"),
                };
                let before = object.as_ptr().addr().saturating_sub(body.as_ptr().addr());
                let before = body.get(..before).unwrap_or_default();
                let lines = before.iter().filter(|byte| **byte == b'\n').count();
                let on_line = before.iter().rev().take_while(|byte| **byte != b'\n').count();
                (path, line + lines, if line == 1 { column + on_line } else { column })
            }
        };
        match error.classify() {
            serde_json::error::Category::Data => Undecodable::Shape { path, line, column },
            serde_json::error::Category::Eof => {
                Undecodable::Syntax { problem: "it ends too early", line, column }
            }
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                Undecodable::Syntax { problem: "a syntax error", line, column }
            }
        }
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
