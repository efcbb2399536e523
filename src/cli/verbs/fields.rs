//! The parameters of a command, from flags and from `--data`, as the JSON that the API takes.

use std::io::Read as _;

use serde_json::{Map, Value};

/// Parameters by Stripe's names.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// A field, if it was given. A dot leads into an object: `transfer_data.destination`.
    pub(super) fn with<V: Into<Value>>(mut self, path: &str, value: Option<V>) -> Self {
        if let Some(value) = value {
            insert(&mut self.0, path, value.into());
        }
        self
    }

    /// A field that is `true` or left out.
    pub(super) fn on(self, path: &str, is_on: bool) -> Self {
        self.with(path, is_on.then_some(true))
    }

    /// A list, unless it is empty.
    pub(super) fn list(self, path: &str, values: Vec<Value>) -> Self {
        self.with(path, Some(values).filter(|values| !values.is_empty()))
    }

    /// Your own keys and values, unless there are none.
    pub(super) fn metadata(self, pairs: Vec<(String, String)>) -> Self {
        let all: Map<_, _> =
            pairs.into_iter().map(|(key, value)| (key, Value::from(value))).collect();
        self.with("metadata", Some(all).filter(|all| !all.is_empty()))
    }

    /// One JSON object of the flags and of what `--data` holds. The texts are joined, so that a field which
    /// stands in both is refused like one that stands in a request twice.
    ///
    /// # Errors
    /// `--data` is not a JSON object.
    pub(super) fn joined(self, data: Option<&str>) -> Result<String, String> {
        let flags = Value::Object(self.0).to_string();
        let Some(data) = data.map(str::trim) else { return Ok(flags) };
        // Its message about bad syntax holds a position and no content.
        let read: Value = serde_json::from_str(data).map_err(|error| error.to_string())?;
        match read.as_object() {
            None => Err("it is JSON, but not an object".to_owned()),
            Some(object) if object.is_empty() => Ok(flags),
            Some(_) if flags == "{}" => Ok(data.to_owned()),
            Some(_) => {
                let first = flags.strip_suffix('}').unwrap_or(&flags);
                let second = data.strip_prefix('{').unwrap_or(data);
                Ok(format!("{first},{second}"))
            }
        }
    }
}

fn insert(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = object.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The text of `--data`: the JSON itself, `@FILE`, or `@-` for the standard input.
///
/// # Errors
/// It cannot be read; with the name of the file.
pub(super) fn read_data(argument: &str) -> Result<String, String> {
    let failed = |what: &str, error: std::io::Error| format!("cannot read {what}: {error}");
    match argument.strip_prefix('@') {
        None => Ok(argument.to_owned()),
        Some("-") => {
            let mut text = String::new();
            let read = std::io::stdin().lock().read_to_string(&mut text);
            read.map_err(|error| failed("the standard input", error))?;
            Ok(text)
        }
        Some(path) => std::fs::read_to_string(path).map_err(|error| failed(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn flags_become_the_fields_of_the_api() {
        let fields = Fields::default()
            .with("amount", Some(2000))
            .with("currency", Some("eur"))
            .with("customer", None::<String>)
            .with("transfer_data.destination", Some("acct_1"))
            .with("automatic_payment_methods.enabled", Some(true))
            .with("automatic_payment_methods.allow_redirects", Some("never"))
            .on("confirm", true)
            .on("off_session", false)
            .list("allowed_payment_method_types", Vec::new())
            .metadata(vec![("order".to_owned(), "42".to_owned())]);
        let expected = json!({
            "amount": 2000, "currency": "eur", "confirm": true,
            "transfer_data": {"destination": "acct_1"},
            "automatic_payment_methods": {"enabled": true, "allow_redirects": "never"},
            "metadata": {"order": "42"},
        });
        assert_eq!(read(&fields.joined(None).unwrap()), expected);
    }

    #[test]
    fn data_is_joined_and_a_field_in_both_stands_there_twice() {
        let flags = || Fields::default().with("amount", Some(2000));
        let joined = flags().joined(Some(" {\"currency\": \"eur\"}\n")).unwrap();
        assert_eq!(read(&joined), json!({"amount": 2000, "currency": "eur"}));
        assert_eq!(flags().joined(Some("{ }")).unwrap(), "{\"amount\":2000}");
        assert_eq!(Fields::default().joined(Some("{\"a\": 1}")).unwrap(), "{\"a\": 1}");
        let twice = flags().joined(Some("{\"amount\": 1}")).unwrap();
        assert_eq!(twice.matches("\"amount\"").count(), 2, "the strict reader refuses it: {twice}");
    }

    #[test]
    fn data_that_is_no_object_is_refused_without_its_content() {
        for text in ["[4242]", "\"4242\"", "{4242", ""] {
            let error = Fields::default().joined(Some(text)).unwrap_err();
            assert!(!error.contains("4242"), "{error}");
        }
    }
}
