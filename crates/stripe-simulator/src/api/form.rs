//! Stripe's form encoding: `a[b][0]=c` (docs.stripe.com, "API reference", Introduction).

use crate::error::ApiError;
use crate::objects::Metadata;

/// The parameters of a request, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(Vec<String>, String)>);

impl Form {
    /// Parses a query string or a form body.
    pub(crate) fn parse(encoded: &[u8]) -> Result<Self, ApiError> {
        let pairs = url::form_urlencoded::parse(encoded);
        let parsed: Result<_, _> =
            pairs.map(|(key, value)| Ok((path(&key)?, value.into_owned()))).collect();
        parsed.map(Self)
    }

    /// The parameters without brackets.
    pub(crate) fn flat(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(path, value)| match path.as_slice() {
            [name] => Some((name.as_str(), value.as_str())),
            _ => None,
        })
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The parameters under a name, as a form of their own: of `a[b]=1&a[c]=2` under `a`, `b=1&c=2`.
    pub(crate) fn under(&self, name: &str) -> Self {
        let inner = |(path, value): &(Vec<String>, String)| match path.split_first() {
            Some((first, rest)) if first == name && !rest.is_empty() => {
                Some((rest.to_vec(), value.clone()))
            }
            _ => None,
        };
        Self(self.0.iter().filter_map(inner).collect())
    }

    /// The entries of a list of objects, `items[0][price]=...&items[1][price]=...`, each with the name
    /// that errors use for it.
    pub(crate) fn entries(&self, name: &str) -> Vec<(String, Self)> {
        let list = self.under(name);
        let mut places: Vec<&str> = Vec::new();
        for place in list.0.iter().filter_map(|(path, _)| path.first()) {
            if !places.contains(&place.as_str()) {
                places.push(place);
            }
        }
        places.into_iter().map(|place| (format!("{name}[{place}]"), list.under(place))).collect()
    }

    /// Whether a parameter was given, also where it is empty or an object.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(path, _)| path.first().is_some_and(|first| first == name))
    }

    /// Refuses parameters that the endpoint does not have, as Stripe does: a misspelt filter must
    /// not read as none.
    pub(crate) fn allow_only(&self, names: &[&str]) -> Result<(), ApiError> {
        let known = |path: &[String]| path.first().is_some_and(|name| names.contains(&&**name));
        match self.0.iter().find(|(path, _)| !known(path)) {
            None => Ok(()),
            Some((path, _)) => {
                let name = path.join(".");
                let message = format!("Received unknown parameter: {name}");
                Err(ApiError::invalid(message).code("parameter_unknown").param(&name))
            }
        }
    }

    /// The last value of a parameter; empty is none, which is how Stripe unsets.
    pub(crate) fn text(&self, wanted: &[&str]) -> Option<&str> {
        let found = self.0.iter().rev().find(|(path, _)| path == wanted);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(crate) fn owned(&self, wanted: &[&str]) -> Option<String> {
        self.text(wanted).map(str::to_owned)
    }

    pub(crate) fn integer(&self, wanted: &[&str]) -> Result<Option<i64>, ApiError> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                ApiError::invalid(format!("Invalid integer: {text}"))
                    .code("parameter_invalid_integer")
                    .param(&wanted.join("."))
            })
        };
        self.text(wanted).map(parse).transpose()
    }

    pub(crate) fn flag(&self, wanted: &[&str]) -> Result<bool, ApiError> {
        match self.text(wanted) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(text) => {
                let error = ApiError::invalid(format!("Invalid boolean: {text}"));
                Err(error.param(&wanted.join(".")))
            }
        }
    }

    /// The values of `name[]=…` or `name[0]=…`.
    pub(crate) fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let wanted =
            move |path: &[String]| path.len() == 2 && path.first().is_some_and(|p| p == name);
        self.0.iter().filter(move |(path, _)| wanted(path)).map(|(_, value)| value.as_str())
    }

    /// The team's own keys and values; an empty value takes a key away.
    pub(crate) fn metadata(&self) -> Result<Metadata, ApiError> {
        const MOST: (usize, usize, usize) = (50, 40, 500);
        let refuse = |message: String| Err(ApiError::invalid(message).param("metadata"));
        let mut metadata = Metadata::new();
        for (path, value) in &self.0 {
            let [name, key] = path.as_slice() else { continue };
            if name != "metadata" {
                continue;
            }
            let (long_key, long_value) = (key.chars().count(), value.chars().count());
            if long_key > MOST.1 {
                return refuse(format!(
                    "Metadata keys can have up to 40 characters, but you passed in a key that is \
                     {long_key} characters. Invalid key: {key}"
                ));
            }
            if long_value > MOST.2 {
                return refuse(format!(
                    "Metadata values can have up to 500 characters, but you passed in a value that \
                     is {long_value} characters. Invalid value: {value}"
                ));
            }
            metadata.insert(key.clone(), value.clone());
        }
        if metadata.len() > MOST.0 {
            let count = metadata.len();
            return refuse(format!("You can have up to 50 metadata keys, but you passed {count}."));
        }
        Ok(metadata)
    }

    /// The same text for the same parameters, whatever their order.
    pub(crate) fn canonical(&self) -> String {
        let mut lines: Vec<String> =
            self.0.iter().map(|(path, value)| format!("{path:?}={value:?}")).collect();
        lines.sort();
        lines.join("&")
    }
}

