//! What a customer with an account does in the shop, in a real browser: subscribes, saves a card, and has it charged
//! while away.

use serde_json::{Value, json};
use stripe_simulator::Kind;

use super::visit::{LOOKS_AGAIN, Visit};

const GOOD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const NO_FUNDS: &str = "4000000000009995";
const DECLINED_WHEN_CHARGED: &str = "4000000000000341";
const ASKS_UNTIL_SAVED: &str = "4000002500003155";
const ALWAYS_ASKS: &str = "4000000000003220";

/// One subscription, which is active here and at Stripe, was paid once, and was told once.
async fn is_subscribed_once(visit: &Visit) {
    let mut all = visit.api.at_stripe(Kind::Subscription);
    assert_eq!(all.len(), 1, "{all:#?}");
    let subscription = all.remove(0);
    let id = subscription["id"].as_str().unwrap();
    let row = visit.api.app.db.json("app.subscriptions", "true").await;
    assert_eq!(row["stripe_subscription_id"], id);
    assert_eq!((&subscription["status"], &row["status"]), (&json!("active"), &json!("active")));
    let (payment, paid) = visit.payment().await;
    assert_eq!((&payment["amount"], &paid["status"]), (&json!(900), &json!("succeeded")));
    let told = visit.api.app.told(id).await;
    let activated = told.iter().filter(|topic| *topic == "subscription.activated").count();
    assert_eq!(activated, 1, "{told:?}");
    let commands = visit.api.stored().await;
    let kinds: Vec<_> = commands.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["create_customer", "create_subscription"]);
}

/// Saves a card that the bank does not ask about, or passes its question.
async fn saves(visit: &Visit, card: &str, asks: bool) {
    visit.wants("#save-card").await;
    visit.is("open").await;
    visit.pays(card).await;
    if asks {
        visit.is("action").await;
        visit.answers_bank("succeed").await;
    }
    visit.is("saved").await;
    // The row of the method comes by a webhook of its own.
    visit.api.app.settled().await;
}

