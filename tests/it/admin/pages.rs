//! Contents of the operators' pages.

use serde_json::json;

use super::site::{OPERATOR, Site, VIEWER};
use crate::harness::{Options, eventually};

/// All pages that need no id.
pub(crate) const PAGES: [&str; 14] = [
    "/",
    "/dead-letters",
    "/dead-letters/list",
    "/dead-letters/bulk?verb=retry&state=open",
    "/events",
    "/objects",
    "/objects?customer=cus_1",
    "/commands",
    "/queue",
    "/outbox",
    "/operations",
    "/audit",
    "/accounts?account=acct_1",
    "/kinds",
];

async fn site() -> Site {
    Site::start(Options { workers: 0, ..Options::default() }).await
}

#[tokio::test]
async fn every_page_opens_with_nothing_and_with_much_in_it() {
    let site = site().await;
    let cookie = site.sign_in(OPERATOR).await;
    for path in PAGES {
        let page = site.page(path, &cookie).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
    }
    site.given_up(500).await;
    for path in PAGES.iter().chain(&["/dead-letters/1", "/events/evt_given_up_1"]) {
        let page = site.page(path, &cookie).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        assert!(!page.text.contains("<script>") && !page.text.contains(" style="), "{path}");
    }
}

#[tokio::test]
async fn nothing_dead_is_good_news_and_nothing_matching_is_not() {
    let site = site().await;
    let cookie = site.sign_in(VIEWER).await;
    let page = site.page("/dead-letters", &cookie).await.text;
    assert!(page.contains("No dead letters."), "{page}");
    site.given_up(3).await;
    let page = site.page("/dead-letters?customer=cus_none", &cookie).await.text;
    assert!(page.contains("Nothing matches these filters."), "{page}");
    assert!(!page.contains("No dead letters."), "{page}");
    // A filter that is misspelt matches nothing, and says so, rather than all.
    assert_eq!(site.page("/dead-letters?custommer=cus_1", &cookie).await.status, 422);
}

#[tokio::test]
async fn a_group_leads_to_its_dead_letters_among_those_that_were_asked_for_and_to_no_others() {
    let site = site().await;
    // Three groups and a hundred customers: of each customer, 1 dead letter of each group.
    site.given_up(300).await;
    let cookie = site.sign_in(OPERATOR).await;
    let asked = "/dead-letters?state=open&customer=cus_7&text=No+such&newer_than=30d&before=9999";
    let page = site.page(asked, &cookie).await.text;
    assert!(page.contains("1 dead letter in 1 group"), "{page}");
    let list = link(&page, "/dead-letters/list?", "group=");
    let page = site.page(&list, &cookie).await.text;
    assert_eq!(page.matches("<tr data-row>").count(), 1, "{list}: {page}");
    assert!(page.contains("cus_7") && !list.contains("before"), "{list}: {page}");
    let bulk = link(&page, "/dead-letters/bulk?", "verb=discard");
    let page = site.page(&bulk, &cookie).await.text;
    assert!(page.contains("Discard 1 dead letter?"), "{bulk}: {page}");
}

/// Where the first link leads that begins with this and contains that.
fn link(page: &str, begins: &str, contains: &str) -> String {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let links = links.map(|link| link.replace("&#38;", "&").replace("&amp;", "&"));
    let mut links = links.filter(|link| link.starts_with(begins) && link.contains(contains));
    links.next().unwrap_or_else(|| panic!("no link to {begins}…{contains}: {page}"))
}

#[tokio::test]
async fn what_stands_in_the_way_and_what_is_remarked_lead_to_where_one_mends_it() {
    let site = site().await;
    site.given_up(3).await;
    let cookie = site.sign_in(VIEWER).await;
    let page = site.page("/objects/pi_given_up_3", &cookie).await.text;
    let dead_letter = link(&page, "/dead-letters/", "");
    assert!(page.contains("dead letter 3 is open") && dead_letter == "/dead-letters/3", "{page}");
    let page = site.page("/", &cookie).await.text;
    assert!(
        page.contains("<a href=\"/dead-letters\">3 dead letters wait for an operator</a>"),
        "{page}"
    );
    assert!(!page.contains("quittance dead-letters"), "no command to type: {page}");
}

#[tokio::test]
async fn a_payload_is_hidden_until_it_is_asked_for_and_is_never_html() {
    let site = site().await;
    site.given_up(1).await;
    let cookie = site.sign_in(VIEWER).await;
    let page = site.page("/dead-letters/1", &cookie).await.text;
    assert!(!page.contains("payload of 1"), "{page}");
    let page = site.page("/dead-letters/1?payload=1", &cookie).await.text;
    assert!(page.contains("payload of 1") && !page.contains("<b>payload"), "{page}");
}

