//! A marker in each text of each object that Stripe publishes, a path that drops it, and a search of
//! everything that the product keeps or tells.

use std::collections::BTreeSet;

use quittance::domain::event_types;
use quittance::domain::notification;
use quittance::domain::object::Kind;
use quittance::stripe_api::api_version;
use serde_json::{Value, json};

use super::paths;
use crate::harness::{App, Options, eventually, redis_url, stripes_examples};
use crate::mirror::app::event;
use crate::mirror::fixtures::mirrored_examples;
use crate::mirror::stripe::Stripe;
use crate::outbox::{self, Receiver, Running};

/// An object, its kind, and the paths by which it is asked for.
type Example = (Kind, Value, Vec<String>);

fn examples() -> Vec<Example> {
    let all = stripes_examples();
    let charge = all["resources"]["charge"]["id"].clone();
    let typed = Kind::ALL.iter().map(|kind| {
        let mut object = all["resources"][kind.as_str()].clone();
        object["livemode"] = json!(false);
        // The generator knew no id of an account.
        if let Some(id) = object.pointer_mut("/transfer_data/destination/id") {
            *id = "acct_123".into();
        }
        // Their events lead to their charge, too.
        if matches!(kind, Kind::Refund | Kind::Dispute) {
            object["charge"] = charge.clone();
        }
        let failure = json!({"type": "card_error", "code": "card_declined", "decline_code": "x",
                             "message": "No."});
        if *kind == Kind::PaymentIntent {
            object["last_payment_error"] = failure;
        } else if *kind == Kind::SetupIntent {
            object["last_setup_error"] = failure;
        }
        object["metadata"] = json!({"order_id": "42"});
        let place = if *kind == Kind::CheckoutSession {
            "checkout/sessions".to_owned()
        } else {
            format!("{}s", kind.as_str())
        };
        let path = format!("/v1/{place}/{}", object["id"].as_str().unwrap());
        (*kind, object, vec![path])
    });
    typed.chain(mirrored_examples()).collect()
}

/// Values that are dropped in a run, and how they are known again.
struct Marked {
    examples: Vec<Example>,
    paths: BTreeSet<String>,
    count: usize,
}

/// Puts a marker into each text that a path of the settings can drop. `path`: of a text in an object of
/// that kind, which path that is.
fn marked(path: impl Fn(Kind, &str) -> String) -> Marked {
    let mut marked = Marked { examples: examples(), paths: BTreeSet::new(), count: 0 };
    for (kind, object, _) in &mut marked.examples {
        paths::each_text(object, "", &mut |at, text| {
            let path = path(*kind, at);
            if paths::permitted(&path).is_some() {
                marked.count += 1;
                *text = format!("marker{}", marked.count);
                marked.paths.insert(path);
            }
        });
    }
    marked
}

/// The types of event that are sent of an object: those that are told by themselves, and another.
fn types(kind: Kind) -> Vec<&'static str> {
    let told = event_types::all().map(|(event_type, _, _)| event_type).filter(|event_type| {
        notification::occurrence(event_type).is_some_and(|it| it.topic.object() == kind.as_str())
    });
    let other = if kind == Kind::Account { "account.updated" } else { "a.type.of.tomorrow" };
    told.chain([other]).collect()
}

