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

/// Replaces card data in fields of free text, at any depth, and says in how many texts and names. `exempt`: fields
/// whose long numbers are no card numbers.
pub(super) fn mask(value: &mut Value, exempt: &[String]) -> u64 {
    match value {
        Value::Object(fields) => {
            let masked = fields.iter_mut().map(|(name, value)| {
                if FREE_TEXT.contains(&name.as_str()) {
                    mask_text(&mut vec![name.clone()], value, exempt)
                } else {
                    mask(value, exempt)
                }
            });
            masked.sum()
        }
        Value::Array(items) => items.iter_mut().map(|item| mask(item, exempt)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn mask_text(path: &mut Vec<String>, value: &mut Value, exempt: &[String]) -> u64 {
    match value {
        Value::String(text) => {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            let holds = card_data::find(&names, text, exempt).is_some();
            if holds {
                BLANK.clone_into(text);
            }
            u64::from(holds)
        }
        Value::Object(fields) => {
            let mut masked = 0;
            for (name, value) in fields.iter_mut() {
                path.push(name.clone());
                masked += mask_text(path, value, exempt);
                path.pop();
            }
            if fields.keys().any(|name| card_data::holds_number(name)) {
                masked += mask_names(fields);
            }
            masked
        }
        Value::Array(items) => items.iter_mut().map(|item| mask_text(path, item, exempt)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn mask_names(fields: &mut Map<String, Value>) -> u64 {
    let mut masked = 0;
    let clean = std::mem::take(fields).into_iter().map(|(name, value)| {
        if card_data::holds_number(&name) {
            masked += 1;
            (BLANK.to_owned(), value)
        } else {
            (name, value)
        }
    });
    *fields = clean.collect();
    masked
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
