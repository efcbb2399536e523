//! The filter of dead letters as a query string.

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::fault::wrong;
use super::input::{Fields, moment};
use crate::http::Problem;
use crate::ops::types::Filter;

/// Reads a filter from the fields of a query, but for those named in `besides`. `state=any` is any
/// state; moments may be given as how long ago.
pub(super) fn filter(fields: &Fields, besides: &[&str]) -> Result<Filter, Problem> {
    let mut given = Map::new();
    for (name, value) in fields.given().filter(|(name, _)| !besides.contains(name)) {
        let value = match (name, value) {
            ("state", "any") => continue,
            ("ids", list) => {
                let ids = list.split(',').map(|id| number(name, id));
                Value::Array(ids.collect::<Result<_, _>>()?)
            }
            ("min_attempts", text) => number(name, text)?,
            ("livemode", "true") => Value::Bool(true),
            ("livemode", "false") => Value::Bool(false),
            ("account", "own") => json!(""),
            ("older_than" | "newer_than", text) => {
                json!(moment(text)?.format(&Rfc3339).map_err(wrong)?)
            }
            (_, text) => json!(text),
        };
        if given.insert(name.to_owned(), value).is_some() {
            return Err(wrong(format!("{name} is given twice")));
        }
    }
    serde_json::from_value(Value::Object(given)).map_err(|error| wrong(format!("filter: {error}")))
}

fn number(name: &str, text: &str) -> Result<Value, Problem> {
    let read = text.trim().parse::<i64>();
    read.map(|number| json!(number)).map_err(|_| wrong(format!("{name}: `{text}` is no number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Filter, Problem> {
        filter(&Fields::parse(query.as_bytes()), &["before", "limit"])
    }

    #[test]
    fn a_filter_in_a_url_is_the_filter_of_the_verbs() {
        let found =
            read("state=open&customer=cus_1&livemode=false&min_attempts=3&ids=1,2&before=9");
        let found = serde_json::to_value(found.unwrap()).unwrap();
        let meant = json!({
            "state": "open", "customer": "cus_1", "livemode": false, "min_attempts": 3, "ids": [1, 2],
        });
        assert_eq!(found, meant);
        assert_eq!(read("state=any&account=").unwrap(), Filter::default());
        assert_eq!(read("account=own").unwrap().account.as_deref(), Some(""));
        assert!(read("newer_than=2h").unwrap().newer_than.is_some());
    }

    #[test]
    fn what_is_no_filter_is_refused_and_never_matches_all() {
        for query in [
            "sate=open",
            "state=lost",
            "min_attempts=many",
            "newer_than=soon",
            "ids=1,x",
            "ids=0",
            "ids=9223372036854775808",
            "min_attempts=2147483648",
            "customer=cus_1&customer=cus_2",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
