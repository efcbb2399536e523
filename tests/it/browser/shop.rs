//! What a buyer does in the shop of `quittance dev`, in a real browser: with the simulator's card form, through the API,
//! and until the row in Postgres says so.

use quittance::dev::shop::{self, CardForm, Sellers};
use serde_json::{Value, json};
use stripe_simulator::{AccountStep, Kind};
use tokio::net::TcpListener;

use super::driver::Browser;
use crate::commands::app::ApiApp;
use crate::harness::eventually;

/// The token of the shop, and its hash: `printf %s qta_shop | sha256sum`.
const TOKEN: &str = "qta_shop";
const ENV: &[(&str, &str)] = &[
    (
        "QUITTANCE__API__TOKENS__SHOP__HASH",
        "sha256:c6b398649dad79b434abfdae74ec95fdb3d29c773658e13e09d209f197117301",
    ),
    ("QUITTANCE__API__TOKENS__SHOP__SCOPES", "payments:write,read"),
];

/// How far an order is, asked for anew.
const LOOKS_AGAIN: &str = "const done = arguments[arguments.length - 1];
    fetch(location.pathname + '/state').then((answer) => answer.text()).then((text) => {
        const page = new DOMParser().parseFromString(text, 'text/html');
        done(page.getElementById('state').dataset.state);
    });";

/// A shop, and a buyer who looks at it.
struct Visit {
    api: ApiApp,
    address: String,
    browser: Browser,
}

impl Visit {
    /// None where there is no browser, and nobody demanded one.
    async fn start() -> Option<Self> {
        let browser = Browser::start("light").await?;
        let api = ApiApp::with(ENV).await;
        let address = open_shop(&api).await;
        Some(Self { api, address, browser })
    }

    /// Puts a product into an order, and waits for its card form.
    async fn orders(&self, product: &str) {
        self.browser.open(&self.address).await;
        self.browser.click(&format!("#buy-{product}")).await;
        self.browser.sees("#state").await;
    }

    /// Types a card into the form, and sends it.
    async fn types(&self, number: &str) {
        self.in_form().await;
        self.browser.types("#number", number).await;
        self.browser.types("#expiry", "12 / 34").await;
        self.browser.types("#cvc", "123").await;
    }

    async fn pays(&self, number: &str) {
        self.types(number).await;
        self.browser.click("#pay").await;
        self.in_page().await;
    }

    async fn in_form(&self) {
        self.browser.sees("iframe").await.enter_frame().await.unwrap();
    }

    async fn in_page(&self) {
        self.browser.client.clone().enter_parent_frame().await.unwrap();
    }

    /// Waits until the form says it, and so is ready for another card.
    async fn form_says(&self, text: &str) {
        self.in_form().await;
        self.browser.says(text).await;
        self.in_page().await;
    }

    /// Waits until the shop's page says how far the order is.
    async fn is(&self, state: &str) {
        self.browser.sees(&format!("#state[data-state={state}]")).await;
    }

    /// The only payment at Stripe, and its row.
    async fn payment(&self) -> (Value, Value) {
        let mut all = self.api.at_stripe(Kind::PaymentIntent);
        assert_eq!(all.len(), 1, "{all:#?}");
        let payment = all.remove(0);
        let row = self.api.app.payment(payment["id"].as_str().unwrap()).await;
        (payment, row)
    }

    /// One payment, one charge that succeeded, one row that says so, and one notification.
    async fn is_paid_once(&self) {
        let (payment, row) = self.payment().await;
        assert_eq!(
            (&payment["status"], &row["status"]),
            (&json!("succeeded"), &json!("succeeded"))
        );
        let charges = self.api.at_stripe(Kind::Charge);
        let succeeded = charges.iter().filter(|charge| charge["status"] == "succeeded").count();
        assert_eq!(succeeded, 1, "{charges:#?}");
        let told = self.api.app.told(payment["id"].as_str().unwrap()).await;
        let paid = told.iter().filter(|topic| *topic == "payment.succeeded").count();
        assert_eq!(paid, 1, "{told:?}");
    }

    /// Nothing of a card is anywhere in Postgres.
    async fn knows_no_card(&self, number: &str) {
        let all = self.api.app.db.everything().await;
        assert!(!all.contains(number), "the number is in Postgres");
    }

    async fn ends(self) {
        self.browser.close().await;
        self.api.app.settled().await;
        self.api.app.is_true().await;
        self.api.stop().await;
    }
}

/// A shop beside the API; its address.
async fn open_shop(api: &ApiApp) -> String {
    let stripe = api.app.stripe();
    let platform = stripe.platform();
    let verified = platform.connect_new().unwrap();
    verified.move_account(AccountStep::Onboarded).unwrap();
    let unverified = platform.connect_new().unwrap();
    let sellers =
        Sellers { verified: verified.id().to_owned(), unverified: unverified.id().to_owned() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let parts = shop::Parts {
        api: format!("http://{}", api.address),
        token: TOKEN.to_owned(),
        store: api.app.db.store.clone(),
        card_form: CardForm::Simulator { base: stripe.base_url().to_owned() },
        sellers: Some(sellers),
    };
    shop::serve(listener, parts);
    address
}

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
    visit.in_form().await;
    visit.browser.click("button[value=fail]").await;
    visit.in_page().await;
    visit.form_says("failed authentication").await;
    visit.is("declined").await;
    visit.pays("4000000000003220").await;
    visit.is("action").await;
    visit.in_form().await;
    visit.browser.click("button[value=succeed]").await;
    visit.in_page().await;
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
    visit.browser.open(&visit.address).await;
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
    visit.in_form().await;
    visit.browser.click("button[value=succeed]").await;
    visit.in_page().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_shows_the_shop_without_scrolling_sideways_in_both_themes() {
    for theme in ["light", "dark"] {
        let Some(browser) = Browser::start(theme).await else { return };
        let api = ApiApp::with(ENV).await;
        let address = open_shop(&api).await;
        let visit = Visit { api, address, browser };
        visit.browser.client.set_window_size(390, 844).await.unwrap();
        let script = "const page = document.documentElement;
            return [page.scrollWidth - page.clientWidth, innerWidth];";
        visit.browser.open(&visit.address).await;
        assert_eq!(visit.browser.run(script).await, json!([0, 390]), "{theme}");
        visit.orders("book").await;
        assert_eq!(visit.browser.run(script).await, json!([0, 390]), "{theme}");
        visit.in_form().await;
        visit.browser.sees("#number").await;
        let inside = "const page = document.documentElement;
            return page.scrollWidth - page.clientWidth;";
        assert_eq!(visit.browser.run(inside).await, json!(0), "{theme}: the card form");
        visit.in_page().await;
        visit.ends().await;
    }
}
