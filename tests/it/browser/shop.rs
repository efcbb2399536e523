//! What a buyer does in the shop of `quittance dev`, in a real browser: with the simulator's card form, through the API,
//! and until the row in Postgres says so.

use stripe_simulator::Kind;

use super::visit::{LOOKS_AGAIN, Visit};
use crate::harness::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_card_pays_and_the_page_shows_what_happened() {
    let Some(visit) = Visit::start().await else { return };
    visit.orders("book").await;
    visit.is("open").await;
    visit.pays("4242424242424242").await;
    visit.is("paid").await;
    for said in ["20.00 EUR received", "create_payment is done", "payment_intent.succeeded"] {
        visit.browser.says(said).await;
    }
    for said in ["requires_payment_method → succeeded", "payment.succeeded:"] {
        visit.browser.says(said).await;
    }
    visit.is_paid_once().await;
    visit.knows_no_card("4242424242424242").await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_says_paid_when_the_row_does_and_not_when_the_form_does() {
    let Some(visit) = Visit::start().await else { return };
    visit.api.app.stripe().set_auto_deliver(false);
    visit.orders("book").await;
    visit.types("4242424242424242").await;
    visit.browser.click("#pay").await;
    visit.browser.sees("#over").await;
    visit.in_page().await;
    // The bank has approved it, and no webhook has come.
    let client = &visit.browser.client;
    let looked = client.execute_async(LOOKS_AGAIN, Vec::new()).await.unwrap();
    assert_eq!(looked, "open");
    assert_eq!(visit.payment().await.1["status"], "requires_payment_method");
    visit.api.app.stripe().set_auto_deliver(true);
    visit.api.app.stripe().release();
    visit.is("paid").await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_card_and_one_without_funds_can_be_followed_by_a_good_one() {
    let Some(visit) = Visit::start().await else { return };
    visit.orders("book").await;
    visit.pays("4000000000000002").await;
    visit.is("declined").await;
    visit.browser.says("generic decline").await;
    visit.form_says("Your card was declined.").await;
    visit.pays("4000000000009995").await;
    visit.browser.says("insufficient funds").await;
    visit.is("declined").await;
    visit.form_says("Your card has insufficient funds.").await;
    visit.pays("4242424242424242").await;
    visit.is("paid").await;
    visit.is_paid_once().await;
    assert_eq!(visit.api.at_stripe(Kind::Charge).len(), 3, "two were declined");
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_d_secure_is_failed_and_then_completed() {
    let Some(visit) = Visit::start().await else { return };
    visit.orders("book").await;
    visit.pays("4000002500003155").await;
    visit.is("action").await;
    visit.answers_bank("fail").await;
    visit.form_says("failed authentication").await;
    visit.is("declined").await;
    visit.pays("4000000000003220").await;
    visit.is("action").await;
    visit.answers_bank("succeed").await;
    visit.is("paid").await;
    visit.is_paid_once().await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_click_buys_and_pays_once() {
    let Some(visit) = Visit::start().await else { return };
    // Later than the script's end: the page that it runs in goes with the first click.
    let twice = "const button = document.querySelector(arguments[0]);
        setTimeout(() => { button.click(); button.click(); });";
    visit.opens().await;
    visit.browser.sees("#buy-book").await;
    visit.browser.client.execute(twice, vec!["#buy-book".into()]).await.unwrap();
    visit.is("open").await;
    visit.types("4242424242424242").await;
    visit.browser.client.execute(twice, vec!["#pay".into()]).await.unwrap();
    visit.in_page().await;
    visit.is("paid").await;
    visit.is_paid_once().await;
    assert_eq!(visit.api.stored().await.len(), 1, "one command");
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_in_the_middle_goes_on_with_the_same_payment() {
    let Some(visit) = Visit::start().await else { return };
    visit.orders("book").await;
    visit.types("42424242").await;
    visit.in_page().await;
    visit.browser.client.refresh().await.unwrap();
    visit.is("open").await;
    visit.pays("4000000000003220").await;
    visit.is("action").await;
    // In the middle of 3-D Secure.
    visit.browser.client.refresh().await.unwrap();
    visit.is("action").await;
    visit.answers_bank("succeed").await;
    visit.is("paid").await;
    visit.browser.client.refresh().await.unwrap();
    visit.is("paid").await;
    visit.is_paid_once().await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_back_button_after_paying_pays_nothing_again() {
    let Some(visit) = Visit::start().await else { return };
    visit.orders("book").await;
    visit.pays("4242424242424242").await;
    visit.is("paid").await;
    let order = visit.browser.client.current_url().await.unwrap();
    visit.browser.client.back().await.unwrap();
    // From the products back to the order, which is still the same one.
    visit.browser.open(order.as_str()).await;
    visit.is("paid").await;
    let forms = visit.browser.client.find_all(fantoccini::Locator::Css("iframe")).await.unwrap();
    assert_eq!(forms.len(), 0, "what is paid has no card form");
    visit.is_paid_once().await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_tab_was_closed_is_paid_by_webhook_and_found_in_another_tab() {
    let Some(visit) = Visit::start().await else { return };
    visit.api.app.stripe().set_auto_deliver(false);
    visit.orders("book").await;
    let order = visit.browser.client.current_url().await.unwrap();
    visit.types("4242424242424242").await;
    visit.browser.click("#pay").await;
    visit.browser.sees("#over").await;
    let client = &visit.browser.client;
    let other = client.new_window(true).await.unwrap();
    client.close_window().await.unwrap();
    client.switch_to_window(other.handle).await.unwrap();
    // No page of the shop is open any more, and the webhooks come now.
    visit.api.app.stripe().set_auto_deliver(true);
    visit.api.app.stripe().release();
    eventually("the row says so", async || visit.payment().await.1["status"] == "succeeded").await;
    visit.browser.open(order.as_str()).await;
    visit.is("paid").await;
    visit.is_paid_once().await;
    visit.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seller_who_can_be_paid_is_and_one_who_cannot_is_refused_with_the_reason() {
    let Some(visit) = Visit::start().await else { return };
    visit.api.app.settled().await;
    visit.orders("lamp").await;
    visit.pays("4242424242424242").await;
    visit.is("paid").await;
    let (payment, _) = visit.payment().await;
    assert_eq!(payment["application_fee_amount"], 490);

    visit.orders("chair").await;
    visit.is("refused").await;
    visit.browser.says("destination_not_payable").await;
    visit.browser.says("No command was stored").await;
    // Another attempt, with a key of its own, is refused likewise; and Stripe was asked for no payment.
    visit.browser.click("#again").await;
    visit.browser.sees("#again").await;
    visit.is("refused").await;
    visit.is_paid_once().await;
    visit.ends().await;
}
