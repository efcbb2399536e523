//! Subscriptions and the customer portal from a terminal.

use serde_json::json;
use stripe_simulator::{Fault, FaultKind, Kind};

use super::app::ApiApp;
use super::typed::{type_in, type_in_with, written};

const RETURN_URLS: &[(&str, &str)] = &[("QUITTANCE__API__RETURN_URLS", "https://shop.example")];

/// A team with a customer, their saved card, and a price of 9.00 EUR a month.
struct Shop {
    api: ApiApp,
    customer: String,
    card: String,
    price: String,
}

impl Shop {
    async fn open() -> Self {
        let api = ApiApp::with(RETURN_URLS).await;
        let customer = api.post("/v1/customers", "user-1", json!({"name": "Jane"})).await;
        let customer = customer.id().to_owned();
        let stripe = api.app.stripe().platform();
        let product = stripe.create_product(None, "Tea").unwrap();
        let product = product["id"].as_str().unwrap();
        let text = |value: serde_json::Value| value["id"].as_str().unwrap().to_owned();
        let price = text(stripe.create_price(product, 900, "eur").unwrap());
        let card = text(stripe.attach_method("pm_card_visa", &customer).unwrap());
        api.app.settled().await;
        Self { api, customer, card, price }
    }

    /// What is typed to create one of two seats.
    fn create(&self, more: &str) -> String {
        let Self { customer, price, .. } = self;
        format!("subscriptions create --customer {customer} --price {price}=2 {more}")
    }

    /// One that is paid with the saved card: its id, and that of its item.
    async fn running(&self) -> (String, String) {
        let how = format!(
            "--default-payment-method {} --payment-behavior allow_incomplete --off-session --json",
            self.card
        );
        let made = type_in(&self.api, &self.create(&how)).await.with(0).json();
        let answer = &made["answer"];
        assert_eq!(answer["status"], "active", "{made}");
        self.api.app.settled().await;
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (text(&answer["id"]), text(&answer["items"]["data"][0]["id"]))
    }

    async fn ends(self) {
        self.api.app.settled().await;
        self.api.app.is_true().await;
        self.api.stop().await;
    }
}

#[tokio::test]
async fn a_subscription_is_created_once_for_its_key() {
    let shop = Shop::open().await;
    let create = shop.create("--reference tea-7 --metadata plan=tea --as ada --json");
    let made = type_in(&shop.api, &create).await.with(0);
    let (document, at_stripe) = (made.json(), shop.api.at_stripe(Kind::Subscription));
    let answer = &document["answer"];
    assert_eq!((&answer["id"], &answer["status"]), (&at_stripe[0]["id"], &json!("incomplete")));
    assert_eq!(answer["items"]["data"][0]["quantity"], 2);
    assert_eq!(at_stripe[0]["metadata"]["plan"], "tea");
    let payment = &shop.api.at_stripe(Kind::PaymentIntent)[0];
    assert_eq!(answer["client_secret"], payment["client_secret"]);
    assert!(!made.err.contains("_secret_"), "{made}");

    let key = document["idempotency_key"].as_str().unwrap();
    let again = type_in(&shop.api, &format!("{create} --idempotency-key {key}")).await.with(0);
    let again = again.json();
    assert_eq!((&again["replayed"], &again["answer"]), (&json!(true), answer));
    let other = format!("{create} --idempotency-key {key} --cancel-at-period-end");
    let other = type_in(&shop.api, &other).await.with(1);
    assert_eq!(other.json()["answer"]["code"], "idempotency_key_reused");
    // Without a key it is another request, and the reference has its subscription.
    let existing = type_in(&shop.api, &create).await.with(0).json();
    assert_eq!((&existing["replayed"], &existing["answer"]["id"]), (&json!(true), &answer["id"]));
    assert_eq!(shop.api.at_stripe(Kind::Subscription).len(), 1);
    shop.ends().await;
}

