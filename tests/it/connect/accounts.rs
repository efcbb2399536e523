//! Connected accounts: what they can do, and what their platform may still ask.

use quittance::domain::id::{AccountId, Mode, ObjectId, Scope};
use quittance::domain::object::{Kind, Subject};
use quittance::ops::accounts::check;
use quittance::reconcile::Evidence;
use quittance::store::Outcome;
use stripe_simulator::{Account, AccountStep, PayoutStep};

use super::reconciler::App;

const READ: &str = "GET /v1/accounts/{id}";
const READ_PAYOUT: &str = "GET /v1/payouts/{id}";

async fn allowed(app: &App, seller: &Account) -> String {
    let query = format!(
        "SELECT concat_ws(' ', allowed, why_not) FROM app.can_receive_payments('{}', false)",
        seller.id()
    );
    app.text(&query).await
}

async fn onboarded(app: &App) -> Account {
    let seller = app.sim.platform().connect_new().unwrap();
    app.sim.clock().advance(10);
    seller.move_account(AccountStep::Onboarded).unwrap();
    app.settle_all().await;
    app.sim.clock().advance(10);
    seller
}

#[tokio::test]
async fn the_answer_before_a_destination_charge_follows_the_account_and_its_capabilities() {
    let app = App::start().await;
    let seller = app.sim.platform().connect_new().unwrap();
    assert!(allowed(&app, &seller).await.starts_with("f unknown"));
    app.settle_all().await;
    let why = allowed(&app, &seller).await;
    assert!(why.starts_with("f requirements.past_due: external_account"), "{why}");
    for (step, expected) in [
        (AccountStep::Onboarded, "t"),
        (AccountStep::MoreDue, "t"),
        (
            AccountStep::PayoutsPaused,
            "f requirements.past_due: external_account; payouts are disabled",
        ),
        (AccountStep::Onboarded, "t"),
        (
            AccountStep::TransfersLost,
            "f transfers is inactive (requirements.fields_needed): company.tax_id",
        ),
    ] {
        app.sim.clock().advance(10);
        seller.move_account(step).unwrap();
        app.settle_all().await;
        assert_eq!(allowed(&app, &seller).await, expected, "{step:?}");
        assert_eq!(allowed(&app, &seller).await == "t", seller.may_receive());
    }
    let deadline = "SELECT extract(epoch FROM deadline - observed_at)::bigint / 86400 \
                    FROM app.connected_accounts";
    assert_eq!(app.text(deadline).await, "7", "the capability's own deadline");
    let mut told = app.told("account.").await;
    told.sort();
    assert_eq!(
        told,
        [
            "account.charges_enabled",
            "account.payouts_disabled",
            "account.payouts_enabled",
            "account.payouts_enabled",
            "account.requirements_due",
            "account.requirements_due",
            "account.requirements_due",
            "account.requirements_due",
        ]
    );
}

#[tokio::test]
async fn each_part_of_an_account_leads_to_the_whole_read_by_its_platform() {
    let app = App::start().await;
    let seller = onboarded(&app).await;
    seller.move_account(AccountStep::PayoutsPaused).unwrap();
    for kind in ["capability.updated", "account.external_account.updated"] {
        let before = app.asked(READ);
        let event = app.last(kind);
        assert_ne!(event["data"]["object"]["object"], "account");
        app.settle(&event).await.ok();
        let query = format!(
            "SELECT object_kind || ' ' || object_id FROM quittance.events WHERE id = '{}'",
            event["id"].as_str().unwrap()
        );
        assert_eq!(app.text(&query).await, format!("account {}", seller.id()));
        assert!(app.asked(READ) <= before + 1);
    }
    assert_eq!(app.text("SELECT payouts_enabled FROM app.connected_accounts").await, "false");
    assert_eq!(app.text("SELECT count(*) FROM app.connected_accounts").await, "1");
}

