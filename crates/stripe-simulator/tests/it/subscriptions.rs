//! Subscriptions over HTTP.

use serde_json::json;

use super::harness::{Api, Reply};

struct Shop {
    api: Api,
    customer: String,
    price: String,
}

impl Shop {
    async fn open() -> Self {
        let api = Api::start().await;
        let (customer, price) = (api.customer().await, api.price(true).await);
        Self { api, customer, price }
    }

    async fn subscribe(&self, more: &str) -> Reply {
        let form = format!("customer={}&items[0][price]={}{more}", self.customer, self.price);
        self.api.post("/v1/subscriptions", &form).await
    }
}

#[tokio::test]
async fn an_incomplete_subscription_becomes_active_when_its_first_invoice_is_paid() {
    let shop = Shop::open().await;
    let made = shop
        .subscribe(
            "&items[0][quantity]=2&payment_behavior=default_incomplete&metadata[a]=b\
             &payment_settings[save_default_payment_method]=on_subscription\
             &expand[]=latest_invoice.confirmation_secret&expand[]=latest_invoice.payments\
             &expand[]=pending_setup_intent",
        )
        .await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!((made.text("/status"), made.text("/metadata/a")), ("incomplete", "b"));
    assert_eq!(made.body["latest_invoice"]["amount_due"], 3000);
    assert_eq!(made.body["pending_setup_intent"], json!(null));
    let secret = made.text("/latest_invoice/confirmation_secret/client_secret");
    let payment = made.text("/latest_invoice/payments/data/0/payment/payment_intent");
    assert!(secret.starts_with(&format!("{payment}_secret_")), "{secret}");
    let plain = api_invoice(&shop.api, &made).await;
    assert_eq!(plain.body.get("confirmation_secret"), None, "it is shown where it is asked for");

    let path = format!("/v1/payment_intents/{payment}/confirm");
    let refused = shop.api.post(&path, "payment_method=pm_card_chargeDeclined").await;
    assert_eq!(refused.status, 402);
    let paid = shop.api.post(&path, "payment_method=pm_card_visa").await;
    assert_eq!(paid.text("/status"), "succeeded");
    let it = shop.api.get(&format!("/v1/subscriptions/{}", made.text("/id"))).await;
    assert_eq!(it.text("/status"), "active");
    assert_eq!(it.text("/default_payment_method"), paid.text("/payment_method"));
    assert_eq!(api_invoice(&shop.api, &made).await.text("/status"), "paid");
    let events = shop.api.event_types();
    let paid = events.iter().filter(|kind| *kind == "invoice.paid").count();
    assert_eq!(paid, 1, "{events:?}");
}

async fn api_invoice(api: &Api, subscription: &Reply) -> Reply {
    api.get(&format!("/v1/invoices/{}", subscription.text("/latest_invoice/id"))).await
}

#[tokio::test]
async fn a_trial_has_a_setup_and_no_payment() {
    let shop = Shop::open().await;
    let made = shop
        .subscribe(
            "&payment_behavior=default_incomplete&trial_period_days=14\
             &expand[]=pending_setup_intent&expand[]=latest_invoice.confirmation_secret",
        )
        .await;
    assert_eq!(made.text("/status"), "trialing");
    assert_eq!(made.body["latest_invoice"]["amount_due"], 0);
    assert_eq!(made.text("/latest_invoice/status"), "paid");
    assert_eq!(made.body["latest_invoice"]["confirmation_secret"], json!(null));
    let setup = made.text("/pending_setup_intent/id");
    assert!(made.text("/pending_setup_intent/client_secret").starts_with(setup));
    let path = format!("/v1/setup_intents/{setup}/confirm");
    let done = shop.api.post(&path, "payment_method=pm_card_visa").await;
    assert_eq!(done.text("/status"), "succeeded");
    let it = shop.api.get(&format!("/v1/subscriptions/{}", made.text("/id"))).await;
    assert_eq!(it.text("/default_payment_method"), done.text("/payment_method"));
    assert_eq!(it.body["pending_setup_intent"], json!(null));
}

#[tokio::test]
async fn a_saved_card_pays_at_once_or_leaves_the_subscription_incomplete() {
    let shop = Shop::open().await;
    let none = shop.subscribe("").await;
    assert_eq!((none.status, none.text("/error/code")), (400, "resource_missing"));
    for (card, behavior, status) in [
        ("pm_card_visa", "allow_incomplete", "active"),
        ("pm_card_chargeCustomerFail", "allow_incomplete", "incomplete"),
        ("pm_card_authenticationRequired", "allow_incomplete", "incomplete"),
    ] {
        let card = shop.api.saved(card, &shop.customer).await;
        let more = format!("&default_payment_method={card}&payment_behavior={behavior}");
        assert_eq!(shop.subscribe(&more).await.text("/status"), status, "{card}");
    }
    let count = shop.api.sim.truth(stripe_simulator::Kind::Subscription).len();
    for (card, code) in [
        ("pm_card_chargeCustomerFail", "card_declined"),
        ("pm_card_authenticationRequired", "subscription_payment_intent_requires_action"),
    ] {
        let card = shop.api.saved(card, &shop.customer).await;
        let more = format!("&default_payment_method={card}&payment_behavior=error_if_incomplete");
        let refused = shop.subscribe(&more).await;
        assert_eq!((refused.status, refused.text("/error/code")), (402, code));
    }
    assert_eq!(shop.api.sim.truth(stripe_simulator::Kind::Subscription).len(), count);
}