#[tokio::test]
async fn a_subscription_is_changed_and_a_repeated_key_changes_nothing_more() {
    let shop = Shop::open().await;
    let (id, item) = shop.running().await;
    let update = format!("subscriptions update {id} --quantity 3 --idempotency-key seats-3 --json");
    let first = type_in(&shop.api, &update).await.with(0).json();
    assert_eq!(first["answer"]["items"]["data"][0]["quantity"], 3, "{first}");
    let by_item = format!("subscriptions update {id} --item id={item},quantity=5");
    type_in(&shop.api, &by_item).await.with(0);
    let again = type_in(&shop.api, &update).await.with(0).json();
    assert_eq!((&again["replayed"], &again["answer"]), (&json!(true), &first["answer"]));
    let at_stripe = || shop.api.at_stripe(Kind::Subscription).remove(0);
    assert_eq!(at_stripe()["items"]["data"][0]["quantity"], 5, "the repeated key sent nothing");

    for (flag, ends) in [("--cancel-at-period-end", true), ("--cancel-at-period-end=false", false)]
    {
        let changed = type_in(&shop.api, &format!("subscriptions update {id} {flag}")).await;
        assert!(changed.with(0).out.starts_with(&format!("{id}  active")));
        assert_eq!(at_stripe()["cancel_at_period_end"], ends);
    }
    let elsewhere = format!("subscriptions update {id} --item id=si_other,quantity=1");
    let elsewhere = type_in(&shop.api, &elsewhere).await.with(1);
    assert!(elsewhere.said().contains("(parameters_conflict): items[0].id"), "{elsewhere}");
    let nothing = type_in(&shop.api, "subscriptions update sub_none --quantity 2").await.with(1);
    assert!(nothing.said().contains("(not_found): there is no subscription sub_none"), "{nothing}");
    shop.ends().await;
}

#[tokio::test]
async fn a_cancellation_that_is_typed_twice_is_one_and_what_is_over_is_not_cancelled_again() {
    let shop = Shop::open().await;
    let (id, _) = shop.running().await;
    let cancel = format!("subscriptions cancel {id}");
    let done = type_in(&shop.api, &cancel).await.with(0);
    assert!(done.out.starts_with(&format!("{id}  canceled")), "{done}");
    let again = type_in(&shop.api, &cancel).await.with(0);
    assert!(again.out.contains("Nothing new was done"), "{again}");
    let late = type_in(&shop.api, &format!("{cancel} --idempotency-key late")).await.with(1);
    assert!(late.said().contains("(status_forbids): status: is canceled"), "{late}");
    let change = type_in(&shop.api, &format!("subscriptions update {id} --quantity 3")).await;
    assert!(change.with(1).said().contains("(status_forbids)"));
    shop.ends().await;
}

#[tokio::test]
async fn the_portal_is_opened_and_the_same_key_opens_it_again() {
    let shop = Shop::open().await;
    let open = format!(
        "portal create --customer {} --return-url https://shop.example/account \
         --idempotency-key visit-1 --json",
        shop.customer
    );
    let first = type_in_with(&shop.api, &open, RETURN_URLS).await.with(0);
    let url = first.json()["answer"]["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://"), "{first}");
    assert!(!first.err.contains(&url) && !shop.api.app.db.everything().await.contains(&url));
    let again = type_in_with(&shop.api, &open, RETURN_URLS).await.with(0).json();
    assert_eq!((&again["replayed"], &again["command"]), (&json!(true), &first.json()["command"]));
    assert_eq!(shop.api.at_stripe(Kind::PortalSession).len(), 2, "a link is valid for minutes");

    let elsewhere = type_in(&shop.api, &open.replace("visit-1", "visit-2")).await.with(1);
    assert_eq!(elsewhere.json()["answer"]["code"], "return_url_not_allowed");
    let nobody = type_in(&shop.api, "portal create --customer cus_none").await.with(1);
    assert!(nobody.said().contains("Stripe refused it (stripe_refused): "), "{nobody}");
    shop.ends().await;
}

