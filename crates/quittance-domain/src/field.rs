//! Readers of Stripe's fields: what may be missing or odd, and what makes an object unreadable.
//!
//! The narrow struct of each kind names one of these for each field that serde's own reading is too
//! strict or too lax for. Three rules:
//!
//! - A field that we can do without is `None` when it is null, absent or of another type. No column
//!   and no fact needs it, so it is no reason to give up its object.
//! - A field that a column or a decision cannot do without fails; serde's error gets its path.
//! - A number or a time that is there and cannot be stored fails in either case: an empty column
//!   would claim that there was none. The error says so and never quotes the value.
//!
//! A reference to another object may be its id, the expanded object, or a deleted one
//! (docs.stripe.com, "Expanding responses").

use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::id::{AccountId, ObjectId};
use super::loose::{ListVisitor, Loose, ObjectVisitor};
use super::money::{Currency, Minor};
use super::timestamp::{Timestamp, is_storable_time};

const TOO_LARGE: &str = "a number outside of the range that can be stored";
const NO_TIME: &str = "a time outside of the years 1 to 9999";

/// A text, or none.
///
/// # Errors
/// The value is no JSON.
pub fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Loose::deserialize(from)? {
        Loose::Text(text) => Some(text),
        Loose::Number(_) | Loose::TooLarge | Loose::Flag(_) | Loose::Object(_) | Loose::Other => {
            None
        }
    })
}

/// Longest text, in bytes, of a column that has an index.
const LONGEST_KEY: usize = 1_000;

/// A text of a column that has an index, or none: Postgres refuses a row for a key that does not fit
/// into an index page. Stripe's own limit for these is 200 characters.
///
/// # Errors
/// The value is no JSON.
pub fn key<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(text(from)?.filter(|text| text.len() <= LONGEST_KEY))
}

/// Whether a flag is set. Null, or absent with `#[serde(default)]`: it is not.
///
/// # Errors
/// Another type.
pub fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(from)?.unwrap_or_default())
}

/// Whether an optional flag is set. Anything but `true`: it is not.
///
/// # Errors
/// The value is no JSON.
pub fn optional_flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(matches!(Loose::deserialize(from)?, Loose::Flag(true)))
}

/// A whole number, or none.
///
/// # Errors
/// It is beyond 2^53, up or down.
pub fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    match Loose::deserialize(from)? {
        Loose::Number(number) => Ok(Some(number)),
        Loose::TooLarge => Err(D::Error::custom(TOO_LARGE)),
        Loose::Text(_) | Loose::Flag(_) | Loose::Object(_) | Loose::Other => Ok(None),
    }
}

/// A whole number that is needed.
///
/// # Errors
/// Anything else, or one beyond 2^53, up or down.
pub fn needed_number<'de, D: Deserializer<'de>>(from: D) -> Result<Minor, D::Error> {
    number(from)?.ok_or_else(|| D::Error::custom("not a whole number, which is needed here"))
}

/// A time, or none.
///
/// # Errors
/// It is outside of the years 1 to 9999, which is more than Stripe can mean.
pub fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    match Loose::deserialize(from)? {
        Loose::Number(seconds) if is_storable_time(seconds) => Ok(Some(seconds)),
        Loose::Number(_) | Loose::TooLarge => Err(D::Error::custom(NO_TIME)),
        Loose::Text(_) | Loose::Flag(_) | Loose::Object(_) | Loose::Other => Ok(None),
    }
}

/// A time that is needed.
///
/// # Errors
/// Anything else, or one outside of the years 1 to 9999.
pub fn needed_time<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    time(from)?.ok_or_else(|| D::Error::custom("not a time in seconds, which is needed here"))
}

/// The text of a reference: the id itself, or that of the object in its place, deleted or not.
///
/// # Errors
/// The value is no JSON.
pub fn reference<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<str>>, D::Error> {
    Ok(match Loose::deserialize(from)? {
        Loose::Text(id) | Loose::Object(Some(id)) => Some(id.into()),
        Loose::Object(None)
        | Loose::Number(_)
        | Loose::TooLarge
        | Loose::Flag(_)
        | Loose::Other => None,
    })
}

/// The id of another object, or none; none also where the text cannot be an id.
///
/// # Errors
/// The value is no JSON.
pub fn object_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ObjectId>, D::Error> {
    Ok(reference(from)?.and_then(|id| ObjectId::parse(&id).ok()))
}

