//! The JSON API and its document.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::site::{OPERATOR, Site};
use crate::dead_letters::notifications::{SHOP, given_up};
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
        "docs/openapi.json is stale: QUITTANCE_UPDATE_DOCS=1 cargo test --features dev --test it admin::api"
    );
    assert!(committed["openapi"].as_str().unwrap().starts_with("3.1"), "{}", committed["openapi"]);
}

#[test]
fn the_document_says_how_each_call_is_refused_and_what_numbers_it_takes() {
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            for status in ["401", "default"] {
                let content = &call["responses"][status]["content"];
                let schema = &content["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
                assert_eq!(content.as_object().unwrap().len(), 1, "{method} {path} {status}");
            }
            for parameter in call["parameters"].as_array().into_iter().flatten() {
                let (name, schema) = (&parameter["name"], &parameter["schema"]);
                if name == "limit" {
                    let most = if path == "/queue/jobs" { 100 } else { 1000 };
                    assert_eq!((&schema["minimum"], &schema["maximum"]), (&json!(1), &json!(most)));
                }
                let is_number = schema["format"] == "int64";
                let is_id = ["id", "before", "after"].contains(&name.as_str().unwrap());
                assert!(!is_id || !is_number || schema["minimum"] == 1, "{path}: {parameter}");
            }
        }
    }
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["DeadLetterId"]["minimum"], 1, "{}", schemas["DeadLetterId"]);
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
    for path in ["/", "", "/nowhere/"] {
        let nowhere = site.call("GET", path, OPERATOR, &json!(null)).await;
        assert_eq!(nowhere.status, 404, "{path}: {nowhere:?}");
        assert_eq!(nowhere.header("content-type"), "application/problem+json", "{path}");
    }
    let bearer = format!("Bearer {OPERATOR}");
    let plain = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
    for (path, methods) in document()["paths"].as_object().unwrap() {
        let path = format!("/api/v1{}", path.replace("{id}", "0"));
        let wrong = site.ask("DELETE", &path, &plain, "").await;
        assert_eq!((wrong.status, &wrong.json()["code"]), (405, &json!("method_not_allowed")));
        let posted = site.ask("POST", &path, &plain, "{}").await;
        let expected = if methods.get("post").is_some() { 415 } else { 405 };
        assert_eq!(posted.status, expected, "{path}: a page of another site can send this");
    }
    // After ten of them they are slowed down.
    for path in document()["paths"].as_object().unwrap().keys() {
        let path = path.replace("{id}", "0");
        let unknown = site.call("GET", &path, "qta_unknown", &json!(null)).await;
        assert!(matches!(unknown.status, 401 | 429), "{path}: {unknown:?}");
    }
}

#[tokio::test]
async fn a_list_where_an_object_is_meant_is_refused_by_every_call_and_changes_nothing() {
    let mut site = site().await;
    site.app.may_leave_work();
    site.given_up(3).await;
    let bodies =
        [json!([]), json!([null, null]), json!([[1], "x", 0, null]), json!(["retry", [], 3])];
    for (path, methods) in document()["paths"].as_object().unwrap() {
        let Some(call) = methods.get("post") else { continue };
        // A body that is of no matter may be anything.
        let schema = &call["requestBody"]["content"]["application/json"]["schema"];
        if schema.get("$ref").is_none() {
            continue;
        }
        for body in &bodies {
            let refused = site.call("POST", &path.replace("{id}", "1"), OPERATOR, body).await;
            assert_eq!(
                (refused.status, &refused.json()["code"]),
                (422, &json!("bad_body")),
                "{path}: {refused:?}"
            );
        }
    }
    let inner = json!({"verb": "retry", "selection": [[1]]});
    let refused = site.call("POST", "/dead-letters/preview", OPERATOR, &inner).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(site.app.db.count("quittance.audit_log").await, 0);
    assert_eq!(site.app.db.count("quittance.dead_letters WHERE state = 'open'").await, 3);
    let queue = site.call("GET", "/queue", OPERATOR, &json!(null)).await.json();
    assert_eq!(queue["lanes"][0]["paused"], json!(null), "{queue}");
}