#[tokio::test]
async fn a_bulk_discard_wants_its_count_typed_and_tells_of_each() {
    let site = site().await;
    site.given_up(30).await;
    let cookie = site.sign_in(OPERATOR).await;
    let asked = "/dead-letters/bulk?verb=discard&state=open&event_type=charge.failed";
    let page = site.page(asked, &cookie).await;
    assert!(page.text.contains("Discard 10 dead letters?"), "{}", page.text);
    let token = page.form_token();
    let selection = r#"{"state":"open","event_type":"charge.failed"}"#;
    let mut fields = vec![
        ("form_token", token.as_str()),
        ("verb", "discard"),
        ("selection", selection),
        ("count", "10"),
        ("reason", "test data"),
        ("typed", "9"),
        ("back", asked),
    ];
    let refused = site.post("/dead-letters/bulk", &cookie, &fields).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(link(&refused.text, "/dead-letters/bulk?", "charge.failed"), asked);
    assert_eq!(site.app.db.count("quittance.operations").await, 0);

    fields[5] = ("typed", "10");
    let reason = std::mem::replace(&mut fields[4], ("reason", ""));
    let refused = site.post("/dead-letters/bulk", &cookie, &fields).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(link(&refused.text, "/dead-letters/bulk?", "charge.failed"), asked);
    fields[4] = reason;
    let begun = site.post("/dead-letters/bulk", &cookie, &fields).await;
    assert_eq!((begun.status, begun.header("location")), (303, "/operations/1"));
    eventually("it is done", async || {
        site.page("/operations/1", &cookie).await.text.contains("10 succeeded, 0 failed, 10 total")
    })
    .await;
    let discarded = "quittance.dead_letters WHERE state = 'discarded' AND discarded_by = 'ada'";
    assert_eq!(site.app.db.count(discarded).await, 10);
    // The same again: the count is no longer what was agreed to.
    let refused = site.post("/dead-letters/bulk", &cookie, &fields).await;
    assert_eq!(refused.status, 409, "{refused:?}");
}

#[tokio::test]
async fn a_dry_run_of_a_bulk_retry_asks_stripe_about_some_and_changes_nothing() {
    let site = site().await;
    site.given_up(90).await;
    site.app.stripe().set_auto_deliver(false);
    let payment = site.app.pays("pm_card_visa");
    let known = format!(
        "UPDATE quittance.dead_letters SET object_id = '{payment}' WHERE event_id = 'evt_given_up_3'"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(known)).execute(&site.app.db.pool).await.unwrap();
    let before = site.app.db.everything().await;
    let cookie = site.sign_in(OPERATOR).await;
    let asked = "/dead-letters/bulk?verb=retry&state=open&object_kind=payment_intent";
    let preview = site.page(asked, &cookie).await;
    assert!(preview.text.contains("Dry run"), "{}", preview.text);
    let selection = r#"{"state":"open","object_kind":"payment_intent"}"#;
    let token = preview.form_token();
    let fields = [("form_token", token.as_str()), ("selection", selection)];
    let page = site.post("/dead-letters/dry-run", &cookie, &fields).await.text;
    assert!(page.contains("20 of 30 compared with Stripe. Nothing was written."), "{page}");
    assert!(page.contains("No such payment_intent"), "what a retry would fail with: {page}");

    let only = json!({"selection": {"object_id": payment}});
    let found = site.call("POST", "/dead-letters/dry-run", OPERATOR, &only).await.json();
    assert_eq!(found["count"], 1);
    assert_eq!(found["dry_run"][0]["comparison"]["new_status"], "succeeded", "{found}");
    let named = json!({"selection": {"ids": [4711]}});
    let missing = site.call("POST", "/dead-letters/dry-run", OPERATOR, &named).await;
    assert_eq!(
        (missing.status, &missing.json()["detail"]),
        (404, &json!("there is no dead letter 4711"))
    );
    assert_eq!(site.app.db.everything().await, before);
}

#[tokio::test]
async fn a_paused_lane_is_said_on_every_page() {
    let site = site().await;
    let cookie = site.sign_in(OPERATOR).await;
    let token = site.page("/queue", &cookie).await.form_token();
    let mut fields =
        vec![("form_token", token.as_str()), ("lane", "live"), ("reason", "a <wrong> price")];
    assert_eq!(site.post("/queue/pause", &cookie, &fields).await.status, 303);
    for path in PAGES {
        let page = site.page(path, &cookie).await.text;
        assert!(page.contains("a &#60;wrong&#62; price"), "{path}: {page}");
    }
    fields.truncate(2);
    assert_eq!(site.post("/queue/resume", &cookie, &fields).await.status, 303);
    assert!(!site.page("/kinds", &cookie).await.text.contains("is paused by"));
}
