//! docs/notifications.md and docs/notifications.schema.json are generated from the topics and the schema here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use quittance::domain::notification::Topic;
use serde_json::{Value, json};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

/// The schema of a notification, version 1.
pub(crate) fn schema() -> Value {
    let topics: Vec<_> = Topic::ALL.iter().map(|topic| topic.as_str()).collect();
    let text = |about: &str| json!({"type": "string", "description": about});
    let perhaps = |kind: &str, about: &str| json!({"type": [kind, "null"], "description": about});
    let moment =
        |about: &str| json!({"type": "string", "format": "date-time", "description": about});
    let properties = json!({
        "id": {"type": "string", "format": "uuid", "description": "Stable: a redelivery has the same id."},
        "v": {"const": 1, "description": "The version of this shape. Fields may be added without raising it."},
        "topic": {"enum": topics, "description": "What happened. Topics may be added: ignore those that you do not know."},
        "sort": {"enum": ["state", "occurrence"], "description": "state: the state of an object changed. occurrence: an event arrived, even if the object has changed again since."},
        "created": moment("When the notification was written."),
        "occurred": moment("By Stripe's clock: when the state was observed, or when the event was created."),
        "account": perhaps("string", "The connected account; null for the account that owns the API key."),
        "livemode": {"type": "boolean", "description": "true in live mode, false in test mode."},
        "object": {
            "type": "object", "description": "The object that it is about.",
            "required": ["kind", "id"],
            "properties": {"kind": text("Stripe's `object`."), "id": text("Stripe's id.")},
        },
        "version": {"type": ["integer", "null"], "minimum": 1, "description": "The version of the object's row in `app` after the change; increases by one with each change of the object. null for an occurrence."},
        "cause": perhaps("string", "The id of the Stripe event that led to it; null if none did."),
        "origin": {"enum": [null, "backfill"], "description": "`backfill` if a backfill that publishes what it finds (`quittance backfill --notify`) found the change, which may be old; null otherwise."},
        "before": perhaps("object", "The recorded state before the change; null the first time an object is seen, and for an occurrence."),
        "after": perhaps("object", "The recorded state after the change; null for an occurrence."),
        "data": {"type": "object", "description": "Further fields of the object, depending on its type; with `metadata` if the object has it. For an occurrence: `event_type`, fields of the object as the event shows it (references, amounts, times, `metadata`), and `failure` (`code`, `decline_code`, `message`) if an attempt failed."},
    });
    let required: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:quittance:notification:1",
        "title": "A notification of Quittance",
        "type": "object",
        "required": required,
        "properties": properties,
        "if": {"properties": {"sort": {"const": "state"}}},
        "then": {"properties": {"version": {"type": "integer"}, "after": {"type": "object"}}},
        "else": {"properties": {"before": {"type": "null"}, "after": {"type": "null"}}},
    })
}

const BEGIN: &str =
    "<!-- Topics: generated from crates/quittance-domain/src/notification.rs, see above. -->\n";
const END: &str = "<!-- End of topics. -->\n";

fn topics() -> String {
    let mut text = String::from("| Topic | About | What it says |\n|---|---|---|\n");
    for topic in Topic::ALL {
        let (name, kind, what) = (topic.as_str(), topic.object(), topic.describe());
        writeln!(text, "| `{name}` | `{kind}` | {what} |").unwrap();
    }
    text
}

fn with_topics(page: &str) -> String {
    let (before, rest) = page.split_once(BEGIN).expect("the page has the marker before the topics");
    let (_, after) = rest.split_once(END).expect("the page has the marker after the topics");
    format!("{before}{BEGIN}{}{END}{after}", topics())
}

fn check(name: &str, expected: impl FnOnce(&str) -> String) {
    let path = path(name);
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    let expected = expected(&published);
    if std::env::var_os("QUITTANCE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(
        published == expected,
        "docs/{name} is out of date; run \
         `QUITTANCE_UPDATE_DOCS=1 cargo test --features dev --test it outbox::catalogue` and review the difference"
    );
}

#[test]
fn the_published_topics_are_up_to_date() {
    check("notifications.md", with_topics);
}

#[test]
fn the_published_schema_is_up_to_date() {
    check("notifications.schema.json", |_| {
        let mut text = serde_json::to_string_pretty(&schema()).unwrap();
        text.push('\n');
        text
    });
}

#[test]
fn topic_names_are_unique_and_each_topic_is_described() {
    let names: std::collections::BTreeSet<_> = Topic::ALL.iter().map(|t| t.as_str()).collect();
    assert_eq!(names.len(), Topic::ALL.len());
    for topic in Topic::ALL {
        assert!(topic.describe().ends_with('.'), "{topic:?}: {}", topic.describe());
        assert!(!topic.describe().contains('|'), "{topic:?}");
    }
}
