//! A field that names another object, in whichever way it does.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::text::Text;

/// The id in a field that is either an id or the expanded object (docs.stripe.com, "Expanding
/// responses").
///
/// Never fails on a value of another type: under the same name some other kind of object may hold
/// something else altogether, and that is no reason to give up its event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Reference(pub(super) Option<Box<str>>);

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReferenceVisitor)
    }
}

struct ReferenceVisitor;

impl<'de> Visitor<'de> for ReferenceVisitor {
    type Value = Reference;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id, or an object with one")
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<Reference, E> {
        Ok(Reference(Some(id.into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reference, A::Error> {
        let mut found = Reference::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if &*key == "id" {
                found = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_unit<E: Error>(self) -> Result<Reference, E> {
        Ok(Reference::default())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Reference, E> {
        Ok(Reference::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Reference, E> {
        Ok(Reference::default())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Reference, E> {
        Ok(Reference::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Reference, E> {
        Ok(Reference::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Reference, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Reference::default())
    }
}
