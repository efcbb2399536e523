//! JSON values of any type, as far as the readers in [`super::field`] tell them apart.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Largest number that is taken, up or down: the largest that JSON holds exactly everywhere, and small
/// enough for the tables to add up a thousand of them. Stripe's largest amount has twelve digits.
const LARGEST: i64 = (1 << 53) - 1;

/// As much of a JSON value as the readers of optional fields tell apart.
pub(super) enum Loose {
    Text(String),
    Number(i64),
    /// A number beyond [`LARGEST`].
    TooLarge,
    Flag(bool),
    /// An object, and its `id` if that is a text.
    Object(Option<String>),
    /// Null, a list, or a fraction.
    Other,
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Loose, E> {
        Ok(Loose::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Loose, E> {
        let fits = (-LARGEST..=LARGEST).contains(&number);
        Ok(if fits { Loose::Number(number) } else { Loose::TooLarge })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Loose, E> {
        i64::try_from(number).map_or(Ok(Loose::TooLarge), |number| self.visit_i64(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Loose, E> {
        // serde_json reads an integer of more than 64 bits as a float.
        Ok(if number.abs() < 9e15 { Loose::Other } else { Loose::TooLarge })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Loose, E> {
        Ok(Loose::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Loose, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut id = None;
        while let Some(IsId(is_id)) = map.next_key()? {
            if is_id {
                id = match map.next_value()? {
                    Loose::Text(text) => Some(text),
                    Loose::Number(_)
                    | Loose::TooLarge
                    | Loose::Flag(_)
                    | Loose::Object(_)
                    | Loose::Other => None,
                };
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Loose::Object(id))
    }
}

/// Whether the key of a field is `id`, without a copy of it.
struct IsId(bool);

impl<'de> Deserialize<'de> for IsId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = IsId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: Error>(self, key: &str) -> Result<IsId, E> {
                Ok(IsId(key == "id"))
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

/// The values that a visitor has no use for: all of them are nothing to it.
macro_rules! nothing_else {
    ($($visit:ident: $type:ty),+) => {
        $(fn $visit<E: Error>(self, _: $type) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })+

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

/// Reads an object, or none where the value is of another type.
pub(super) struct ObjectVisitor<T>(pub(super) PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<T>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    nothing_else!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

/// Reads the elements of a list, or none where the value is of another type.
pub(super) struct ListVisitor<T>(pub(super) PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = list.next_element()? {
            all.push(element);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Vec::new())
    }

    nothing_else!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}