/// The saved card, as Stripe has it.
fn saved_card(visit: &Visit) -> Value {
    let setup = visit.api.at_stripe(Kind::SetupIntent).remove(0);
    assert_eq!(setup["status"], "succeeded");
    setup["payment_method"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_card_subscribes_and_the_page_shows_what_happened() {
    let Some(visit) = Visit::start().await else { return };
    visit.wants("#subscribe").await;
    visit.is("open").await;
    visit.pays(GOOD).await;
    visit.is("active").await;
    visit.api.app.settled().await;
    for said in [
        "create_subscription is done",
        "customer.subscription.updated",
        "app.subscriptions: incomplete → active",
        "app.invoices: open → paid",
        "app.payments: requires_payment_method → succeeded",
        "subscription.activated:",
        "The row in app.subscriptions says active",
    ] {
        visit.browser.says(said).await;
    }
    is_subscribed_once(&visit).await;
    visit.knows_no_card(GOOD).await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_says_active_when_the_row_does_and_not_when_the_form_does() {
    let Some(visit) = Visit::start().await else { return };
    visit.api.app.stripe().set_auto_deliver(false);
    visit.wants("#subscribe").await;
    visit.types(GOOD).await;
    visit.browser.click("#pay").await;
    visit.browser.sees("#over").await;
    visit.in_page().await;
    // The bank has approved it, and no webhook has come.
    let looked = visit.browser.client.execute_async(LOOKS_AGAIN, Vec::new()).await.unwrap();
    assert_eq!(looked, "open");
    visit.api.app.stripe().set_auto_deliver(true);
    visit.api.app.stripe().release();
    visit.is("active").await;
    visit.api.app.settled().await;
    is_subscribed_once(&visit).await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_waits_while_a_card_is_declined_or_has_no_funds() {
    let Some(visit) = Visit::start().await else { return };
    visit.wants("#subscribe").await;
    visit.pays(DECLINED).await;
    visit.is("declined").await;
    visit.browser.says("generic decline").await;
    visit.form_says("Your card was declined.").await;
    visit.pays(NO_FUNDS).await;
    visit.browser.says("insufficient funds").await;
    visit.is("declined").await;
    visit.form_says("Your card has insufficient funds.").await;
    let row = visit.api.app.db.json("app.subscriptions", "true").await;
    assert_eq!(row["status"], "incomplete");
    visit.browser.says("The row in app.subscriptions says incomplete").await;
    visit.pays(GOOD).await;
    visit.is("active").await;
    visit.api.app.settled().await;
    is_subscribed_once(&visit).await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_begins_when_three_d_secure_is_passed_also_after_a_reload() {
    let Some(visit) = Visit::start().await else { return };
    visit.wants("#subscribe").await;
    visit.pays(ALWAYS_ASKS).await;
    visit.is("action").await;
    visit.answers_bank("fail").await;
    visit.form_says("failed authentication").await;
    visit.is("declined").await;
    visit.pays(ALWAYS_ASKS).await;
    visit.is("action").await;
    visit.browser.client.refresh().await.unwrap();
    visit.is("action").await;
    visit.answers_bank("succeed").await;
    visit.is("active").await;
    let forms = visit.browser.client.find_all(fantoccini::Locator::Css("#pay:not([hidden])"));
    assert_eq!(forms.await.unwrap().len(), 0, "what is active needs no card form");
    visit.api.app.settled().await;
    is_subscribed_once(&visit).await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_card_is_charged_while_the_customer_is_away() {
    let Some(visit) = Visit::start().await else { return };
    visit.opens().await;
    let buttons = visit.browser.client.find_all(fantoccini::Locator::Css("#charge-book"));
    assert_eq!(buttons.await.unwrap().len(), 0, "no card is saved yet");
    saves(&visit, GOOD, false).await;
    for said in [
        "create_setup is done",
        "setup_intent.succeeded",
        "app.setup_intents: requires_payment_method → succeeded",
        "setup.succeeded:",
    ] {
        visit.browser.says(said).await;
    }
    visit.wants("#charge-book").await;
    visit.is("paid").await;
    let (payment, row) = visit.payment().await;
    let customer = visit.api.at_stripe(Kind::Customer).remove(0)["id"].clone();
    assert_eq!(
        (&payment["payment_method"], &payment["customer"]),
        (&saved_card(&visit), &customer)
    );
    assert_eq!(row["customer"], customer);
    let forms = visit.browser.client.find_all(fantoccini::Locator::Css("iframe")).await.unwrap();
    assert_eq!(forms.len(), 0, "what is paid has no card form");
    visit.is_paid_once().await;
    visit.knows_no_card(GOOD).await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_was_saved_with_three_d_secure_is_charged_without_it() {
    let Some(visit) = Visit::start().await else { return };
    visit.wants("#save-card").await;
    visit.pays(DECLINED).await;
    visit.is("declined").await;
    visit.browser.says("Not saved").await;
    visit.form_says("Your card was declined.").await;
    visit.pays(ASKS_UNTIL_SAVED).await;
    visit.is("action").await;
    visit.answers_bank("fail").await;
    visit.form_says("authentication failed").await;
    visit.is("declined").await;
    visit.pays(ASKS_UNTIL_SAVED).await;
    visit.is("action").await;
    visit.answers_bank("succeed").await;
    visit.is("saved").await;
    visit.api.app.settled().await;
    visit.wants("#charge-book").await;
    visit.is("paid").await;
    visit.is_paid_once().await;
    assert_eq!(visit.api.at_stripe(Kind::SetupIntent).len(), 1, "one, tried three times");
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_whom_the_bank_wants_to_see_comes_back_to_the_same_payment() {
    let Some(visit) = Visit::start().await else { return };
    saves(&visit, ALWAYS_ASKS, true).await;
    visit.wants("#charge-book").await;
    visit.is("authenticate").await;
    visit.browser.says("authentication_required").await;
    visit.pays(ALWAYS_ASKS).await;
    visit.is("action").await;
    visit.answers_bank("succeed").await;
    visit.is("paid").await;
    visit.is_paid_once().await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_card_that_is_declined_is_followed_by_another_for_the_same_payment() {
    let Some(visit) = Visit::start().await else { return };
    saves(&visit, DECLINED_WHEN_CHARGED, false).await;
    visit.wants("#charge-book").await;
    visit.is("declined").await;
    visit.browser.says("generic decline").await;
    // With the customer there, and a key of its own; the reference finds the same payment.
    visit.browser.click("#again").await;
    visit.pays(GOOD).await;
    visit.is("paid").await;
    visit.is_paid_once().await;
    visit.ends().await;
}
