//! Refunds, captures and cancellations from a payment's page, and the pages of commands.

use std::time::Duration;

use quittance::commands::begin_refunds;
use quittance::domain::command::refund_file;
use quittance::store::dead_letter::Actor;
use quittance::store::operation::RefundFile;
use serde_json::{Value, json};
use stripe_simulator::{CaptureMethod, Fault, FaultKind, Kind, NewPayment};

use super::site::{Answer, OPERATOR, Site, VIEWER};
use crate::harness::{Options, eventually};

/// A payment of 20.00 EUR that is paid, and its row.
async fn paid(site: &Site) -> String {
    let payment = site.app.pays("pm_card_visa");
    site.app.settled().await;
    payment
}

/// The fields of the form on a page.
fn fields(page: &Answer) -> Vec<(String, String)> {
    let inputs = page.text.split("<input type=\"hidden\" name=\"").skip(1);
    let inputs = inputs.filter_map(|rest| {
        let (name, rest) = rest.split_once("\" value=\"")?;
        Some((name.to_owned(), rest.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&")))
    });
    // The last form of each name: the page's own, after those of its frame.
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in inputs {
        found.retain(|(known, _)| *known != name);
        found.push((name, value));
    }
    found
}

/// The form of a page, filled in by an operator.
fn filled(page: &Answer, typed: &str) -> Vec<(String, String)> {
    let mut all = fields(page);
    all.push(("typed".to_owned(), typed.to_owned()));
    all.push(("reason".to_owned(), "returned the shoes".to_owned()));
    all
}

async fn send(site: &Site, path: &str, cookie: &str, form: &[(String, String)]) -> Answer {
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    site.post(path, cookie, &form).await
}

async fn commands(site: &Site) -> Vec<Value> {
    site.app.db.rows("SELECT * FROM quittance.commands ORDER BY created_at").await
}

fn refunds(site: &Site) -> Vec<Value> {
    site.app.stripe().truth(Kind::Refund)
}

#[tokio::test]
async fn an_operator_refunds_a_part_and_the_log_says_who_why_and_which_command() {
    let site = Site::acting(Options::default()).await;
    let payment = paid(&site).await;
    let cookie = site.sign_in(OPERATOR).await;
    let shown = site.page(&format!("/objects/{payment}"), &cookie).await.text;
    let path = format!("/payments/{payment}/refund");
    assert!(shown.contains(&format!("href=\"{path}\"")) && shown.contains("20.00 EUR"), "{shown}");
    assert!(!shown.contains("/capture\"") && !shown.contains("/cancel\""), "{shown}");
    let ask = site.page(&path, &cookie).await;
    assert!(ask.text.contains("value=\"20.00\""), "all that is left is offered: {}", ask.text);

    let page = site.page(&format!("{path}?amount=12.5&stripe_reason=duplicate"), &cookie).await;
    assert!(page.text.contains("Type the amount, 12.50, to confirm"), "{}", page.text);
    let other = send(&site, &path, &cookie, &filled(&page, "12.00")).await;
    assert_eq!(other.status, 409, "{other:?}");
    assert!(other.text.contains("Nothing was done"), "{}", other.text);
    let mut silent = filled(&page, "12.50");
    silent.retain(|(name, _)| name != "reason");
    assert_eq!(send(&site, &path, &cookie, &silent).await.status, 422);
    assert_eq!((commands(&site).await.len(), refunds(&site).len()), (0, 0));

    let done = send(&site, &path, &cookie, &filled(&page, "12.50")).await;
    assert_eq!(done.status, 303, "{done:?}");
    let command = commands(&site).await.pop().unwrap();
    let id = command["id"].as_str().unwrap();
    assert_eq!(done.header("location"), format!("/commands/{id}"));
    assert_eq!(command["caller"], "operator:ada");
    let refund = refunds(&site).pop().unwrap();
    assert_eq!((&refund["amount"], &refund["reason"]), (&json!(1250), &json!("duplicate")));
    let noted = site.app.db.json("quittance.audit_log", "verb = 'command.create_refund'").await;
    assert_eq!(
        (&noted["actor"], &noted["reason"], &noted["target"]),
        (&json!("ada"), &json!("returned the shoes"), &json!(format!("command:{id}")))
    );
    assert_eq!(
        noted["details"],
        json!({"caller": "operator:ada", "payment": payment, "amount": 1250, "currency": "eur"})
    );
    let page = site.page(&format!("/commands/{id}"), &cookie).await.text;
    assert!(page.contains("Stripe has carried it out.") && page.contains("12.50 EUR"), "{page}");
    let page = site.page(&format!("/objects/{payment}"), &cookie).await.text;
    assert!(page.contains(&format!("/commands/{id}")) && page.contains("7.50 EUR"), "{page}");
    site.app.settled().await;
    site.app.is_true().await;
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_one_refund_and_one_that_is_opened_again_is_another() {
    let site = Site::acting(Options::default()).await;
    let payment = paid(&site).await;
    let cookie = site.sign_in(OPERATOR).await;
    let path = format!("/payments/{payment}/refund");
    let asked = format!("{path}?amount=5.00");
    let form = filled(&site.page(&asked, &cookie).await, "5.00");
    let second_tab = filled(&site.page(&asked, &cookie).await, "5.00");
    let other_amount = filled(&site.page(&format!("{path}?amount=6.00"), &cookie).await, "6.00");

    // A double click.
    let (one, two) =
        tokio::join!(send(&site, &path, &cookie, &form), send(&site, &path, &cookie, &form));
    assert_eq!((one.status, two.status), (303, 303), "{one:?} {two:?}");
    assert_eq!(one.header("location"), two.header("location"));
    // The back button, and a tab that showed the same.
    for again in [&form, &second_tab] {
        let again = send(&site, &path, &cookie, again).await;
        assert_eq!(again.header("location"), one.header("location"), "{again:?}");
    }
    let other = send(&site, &path, &cookie, &other_amount).await;
    assert_eq!(other.status, 409, "{other:?}");
    assert_eq!((commands(&site).await.len(), refunds(&site).len()), (1, 1));
    let noted = "quittance.audit_log WHERE verb = 'command.create_refund'";
    assert_eq!(site.app.db.count(noted).await, 1);

    // Two equal refunds are both wanted, where the second was asked for after the first.
    let page = site.page(&asked, &cookie).await;
    assert!(page.text.contains("was refunded already"), "{}", page.text);
    let form = filled(&page, "5.00");
    let third = send(&site, &path, &cookie, &form).await;
    assert_eq!(third.status, 303, "{third:?}");
    assert_ne!(third.header("location"), one.header("location"));
    assert_eq!(refunds(&site).len(), 2);
    site.app.settled().await;
}

#[tokio::test]
async fn a_page_that_shows_what_is_no_longer_so_is_refused() {
    let site = Site::acting(Options::default()).await;
    let payment = paid(&site).await;
    let cookie = site.sign_in(OPERATOR).await;
    let path = format!("/payments/{payment}/refund");
    let form = filled(&site.page(&format!("{path}?amount=5.00"), &cookie).await, "5.00");
    // Somebody else, meanwhile.
    let body = json!({"payment_intent": payment, "amount": 500});
    let params = serde_json::from_value(body).unwrap();
    let caller = quittance::commands::Caller::unlimited("shop");
    crate::commands::app::commands(&site.app)
        .submit(
            &caller,
            "return-1",
            None,
            quittance::domain::command::command_params::CommandParams::CreateRefund(params),
        )
        .await
        .unwrap();
    let refused = send(&site, &path, &cookie, &form).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.text.contains("look at the payment"), "{}", refused.text);
    assert_eq!(refunds(&site).len(), 1);
    site.app.settled().await;
}

#[tokio::test]
async fn what_a_rule_forbids_is_said_before_it_is_confirmed_and_refused_when_it_is() {
    let site = Site::acting(Options::default()).await;
    let payment = paid(&site).await;
    let cookie = site.sign_in(OPERATOR).await;
    let path = format!("/payments/{payment}/refund");
    let page = site.page(&format!("{path}?amount=20.01"), &cookie).await;
    assert!(page.text.contains("It would be refused: amount: is 2001"), "{}", page.text);
    assert!(!page.text.contains("name=\"typed\""), "{}", page.text);
    let mut form = filled(&site.page(&format!("{path}?amount=5.00"), &cookie).await, "20.01");
    form.retain(|(name, _)| name != "amount");
    form.push(("amount".to_owned(), "20.01".to_owned()));
    let refused = send(&site, &path, &cookie, &form).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.text.contains("refund_exceeds_left"), "{}", refused.text);
    for amount in ["5,00", "5.001", "five", "-5"] {
        let page = site.page(&format!("{path}?amount={amount}"), &cookie).await;
        assert_eq!(page.status, 400, "{amount}: {}", page.text);
    }
    assert_eq!(site.page(&format!("/payments/{payment}/burn"), &cookie).await.status, 404);
    assert_eq!(site.page("/payments/pi_none/refund", &cookie).await.status, 404);
    assert_eq!((commands(&site).await.len(), refunds(&site).len()), (0, 0));
}

#[tokio::test]
async fn an_authorised_payment_is_captured_in_part_and_an_open_one_cancelled() {
    let site = Site::acting(Options::default()).await;
    let new = || NewPayment { amount: 2000, currency: "eur".into(), ..NewPayment::default() };
    let held = site.app.makes(NewPayment {
        payment_method: Some("pm_card_visa".into()),
        confirm: true,
        capture_method: Some(CaptureMethod::Manual),
        ..new()
    });
    let open = site.app.makes(new());
    site.app.settled().await;
    let cookie = site.sign_in(OPERATOR).await;
    for (payment, asked, act, typed, status) in [
        (&held, "?amount=15", "capture", "15.00", "succeeded"),
        (&open, "", "cancel", "20.00", "canceled"),
    ] {
        let path = format!("/payments/{payment}/{act}");
        let page = site.page(&format!("{path}{asked}"), &cookie).await;
        let done = send(&site, &path, &cookie, &filled(&page, typed)).await;
        assert_eq!(done.status, 303, "{done:?}");
        assert_eq!(site.app.payment(payment).await["status"], status, "{act}");
        let verb = format!("verb = 'command.{act}_payment'");
        let noted = site.app.db.json("quittance.audit_log", &verb).await;
        assert_eq!(noted["details"]["payment"], **payment);
        // What is over is offered no more.
        let shown = site.page(&format!("/objects/{payment}"), &cookie).await.text;
        assert!(!shown.contains(&format!("href=\"{path}\"")), "{shown}");
    }
    assert_eq!(site.app.payment(&held).await["amount_received"], 1500);
    site.app.settled().await;
    site.app.is_true().await;
}

#[tokio::test]
async fn a_viewer_sees_no_button_and_may_not_and_neither_may_a_form_from_elsewhere() {
    let site = Site::acting(Options::default()).await;
    let payment = paid(&site).await;
    let path = format!("/payments/{payment}/refund");
    let cookie = site.sign_in(OPERATOR).await;
    let mut form = filled(&site.page(&format!("{path}?amount=5.00"), &cookie).await, "5.00");

    let viewer = site.sign_in(VIEWER).await;
    let shown = site.page(&format!("/objects/{payment}"), &viewer).await.text;
    assert!(shown.contains("Can be refunded") && !shown.contains("/payments/"), "{shown}");
    let asked = site.page(&format!("{path}?amount=5.00"), &viewer).await;
    assert!(!asked.text.contains("name=\"typed\""), "{}", asked.text);
    let token = site.page("/", &viewer).await.form_token();
    let mut of_viewer = form.clone();
    of_viewer.retain(|(name, _)| name != "form_token");
    of_viewer.push(("form_token".to_owned(), token));
    let refused = send(&site, &path, &viewer, &of_viewer).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.text.contains("bob is a viewer"), "{}", refused.text);

    form.retain(|(name, _)| name != "form_token");
    assert_eq!(send(&site, &path, &cookie, &form).await.status, 403);
    assert_eq!((commands(&site).await.len(), refunds(&site).len()), (0, 0));
}