#[tokio::test]
async fn what_names_nothing_is_the_clients_mistake_and_not_an_outage() {
    let site = site().await;
    site.given_up(3).await;
    for (path, status) in [
        ("/dead-letters?customer=a%00b", 422),
        ("/dead-letters?ids=0", 422),
        ("/dead-letters?ids=9223372036854775808", 422),
        ("/dead-letters?before=0", 422),
        ("/dead-letters?older_than=", 400),
        ("/dead-letters?older_than=9223372036854775808s", 422),
        ("/dead-letters?min_attempts=9223372036854775808", 422),
        ("/dead-letters/a%00b", 422),
        ("/dead-letters/9223372036854775808", 422),
        ("/audit?actor=%00", 422),
        ("/audit?before=0", 422),
        ("/audit?before=-1", 422),
        ("/audit?before=9223372036854775808", 400),
        ("/operations?before=0", 422),
        ("/operations/1/results?after=0", 404),
        ("/events?object=%00", 422),
        ("/events/evt%00", 422),
        ("/objects?metadata=a=%00", 422),
        ("/objects/pi_%00", 422),
        ("/objects?customer=", 400),
        ("/outbox/dead?destination=%00", 422),
    ] {
        let refused = site.call("GET", path, OPERATOR, &json!(null)).await;
        assert_eq!(refused.status, status, "{path}: {refused:?}");
        assert_eq!(refused.header("content-type"), "application/problem+json", "{path}");
    }
    let selection = json!({"customer": "a\u{0}b"});
    for (path, body) in [
        ("/dead-letters/retry", json!({"ids": [0]})),
        ("/dead-letters/retry", json!({"ids": [-1]})),
        ("/dead-letters/retry", json!({"ids": [9_223_372_036_854_775_808_u64]})),
        ("/dead-letters/retry", json!({"ids": [1], "over_ms": 9_223_372_036_854_775_808_u64})),
        ("/dead-letters/discard", json!({"ids": [1], "reason": "x", "over_ms": 1})),
        ("/dead-letters/discard", json!({"ids": [1], "reason": "a\u{0}b"})),
        ("/dead-letters/preview", json!({"verb": "retry", "selection": {"ids": [0]}})),
        ("/dead-letters/preview", json!({"verb": "retry", "selection": {"older_than": ""}})),
        ("/dead-letters/preview", json!({"verb": "retry", "selection": selection})),
        ("/operations", json!({"verb": "discard", "count": 3, "reason": "x", "over_ms": 1})),
        ("/operations", json!({"verb": "retry", "count": 3, "upto": 0})),
        ("/queue/pause", json!({"reason": "a\u{0}b"})),
    ] {
        let refused = site.call("POST", path, OPERATOR, &body).await;
        assert_eq!(refused.status, 422, "{path} {body}: {refused:?}");
    }
    let cookie = site.sign_in(OPERATOR).await;
    let page = site.page("/dead-letters?customer=a%00b", &cookie).await;
    assert!(page.status == 422 && page.text.contains("NUL"), "{page:?}");
    assert_eq!(site.page("/dead-letters?customer=&state=any", &cookie).await.status, 200);
    let token = site.page("/queue", &cookie).await.form_token();
    let fields = [("form_token", token.as_str()), ("lane", "live"), ("reason", "a\0b")];
    assert_eq!(site.post("/queue/pause", &cookie, &fields).await.status, 422);
    assert_eq!(site.app.db.count("quittance.audit_log").await, 0);
}