/// [`object_id`] as a text.
///
/// # Errors
/// The value is no JSON.
pub fn id_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(object_id(from)?.map(|id| id.to_string()))
}

/// The id of an object that is needed.
///
/// # Errors
/// There is none, or a text that cannot be an id.
pub fn needed_id<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectId, D::Error> {
    let id = reference(from)?.ok_or_else(|| D::Error::custom("no id, which is needed here"))?;
    ObjectId::parse(&id).map_err(D::Error::custom)
}

/// [`needed_id`] as a text.
///
/// # Errors
/// There is none, or a text that cannot be an id.
pub fn needed_id_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(needed_id(from)?.to_string())
}

/// The id of a connected account, or none.
///
/// # Errors
/// The value is no JSON.
pub fn account_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<AccountId>, D::Error> {
    Ok(reference(from)?.and_then(|id| AccountId::parse(&id).ok()))
}

/// `transfer_data.destination`: where the money of a destination charge goes.
///
/// # Errors
/// The value is no JSON.
pub fn destination<'de, D: Deserializer<'de>>(from: D) -> Result<Option<AccountId>, D::Error> {
    #[derive(serde::Deserialize)]
    struct TransferData {
        #[serde(default, deserialize_with = "account_id")]
        destination: Option<AccountId>,
    }
    Ok(object::<TransferData, D>(from)?.and_then(|data| data.destination))
}

/// The `type` of an object of which we keep nothing else.
///
/// # Errors
/// The value is no JSON.
pub fn type_of<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Typed {
        #[serde(default, rename = "type", deserialize_with = "text")]
        kind: Option<String>,
    }
    Ok(object::<Typed, D>(from)?.and_then(|it| it.kind))
}

/// A currency, or none.
///
/// # Errors
/// The value is no JSON.
pub fn currency<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Currency>, D::Error> {
    Ok(text(from)?.and_then(|text| Currency::parse(&text).ok()))
}

/// The texts of a list; none where it is no list.
///
/// # Errors
/// The value is no JSON.
pub fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let all: Vec<Loose> = from.deserialize_any(ListVisitor(PhantomData))?;
    let text = |it| if let Loose::Text(text) = it { Some(text) } else { None };
    Ok(all.into_iter().filter_map(text).collect())
}

/// Metadata: the team's own keys and values. Used as `#[serde(default, with = "field::metadata")]`.
pub mod metadata {
    use std::collections::BTreeMap;

    use serde::{Deserializer, Serializer};

    use super::{Loose, object};

    /// Metadata in a fixed order, so that equal metadata are equal. Stripe's are texts under texts;
    /// what is not, is left out.
    ///
    /// # Errors
    /// The value is no JSON.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(String, String)>, D::Error> {
        let all: Option<BTreeMap<String, Loose>> = object(from)?;
        let text =
            |(key, value)| if let Loose::Text(text) = value { Some((key, text)) } else { None };
        Ok(all.unwrap_or_default().into_iter().filter_map(text).collect())
    }

    /// Metadata as the JSON object of its column.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(all: &[(String, String)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(all.iter().map(|(key, value)| (key, value)))
    }
}

/// Writes the columns that are made of a part of an object: all of them, empty where there is no such
/// part. For `#[serde(serialize_with = "field::part")]`; the writer of rows puts them beside the columns
/// of the object itself.
///
/// # Errors
/// Those of the serializer.
pub fn part<T: Serialize + Default, S: Serializer>(
    part: &Option<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match part {
        Some(part) => part.serialize(to),
        None => T::default().serialize(to),
    }
}

/// An object, or none where the value is of another type.
///
/// # Errors
/// A field of it fails.
pub fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    from.deserialize_any(ObjectVisitor(PhantomData))
}

/// The objects in `data` of a list of Stripe's; none where there is no such list.
///
/// # Errors
/// A field of one fails.
pub fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(bound = "T: Deserialize<'de>")]
    struct Page<T> {
        #[serde(default = "Vec::new", deserialize_with = "elements")]
        data: Vec<T>,
    }
    Ok(object::<Page<T>, D>(from)?.map(|page| page.data).unwrap_or_default())
}

/// A list of Stripe's of which every element is needed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct List<T> {
    /// Its elements, or the first of them.
    pub data: Vec<T>,
}

fn elements<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let all: Vec<Element<T>> = from.deserialize_any(ListVisitor(PhantomData))?;
    Ok(all.into_iter().filter_map(|element| element.0).collect())
}

struct Element<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}