#[tokio::test]
async fn three_d_secure_of_the_first_payment_makes_it_active() {
    let shop = Shop::open().await;
    let card = shop.api.saved("pm_card_authenticationRequired", &shop.customer).await;
    let more = format!("&default_payment_method={card}&expand[]=latest_invoice.payments");
    let made = shop.subscribe(&more).await;
    assert_eq!(made.text("/status"), "incomplete");
    let payment = made.text("/latest_invoice/payments/data/0/payment/payment_intent");
    let path = format!("/simulator/payment_intents/{payment}/three_d_secure");
    assert_eq!(shop.api.post(&path, "outcome=succeed").await.text("/status"), "succeeded");
    let it = shop.api.get(&format!("/v1/subscriptions/{}", made.text("/id"))).await;
    assert_eq!(it.text("/status"), "active");
}

#[tokio::test]
async fn a_subscription_changes_and_ends() {
    let shop = Shop::open().await;
    let more =
        "&payment_behavior=default_incomplete&trial_period_days=3&metadata[a]=b&metadata[c]=d";
    let made = shop.subscribe(more).await;
    let path = format!("/v1/subscriptions/{}", made.text("/id"));
    let item = made.text("/items/data/0/id");
    let form = format!(
        "items[0][id]={item}&items[0][quantity]=5&cancel_at_period_end=true&metadata[a]=&metadata[e]=f"
    );
    let changed = shop.api.post(&path, &form).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.body["items"]["data"][0]["quantity"], 5);
    assert_eq!(changed.body["cancel_at_period_end"], true);
    assert_eq!(changed.body["metadata"], json!({"c": "d", "e": "f"}));
    let other = shop.api.price(true).await;
    let form = format!("items[0][id]={item}&items[0][deleted]=true&items[1][price]={other}");
    let replaced = shop.api.post(&path, &format!("{form}&cancel_at_period_end=false")).await;
    assert_eq!(replaced.text("/items/data/0/price/id"), other);
    assert_eq!(replaced.body["cancel_at"], json!(null));

    let ended = shop.api.send("DELETE", &path, "", &[]).await.unwrap();
    assert_eq!(ended.text("/status"), "canceled");
    assert_eq!(shop.api.send("DELETE", &path, "", &[]).await.unwrap().status, 400);
    assert_eq!(shop.api.post(&path, "cancel_at_period_end=true").await.status, 400);
    assert!(shop.api.get("/v1/subscriptions").await.ids().is_empty(), "the list leaves it out");
    assert_eq!(shop.api.get("/v1/subscriptions?status=all").await.ids(), [made.text("/id")]);
}

#[tokio::test]
async fn an_incomplete_subscription_that_is_canceled_takes_its_payment_along() {
    let shop = Shop::open().await;
    let more = "&payment_behavior=default_incomplete&expand[]=latest_invoice.payments";
    let made = shop.subscribe(more).await;
    let path = format!("/v1/subscriptions/{}", made.text("/id"));
    shop.api.send("DELETE", &path, "", &[]).await.unwrap();
    let payment = made.text("/latest_invoice/payments/data/0/payment/payment_intent");
    let payment = shop.api.get(&format!("/v1/payment_intents/{payment}")).await;
    assert_eq!(payment.text("/status"), "canceled");
    assert_eq!(api_invoice(&shop.api, &made).await.text("/status"), "void");
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_name() {
    let shop = Shop::open().await;
    for (more, param) in [
        ("&payment_behavior=whatever", "payment_behavior"),
        ("&items[1][price]=price_none&payment_behavior=default_incomplete", "price"),
        ("&items[1][quantity]=1", "items[1][price]"),
        ("&items[1][colour]=1", "items[1][colour]"),
        ("&application_fee_percent=101", "application_fee_percent"),
    ] {
        let reply = shop.subscribe(more).await;
        assert_eq!((reply.status, reply.text("/error/param")), (400, param), "{more}");
    }
    let none = shop.api.post("/v1/subscriptions", "customer=cus_none&items[0][price]=x").await;
    assert_eq!((none.status, none.text("/error/param")), (400, "customer"));
    let bad = shop.subscribe("&expand[]=latest_invoice.nonsense").await;
    assert_eq!((bad.status, bad.text("/error/param")), (400, "expand"));
}
