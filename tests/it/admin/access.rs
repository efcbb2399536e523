//! Who gets in, and who does not.

use serde_json::json;

use super::site::{OPERATOR, Site, VIEWER};
use crate::harness::Options;

async fn site() -> Site {
    Site::start(Options { workers: 0, ..Options::default() }).await
}

#[tokio::test]
async fn who_is_not_signed_in_is_asked_to_and_finds_back() {
    let site = site().await;
    let refused = site.page("/dead-letters?state=any", "").await;
    assert_eq!(refused.status, 303);
    assert_eq!(refused.header("location"), "/sign-in?next=%2Fdead-letters%3Fstate%3Dany");

    let fields = [("token", OPERATOR), ("next", "/dead-letters?state=any")];
    let begun = site.post("/sign-in", "", &fields).await;
    assert_eq!((begun.status, begun.header("location")), (303, "/dead-letters?state=any"));
    let cookie = begun.header("set-cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    let page = site.page("/dead-letters?state=any", &begun.cookie()).await;
    assert!(page.status == 200 && page.text.contains("ada"), "{page:?}");

    let token = page.form_token();
    let ended = site.post("/sign-out", &begun.cookie(), &[("form_token", &token)]).await;
    assert!(ended.header("set-cookie").contains("Max-Age=0"), "{ended:?}");
}

#[tokio::test]
async fn wrong_tokens_are_slowed_down_after_ten_and_right_ones_never_are() {
    let site = site().await;
    let wrong = [("token", "qta_guess")];
    for _ in 0..5 {
        assert_eq!(site.post("/sign-in", "", &wrong).await.status, 401);
        assert_eq!(site.call("GET", "/status", "qta_guess", &json!(null)).await.status, 401);
    }
    // From everywhere, as behind a proxy: more than all addresses together may.
    for _ in 0..100 {
        let held = site.call("GET", "/status", "qta_guess", &json!(null)).await;
        assert_eq!(held.status, 429);
        assert!(!held.header("retry-after").is_empty(), "{held:?}");
    }
    let held = site.post("/sign-in", "", &wrong).await;
    assert!(held.status == 429 && !held.header("retry-after").is_empty(), "{held:?}");
    assert!(held.text.contains("Too many wrong tokens"), "{held:?}");

    assert_eq!(site.call("GET", "/status", OPERATOR, &json!(null)).await.status, 200);
    let cookie = site.sign_in(OPERATOR).await;
    assert_eq!(site.page("/", &cookie).await.status, 200);
}

#[tokio::test]
async fn a_form_that_is_too_long_for_a_sign_in_is_not_read() {
    let site = site().await;
    let long = "x".repeat(32 << 10);
    assert_eq!(site.post("/sign-in", "", &[("token", &long)]).await.status, 413);
}

#[tokio::test]
async fn a_sign_out_ends_the_session_for_every_copy_of_its_cookie_on_every_server() {
    let site = site().await;
    let replica = site.replica().await;
    let (copied, other) = (site.sign_in(OPERATOR).await, site.sign_in(OPERATOR).await);
    let is_in = async |address, cookie: &str| {
        let answer = site.ask_at(address, "GET", "/queue", &[("cookie", cookie)], "").await;
        assert!(answer.status == 200 || answer.header("location").starts_with("/sign-in"));
        answer.status == 200
    };
    for address in [site.address, replica] {
        assert!(is_in(address, &copied).await);
    }
    let token = site.page("/queue", &copied).await.form_token();
    let ended = site.post("/sign-out", &copied, &[("form_token", &token)]).await;
    assert_eq!((ended.status, ended.header("location")), (303, "/sign-in"));
    for address in [site.address, replica] {
        assert!(!is_in(address, &copied).await, "a copy of the cookie is good no more");
        assert!(is_in(address, &other).await, "another session of the same person is");
    }
    // Nor does it do anything.
    let fields = [("lane", "live"), ("reason", "x"), ("form_token", token.as_str())];
    let refused = site.post("/queue/pause", &copied, &fields).await;
    assert!(refused.header("location").starts_with("/sign-in"), "{refused:?}");
    assert_eq!(site.app.db.count("quittance.audit_log").await, 0);
}

#[tokio::test]
async fn a_sign_out_that_cannot_be_noted_holds_here_and_says_where_it_does_not() {
    let site = site().await;
    let cookie = site.sign_in(OPERATOR).await;
    let token = site.page("/queue", &cookie).await.form_token();
    site.app.db.execute("ALTER TABLE quittance.ended_sessions RENAME TO elsewhere").await;
    let page = site.page("/queue", &cookie).await;
    assert_eq!(page.status, 200, "the pages open while Postgres does not answer");
    let ended = site.post("/sign-out", &cookie, &[("form_token", &token)]).await;
    assert!(ended.status == 503 && ended.text.contains("Other servers"), "{ended:?}");
    assert!(ended.header("set-cookie").contains("Max-Age=0"), "{ended:?}");
    assert_eq!(site.page("/queue", &cookie).await.status, 303);
}

#[tokio::test]
async fn a_form_that_is_not_from_a_page_of_the_session_does_nothing() {
    let site = site().await;
    let cookie = site.sign_in(OPERATOR).await;
    let other = site.sign_in(OPERATOR).await;
    let others_token = site.page("/queue", &other).await.form_token();
    let pause = [("lane", "live"), ("reason", "x")];
    for token in ["", "guessed", &others_token] {
        let fields = [pause[0], pause[1], ("form_token", token)];
        let refused = site.post("/queue/pause", &cookie, &fields).await;
        assert_eq!(refused.status, 403, "{token:?}");
        assert!(refused.text.contains("does not come from a page of your session"), "{refused:?}");
    }
    // Even with the right token, not from another site.
    let token = site.page("/queue", &cookie).await.form_token();
    let body = format!("lane=live&reason=x&form_token={token}");
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let foreign = [("cookie", cookie.as_str()), kind, ("origin", "https://evil.example")];
    assert_eq!(site.ask("POST", "/queue/pause", &foreign, &body).await.status, 403);
    assert_eq!(site.app.db.count("quittance.audit_log").await, 0);

    let fields = [pause[0], pause[1], ("form_token", token.as_str())];
    assert_eq!(site.post("/queue/pause", &cookie, &fields).await.status, 303);
    assert_eq!(site.app.db.count("quittance.audit_log").await, 1);
}

#[tokio::test]
async fn a_viewer_sees_everything_and_changes_nothing() {
    let site = site().await;
    site.given_up(3).await;
    let cookie = site.sign_in(VIEWER).await;
    let page = site.page("/dead-letters/1", &cookie).await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("value=\"discard\""), "what a viewer cannot do is not offered");

    let token = page.form_token();
    let fields =
        [("form_token", token.as_str()), ("verb", "discard"), ("id", "1"), ("reason", "x")];
    let refused = site.post("/dead-letters/act", &cookie, &fields).await;
    assert!(refused.status == 403 && refused.text.contains("bob is a viewer"), "{refused:?}");
    let body = json!({"ids": [1], "reason": "x"});
    let refused = site.call("POST", "/dead-letters/discard", VIEWER, &body).await;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("viewer")));
    assert_eq!(site.app.db.count("quittance.dead_letters WHERE state = 'open'").await, 3);
}