#[tokio::test]
async fn accounts_converge_backwards_and_twice() {
    let app = App::start().await;
    let seller = app.sim.platform().connect_new().unwrap();
    for step in [AccountStep::Onboarded, AccountStep::PayoutsPaused, AccountStep::Onboarded] {
        seller.move_account(step).unwrap();
    }
    app.settle_backwards().await;
    assert_eq!(allowed(&app, &seller).await, "t");
    assert_eq!(app.told("account.payouts").await, ["account.payouts_enabled"]);
}

#[tokio::test]
async fn a_deauthorised_account_is_asked_nothing_more_and_nothing_of_it_dies() {
    let app = App::start().await;
    let seller = onboarded(&app).await;
    let payout = seller.create_payout(500, "eur").unwrap();
    seller.move_payout(payout["id"].as_str().unwrap(), PayoutStep::Paid).unwrap();
    seller.move_account(AccountStep::PayoutsPaused).unwrap();
    seller.deauthorize();

    let taken = app.last("account.application.deauthorized");
    assert_eq!(app.outcome(&taken).await, Outcome::Applied);
    let (accounts, payouts) = (app.asked(READ), app.asked(READ_PAYOUT));
    for kind in ["payout.created", "payout.paid", "account.updated"] {
        assert_eq!(app.outcome(&app.last(kind)).await, Outcome::Deauthorized, "{kind}");
    }
    assert_eq!((app.asked(READ), app.asked(READ_PAYOUT)), (accounts, payouts), "nobody was asked");

    assert!(allowed(&app, &seller).await.starts_with("f deauthorized"));
    assert_eq!(app.text("SELECT status FROM app.connected_accounts").await, "deauthorized");
    // What was last seen stays.
    assert_eq!(app.text("SELECT payouts_enabled FROM app.connected_accounts").await, "true");
    let country = "SELECT data ->> 'country' FROM quittance.objects WHERE kind = 'account'";
    assert_eq!(app.text(country).await, "DE");
    assert_eq!(app.told("account.deauthorized").await.len(), 1);
    assert_eq!(app.text("SELECT count(*) FROM quittance.dead_letters").await, "0");
    let ledger = "SELECT count(*) FROM quittance.events WHERE outcome = 'deauthorized' \
                  AND status = 'ignored'";
    assert_eq!(app.text(ledger).await, "3");
}

#[tokio::test]
async fn an_account_that_left_before_we_ever_saw_it_is_known_to_have_left() {
    let app = App::start().await;
    let seller = app.sim.platform().connect_new().unwrap();
    seller.deauthorize();
    let taken = app.last("account.application.deauthorized");
    assert_eq!(app.outcome(&taken).await, Outcome::Applied);
    assert_eq!(app.asked(READ), 0);
    assert!(allowed(&app, &seller).await.starts_with("f deauthorized"));
}

#[tokio::test]
async fn a_refusal_that_no_event_explains_is_tried_again_until_one_does() {
    let app = App::start().await;
    let seller = onboarded(&app).await;
    seller.create_payout(500, "eur").unwrap();
    seller.deauthorize();
    let payout = app.last("payout.created");
    for _ in 0..2 {
        let fault = app.settle(&payout).await.unwrap_err();
        assert_eq!(fault.failure.code, "account_access_lost");
        assert_eq!(fault.failure.class.as_str(), "transient");
        let id = AccountId::parse(seller.id()).unwrap();
        assert_eq!(
            fault.evidence,
            Evidence::Refused(Box::new(id)),
            "one account's doing is no outage"
        );
    }
    app.settle(&app.last("account.application.deauthorized")).await.unwrap();
    assert_eq!(app.outcome(&payout).await, Outcome::Deauthorized);
}

