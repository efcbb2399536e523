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

    pub(crate) fn metadata(&self) -> Metadata {
        let entry = |(path, value): &(Vec<String>, String)| match path.as_slice() {
            [name, key] if name == "metadata" => Some((key.clone(), value.clone())),
            _ => None,
        };
        self.0.iter().filter_map(entry).collect()
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
        assert_eq!(form.metadata().get("a b").map(String::as_str), Some("é&"));
        assert_eq!(form.list("expand").collect::<Vec<_>>(), ["x", "y"]);
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