#[tokio::test]
async fn a_server_without_a_key_for_acting_says_so_and_does_nothing() {
    let site = Site::start(Options::default()).await;
    let payment = paid(&site).await;
    let cookie = site.sign_in(OPERATOR).await;
    let shown = site.page(&format!("/objects/{payment}"), &cookie).await.text;
    assert!(shown.contains("stripe.write_key") && !shown.contains("/payments/"), "{shown}");
    let path = format!("/payments/{payment}/refund");
    let page = site.page(&format!("{path}?amount=5.00"), &cookie).await;
    assert!(page.text.contains("stripe.write_key"), "{}", page.text);
    let token = page.form_token();
    let form = [
        ("form_token", token.as_str()),
        ("seen", "none"),
        ("amount", "5.00"),
        ("typed", "5.00"),
        ("reason", "x"),
    ];
    let refused = site.post(&path, &cookie, &form).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refunds(&site).len(), 0);
}

#[tokio::test]
async fn what_is_not_known_yet_is_shown_as_that_and_what_is_dead_is_decided_by_an_operator() {
    let site = Site::acting(Options::default()).await;
    let payment = paid(&site).await;
    let cookie = site.sign_in(OPERATOR).await;
    let path = format!("/payments/{payment}/refund");
    site.app.stripe().add_fault(Fault::once("POST /v1/refunds", FaultKind::ResetBefore));
    let page = site.page(&format!("{path}?amount=15.00"), &cookie).await;
    let sent = send(&site, &path, &cookie, &filled(&page, "15.00")).await;
    assert_eq!(sent.status, 303, "{sent:?}");
    let command = sent.header("location").to_owned();
    let shown = site.page(&command, &cookie).await.text;
    assert!(shown.contains("There is nothing to do.") && !shown.contains("Abandon"), "{shown}");
    let reserved = site.page(&format!("{path}?amount=6.00"), &cookie).await.text;
    assert!(reserved.contains("It would be refused"), "what is not known is reserved: {reserved}");

    site.app.db.execute("UPDATE quittance.commands SET state = 'dead'").await;
    let list = site.page("/commands", &cookie).await.text;
    assert!(list.contains("Dead: an operator has to decide"), "{list}");
    let only = site.page("/commands?state=done", &cookie).await.text;
    assert!(only.contains("No command matches.") && !only.contains("Dead:"), "{only}");
    assert_eq!(site.page("/commands?state=lost", &cookie).await.status, 422);
    let shown = site.page(&command, &cookie).await;
    assert!(shown.text.contains("quittance_command:"), "{}", shown.text);
    let viewer = site.sign_in(VIEWER).await;
    assert!(!site.page(&command, &viewer).await.text.contains("Abandon"));

    let token = shown.form_token();
    let abandon = format!("{command}/abandon");
    let silent = site.post(&abandon, &cookie, &[("form_token", &token)]).await;
    assert_eq!(silent.status, 422, "{silent:?}");
    let reason = ("reason", "not at Stripe");
    let done = site.post(&abandon, &cookie, &[("form_token", &token), reason]).await;
    assert_eq!((done.status, done.header("location")), (303, command.as_str()));
    let again = site.post(&abandon, &cookie, &[("form_token", &token), reason]).await;
    assert_eq!(again.status, 409, "{again:?}");
    let noted = site.app.db.json("quittance.audit_log", "verb = 'command.abandon'").await;
    assert_eq!((&noted["actor"], &noted["reason"]), (&json!("ada"), &json!("not at Stripe")));
    let free = site.page(&format!("{path}?amount=6.00"), &cookie).await.text;
    assert!(free.contains("to confirm"), "{free}");

    site.app.db.execute("UPDATE quittance.commands SET state = 'dead', closed_at = NULL").await;
    let retry = format!("{command}/retry");
    let done = site.post(&retry, &cookie, &[("form_token", &token)]).await;
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(commands(&site).await[0]["state"], "unknown");
    site.app.settled().await;
}