#[tokio::test]
async fn without_tokens_only_this_machine_by_its_own_name_gets_in() {
    let site = Site::open().await;
    let page = site.page("/", "").await;
    assert!(page.status == 200 && page.text.contains("local"), "{page:?}");
    let rebound = site.ask("GET", "/", &[("host", "evil.example")], "").await;
    assert_eq!(rebound.status, 421);
    // A page elsewhere can post to this machine, but neither as one of our pages nor as JSON.
    let foreign = [("origin", "https://evil.example"), ("content-type", "application/json")];
    assert_eq!(site.ask("POST", "/api/v1/queue/pause", &foreign, "{}").await.status, 403);
    let plain = [("content-type", "text/plain")];
    assert_eq!(site.ask("POST", "/api/v1/queue/pause", &plain, "{}").await.status, 415);
}

#[tokio::test]
async fn every_answer_tells_a_browser_to_run_nothing_but_ours() {
    let site = site().await;
    for path in ["/sign-in", "/", "/api/v1/status", "/nothing/here", "/livez"] {
        let answer = site.ask("GET", path, &[], "").await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    let page = site.ask("GET", "/sign-in", &[], "").await.text;
    let (_, rest) = page.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let css = site.ask("GET", rest.split('"').next().unwrap(), &[], "").await;
    assert_eq!(css.header("content-type"), "text/css");
    assert!(css.header("cache-control").contains("immutable"), "{css:?}");
}