/// `a[b][]` as `["a", "b", ""]`.
fn path(key: &str) -> Result<Vec<String>, ApiError> {
    let broken = || ApiError::invalid(format!("Invalid parameter name: {key}"));
    let (name, mut rest) = match key.find('[') {
        Some(at) => key.split_at(at),
        None => (key, ""),
    };
    if name.is_empty() {
        return Err(broken());
    }
    let mut parts = vec![name.to_owned()];
    while !rest.is_empty() {
        let (part, after) =
            rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(broken)?;
        parts.push(part.to_owned());
        rest = after;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_nest_and_percents_decode() {
        let form = Form::parse(
            b"amount=1&transfer_data[destination]=acct_1&metadata[a%20b]=%C3%A9%26&expand[]=x&expand[1]=y",
        )
        .unwrap();
        assert_eq!(form.integer(&["amount"]).unwrap(), Some(1));
        assert_eq!(form.text(&["transfer_data", "destination"]), Some("acct_1"));
        assert_eq!(form.metadata().unwrap().get("a b").map(String::as_str), Some("é&"));
        assert_eq!(form.list("expand").collect::<Vec<_>>(), ["x", "y"]);
    }

    #[test]
    fn objects_and_lists_of_objects_are_forms_of_their_own() {
        let form =
            Form::parse(b"items[0][price]=a&items[0][quantity]=2&items[1][price]=b&x[y][z]=1")
                .unwrap();
        let items = form.entries("items");
        assert_eq!(items.len(), 2);
        assert_eq!((items[1].0.as_str(), items[1].1.text(&["price"])), ("items[1]", Some("b")));
        assert_eq!(items[0].1.integer(&["quantity"]).unwrap(), Some(2));
        assert_eq!(form.under("x").text(&["y", "z"]), Some("1"));
        assert!(form.has("x") && !form.has("y"));
    }

    #[test]
    fn metadata_has_stripes_limits() {
        let metadata = |text: String| Form::parse(text.as_bytes()).unwrap().metadata();
        assert!(metadata(format!("metadata[{}]=1", "k".repeat(40))).is_ok());
        assert!(metadata(format!("metadata[{}]=1", "k".repeat(41))).is_err());
        assert!(metadata(format!("metadata[k]={}", "v".repeat(500))).is_ok());
        assert!(metadata(format!("metadata[k]={}", "v".repeat(501))).is_err());
        let many =
            |count: u32| (0..count).map(|n| format!("metadata[k{n}]=1&")).collect::<String>();
        assert!(metadata(many(50)).is_ok());
        assert!(metadata(many(51)).is_err());
    }

    #[test]
    fn a_broken_name_is_refused() {
        for bad in ["[a]=1", "a[b=1", "a[b]c=1", "=1"] {
            assert_eq!(Form::parse(bad.as_bytes()).unwrap_err().status, 400, "{bad}");
        }
    }

    #[test]
    fn unknown_parameters_are_refused_by_name() {
        let form = Form::parse(b"amount=1&colour[sky]=blue").unwrap();
        let error = form.allow_only(&["amount"]).unwrap_err();
        assert_eq!(error.code_str(), Some("parameter_unknown"));
        assert_eq!(error.body.param.as_deref(), Some("colour.sky"));
    }

    #[test]
    fn the_order_of_parameters_does_not_matter_to_idempotency() {
        let canonical = |text: &str| Form::parse(text.as_bytes()).unwrap().canonical();
        assert_eq!(canonical("a=1&b[c]=2"), canonical("b[c]=2&a=1"));
        assert_ne!(canonical("a=1&b=2"), canonical("a=2&b=1"));
    }
}