#[tokio::test]
async fn access_that_is_given_again_opens_the_account_whatever_comes_first() {
    for backwards in [false, true] {
        let app = App::start().await;
        let seller = onboarded(&app).await;
        seller.deauthorize();
        app.sim.clock().advance(10);
        seller.authorize();
        let mut words = [
            app.last("account.application.deauthorized"),
            app.last("account.application.authorized"),
        ];
        if backwards {
            words.reverse();
        }
        for word in &words {
            app.settle(word).await.unwrap();
        }
        assert_eq!(allowed(&app, &seller).await, "t", "backwards: {backwards}");
        let open = "SELECT deauthorized_at IS NULL FROM app.connected_accounts";
        assert_eq!(app.text(open).await, "true");
        assert_eq!(app.told("account.deauthorized").await.len(), 1, "it happened all the same");
    }
}

#[tokio::test]
async fn what_is_made_after_access_was_given_again_is_read_before_anybody_says_that_it_was() {
    let app = App::start().await;
    let seller = onboarded(&app).await;
    seller.deauthorize();
    app.settle(&app.last("account.application.deauthorized")).await.unwrap();
    app.sim.clock().advance(10);
    seller.authorize();
    app.sim.clock().advance(10);
    seller.create_payout(500, "eur").unwrap();
    assert_eq!(app.outcome(&app.last("payout.created")).await, Outcome::Applied);
    assert_eq!(app.text("SELECT count(*) FROM app.payouts").await, "1");

    // Somebody who wonders can open the account without the event that says so.
    assert!(allowed(&app, &seller).await.starts_with("f deauthorized"));
    let id = AccountId::parse(seller.id()).unwrap();
    let looked = check(&app.store, Some(&app.reconciler), &id, Mode::Test).await.unwrap();
    assert!(looked.allowed, "{looked:?}");
}

#[tokio::test]
async fn the_verb_answers_as_the_function_does_and_looks_again_when_asked() {
    let app = App::start().await;
    let seller = onboarded(&app).await;
    let id = AccountId::parse(seller.id()).unwrap();
    seller.move_account(AccountStep::PayoutsPaused).unwrap();
    let known = check(&app.store, None, &id, Mode::Test).await.unwrap();
    assert!(known.allowed && known.why_not.is_none(), "as last seen");
    let looked = check(&app.store, Some(&app.reconciler), &id, Mode::Test).await.unwrap();
    assert!(!looked.allowed && looked.as_of > known.as_of);
    assert!(looked.why_not.unwrap().contains("payouts are disabled"));
    let live = check(&app.store, None, &id, Mode::Live).await.unwrap();
    assert!(!live.allowed && live.as_of.is_none());
    // Nobody is asked about an account that left, and the answer says so.
    seller.deauthorize();
    app.settle(&app.last("account.application.deauthorized")).await.unwrap();
    let gone = check(&app.store, Some(&app.reconciler), &id, Mode::Test).await.unwrap();
    assert!(gone.why_not.unwrap().starts_with("deauthorized"));
}

#[tokio::test]
async fn our_own_account_is_no_connected_one() {
    let app = App::start().await;
    let own = serde_json::json!({"id": "acct_1Simulator000000", "object": "account"});
    app.sim.platform().emit("account.updated", own);
    assert_eq!(app.outcome(&app.last("account.updated")).await, Outcome::Ignored);
    assert_eq!(app.text("SELECT count(*) FROM app.connected_accounts").await, "0");
}

#[tokio::test]
async fn an_account_has_a_life_of_its_own_in_each_mode() {
    let app = App::start().await;
    let seller = onboarded(&app).await;
    let live = format!(
        "SELECT concat_ws(' ', allowed, as_of IS NULL) FROM app.can_receive_payments('{}')",
        seller.id()
    );
    assert_eq!(app.text(&live).await, "f t", "what is so in test mode says nothing of live");
    let subject = Subject {
        scope: Scope { account: Some(AccountId::parse(seller.id()).unwrap()), mode: Mode::Live },
        kind: Kind::Account,
        id: ObjectId::parse(seller.id()).unwrap(),
        owner: None,
    };
    assert!(app.stripe.fetch(&subject).await.is_err(), "a key of the other mode");
    assert_eq!(app.store.load(&[], &[subject]).await.unwrap().rows, [None]);
}
