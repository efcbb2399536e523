//! Stripe's limits for texts that people choose.

use std::collections::BTreeMap;

use crate::command::{RuleBreach, RuleCode};

/// The key of metadata by which an object says which command made it.
pub const COMMAND_KEY: &str = "quittance_command";

/// The key of metadata by which a subscription says which command has last changed it.
pub const UPDATE_KEY: &str = "quittance_update";

/// Keys of metadata at most, less the one of ours (docs.stripe.com, "Metadata": 50).
const MAX_KEYS: usize = 49;
/// Characters of a key (docs.stripe.com, "Metadata").
const MAX_KEY: usize = 40;
/// Characters of a value (docs.stripe.com, "Metadata").
const MAX_VALUE: usize = 500;

/// Checks metadata.
///
/// # Errors
/// [`RuleCode::MetadataInvalid`].
pub fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), RuleBreach> {
    let breach = |field: &str, detail: String| {
        Err(RuleBreach::new(RuleCode::MetadataInvalid, field, detail))
    };
    if metadata.len() > MAX_KEYS {
        let detail = format!("has {} keys; {MAX_KEYS} at most.", metadata.len());
        return breach("metadata", detail);
    }
    for (key, value) in metadata {
        let shown: String = key.chars().take(MAX_KEY).collect();
        let field = format!("metadata.{shown}");
        if key == COMMAND_KEY {
            return breach(&field, "is set by Quittance: choose another key.".into());
        }
        if key.is_empty() || key.chars().count() > MAX_KEY {
            return breach(&field, format!("is a key of 1 to {MAX_KEY} characters."));
        }
        if key.contains(['[', ']']) || key.contains(char::is_control) {
            return breach(&field, "is a key with a bracket or a control character.".into());
        }
        if value.chars().count() > MAX_VALUE {
            return breach(&field, format!("is longer than {MAX_VALUE} characters."));
        }
        // Stripe takes an empty value for "remove this key".
        if value.is_empty() {
            return breach(&field, "is empty: leave the key out.".into());
        }
    }
    Ok(())
}

/// Checks what is added to a statement descriptor (docs.stripe.com, "Statement descriptors").
///
/// # Errors
/// [`RuleCode::DescriptorInvalid`].
pub fn check_descriptor_suffix(text: &str) -> Result<(), RuleBreach> {
    let field = "statement_descriptor_suffix";
    let breach = |detail: &str| Err(RuleBreach::new(RuleCode::DescriptorInvalid, field, detail));
    if text.is_empty() || text.chars().count() > 22 {
        return breach("must have 1 to 22 characters.");
    }
    if text.contains(['<', '>', '\\', '\'', '"', '*']) {
        return breach("must not contain any of < > \\ ' \" *.");
    }
    if !text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return breach("must be made of Latin characters.");
    }
    if !text.contains(|c: char| c.is_ascii_alphabetic()) {
        return breach("must contain a letter.");
    }
    Ok(())
}

/// Checks the length of a text, in characters.
///
/// # Errors
/// [`RuleCode::TextTooLong`].
pub fn check_length(field: &str, text: Option<&str>, most: usize) -> Result<(), RuleBreach> {
    match text {
        Some(text) if text.chars().count() > most => {
            let detail = format!("is longer than {most} characters.");
            Err(RuleBreach::new(RuleCode::TextTooLong, field, detail))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(key: &str, value: &str) -> Result<(), RuleBreach> {
        check_metadata(&BTreeMap::from([(key.to_owned(), value.to_owned())]))
    }

    #[test]
    fn metadata_keeps_to_the_limits_and_leaves_our_key_alone() {
        metadata(&"k".repeat(40), &"ü".repeat(500)).unwrap();
        for (key, value) in [
            ("k".repeat(41), "v".to_owned()),
            (String::new(), "v".to_owned()),
            ("k".to_owned(), "v".repeat(501)),
            ("k".to_owned(), String::new()),
            ("a[b]".to_owned(), "v".to_owned()),
            (COMMAND_KEY.to_owned(), "v".to_owned()),
        ] {
            let breach = metadata(&key, &value).unwrap_err();
            assert_eq!(breach.code, RuleCode::MetadataInvalid, "{key}={value}");
        }
        let many = (0..50).map(|n| (n.to_string(), "v".to_owned())).collect();
        assert_eq!(check_metadata(&many).unwrap_err().field, "metadata");
    }

    #[test]
    fn a_descriptor_is_what_banks_print() {
        for good in ["SHOES", "A1", "order 42"] {
            check_descriptor_suffix(good).unwrap();
        }
        for bad in ["", "42", "A*B", "it's", "12345678901234567890ABC", "größe"] {
            let breach = check_descriptor_suffix(bad).unwrap_err();
            assert_eq!(breach.code, RuleCode::DescriptorInvalid, "{bad}");
        }
    }

    #[test]
    fn a_text_has_its_length() {
        check_length("description", Some(&"ä".repeat(10)), 10).unwrap();
        check_length("description", None, 10).unwrap();
        let breach = check_length("description", Some("12345678901"), 10).unwrap_err();
        assert_eq!((breach.code, &*breach.field), (RuleCode::TextTooLong, "description"));
    }
}
