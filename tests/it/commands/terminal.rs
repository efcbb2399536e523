//! The write side from a terminal: the program itself, against the simulator.

use serde_json::json;
use stripe_simulator::{Fault, FaultKind, Kind};

use super::app::ApiApp;
use super::typed::{run, type_in, type_in_with, written};

const CARD: &str = "--payment-method pm_card_visa --confirm --allow-redirects never";

/// A payment of 20.00 EUR that is paid, and its row.
async fn paid(api: &ApiApp) -> String {
    let id = api.paid("order-1").await.id().to_owned();
    api.app.settled().await;
    id
}

#[tokio::test]
async fn a_payment_is_created_once_for_its_key_and_the_log_says_who_and_why() {
    let api = ApiApp::start().await;
    let create = "payments create --amount 1999 --currency eur --reference order-42 --metadata order=42 \
                  --as ada --json";
    let words: Vec<_> =
        create.split_whitespace().chain(["--audit-reason", "phone order"]).collect();
    let made = run(&api, &words).await.with(0);
    let document = made.json();
    assert_eq!((&document["outcome"], &document["replayed"]), (&json!("done"), &json!(false)));
    let answer = &document["answer"];
    let at_stripe = api.at_stripe(Kind::PaymentIntent).pop().unwrap();
    assert_eq!(answer["id"], at_stripe["id"]);
    assert_eq!(answer["client_secret"], at_stripe["client_secret"]);
    assert_eq!((&answer["amount"], &answer["metadata"]["order"]), (&json!(1999), &json!("42")));
    assert!(!made.err.contains("_secret_"), "{made}");
    assert!(!api.app.db.everything().await.contains("_secret_"), "it is stored nowhere");

    let stored = api.stored().await.pop().unwrap();
    assert_eq!((&stored["caller"], &stored["id"]), (&json!("cli:ada"), &document["command"]));
    let noted = api.app.db.json("quittance.audit_log", "verb = 'command.create_payment'").await;
    assert_eq!((&noted["actor"], &noted["reason"]), (&json!("ada"), &json!("phone order")));

    // The key that was made is printed before Stripe is asked, and repeats the request.
    let key = document["idempotency_key"].as_str().unwrap();
    assert!(made.err.contains(&format!("Idempotency key: {key} (made for this request")), "{made}");
    let again = type_in(&api, &format!("{create} --idempotency-key {key}")).await.with(0).json();
    assert_eq!((&again["replayed"], &again["answer"]), (&json!(true), answer));
    let other = type_in(&api, &format!("{create} --idempotency-key {key} --off-session")).await;
    assert!(other.with(1).json()["answer"]["code"] == "idempotency_key_reused");
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn people_read_the_answer_with_amounts_as_they_write_them() {
    let api = ApiApp::start().await;
    let made = type_in(&api, &format!("payments create --amount 2000 --currency eur {CARD}")).await;
    let made = made.with(0);
    let id = api.at_stripe(Kind::PaymentIntent)[0]["id"].as_str().unwrap().to_owned();
    assert!(made.out.starts_with(&format!("{id}  succeeded\n")), "{made}");
    for part in ["2000 (20.00 EUR)", "client_secret", "command "] {
        assert!(made.out.contains(part), "no {part:?} in {made}");
    }
    let declined = "--payment-method pm_card_chargeDeclinedInsufficientFunds --confirm \
                    --allow-redirects never";
    let declined = format!("payments create --amount 2000 --currency eur {declined}");
    let refused = type_in(&api, &declined).await.with(1);
    assert!(refused.said().contains("Stripe refused it (insufficient_funds): "), "{refused}");
    assert!(refused.said().contains("the payment is pi_"), "{refused}");
    let customer = type_in(&api, "customers create --email a@example.com --reference user-7").await;
    assert!(customer.with(0).out.starts_with("cus_"));
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_payment_is_confirmed_captured_and_cancelled() {
    let api = ApiApp::start().await;
    let create = |more: &str| format!("payments create --amount 2000 --currency eur --json {more}");
    let held = create("--capture-method manual --allow-redirects never");
    let held = type_in(&api, &held).await.with(0).json();
    let held = held["answer"]["id"].as_str().unwrap();
    let confirm = format!("payments confirm {held} --payment-method pm_card_visa");
    assert!(type_in(&api, &confirm).await.with(0).out.contains("requires_capture"));
    let too_much = type_in(&api, &format!("payments capture {held} --amount 2001")).await.with(1);
    assert!(
        too_much.said().contains("(capture_exceeds_capturable): amount_to_capture"),
        "{too_much}"
    );
    let capture = format!("payments capture {held} --amount 1500");
    assert!(type_in(&api, &capture).await.with(0).out.contains("1500 (15.00 EUR)"));
    let again = type_in(&api, &capture).await.with(0);
    assert!(again.out.contains("Nothing new was done"), "{again}");

    let open = type_in(&api, &create("")).await.with(0).json();
    let open = open["answer"]["id"].as_str().unwrap();
    let cancel = format!("payments cancel {open} --cancellation-reason abandoned --json");
    assert_eq!(type_in(&api, &cancel).await.with(0).json()["answer"]["status"], "canceled");
    let late = type_in(&api, &format!("payments capture {open}")).await.with(1);
    assert!(late.said().contains("refused (status_forbids): "), "{late}");
    let nothing = type_in(&api, "payments cancel pi_nobody").await.with(1);
    assert!(nothing.said().contains("(not_found): there is no payment pi_nobody"), "{nothing}");
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_refund_that_is_typed_twice_is_made_once_and_another_one_takes_a_key() {
    let api = ApiApp::start().await;
    let payment = paid(&api).await;
    let refund = format!("refunds create {payment} --amount 500 --reason duplicate --as ada");
    let first = type_in(&api, &refund).await.with(0);
    assert!(first.out.contains("500 (5.00 EUR)") && !first.out.contains("Nothing new"), "{first}");
    let again = type_in(&api, &refund).await.with(0);
    assert!(again.out.contains("Nothing new was done"), "{again}");
    assert!(again.out.contains("--idempotency-key"), "it says how to refund once more: {again}");
    assert_eq!(api.at_stripe(Kind::Refund).len(), 1);
    type_in(&api, &format!("{refund} --idempotency-key return-8")).await.with(0);
    let at_stripe = api.at_stripe(Kind::Refund);
    assert_eq!((at_stripe.len(), &at_stripe[1]["reason"]), (2, &json!("duplicate")));

    let charge = api.at_stripe(Kind::Charge)[0]["id"].as_str().unwrap().to_owned();
    let over =
        type_in(&api, &format!("refunds create {charge} --amount 1001 --json")).await.with(1);
    assert_eq!(over.json()["outcome"], "refused");
    assert_eq!(over.json()["answer"]["code"], "refund_exceeds_left");
    assert!(over.said().contains("(refund_exceeds_left): amount: is 1001; 1000 is left"), "{over}");
    let rest = type_in(&api, &format!("refunds create {charge}")).await.with(0);
    assert!(rest.out.contains("1000 (10.00 EUR)"), "all that is left: {rest}");
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn an_amount_that_is_no_whole_number_is_refused_before_anything_with_the_hint() {
    let api = ApiApp::start().await;
    for line in [
        "payments create --amount 19.99 --currency eur",
        "payments capture pi_1 --amount 1e3",
        "refunds create pi_1 --amount 19.99",
        "payments create --amount 2000 --currency eur --application-fee-amount 1.5",
    ] {
        let refused = type_in(&api, line).await.with(2);
        assert!(refused.err.contains("1999 for 19.99 EUR"), "{refused}");
        assert!(refused.err.contains("19.99 * 100 is 1998.9999999999998"), "{refused}");
    }
    let args = ["payments", "create", "--data", r#"{"amount": 19.99, "currency": "eur"}"#];
    let refused = run(&api, &args).await.with(1);
    assert!(refused.said().contains("(amount_not_integer): amount: "), "{refused}");
    type_in(&api, "refunds create cus_1").await.with(2);
    type_in(&api, "payments create --amount 2000").await.with(2);
    assert_eq!((api.app.requests(), api.stored().await.len()), (0, 0));
    api.stop().await;
}

#[tokio::test]
async fn a_dry_run_shows_the_request_and_the_rule_and_changes_nothing() {
    let api = ApiApp::start().await;
    let payment = paid(&api).await;
    let refund = format!("refunds create {payment} --amount 500 --as ada");
    type_in(&api, &format!("{refund} --idempotency-key return-1")).await.with(0);
    api.app.settled().await;
    let (before, asked) = (written(&api).await, api.app.requests());

    let shown = type_in(&api, &format!("{refund} --dry-run")).await.with(0);
    for part in [
        "POST /v1/refunds\n",
        "amount                       500\n",
        "metadata[quittance_command]  <the command's id>",
        "No rule would refuse it.",
        "Dry run: nothing was sent, and nothing was written.",
    ] {
        assert!(shown.out.contains(part), "no {part:?} in {shown}");
    }
    let whole = format!("refunds create {payment} --dry-run --json");
    let whole = type_in(&api, &whole).await.with(0).json();
    assert_eq!((&whole["would"], &whole["dry_run"]), (&json!("send"), &json!(true)));
    assert_eq!(whole["request"]["parameters"]["amount"], "1500", "all that is left: {whole}");

    let over = type_in(&api, &format!("refunds create {payment} --amount 1501 --dry-run")).await;
    let over = over.with(1);
    assert!(over.out.contains("POST /v1/refunds"), "{over}");
    assert!(over.said().contains("it would be refused (refund_exceeds_left): "), "{over}");
    let cancel = format!("payments cancel {payment} --dry-run --json");
    let cancel = type_in(&api, &cancel).await.with(1).json();
    assert_eq!(
        (&cancel["would"], &cancel["refusal"]["code"]),
        (&json!("refuse"), &json!("status_forbids"))
    );
    let again = format!("{refund} --idempotency-key return-1 --dry-run --json");
    let again = type_in(&api, &again).await.with(0).json();
    assert_eq!(again["would"], "repeat");
    assert_eq!(again["command"], api.stored().await[1]["id"]);
    let key =
        format!("refunds create {payment} --as ada --idempotency-key return-1 --dry-run --json");
    let key = type_in(&api, &key).await.with(1).json();
    assert_eq!(key["refusal"]["code"], "idempotency_key_reused");
    let fee = "payments create --amount 2000 --currency eur --destination acct_1 \
               --application-fee-amount 2001 --dry-run";
    assert!(type_in(&api, fee).await.with(1).said().contains("(fee_exceeds_amount)"));

    assert_eq!(written(&api).await, before);
    // A status that forbids is asked about once more; nothing else asks.
    assert_eq!(api.app.requests(), asked + 1);
    api.stop().await;
}

#[tokio::test]
async fn a_dry_run_about_a_payment_that_is_only_at_stripe_writes_no_row() {
    let api = ApiApp::start().await;
    api.app.stripe().set_auto_deliver(false);
    let payment = api.app.pays("pm_card_visa");
    let before = written(&api).await;
    let shown = type_in(&api, &format!("refunds create {payment} --amount 500 --dry-run")).await;
    assert!(shown.with(0).out.contains("No rule would refuse it."));
    let charge = api.at_stripe(Kind::Charge)[0]["id"].as_str().unwrap().to_owned();
    let shown = type_in(&api, &format!("refunds create {charge} --amount 2001 --dry-run")).await;
    assert!(shown.with(1).said().contains("(refund_exceeds_left)"));
    let cancel = type_in(&api, &format!("payments cancel {payment} --dry-run")).await.with(1);
    assert!(cancel.said().contains("(status_forbids)"), "{cancel}");
    let nothing = type_in(&api, "payments capture pi_nobody --dry-run").await.with(1);
    assert!(nothing.said().contains("(not_found)"), "{nothing}");
    assert_eq!(written(&api).await, before);
    api.stop().await;
}

#[tokio::test]
async fn a_dry_run_says_what_has_the_reference_already() {
    let api = ApiApp::start().await;
    let create = |amount: u32, more: &str| {
        format!(
            "payments create --amount {amount} --currency eur --reference order-42 --as ada {more}"
        )
    };
    let made = type_in(&api, &create(2000, "--json")).await.with(0).json();
    api.app.settled().await;
    let before = written(&api).await;
    let same = type_in(&api, &create(2000, "--dry-run --json")).await.with(0).json();
    assert_eq!((&same["would"], &same["command"]), (&json!("existing"), &made["command"]));
    let other = type_in(&api, &create(2001, "--dry-run")).await.with(1);
    assert!(other.said().contains("(reference_differs)"), "{other}");
    assert_eq!(written(&api).await, before);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn setups_and_checkout_sessions_are_made_and_expired() {
    let api = ApiApp::with(&[("QUITTANCE__API__RETURN_URLS", "https://shop.example")]).await;
    let env = [("QUITTANCE__API__RETURN_URLS", "https://shop.example")];
    let setup = type_in(&api, "setups create --usage off_session --json").await.with(0);
    let at_stripe = api.at_stripe(Kind::SetupIntent).pop().unwrap();
    assert_eq!(setup.json()["answer"]["client_secret"], at_stripe["client_secret"]);
    assert!(!setup.err.contains("_secret_"), "{setup}");

    let file = crate::harness::temp_dir();
    let path = file.path().join("session.json");
    let item = json!({"price_data": {"currency": "eur", "unit_amount": 500,
                      "product_data": {"name": "Mug"}}, "quantity": 4});
    std::fs::write(&path, json!({ "line_items": [item] }).to_string()).unwrap();
    let create = format!(
        "checkouts create --mode payment --success-url https://shop.example/thanks --data @{}",
        path.display()
    );
    let dry = type_in_with(&api, &format!("{create} --dry-run"), &env).await.with(0);
    assert!(dry.out.contains("POST /v1/checkout/sessions"), "{dry}");
    assert_eq!(api.at_stripe(Kind::CheckoutSession).len(), 0);
    let open = type_in_with(&api, &format!("{create} --json"), &env).await.with(0).json();
    let session = open["answer"]["id"].as_str().unwrap();
    assert_eq!(open["answer"]["url"], api.at_stripe(Kind::CheckoutSession)[0]["url"]);
    let elsewhere = type_in(&api, &format!("{create} --dry-run")).await.with(1);
    assert!(elsewhere.said().contains("(return_url_not_allowed): success_url"), "{elsewhere}");

    let expire = format!("checkouts expire {session}");
    assert!(type_in(&api, &expire).await.with(0).out.starts_with(&format!("{session}  expired")));
    let again = type_in(&api, &expire).await.with(0);
    assert!(again.out.contains("Nothing new was done"), "{again}");
    let late = type_in(&api, &format!("{expire} --idempotency-key late")).await.with(1);
    assert!(late.said().contains("(status_forbids)"), "{late}");
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn an_unknown_outcome_says_so_how_to_look_and_is_waited_for() {
    let api = ApiApp::start().await;
    let payment = paid(&api).await;
    for fault in [FaultKind::ResetAfter, FaultKind::ResetBefore] {
        let made = api.at_stripe(Kind::Refund).len();
        api.app.stripe().add_fault(Fault::once("POST /v1/refunds", fault));
        let refund = format!("refunds create {payment} --amount 500 --idempotency-key r-{made}");
        let open = type_in(&api, &format!("{refund} --json")).await.with(6);
        let id = open.json()["command"].as_str().unwrap().to_owned();
        assert_eq!(
            (&open.json()["outcome"], &open.json()["answer"]["state"]),
            (&json!("unknown"), &json!("unknown"))
        );
        for part in [
            format!("what became of the command {id} is not known yet"),
            format!("quittance commands show {id}"),
            format!("--idempotency-key r-{made} --wait"),
        ] {
            assert!(open.said().contains(&part), "no {part:?} in {open}");
        }
        let waited = type_in(&api, &format!("{refund} --wait=60s")).await.with(0);
        assert!(waited.out.contains("500 (5.00 EUR)"), "{waited}");
        assert_eq!(api.at_stripe(Kind::Refund).len(), made + 1);
    }
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_command_that_stripe_has_not_received_is_open_and_is_sent_by_the_next_try() {
    let api = ApiApp::start().await;
    api.app.stripe().add_fault(Fault::always("POST /v1/customers", FaultKind::RateLimited));
    let create = "customers create --name Jane --idempotency-key user-7";
    let env = [("QUITTANCE__API__DEADLINE", "200ms")];
    let open = type_in_with(&api, create, &env).await.with(6);
    assert!(open.said().contains("Stripe has not received the command"), "{open}");
    assert!(open.said().contains("(rate_limited)"), "{open}");
    api.app.stripe().clear_faults();
    let done = type_in(&api, create).await.with(0);
    assert!(done.out.starts_with("cus_"), "{done}");
    assert_eq!(api.at_stripe(Kind::Customer).len(), 1);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn card_data_is_refused_in_each_argument_and_is_nowhere_afterwards() {
    let api = ApiApp::start().await;
    let card = "4242424242424242";
    let payment = ["payments", "create", "--amount", "2000", "--currency", "eur"];
    let metadata = format!("note={card}");
    let data = format!(r#"{{"description": "{card}"}}"#);
    for args in [
        [&payment[..], &["--description", card]].concat(),
        [&payment[..], &["--metadata", &metadata]].concat(),
        [&payment[..], &["--data", &data]].concat(),
        [&payment[..], &["--idempotency-key", card]].concat(),
        [&payment[..], &["--as", card]].concat(),
        [&payment[..], &["--audit-reason", card]].concat(),
        vec!["customers", "create", "--name", card],
        vec!["payments", "capture", card],
    ] {
        for dry_run in [&[][..], &["--dry-run"]] {
            let refused = run(&api, &[&args[..], dry_run].concat()).await.with(2);
            assert!(refused.err.contains("something like a card number"), "{refused}");
            assert!(!refused.out.contains(card) && !refused.err.contains(card), "{refused}");
        }
    }
    let file = crate::harness::temp_dir();
    let path = file.path().join("payment.json");
    std::fs::write(&path, data).unwrap();
    let argument = format!("@{}", path.display());
    let refused = run(&api, &[&payment[..], &["--data", &argument]].concat()).await.with(2);
    assert!(refused.said().contains("refused (card_data): description: "), "{refused}");
    assert!(!refused.out.contains(card) && !refused.err.contains(card), "{refused}");
    assert_eq!(api.app.requests(), 0);
    assert!(!api.app.db.everything().await.contains(card));
    api.stop().await;
}

#[tokio::test]
async fn more_parameters_come_as_json_and_none_comes_twice() {
    let api = ApiApp::start().await;
    let data = r#"{"metadata": {"order": "42"}, "description": "shoes"}"#;
    let flags = ["payments", "create", "--amount", "2000", "--currency", "eur", "--json"];
    let made = run(&api, &[&flags[..], &["--data", data]].concat()).await.with(0).json();
    assert_eq!(made["answer"]["metadata"]["order"], "42");
    let file = crate::harness::temp_dir();
    let path = file.path().join("payment.json");
    std::fs::write(&path, r#"{"amount": 700, "currency": "eur"}"#).unwrap();
    let argument = format!("@{}", path.display());
    let made = run(&api, &["payments", "create", "--json", "--data", &argument]).await.with(0);
    assert_eq!(made.json()["answer"]["amount"], 700);
    for (data, part) in [
        (r#"{"amount": 1}"#, "duplicate field `amount`"),
        (r#"{"amuont": 1}"#, "unknown field `amuont`"),
        ("[]", "--data: it is JSON, but not an object"),
        ("@/nowhere/x.json", "--data: cannot read /nowhere/x.json"),
    ] {
        let refused = run(&api, &[&flags[..], &["--data", data]].concat()).await.with(1);
        assert!(refused.said().contains(part), "no {part:?} in {refused}");
    }
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 2);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_payment_is_shown_with_its_charges_refunds_and_commands() {
    let api = ApiApp::start().await;
    let payment = paid(&api).await;
    type_in(&api, &format!("refunds create {payment} --amount 500 --as ada")).await.with(0);
    api.app.settled().await;
    let shown = type_in(&api, &format!("payments show {payment}")).await.with(0);
    assert!(shown.out.starts_with(&format!("{payment}  succeeded  20.00 EUR\n")), "{shown}");
    for part in ["refundable      15.00 EUR", "CHARGE", "ch_", "re_", "create_refund", "cli:ada"] {
        assert!(shown.out.contains(part), "no {part:?} in {shown}");
    }
    let document = type_in(&api, &format!("payments show {payment} --json")).await.with(0).json();
    assert_eq!((&document["id"], &document["refundable"]), (&json!(payment), &json!(1500)));
    assert_eq!(document["refunds"][0]["amount"], 500);
    assert_eq!(document["commands"][0]["caller"], "cli:ada");

    api.app.stripe().set_auto_deliver(false);
    let fresh = api.app.pays("pm_card_visa");
    let unknown = type_in(&api, &format!("payments show {fresh}")).await.with(1);
    assert!(unknown.said().contains("--refresh asks Stripe"), "{unknown}");
    let asked = type_in(&api, &format!("payments show {fresh} --refresh")).await.with(0);
    assert!(asked.out.starts_with(&format!("{fresh}  succeeded")), "{asked}");
    type_in(&api, "payments show pi_nobody --refresh").await.with(1);
    api.stop().await;
}

/// A refund whose outcome the program could not find out; ada asked for it.
async fn dead_refund(api: &ApiApp, payment: &str) -> String {
    api.app.stripe().add_fault(Fault::once("POST /v1/refunds", FaultKind::ResetBefore));
    let refund = format!("refunds create {payment} --amount 1500 --as ada --json");
    let open = type_in(api, &refund).await.with(6);
    api.app
        .db
        .execute(
            "UPDATE quittance.commands
             SET state = 'dead', failure = 'undecided', failure_detail = E'look\\nup \\u001b[2J'
             WHERE kind = 'create_refund' AND state = 'unknown'",
        )
        .await;
    open.json()["command"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn commands_are_listed_and_shown_as_their_rows_have_them() {
    let api = ApiApp::start().await;
    assert_eq!(type_in(&api, "commands list").await.with(0).out, "No commands.\n");
    let payment = paid(&api).await;
    let dead = dead_refund(&api, &payment).await;

    let listed = type_in(&api, "commands list").await.with(0);
    let lines: Vec<_> = listed.out.lines().collect();
    assert_eq!(lines.len(), 3, "{listed}");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let heading = ["ID", "STATE", "KIND", "AMOUNT", "OBJECT", "CALLER", "CREATED", "FAILURE"];
    assert_eq!(words(lines[0]), heading);
    let newest = words(lines[1]);
    assert_eq!(newest[..5], [&*dead, "dead", "create_refund", "15.00", "EUR"], "{listed}");
    assert_eq!((&*newest[5], &**newest.last().unwrap()), ("cli:ada", "undecided"));
    assert_eq!(words(lines[2])[1..6], ["done", "create_payment", "20.00", "EUR", &*payment]);
    let only = type_in(&api, "commands list --state dead --json").await.with(0).json();
    let all = only["commands"].as_array().unwrap();
    assert_eq!((all.len(), &all[0]["id"], &all[0]["state"]), (1, &json!(dead), &json!("dead")));
    let one = type_in(&api, "commands list --limit 1 --json").await.with(0).json();
    assert_eq!(one["commands"].as_array().unwrap().len(), 1);
    type_in(&api, "commands list --state gone").await.with(2);

    let shown = type_in(&api, &format!("commands show {dead}")).await.with(0);
    assert!(shown.out.starts_with(&format!("{dead}  dead  create_refund\n")), "{shown}");
    let facts = |name: &str| {
        let line = shown.out.lines().find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in {shown}")).trim_start()[name.len()..].trim()
    };
    assert_eq!(
        (facts("caller "), facts("amount "), facts("target ")),
        ("cli:ada", "15.00 EUR", &*payment)
    );
    assert_eq!((facts("failure "), facts("attempts ")), ("undecided", "1"));
    assert_eq!(facts("detail "), "look\\nup \\u{1b}[2J", "it cannot command the terminal");
    assert!(shown.out.contains(&format!("quittance commands retry {dead}")), "{shown}");
    let document = type_in(&api, &format!("commands show {dead} --json")).await.with(0).json();
    assert_eq!((&document["target"], &document["amount"]), (&json!(payment), &json!(1500)));
    assert!(facts("key ") == document["idempotency_key"], "{document}");
    let unknown = "00000000-0000-0000-0000-000000000000";
    let unknown = type_in(&api, &format!("commands show {unknown}")).await.with(1);
    assert!(unknown.said().contains("there is no command 00000000"), "{unknown}");
    type_in(&api, "commands show 42").await.with(2);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_dead_command_is_retried_or_abandoned_and_what_was_abandoned_can_be_typed_again() {
    let api = ApiApp::start().await;
    let payment = paid(&api).await;
    let dead = dead_refund(&api, &payment).await;
    let refund = format!("refunds create {payment} --amount 1500 --as ada");
    let open = type_in(&api, &refund).await.with(6);
    assert!(open.said().contains("an operator decides"), "{open}");

    let args = ["commands", "retry", &dead, "--reason", "Stripe is back", "--as", "bob"];
    let retried = run(&api, &args).await.with(0);
    assert!(
        retried.out.starts_with(&format!("The command {dead} is investigated again")),
        "{retried}"
    );
    assert_eq!(api.stored().await[1]["state"], "unknown");
    let noted = api.app.db.json("quittance.audit_log", "verb = 'command.retry'").await;
    assert_eq!((&noted["actor"], &noted["reason"]), (&json!("bob"), &json!("Stripe is back")));
    let args = ["commands", "abandon", &dead, "--reason", "not at Stripe", "--as", "bob", "--json"];
    let early = run(&api, &args).await.with(1);
    assert!(early.said().contains("is not a dead command"), "{early}");

    api.app
        .db
        .execute("UPDATE quittance.commands SET state = 'dead' WHERE state = 'unknown'")
        .await;
    type_in(&api, &format!("commands abandon {dead}")).await.with(2);
    let abandoned = run(&api, &args).await.with(0).json();
    assert_eq!(
        (&abandoned["state"], &abandoned["failure"]),
        (&json!("refused"), &json!("abandoned"))
    );
    assert_eq!(api.at_stripe(Kind::Refund).len(), 0);
    // It had no effect, so the same line is a new request.
    let done = type_in(&api, &refund).await.with(0);
    assert!(done.out.contains("1500 (15.00 EUR)") && !done.out.contains("Nothing new"), "{done}");
    assert_eq!(api.at_stripe(Kind::Refund).len(), 1);
    api.app.settled().await;
    api.stop().await;
}
