//! Card data in the texts that people put on Stripe's objects.

use serde_json::{Map, Value};

use quittance_domain::command::card_data;

use super::secrets::BLANK;

/// Fields of free text, whatever they belong to. Ids are not among them: a customer may have one that a
/// person chose, and nothing is found without it.
const FREE_TEXT: &[&str] = &[
    "client_reference_id",
    "comment",
    "custom_fields",
    "description",
    "evidence",
    "footer",
    "memo",
    "metadata",
    "name",
    "nickname",
    "note",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];

/// Replaces card data in fields of free text, at any depth. `exempt`: fields whose long numbers are no card
/// numbers.
pub(super) fn mask(value: &mut Value, exempt: &[String]) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if FREE_TEXT.contains(&name.as_str()) {
                    mask_text(&mut vec![name.clone()], value, exempt);
                } else {
                    mask(value, exempt);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, exempt)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn mask_text(path: &mut Vec<String>, value: &mut Value, exempt: &[String]) {
    match value {
        Value::String(text) => {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            if card_data::find(&names, text, exempt).is_some() {
                BLANK.clone_into(text);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                path.push(name.clone());
                mask_text(path, value, exempt);
                path.pop();
            }
            if fields.keys().any(|name| card_data::holds_number(name)) {
                mask_names(fields);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask_text(path, item, exempt)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn mask_names(fields: &mut Map<String, Value>) {
    let masked = std::mem::take(fields).into_iter().map(|(name, value)| {
        let holds = card_data::holds_number(&name);
        (if holds { BLANK.to_owned() } else { name }, value)
    });
    *fields = masked.collect();
}

/// A message without the card numbers in it, if it has any.
pub(super) fn without_numbers(text: &str) -> Option<String> {
    if !card_data::holds_number(text) {
        return None;
    }
    let mut clean = String::with_capacity(text.len());
    // No number goes across a dead letter.
    for run in text.split_inclusive(char::is_alphabetic) {
        let digits = |c: char| c.is_numeric();
        match (run.find(digits), run.rfind(digits)) {
            (Some(first), Some(last)) if card_data::holds_number(run) => {
                let after =
                    run[last..].chars().next().map_or(last, |digit| last + digit.len_utf8());
                clean.push_str(&run[..first]);
                clean.push_str(BLANK);
                clean.push_str(&run[after..]);
            }
            _ => clean.push_str(run),
        }
    }
    Some(clean)
}