/// Everything that is kept or told of these objects when all is done.
async fn everything(marked: &Marked, paths: &BTreeSet<String>) -> (String, i64, i64, usize) {
    let stripe = Stripe::start().await;
    for (kind, object, places) in &marked.examples {
        for place in places {
            stripe.put(place, object.clone());
            if *kind == Kind::Account {
                let none = json!({"object": "list", "data": [], "has_more": false, "url": ""});
                stripe.put(&format!("{place}/capabilities"), none);
            }
        }
    }
    let dropped = paths.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let env = vec![
        ("STRIPE_API_BASE", &*Box::leak(stripe.base.clone().into_boxed_str())),
        ("QUITTANCE__REDACTION__PATHS", &*Box::leak(dropped.into_boxed_str())),
        ("QUITTANCE__RETRY__MAX_ATTEMPTS", "2"),
    ];
    let options = Options { env: Vec::leak(env), ..Options::default() };
    let app = App::with(options).await;
    let receiver = Receiver::start().await;
    let relay = Running::start(&app.db.store, &outbox::settings(&receiver.url));
    for (kind, object, _) in &marked.examples {
        for event_type in types(*kind) {
            // The second is held against the row; of the last Stripe has no object.
            for n in 0..3 {
                let mut event = event(event_type, object);
                event["api_version"] = json!(api_version());
                let mut before = object.clone();
                before.as_object_mut().unwrap().remove("object");
                event["data"]["previous_attributes"] = before;
                if *kind == Kind::Account {
                    event["account"] = object["id"].clone();
                }
                if n == 2 && object["id"].is_string() && *kind != Kind::Account {
                    let id = format!("{}9", object["id"].as_str().unwrap());
                    event["data"]["object"]["id"] = json!(id);
                }
                // Where an object is missing, this is what Stripe is asked next.
                let known = format!("/v1/events/{}", event["id"].as_str().unwrap());
                stripe.put(&known, event.clone());
                app.enqueue(event.to_string()).await;
            }
        }
    }
    app.drained().await;
    let pending = "SELECT count(*) FROM quittance.outbox AS o WHERE NOT EXISTS (
                     SELECT FROM quittance.outbox_deliveries AS d
                     WHERE d.seq = o.seq AND d.state = 'delivered')";
    eventually("all is told", async || app.db.number(pending).await == 0).await;
    relay.stop().await;
    let posts = receiver.posts();
    let mut all = app.db.everything().await;
    all.extend(posts.iter().map(|post| String::from_utf8_lossy(&post.body).into_owned()));
    all.push_str(&in_redis(&app.settings.queue.name).await);
    let kept = app.db.count("quittance.objects").await;
    let dead_letters = app.db.count("quittance.dead_letters").await;
    app.stop().await;
    (all, kept, dead_letters, posts.len())
}

/// The keys of a queue, and what is in them.
async fn in_redis(queue: &str) -> String {
    let client = redis::Client::open(redis_url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let mut all = String::new();
    let mut cursor = 0_u64;
    loop {
        let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg(&["MATCH", &format!("*{queue}*"), "COUNT", "1000"])
            .query_async(&mut redis)
            .await
            .unwrap();
        for key in keys {
            let dump: Option<Vec<u8>> =
                redis::cmd("DUMP").arg(&key).query_async(&mut redis).await.unwrap();
            all.push_str(&key);
            all.push_str(&String::from_utf8_lossy(&dump.unwrap_or_default()));
        }
        if next == 0 {
            return all;
        }
        cursor = next;
    }
}

/// The markers in a text.
fn markers(all: &str) -> BTreeSet<&str> {
    let digits = |rest: &str| rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let found = all.match_indices("marker").map(|(at, marker)| {
        let from = at + marker.len();
        &all[at..from + digits(&all[from..])]
    });
    // The queue has a key of this name.
    found.filter(|found| *found != "marker").collect()
}

async fn nothing_is_kept(marked: Marked) {
    let kinds = i64::try_from(marked.examples.len()).unwrap();
    let (all, kept, dead_letters, posts) = everything(&marked, &marked.paths).await;
    assert_eq!(kept, kinds, "an object has no row");
    assert!(
        dead_letters > 50 && posts > 20,
        "{dead_letters} letters and {posts} notifications prove little"
    );
    let found = markers(&all);
    assert!(found.is_empty(), "{} of {} are kept: {found:?}", found.len(), marked.count);
}

#[tokio::test]
async fn a_text_that_a_path_names_is_in_no_table_no_queue_and_no_notification() {
    let marked = marked(|kind, at| format!("{}:{at}", kind.as_str()));
    assert!(marked.count > 500, "{}", marked.count);
    nothing_is_kept(marked).await;
}

#[tokio::test]
async fn a_text_within_a_field_that_a_path_names_is_in_no_table_no_queue_and_no_notification() {
    let marked = marked(|kind, at| {
        let field = at.split('.').next().unwrap();
        format!("{}:{field}", kind.as_str())
    });
    assert!(marked.count > 700, "{}", marked.count);
    nothing_is_kept(marked).await;
}

/// What the search would find if nothing were dropped.
#[tokio::test]
async fn a_text_that_no_path_names_is_kept_and_told() {
    let marked = marked(|_, at| match at.rsplit('.').next().unwrap() {
        "order_id" | "message" => at.to_owned(),
        _ => String::new(),
    });
    let (all, ..) = everything(&marked, &BTreeSet::new()).await;
    assert!(marked.count >= Kind::ALL.len());
    assert_eq!(markers(&all).len(), marked.count);
}