/// What an operator can do: on the command line, by the API, and by the pages (none: it is on a page
/// that the other two have no need of, or made of others).
const VERBS: &[(&str, &str, &str)] = &[
    ("accounts check", "GET /accounts/{id}/check", "/accounts"),
    ("accounts check", "POST /accounts/{id}/check", "/accounts"),
    ("audit list", "GET /audit", "/audit"),
    ("dead-letters groups", "GET /dead-letters/groups", "/dead-letters"),
    ("dead-letters list", "GET /dead-letters", "/dead-letters/list"),
    ("dead-letters show", "GET /dead-letters/{id}", "/dead-letters/{id}"),
    ("dead-letters retry", "POST /dead-letters/retry", "/dead-letters/act"),
    ("dead-letters retry", "POST /dead-letters/dry-run", "/dead-letters/dry-run"),
    ("dead-letters discard", "POST /dead-letters/discard", "/dead-letters/act"),
    ("dead-letters snooze", "POST /dead-letters/snooze", "/dead-letters/act"),
    ("dead-letters undo", "POST /dead-letters/undo", "/dead-letters/act"),
    ("dead-letters retry", "POST /dead-letters/preview", "/dead-letters/bulk"),
    ("dead-letters retry", "POST /operations", "/dead-letters/bulk"),
    ("events list", "GET /events", "/events"),
    ("events show", "GET /events/{id}", "/events/{id}"),
    ("events replay", "POST /events/{id}/replay", "/events/{id}/replay"),
    ("kinds", "GET /kinds", "/kinds"),
    ("objects list", "GET /objects", "/objects"),
    ("objects show", "GET /objects/{id}", "/objects/{id}"),
    ("reconcile", "POST /objects/{id}/reconcile", "/objects/{id}/reconcile"),
    ("reconcile", "POST /objects/{id}/compare", "/objects/{id}/compare"),
    ("operations list", "GET /operations", "/operations"),
    ("operations show", "GET /operations/{id}", "/operations/{id}"),
    ("operations show", "GET /operations/{id}/results", "/operations/{id}"),
    ("operations show", "GET /operations/{id}/lines", "/operations/{id}"),
    ("operations show", "GET /operations/{id}/report", "/operations/{id}"),
    ("operations cancel", "POST /operations/{id}/cancel", "/operations/{id}/cancel"),
    ("operations resume", "POST /operations/{id}/resume", "/operations/{id}/resume"),
    ("outbox status", "GET /outbox/destinations", "/outbox"),
    ("outbox dead", "GET /outbox/dead", "/outbox"),
    ("outbox retry", "POST /outbox/retry", "/outbox/retry"),
    ("outbox remove", "POST /outbox/remove", "/outbox/remove"),
    ("queue show", "GET /queue", "/queue"),
    ("queue peek", "GET /queue/jobs", "/queue"),
    ("queue pause", "POST /queue/pause", "/queue/pause"),
    ("queue resume", "POST /queue/resume", "/queue/resume"),
    ("queue acknowledge-loss", "POST /queue/acknowledge-loss", "/queue/acknowledge-loss"),
    ("verify", "GET /certificates", "/completeness"),
    ("duties list", "GET /duties", "/completeness"),
    ("duties run", "POST /duties/{id}/run", "/duties/{id}/run"),
    ("status", "GET /status", "/"),
];

/// Commands that are no verbs of operators: roles, what concerns the machine that one sits at, the write side, which
/// has an API of its own, and the backfill of an account, which is started by hand and continued by all three.
const NO_VERBS: &[&str] = &[
    "",
    "admin",
    "api",
    "backfill",
    "checkouts",
    "commands",
    "completions",
    "config",
    "customers",
    "dev",
    "ingress",
    "man",
    "migrate",
    "refunds",
    "payments",
    "portal",
    "setups",
    "subscriptions",
    "worker",
];

/// The commands of docs/cli.md, which a test holds against the code, each with its flags.
fn commands() -> Vec<(String, BTreeSet<String>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
    let text = std::fs::read_to_string(path).unwrap();
    let sections = text.split("\n## `quittance").skip(1).map(|section| {
        let (name, rest) = section.split_once('`').unwrap();
        let flags = rest.lines().filter_map(|line| {
            let flag = line.strip_prefix("| `--")?;
            Some(flag.split([' ', '`']).next().unwrap().replace('-', "_"))
        });
        (name.trim().to_owned(), flags.collect())
    });
    sections.collect()
}

