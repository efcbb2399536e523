//! Strict JSON: refuses unknown and duplicate fields.
//!
//! Serde's derived code also takes a list for a struct, its fields in their order, so that `[null,null]` would
//! be an object that says nothing. A client that sends a list does not mean that.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// Reads JSON into a type. The error says where it is wrong, and how.
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    // First into the type itself: that refuses a field that is given twice, which a `Value` forgets.
    let mut typed = serde_json::Deserializer::from_slice(json);
    told(serde_path_to_error::deserialize::<_, T>(&mut typed))?;
    typed.end().map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if has_nul(&value) {
        return Err(NUL.to_owned());
    }
    told(serde_path_to_error::deserialize(Strict(value)))
}

/// Why a text with a NUL is refused, wherever it stands.
pub(super) const NUL: &str =
    "a text holds the character NUL (U+0000), which nothing that is stored here can hold";

fn told<T>(read: Result<T, serde_path_to_error::Error<serde_json::Error>>) -> Result<T, String> {
    read.map_err(|error| format!("{}: {}", error.path(), error.inner()))
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
    }
}

/// A value whose structs, at any depth, are objects.
struct Strict(Value);

impl<'de> Deserializer<'de> for Strict {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Strict));
                let read = visitor.visit_seq(&mut items)?;
                items.end().map(|()| read)
            }
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name, Strict(value)));
                let mut fields = MapDeserializer::new(fields);
                let read = visitor.visit_map(&mut fields)?;
                fields.end().map(|()| read)
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                plain.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        if self.0.is_array() {
            let expected = &"an object with its fields";
            return Err(Self::Error::invalid_type(Unexpected::Seq, expected));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl IntoDeserializer<'_, serde_json::Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Outer {
        name: Option<String>,
        ids: Vec<i64>,
        inner: Inner,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        word: Option<Word>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Yes,
    }

    fn read(json: &str) -> Result<Outer, String> {
        super::read(json.as_bytes())
    }

    #[test]
    fn an_object_is_read_with_all_that_is_in_it() {
        let found = read(r#"{"name":"a","ids":[1,2],"inner":{"word":"yes"}}"#).unwrap();
        let inner = Inner { word: Some(Word::Yes) };
        assert_eq!(found, Outer { name: Some("a".into()), ids: vec![1, 2], inner });
        assert_eq!(read("{}").unwrap(), Outer::default());
        assert_eq!(read(r#"{"name":null}"#).unwrap(), Outer::default());
    }

    #[test]
    fn a_list_is_no_object_at_any_depth() {
        for (json, place) in [
            ("[]", "."),
            (r#"["a",[1],{}]"#, "."),
            (r#"{"inner":[]}"#, "inner"),
            (r#"{"inner":["yes"]}"#, "inner"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.starts_with(&format!("{place}: invalid type: sequence")), "{error}");
        }
    }

    #[test]
    fn what_is_unknown_given_twice_left_over_or_no_text_is_refused() {
        for json in [
            r#"{"nane":"a"}"#,
            r#"{"name":"a","name":"b"}"#,
            "{} {}",
            "",
            r#"{"name":"a\u0000b"}"#,
            r#"{"ids":[9223372036854775808]}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
