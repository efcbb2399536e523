//! As much of JSON Schema 2020-12 as docs/notifications.schema.json uses. A keyword that is not known
//! here fails, so the schema cannot come to say more than is checked.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Where and how `value` breaks `schema`; nothing when it holds.
pub(crate) fn breaches(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, value, "", &mut found);
    found
}

fn check(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let mut breach = |what: String| found.push(format!("{at}: {what}, not {value}"));
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" => {}
            "type" => {
                let any = rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice);
                if !any.iter().any(|name| is(value, name.as_str().unwrap())) {
                    breach(format!("must be {rule}"));
                }
            }
            "const" if rule != value => breach(format!("must be {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => breach("is not listed".into()),
            "const" | "enum" => {}
            "format" => {
                let text = value.as_str().unwrap_or_default();
                let holds = match rule.as_str().unwrap() {
                    "uuid" => uuid::Uuid::parse_str(text).is_ok() && text.len() == 36,
                    "date-time" => OffsetDateTime::parse(text, &Rfc3339).is_ok(),
                    other => panic!("unknown format {other}"),
                };
                if !holds {
                    breach(format!("must be a {rule}"));
                }
            }
            "minimum" => {
                if value.as_i64().is_some_and(|number| number < rule.as_i64().unwrap()) {
                    breach(format!("must be at least {rule}"));
                }
            }
            "required" => {
                for key in rule.as_array().unwrap() {
                    if value.get(key.as_str().unwrap()).is_none() {
                        breach(format!("must have {key}"));
                    }
                }
            }
            "properties" | "if" | "then" | "else" => {}
            other => panic!("unknown keyword {other}"),
        }
    }
    for (key, rule) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Some(inner) = value.get(key) {
            check(rule, inner, &format!("{at}/{key}"), found);
        }
    }
    if let Some(condition) = schema.get("if") {
        let branch = if breaches(condition, value).is_empty() { "then" } else { "else" };
        if let Some(rule) = schema.get(branch) {
            check(rule, value, at, found);
        }
    }
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    }
}