#[test]
fn nothing_that_one_can_do_is_missing_from_the_command_line_the_api_or_the_pages() {
    let all: Vec<_> = commands().into_iter().map(|(name, _)| name).collect();
    let is_verb = |name: &&String| {
        let is_above = all.iter().any(|other| other.starts_with(&format!("{name} ")));
        !is_above && !NO_VERBS.contains(&name.split(' ').next().unwrap())
    };
    let commands: BTreeSet<_> = all.iter().filter(is_verb).map(String::as_str).collect();
    assert_eq!(commands, VERBS.iter().map(|(command, ..)| *command).collect());

    let document = document();
    let paths = document["paths"].as_object().unwrap().iter();
    let calls = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let calls: BTreeSet<_> = calls.collect();
    assert_eq!(calls, VERBS.iter().map(|(_, call, _)| (*call).to_owned()).collect());

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/admin/pages/mod.rs");
    let router = std::fs::read_to_string(path).unwrap();
    let routes = router.lines().filter_map(|line| line.trim().strip_prefix(".route(\""));
    let routes: BTreeSet<_> = routes.map(|route| route.split('"').next().unwrap()).collect();
    let mut pages: BTreeSet<_> = VERBS.iter().map(|(.., page)| *page).collect();
    // What a page alone needs: to find by any id, and to be light or dark.
    pages.extend(["/find", "/theme"]);
    // Those of the write side.
    pages.extend(["/commands", "/commands/{id}", "/commands/{id}/abandon", "/commands/{id}/retry"]);
    pages.insert("/payments/{id}/{act}");
    assert_eq!(pages, routes);
}

#[test]
fn what_a_command_prints_as_json_is_what_the_api_answers() {
    let document = document();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut said = 0;
    for section in text.split("\n## `quittance ").skip(1) {
        let (command, rest) = section.split_once('`').unwrap();
        let Some((_, rest)) = rest.split_once("`--json` prints `") else { continue };
        let shape = rest.split('`').next().unwrap();
        let answered = VERBS.iter().filter(|(name, ..)| *name == command).any(|(_, call, _)| {
            let (method, path) = call.split_once(' ').unwrap();
            let call = &document["paths"][path][method.to_lowercase()];
            let schema = &call["responses"]["200"]["content"]["application/json"]["schema"];
            schema["$ref"] == format!("#/components/schemas/{shape}")
        });
        assert!(answered, "no call of the API answers {shape}, as {command} does");
        said += 1;
    }
    assert_eq!(said, 10);
}

#[test]
fn what_one_can_list_by_one_can_list_by_everywhere() {
    let document = document();
    let commands = commands();
    for (command, path) in [
        ("dead-letters list", "/dead-letters"),
        ("dead-letters groups", "/dead-letters/groups"),
        ("events list", "/events"),
        ("objects list", "/objects"),
        ("audit list", "/audit"),
        ("operations list", "/operations"),
    ] {
        let (_, flags) = commands.iter().find(|(name, _)| name == command).unwrap();
        // How it is printed is no filter, and some things are said otherwise to a shell.
        let besides = ["json", "ids", "live", "test", "livemode", "mode"];
        let flags = flags.iter().map(String::as_str);
        let flags: BTreeSet<_> = flags.filter(|flag| !besides.contains(flag)).collect();
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let parameters = parameters.iter().map(|it| it["name"].as_str().unwrap());
        let called = |name| match name {
            "object_id" => "object",
            "reason" => "dead_letter_reason",
            other => other,
        };
        let parameters: BTreeSet<_> =
            parameters.filter(|name| !besides.contains(name)).map(called).collect();
        assert_eq!(flags, parameters, "{command}, and {path}");
    }
}

#[tokio::test]
async fn a_destination_that_is_not_there_is_not_found_and_what_was_not_given_up_is_named() {
    let site = site().await;
    let (claimed, _) = given_up(&site.app.db).await;
    let retry = |destination, ids: Value| json!({"destination": destination, "ids": ids});
    let unknown = "00000000-0000-7000-8000-000000000000";
    let refused = [
        site.call("GET", "/outbox/dead?destination=nope", OPERATOR, &json!(null)).await,
        site.call("POST", "/outbox/retry", OPERATOR, &retry("nope", json!([unknown]))).await,
    ];
    for refused in refused {
        let problem = refused.json();
        assert_eq!((refused.status, &problem["code"]), (404, &json!("not_found")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(SHOP), "{problem}");
    }
    let asked = retry(SHOP, json!([claimed.id, unknown]));
    let done = site.call("POST", "/outbox/retry", OPERATOR, &asked).await.json();
    assert_eq!(done, json!({"retried": 1, "not_dead_lettered": [unknown]}));
    let cookie = site.sign_in(OPERATOR).await;
    let page = site.page("/outbox?destination=nope", &cookie).await;
    assert!(page.status == 404 && page.text.contains("there is no destination nope"), "{page:?}");
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
