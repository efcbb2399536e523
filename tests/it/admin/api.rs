//! The JSON API and its document.

use serde_json::{Value, json};

use super::site::{OPERATOR, Site};
use crate::harness::{Options, eventually};

async fn site() -> Site {
    Site::start(Options { workers: 0, ..Options::default() }).await
}

fn document() -> Value {
    serde_json::to_value(quittance::admin::document()).unwrap()
}

#[test]
fn the_committed_document_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    if std::env::var_os("QUITTANCE_UPDATE_DOCS").is_some() {
        let text = quittance::admin::document().to_pretty_json().unwrap();
        std::fs::write(path, text + "\n").unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
    assert!(
        committed == document(),
        "docs/openapi.json is stale: QUITTANCE_UPDATE_DOCS=1 cargo test --test it admin::api"
    );
    assert!(committed["openapi"].as_str().unwrap().starts_with("3.1"), "{}", committed["openapi"]);
}

#[tokio::test]
async fn every_path_of_the_document_is_served_and_refuses_as_a_problem() {
    let site = site().await;
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{id}", "0");
            let method = method.to_uppercase();
            let answer = site.call(&method, &path, OPERATOR, &json!({"nonsense": 1})).await;
            assert_ne!(answer.status, 405, "{method} {path}");
            if answer.status >= 400 {
                assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
                let problem = answer.json();
                assert_ne!(problem["detail"], "There is nothing at this path.", "{method} {path}");
                assert_eq!(problem["status"], json!(answer.status), "{method} {path}");
            }
        }
    }
    let nowhere = site.call("GET", "/nowhere", OPERATOR, &json!(null)).await;
    assert_eq!((nowhere.status, &nowhere.json()["code"]), (404, &json!("not_found")));
    // Last, because after ten of them nobody from here is let in for a while.
    for path in document()["paths"].as_object().unwrap().keys() {
        let path = path.replace("{id}", "0");
        let unknown = site.call("GET", &path, "qta_unknown", &json!(null)).await;
        assert!(matches!(unknown.status, 401 | 429), "{path}: {unknown:?}");
    }
}

/// What an operator can do, by the names of the functions that do it, and where.
const VERBS: &[(&str, &str, &str)] = &[
    ("accounts::check", "accounts check", "GET /accounts/{id}/check"),
    ("audit::list", "audit list", "GET /audit"),
    ("compare::compare", "reconcile --dry-run", "POST /objects/{id}/compare"),
    ("dead_letters::groups", "dead-letters groups", "GET /dead-letters/groups"),
    ("dead_letters::list", "dead-letters list", "GET /dead-letters"),
    ("dead_letters::show", "dead-letters show", "GET /dead-letters/{id}"),
    ("dead_letters::retry", "dead-letters retry", "POST /dead-letters/retry"),
    ("dead_letters::discard", "dead-letters discard", "POST /dead-letters/discard"),
    ("dead_letters::snooze", "dead-letters snooze", "POST /dead-letters/snooze"),
    ("dead_letters::undo", "dead-letters undo", "POST /dead-letters/undo"),
    ("events::list", "events list", "GET /events"),
    ("events::show", "events show", "GET /events/{id}"),
    ("kinds::report", "kinds", "GET /kinds"),
    ("objects::list", "objects list", "GET /objects"),
    ("objects::show", "objects show", "GET /objects/{id}"),
    ("operations::preview", "dead-letters retry", "POST /dead-letters/preview"),
    ("operations::begin", "dead-letters retry", "POST /operations"),
    ("operations::cancel", "operations cancel", "POST /operations/{id}/cancel"),
    ("operations::resume", "operations resume", "POST /operations/{id}/resume"),
    ("operations::list", "operations list", "GET /operations"),
    ("operations::show", "operations show", "GET /operations/{id}"),
    ("operations::results", "operations show", "GET /operations/{id}/results"),
    ("outbox::status", "outbox status", "GET /outbox/destinations"),
    ("outbox::dead", "outbox dead", "GET /outbox/dead"),
    ("outbox::retry", "outbox retry", "POST /outbox/retry"),
    ("queue::show", "queue show", "GET /queue"),
    ("queue::peek", "queue peek", "GET /queue/jobs"),
    ("queue::pause", "queue pause", "POST /queue/pause"),
    ("queue::resume", "queue resume", "POST /queue/resume"),
    ("reconcile::reconcile", "reconcile", "POST /objects/{id}/reconcile"),
    ("replay::replay", "events replay", "POST /events/{id}/replay"),
    ("status::look", "status", "GET /status"),
];

#[test]
fn nothing_that_the_command_line_can_do_is_missing_from_the_api() {
    let document = document();
    for (verb, _, place) in VERBS {
        let (method, path) = place.split_once(' ').unwrap();
        let there = &document["paths"][path][method.to_lowercase()];
        assert!(there.is_object(), "{verb} is not at {place}");
    }
    let many = document["paths"].as_object().unwrap().values();
    let many: usize = many.map(|methods| methods.as_object().unwrap().len()).sum();
    // And two that are made of others: a letter compared, an account asked about anew.
    assert_eq!(many, VERBS.len() + 2, "a path has no verb: name it in VERBS");
}

#[tokio::test]
async fn a_bulk_retry_is_begun_by_its_count_and_watched() {
    let mut site = site().await;
    site.app.may_leave_work();
    site.given_up(30).await;
    let selection = json!({"event_type": "invoice.paid"});
    let asked = json!({"verb": "retry", "selection": selection});
    let preview = site.call("POST", "/dead-letters/preview", OPERATOR, &asked).await.json();
    assert_eq!(preview["count"], 10, "{preview}");
    let mut begin = json!({
        "verb": "retry", "selection": selection, "count": 11, "upto": preview["upto"],
        "reason": "mended",
    });
    let refused = site.call("POST", "/operations", OPERATOR, &begin).await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("count_changed")));
    begin["count"] = json!(10);
    let begun = site.call("POST", "/operations", OPERATOR, &begin).await.json();
    let path = format!("/operations/{}", begun["id"]);
    eventually("it is done", async || {
        site.call("GET", &path, OPERATOR, &json!(null)).await.json()["state"] == "done"
    })
    .await;
    let results = format!("{path}/results");
    let results = site.call("GET", &results, OPERATOR, &json!(null)).await.json();
    assert_eq!(results["results"].as_array().unwrap().len(), 10, "{results}");
    let audit = site.call("GET", "/audit?actor=ada", OPERATOR, &json!(null)).await.json();
    assert!(!audit["entries"].as_array().unwrap().is_empty(), "{audit}");
    site.stop().await;
}