#[tokio::test]
async fn commands_are_listed_page_by_page_and_by_who_asked() {
    let site = Site::acting(Options::default()).await;
    let all = "INSERT INTO quittance.commands (
            id, caller, idempotency_key, fingerprint, kind, livemode, parameters, state, stripe_key,
            due_at, created_at, closed_at)
        SELECT gen_random_uuid(), CASE n % 2 WHEN 0 THEN 'shop' ELSE 'cli:ada' END, 'k' || n, '',
               'create_customer', false, '{}', 'done', 's' || n, now(),
               -- Many in one instant: a page must not leave any out.
               date_trunc('minute', now()) + make_interval(secs => n / 10), now()
        FROM generate_series(1, 75) AS n";
    site.app.db.execute(all).await;
    let cookie = site.sign_in(VIEWER).await;
    let mut path = "/commands?limit=30".to_owned();
    let mut seen = std::collections::BTreeSet::new();
    for expected in [30, 30, 15] {
        let page = site.page(&path, &cookie).await.text;
        assert_eq!(page.matches("<tr data-row>").count(), expected, "{path}");
        seen.extend(page.split("href=\"/commands/").skip(1).map(|rest| rest[..36].to_owned()));
        let next = page.split("href=\"?").nth(1).and_then(|rest| rest.split('"').next());
        match next {
            Some(next) => path = format!("/commands?{}", next.replace("&#38;", "&")),
            None => break,
        }
    }
    assert_eq!(seen.len(), 75);
    let page = site.page("/commands?caller=cli:ada", &cookie).await.text;
    assert_eq!(page.matches("<tr data-row>").count(), 38, "{page}");
}