#[tokio::test]
async fn a_dry_run_of_each_verb_shows_the_request_and_the_rule_and_changes_nothing() {
    let shop = Shop::open().await;
    let (id, item) = shop.running().await;
    let requests = || shop.api.app.stripe().stats().requests_to(Some("POST /v1/subscriptions"));
    let (before, asked) = (written(&shop.api).await, requests());
    let create = shop.create("--trial-period-days 14");
    let portal = format!("portal create --customer {}", shop.customer);
    for (line, path, parameters) in [
        (
            create.as_str(),
            "POST /v1/subscriptions",
            vec![
                ("customer", shop.customer.as_str()),
                ("items[0][price]", &shop.price),
                ("items[0][quantity]", "2"),
                ("trial_period_days", "14"),
                ("payment_behavior", "default_incomplete"),
                ("metadata[quittance_command]", "<the command's id>"),
            ],
        ),
        // The item is looked up, as it would be sent.
        (
            &format!("subscriptions update {id} --quantity 7"),
            &format!("POST /v1/subscriptions/{id}"),
            vec![("items[0][id]", &item), ("items[0][quantity]", "7")],
        ),
        (
            &format!("subscriptions cancel {id} --prorate"),
            &format!("DELETE /v1/subscriptions/{id}"),
            vec![("prorate", "true")],
        ),
        (&portal, "POST /v1/billing_portal/sessions", vec![("customer", &shop.customer)]),
    ] {
        let shown = type_in(&shop.api, &format!("{line} --dry-run")).await.with(0);
        assert!(shown.out.starts_with(&format!("{path}\n")), "{shown}");
        assert!(shown.out.contains("No rule would refuse it."), "{shown}");
        let document = type_in(&shop.api, &format!("{line} --dry-run --json")).await.with(0).json();
        for (name, value) in parameters {
            assert_eq!(document["request"]["parameters"][name], value, "{name}: {document}");
        }
    }
    for (line, code) in [
        (shop.create("--off-session"), "parameters_conflict"),
        (format!("subscriptions update {id} --off-session"), "parameters_conflict"),
        ("subscriptions cancel sub_none".to_owned(), "not_found"),
        (format!("{portal} --return-url https://evil.example"), "return_url_not_allowed"),
    ] {
        let refused = type_in(&shop.api, &format!("{line} --dry-run")).await.with(1);
        assert!(refused.said().contains(&format!("it would be refused ({code})")), "{refused}");
    }
    for line in [
        "subscriptions create --customer cus_1",
        "subscriptions create --customer cus_1 --price price_1=two",
        "subscriptions create --customer cus_1 --price price_1 --trial-period-days 3 --trial-end 9",
        "subscriptions update sub_1 --item si_1",
        "portal create",
    ] {
        type_in(&shop.api, line).await.with(2);
    }
    assert_eq!(written(&shop.api).await, before);
    assert_eq!(requests(), asked);
    shop.ends().await;
}

#[tokio::test]
async fn an_unknown_outcome_of_a_subscription_is_waited_for_and_is_one() {
    let shop = Shop::open().await;
    for (fault, key) in [(FaultKind::ResetAfter, "sub-1"), (FaultKind::ResetBefore, "sub-2")] {
        let made = shop.api.at_stripe(Kind::Subscription).len();
        shop.api.app.stripe().add_fault(Fault::once("POST /v1/subscriptions", fault));
        let create = shop.create(&format!("--idempotency-key {key}"));
        let open = type_in(&shop.api, &create).await.with(6);
        assert!(open.said().contains("is not known yet"), "{open}");
        let waited = type_in(&shop.api, &format!("{create} --wait=60s")).await.with(0);
        assert!(waited.out.contains("client_secret "), "{waited}");
        assert_eq!(shop.api.at_stripe(Kind::Subscription).len(), made + 1);
    }
    shop.ends().await;
}
