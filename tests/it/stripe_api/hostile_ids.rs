//! Ids that try to be more than an id, of every kind: none of them leaves its place in the request.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use quittance::domain::id::{Mode, ObjectId, Scope};
use quittance::domain::mirror::{Parent, owners};
use quittance::domain::object::{self, Kind, Subject};
use quittance::envelope;
use serde_json::json;

use super::client;
use super::server::{Reply, Seen, Server, answer};

/// Ids that people may have chosen, and some that nobody may.
const HOSTILE: &[&str] = &[
    ".",
    "..",
    "/",
    "../charges/ch_1",
    "a/../../b",
    "a\\..\\b",
    "%2e%2e",
    "%2F..%2F",
    "a?expand[]=customer",
    "a&limit=1",
    "a#fragment",
    "a b",
    "a+b",
    "a\r\nStripe-Account: acct_2",
    "a\rb",
    "a\nb",
    "a\tb",
    "a\0b",
    "a\u{7f}b",
    "a\u{85}b",
    "<script>alert(1)</script>",
    "\"quoted\" 'and' `so`",
    "{id}",
    "{customer}",
    "größe 🧾",
];

/// What Stripe is asked for it, request after request.
async fn asked_for(subject: &Subject) -> Vec<Seen> {
    let missing = json!({"error": {"code": "resource_missing", "type": "invalid_request_error"}});
    let replies: Vec<Reply> = (0..3).map(|_| answer(404, &[], &missing)).collect();
    let server = Server::replying(replies).await;
    client(&server.base).fetch(subject).await.unwrap_err();
    server.seen()
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8().unwrap().into_owned()
}

/// The path of a request, its segments decoded, and the pairs of its query.
fn target(seen: &Seen) -> (Vec<String>, Vec<(String, String)>) {
    let target = seen.line.strip_prefix("GET ").unwrap().strip_suffix(" HTTP/1.1").unwrap();
    assert!(target.bytes().all(|b| b.is_ascii_graphic()), "{target}");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    (path.split('/').map(decoded).collect(), pairs)
}

fn names(seen: &Seen) -> BTreeSet<&str> {
    seen.headers.iter().map(|(name, _)| name.as_str()).collect()
}

/// The same request for an object with an ordinary id, whose places are then filled in.
async fn ordinary(kind: Kind, parent: Option<&Parent>) -> Seen {
    let parent = parent.map(|it| Parent { id: ObjectId::parse("parent").unwrap(), ..it.clone() });
    let scope = Scope { account: None, mode: Mode::Test };
    let id = ObjectId::parse("own").unwrap();
    asked_for(&Subject { scope, kind, id, owner: parent }).await.remove(0)
}

/// The object that an event of this kind leads to, if the event can be read.
fn subject(kind: Kind, id: &str, owner: &str) -> Option<Subject> {
    let mut object = json!({"object": kind.as_str(), "id": id});
    for field in owners(kind.as_str()) {
        object[field.field()] = json!(owner);
    }
    let event = json!({
        "object": "event", "id": "evt_1", "type": "a.type.of.tomorrow", "created": 1,
        "livemode": false, "data": {"object": object},
    });
    let event = envelope::parse(event.to_string().as_bytes()).ok()?;
    let mut subjects = object::subjects(&event).unwrap();
    assert_eq!(subjects.len(), 1, "{kind:?} {id} {owner}");
    subjects.pop()
}

#[tokio::test]
async fn an_id_of_any_kind_stays_in_its_place_of_the_request_or_is_refused() {
    let mut asked = 0;
    for kind in Kind::every().filter(|kind| *kind != Kind::Account) {
        for hostile in HOSTILE {
            for id in [*hostile, "own"] {
                let Some(subject) = subject(kind, id, hostile) else { continue };
                let [seen] = &asked_for(&subject).await[..] else { panic!("{kind:?} {hostile}") };
                let ordinary = ordinary(kind, subject.owner.as_ref()).await;
                let fill = |text: &String| match text.as_str() {
                    "own" => id.to_owned(),
                    "parent" => (*hostile).to_owned(),
                    word => word.to_owned(),
                };
                let (path, query) = target(&ordinary);
                let path: Vec<_> = path.iter().map(fill).collect();
                let query: Vec<_> = query.iter().map(|(key, it)| (key.clone(), fill(it))).collect();
                assert_eq!(target(seen), (path, query), "{kind:?} {id} {hostile}");
                assert_eq!(names(seen), names(&ordinary), "{kind:?} {id} {hostile}");
                asked += 1;
            }
        }
    }
    // The five kinds whose ids people choose take all but the control characters and the steps, and so
    // do the six that belong to a customer for that customer's id.
    let good = HOSTILE.iter().filter(|id| ObjectId::parse(id).is_ok()).count();
    assert!(asked > (5 + 6) * good, "{asked}");
}

#[test]
fn a_control_character_or_a_step_is_no_id_of_any_kind() {
    for kind in Kind::every() {
        for hostile in HOSTILE {
            let taken = kind.parse_id(hostile).is_ok();
            let step = matches!(*hostile, "." | "..");
            if step || hostile.contains(char::is_control) {
                assert!(!taken, "{kind:?} {hostile:?}");
            } else if kind.has_chosen_ids() {
                assert!(taken, "{kind:?} {hostile:?}");
            }
        }
        for separator in ["a/b", "a?b", "a#b", "a%b", "a b", "ä"] {
            assert_eq!(kind.parse_id(separator).is_ok(), kind.has_chosen_ids(), "{kind:?}");
        }
    }
}
