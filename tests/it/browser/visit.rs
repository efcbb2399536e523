//! A buyer who looks at the shop of `quittance dev`, and what the tests ask of both.

use quittance::dev::shop::{self, CardForm, Plan, Sellers};
use serde_json::{Value, json};
use stripe_simulator::{AccountStep, Kind};
use tokio::net::TcpListener;

use super::driver::Browser;
use crate::commands::app::ApiApp;

/// The token of the shop, and its hash: `printf %s qta_shop | sha256sum`.
const TOKEN: &str = "qta_shop";
const ENV: &[(&str, &str)] = &[
    (
        "QUITTANCE__API__TOKENS__SHOP__HASH",
        "sha256:c6b398649dad79b434abfdae74ec95fdb3d29c773658e13e09d209f197117301",
    ),
    ("QUITTANCE__API__TOKENS__SHOP__SCOPES", "payments:write,subscriptions:write,read"),
];

/// How far an order is, asked for anew.
pub(super) const LOOKS_AGAIN: &str = "const done = arguments[arguments.length - 1];
    fetch(location.pathname + '/state').then((answer) => answer.text()).then((text) => {
        const page = new DOMParser().parseFromString(text, 'text/html');
        done(page.getElementById('state').dataset.state);
    });";

/// A shop, and a buyer who looks at it.
pub(super) struct Visit {
    pub(super) api: ApiApp,
    address: String,
    pub(super) browser: Browser,
}

impl Visit {
    /// None where there is no browser, and nobody demanded one.
    pub(super) async fn start() -> Option<Self> {
        Self::themed("light").await
    }

    pub(super) async fn themed(theme: &str) -> Option<Self> {
        let browser = Browser::start(theme).await?;
        let api = ApiApp::with(ENV).await;
        let address = open_shop(&api).await;
        Some(Self { api, address, browser })
    }

    /// Opens the page with all that the shop offers.
    pub(super) async fn opens(&self) {
        self.browser.open(&self.address).await;
    }

    /// Opens an order that there is not.
    pub(super) async fn opens_nothing(&self) {
        self.browser.open(&format!("{}orders/none", self.address)).await;
    }

    /// Puts a product into an order, and waits for its card form.
    pub(super) async fn orders(&self, product: &str) {
        self.wants(&format!("#buy-{product}")).await;
    }

    /// Presses a button on the page with all that the shop offers, and waits for the page of the order.
    pub(super) async fn wants(&self, button: &str) {
        self.opens().await;
        self.browser.click(button).await;
        self.browser.sees("#state").await;
    }

    /// Answers the bank's question in the card form: `succeed` or `fail`.
    pub(super) async fn answers_bank(&self, answer: &str) {
        self.in_form().await;
        self.browser.click(&format!("button[value={answer}]")).await;
        self.in_page().await;
    }

    /// By how much the page can be scrolled sideways, and how wide the window is.
    pub(super) async fn width(&self) -> Value {
        let script = "const page = document.documentElement;
            return [page.scrollWidth - page.clientWidth, innerWidth];";
        self.browser.run(script).await
    }

    /// Types a card into the form, and sends it.
    pub(super) async fn types(&self, number: &str) {
        self.in_form().await;
        self.browser.types("#number", number).await;
        self.browser.types("#expiry", "12 / 34").await;
        self.browser.types("#cvc", "123").await;
    }

    pub(super) async fn pays(&self, number: &str) {
        self.types(number).await;
        self.browser.click("#pay").await;
        self.in_page().await;
    }

    pub(super) async fn in_form(&self) {
        self.browser.sees("iframe").await.enter_frame().await.unwrap();
    }

    pub(super) async fn in_page(&self) {
        self.browser.client.clone().enter_parent_frame().await.unwrap();
    }

    /// Waits until the form says it, and so is ready for another card.
    pub(super) async fn form_says(&self, text: &str) {
        self.in_form().await;
        self.browser.says(text).await;
        self.in_page().await;
    }

    /// Waits until the shop's page says how far the order is.
    pub(super) async fn is(&self, state: &str) {
        self.browser.sees(&format!("#state[data-state={state}]")).await;
    }

    /// The only payment at Stripe, and its row.
    pub(super) async fn payment(&self) -> (Value, Value) {
        let mut all = self.api.at_stripe(Kind::PaymentIntent);
        assert_eq!(all.len(), 1, "{all:#?}");
        let payment = all.remove(0);
        let row = self.api.app.payment(payment["id"].as_str().unwrap()).await;
        (payment, row)
    }

    /// One payment, one charge that succeeded, one row that says so, and one notification.
    pub(super) async fn is_paid_once(&self) {
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
    pub(super) async fn knows_no_card(&self, number: &str) {
        let all = self.api.app.db.everything().await;
        assert!(!all.contains(number), "the number is in Postgres");
    }

    pub(super) async fn ends(self) {
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
    let product = platform.create_product(None, "Tea by post").unwrap();
    let price = platform.create_price(product["id"].as_str().unwrap(), 900, "eur").unwrap();
    let price = price["id"].as_str().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let parts = shop::Parts {
        api: format!("http://{}", api.address),
        token: TOKEN.to_owned(),
        store: api.app.db.store.clone(),
        card_form: CardForm::Simulator { base: stripe.base_url().to_owned() },
        sellers: Some(sellers),
        plan: Some(Plan { price, amount: 900, currency: "eur".to_owned() }),
    };
    shop::serve(listener, parts);
    address
}