/// Begins a bulk refund whose process has died before its first line.
async fn left_behind(site: &Site, payments: &[String]) -> String {
    let rows: Vec<_> = payments.iter().map(|payment| format!("{payment},500\n")).collect();
    let text = format!("payment_intent,amount\n{}pi_nowhere,100\n", rows.concat());
    let lines = refund_file::read(&text).unwrap();
    let file = RefundFile { file: "refunds.csv".to_owned(), reason: None };
    let actor = Actor { name: "grace", reason: Some("incident 12") };
    let over = Some(Duration::ZERO);
    let running = begin_refunds(&site.app.db.store, &file, &lines, over, actor).await.unwrap();
    site.app
        .db
        .execute("UPDATE quittance.operations SET heartbeat_at = now() - interval '2 minutes'")
        .await;
    running.operation.id.to_string()
}

#[tokio::test]
async fn a_bulk_refund_is_shown_line_by_line_and_gone_on_with_from_its_page() {
    let site = Site::acting(Options::default()).await;
    let payments = vec![paid(&site).await, paid(&site).await];
    let id = left_behind(&site, &payments).await;
    let cookie = site.sign_in(OPERATOR).await;
    let path = format!("/operations/{id}");
    let page = site.page(&path, &cookie).await;
    assert!(page.text.contains("refund") && page.text.contains(&payments[0]), "{}", page.text);
    assert!(page.text.contains("refunds.csv") && page.text.contains("waiting"), "{}", page.text);
    let list = site.page("/operations", &cookie).await.text;
    assert!(list.contains("incident 12") && list.contains("grace"), "{list}");

    let resumed = send(&site, &format!("{path}/resume"), &cookie, &fields(&page)).await;
    assert_eq!(resumed.status, 303, "{resumed:?}");
    eventually("it is done", async || {
        site.app.db.count("quittance.operations WHERE state = 'done'").await == 1
    })
    .await;
    assert_eq!(refunds(&site).len(), 2);
    let page = site.page(&path, &cookie).await.text;
    assert!(
        page.contains("2 succeeded, 1 failed, 3 total") && page.contains("not_found"),
        "{page}"
    );
    let failed = site.page(&format!("{path}?only_failed=true"), &cookie).await.text;
    assert!(failed.contains("pi_nowhere") && !failed.contains(&payments[0]), "{failed}");
    let lines = site.call("GET", &format!("{path}/lines?limit=2"), VIEWER, &json!(null)).await;
    let lines = lines.json();
    assert_eq!((&lines["next"], &lines["lines"][0]["result"]), (&json!(3), &json!("refunded")));
    let asked = "quittance.audit_log WHERE verb = 'command.create_refund' AND actor = 'grace' AND reason = 'incident 12'";
    assert_eq!(site.app.db.count(asked).await, 2);
    site.app.settled().await;
}

#[tokio::test]
async fn a_server_that_is_only_to_look_cancels_a_bulk_refund_and_does_not_go_on_with_it() {
    let site = Site::start(Options::default()).await;
    let payments = vec![paid(&site).await];
    let id = left_behind(&site, &payments).await;
    let path = format!("/operations/{id}");
    let resumed = site.call("POST", &format!("{path}/resume"), OPERATOR, &json!({})).await;
    assert_eq!((resumed.status, &resumed.json()["code"]), (409, &json!("no_write_key")));
    let cancelled = site.call("POST", &format!("{path}/cancel"), OPERATOR, &json!({})).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    eventually("it is cancelled", async || {
        site.app.db.count("quittance.operations WHERE state = 'cancelled'").await == 1
    })
    .await;
    assert_eq!(refunds(&site).len(), 0);
}
