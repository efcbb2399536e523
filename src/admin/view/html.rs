//! HTML fragments that several pages use.

use std::fmt;

use crate::ops::types::{ObjectKey, url_segment};
use askama::filters::{Html as Escaping, HtmlSafe, escape};

/// Text that is HTML already.
pub(crate) struct Html(String);

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// It is made here alone, of pieces that are escaped here.
impl HtmlSafe for Html {}

fn escaped(text: &str) -> String {
    // Escaping into a string cannot fail; should it, nothing is shown rather than something raw.
    escape(text, Escaping).map(|text| text.to_string()).unwrap_or_default()
}

/// A segment of a path, or a value of a query.
pub(crate) fn part(text: &str) -> String {
    url_segment(text)
}

/// A state as a coloured word.
pub(crate) fn tag(word: &str) -> Html {
    let class = match word {
        "settled" | "applied" | "resolved" | "done" | "up" | "delivered" | "succeeded" | "paid"
        | "active" => "good",
        "dead" | "failed" | "open" | "down" | "problem" => "bad",
        "retrying" | "snoozed" | "running" | "interrupted" | "cancelled" | "unknown"
        | "warning" | "paused" | "pending" => "warn",
        _ => "plain",
    };
    let words = escaped(&word.replace('_', " "));
    Html(format!("<span class=\"tag {class}\">{words}</span>"))
}

/// Where an object is looked at.
pub(crate) fn object_path(key: &ObjectKey) -> String {
    object_verb(key, "")
}

/// Where something is done to an object: `/reconcile`, `/compare`.
pub(crate) fn object_verb(key: &ObjectKey, verb: &str) -> String {
    let (id, kind) = (part(&key.id), part(&key.kind));
    format!("/objects/{id}{verb}?kind={kind}&{}", scope(&key.account, key.livemode))
}

/// Account and mode in a query.
fn scope(account: &str, livemode: bool) -> String {
    let account = if account.is_empty() { "own" } else { account };
    let mode = if livemode { "live" } else { "test" };
    format!("account={}&mode={mode}", part(account))
}

/// A stable word as people write it.
pub(crate) fn words(word: &str) -> String {
    word.replace('_', " ")
}

/// A link to an object that may not be known whole. The same id can be in several accounts and modes.
pub(crate) fn object(id: Option<&str>, account: Option<&str>, livemode: Option<bool>) -> Html {
    Html(match id {
        Some(id) => {
            let query = account.zip(livemode).map(|(account, mode)| scope(account, mode));
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            let path = escaped(&format!("/objects/{}{query}", part(id)));
            format!("<a href=\"{path}\"><code>{}</code></a>", escaped(id))
        }
        None => "–".to_owned(),
    })
}

/// A link to an event.
pub(crate) fn event(id: &str) -> Html {
    Html(format!("<a href=\"/events/{}\"><code>{}</code></a>", part(id), escaped(id)))
}

/// A type of event, which may be broken between its words where there is no room.
pub(crate) fn event_type(name: &str) -> Html {
    let name = escaped(name);
    Html(name.replace('.', ".<wbr>").replace('_', "_<wbr>"))
}

/// An account, or that it is our own.
pub(crate) fn account(id: &str) -> Html {
    Html(if id.is_empty() {
        "our own".to_owned()
    } else {
        format!("<a href=\"/accounts?account={}\"><code>{}</code></a>", part(id), escaped(id))
    })
}

/// `live` or `test`.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "templates pass everything by reference")]
pub(crate) fn mode(livemode: &bool) -> &'static str {
    if *livemode { "live" } else { "test" }
}

/// JSON as one reads it.
pub(crate) fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A value of a field: a text without its quotes.
pub(crate) fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => "–".to_owned(),
        serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => value.to_string(),
    }
}

/// The beginning of a long text: the whole of it is on the page of its own.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A whole number with its thousands apart: `12 345`.
pub(crate) fn number(value: impl fmt::Display) -> String {
    let text = value.to_string();
    let digits = text.trim_start_matches('-');
    let mut shown = "-".repeat(text.len() - digits.len());
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

/// `1 dead letter`, `2 dead letters`
pub(crate) fn count(value: impl fmt::Display, one: &str) -> String {
    let value = number(value);
    let end = if value == "1" { "" } else { "s" };
    format!("{value} {one}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_never_html() {
        let evil = "<b>\"'&";
        for html in [
            tag(evil),
            object(Some(evil), Some(evil), Some(true)),
            event(evil),
            account(evil),
            event_type(evil),
        ] {
            let text = html.to_string();
            assert!(!text.contains("<b>") && !text.contains("\"'"), "{text}");
        }
        assert_eq!(part("a/b?c=d e"), "a%2Fb%3Fc%3Dd%20e");
    }

    #[test]
    fn a_long_number_can_be_read() {
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(number(-100), "-100");
        assert_eq!((count(1, "event"), count(0, "event")), ("1 event".into(), "0 events".into()));
    }
}
