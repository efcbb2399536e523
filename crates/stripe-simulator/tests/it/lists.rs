//! Lists, their pages and their filters.

use super::harness::Api;

#[tokio::test]
async fn pages_hold_every_payment_once_newest_first() {
    let api = Api::start().await;
    let mut made: Vec<String> = (0..7).map(|_| api.paid()).collect();
    made.reverse();
    let mut seen: Vec<String> = Vec::new();
    loop {
        let cursor = seen.last().map_or(String::new(), |id| format!("&starting_after={id}"));
        let page = api.get(&format!("/v1/payment_intents?limit=3{cursor}")).await;
        seen.extend(page.ids().into_iter().map(str::to_owned));
        if page.body["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen, made);
}

#[tokio::test]
async fn lists_filter_and_expand() {
    let api = Api::start().await;
    let payment = api.paid();
    api.paid();
    let one = api.get(&format!("/v1/charges?payment_intent={payment}&limit=100")).await;
    assert_eq!(one.ids().len(), 1);
    assert_eq!(one.text("/data/0/payment_intent"), payment);
    api.post("/v1/refunds", &format!("payment_intent={payment}&amount=1")).await;
    let refunds = api.get(&format!("/v1/refunds?charge={}", one.ids()[0])).await;
    assert_eq!(refunds.ids().len(), 1);
    let expanded = api.get("/v1/payment_intents?expand[]=data.latest_charge").await;
    assert_eq!(expanded.text("/data/0/latest_charge/object"), "charge");
    let wrong = api.get("/v1/payment_intents?expand[]=data.nonsense").await;
    assert_eq!((wrong.status, wrong.text("/error/param")), (400, "expand"));
}

#[tokio::test]
async fn a_limit_beyond_a_hundred_and_unknown_filters_are_refused() {
    let api = Api::start().await;
    for path in
        ["payment_intents?limit=101", "charges?limit=0", "refunds?colour=blue", "events?a=b"]
    {
        assert_eq!(api.get(&format!("/v1/{path}")).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn events_filter_by_type_time_and_cursor() {
    let api = Api::start().await;
    api.sim.clock().freeze();
    let first = api.sim.clock().now();
    api.paid();
    api.sim.clock().advance(100);
    api.paid();

    let all = api.get("/v1/events?limit=100").await;
    assert_eq!(all.ids().len(), 8);
    let later = api.get(&format!("/v1/events?created[gte]={}&limit=100", first + 1)).await;
    assert_eq!(later.ids(), all.ids()[..4]);
    let earlier = api.get(&format!("/v1/events?created[lt]={}&limit=100", first + 1)).await;
    assert_eq!(earlier.ids(), all.ids()[4..]);
    let paid = api.get("/v1/events?type=payment_intent.succeeded").await;
    assert_eq!(paid.ids().len(), 2);
    let charges = api.get("/v1/events?type=charge.*").await;
    assert_eq!(charges.ids().len(), 4);
    let two = api.get("/v1/events?types[]=charge.updated&types[]=payment_intent.created").await;
    assert_eq!(two.ids().len(), 4);
    // In chronological order, page by page, as a catch-up walks.
    let oldest = all.ids()[7];
    let next = api.get(&format!("/v1/events?limit=3&ending_before={oldest}")).await;
    assert_eq!(next.ids(), all.ids()[4..7]);
    assert_eq!(next.body["has_more"], true);
}

#[tokio::test]
async fn events_are_gone_after_thirty_days() {
    let api = Api::start().await;
    api.paid();
    let id = api.get("/v1/events").await.ids()[0].to_owned();
    assert_eq!(api.get(&format!("/v1/events/{id}")).await.status, 200);
    api.sim.clock().advance(30 * 24 * 3600);
    assert_eq!(api.get(&format!("/v1/events/{id}")).await.status, 404);
    assert!(api.get("/v1/events").await.ids().is_empty());
}

#[tokio::test]
async fn what_a_lost_command_made_is_found_by_time_and_metadata() {
    let api = Api::start().await;
    api.sim.clock().freeze();
    let price = api.price(true).await;
    let customer = api.customer().await;
    let card = "payment_method_types[]=card";
    let paid = format!("amount=2000&currency=eur&confirm=true&payment_method=pm_card_visa&{card}");
    let paid = api.post("/v1/payment_intents", &paid).await.text("/id").to_owned();
    api.sim.clock().advance(100);
    let from = api.sim.clock().now();
    let mark = "metadata[quittance_command]=cmd_1";
    let checkout = "mode=setup&currency=eur&success_url=https://a.test";
    let incomplete = "payment_behavior=default_incomplete";
    for (path, form) in [
        ("/v1/payment_intents", format!("amount=2000&currency=eur&{mark}")),
        ("/v1/refunds", format!("payment_intent={paid}&{mark}")),
        ("/v1/setup_intents", mark.to_owned()),
        ("/v1/checkout/sessions", format!("{checkout}&{mark}")),
        (
            "/v1/subscriptions",
            format!("customer={customer}&items[0][price]={price}&{incomplete}&{mark}"),
        ),
        ("/v1/customers", mark.to_owned()),
    ] {
        let made = api.post(path, &form).await;
        assert_eq!(made.status, 200, "{path}: {}", made.body);
        let found = api.get(&format!("{path}?created[gte]={from}&created[lte]={from}")).await;
        let with_mark = found.body["data"].as_array().unwrap().iter();
        let with_mark: Vec<_> = with_mark
            .filter(|item| item["metadata"]["quittance_command"] == "cmd_1")
            .map(|item| item["id"].as_str().unwrap())
            .collect();
        assert_eq!(with_mark, [made.text("/id")], "{path}");
        let later = api.get(&format!("{path}?created[gt]={from}")).await;
        assert!(later.ids().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn lists_can_lag() {
    let api = Api::start().await;
    api.sim.clock().freeze();
    api.post("/simulator/chaos", "list_lag_seconds=60").await;
    let id = api.paid();
    assert!(api.get("/v1/payment_intents").await.ids().is_empty());
    assert_eq!(api.get(&format!("/v1/payment_intents/{id}")).await.status, 200);
    api.sim.clock().advance(60);
    assert_eq!(api.get("/v1/payment_intents").await.ids(), [id]);
}

#[tokio::test]
async fn what_cannot_be_bought_is_listed_only_where_it_is_asked_for() {
    let api = Api::start().await;
    let stripe = api.sim.platform();
    let product = stripe.create_product(None, "Gold").unwrap();
    let product = product["id"].as_str().unwrap();
    let id = |price: serde_json::Value| price["id"].as_str().unwrap().to_owned();
    let sold = id(stripe.create_price(product, 900, "eur").unwrap());
    let old = id(stripe.create_price(product, 800, "eur").unwrap());
    stripe.update_price(&old, "old", false).unwrap();
    assert_eq!(api.get("/v1/prices").await.ids(), [&*sold]);
    assert_eq!(api.get("/v1/prices?active=true").await.ids(), [&*sold]);
    assert_eq!(api.get("/v1/prices?active=false").await.ids(), [&*old]);
    // Made for one use alone: it can be retrieved, and is in no list.
    let inline = "mode=payment&success_url=https://a.test&line_items[0][quantity]=1\
        &line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=100\
        &line_items[0][price_data][product_data][name]=Once";
    assert_eq!(api.post("/v1/checkout/sessions", inline).await.status, 200);
    assert_eq!(api.sim.truth(stripe_simulator::Kind::Price).len(), 3);
    assert_eq!(api.get("/v1/prices?active=false").await.ids(), [&*old]);
}

#[tokio::test]
async fn the_platform_lists_its_accounts_and_not_those_that_left() {
    let api = Api::start().await;
    let stripe = api.sim.platform();
    let accounts: Vec<_> = (0..3).map(|_| stripe.connect_new().unwrap()).collect();
    assert_eq!(api.get("/v1/accounts?limit=2").await.body["has_more"], true);
    accounts[1].deauthorize();
    let listed = api.get("/v1/accounts").await;
    let mut ids = listed.ids();
    ids.sort_unstable();
    let mut expected = [accounts[0].id(), accounts[2].id()];
    expected.sort_unstable();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_list_of_what_nobody_has_is_empty() {
    let api = Api::start().await;
    let customer = api.customer().await;
    for path in ["coupons", "billing/alerts", "tax_ids", &format!("customers/{customer}/sources")] {
        let listed = api.get(&format!("/v1/{path}?limit=100&active=true")).await;
        assert_eq!((listed.status, listed.ids().len()), (200, 0), "{path}");
    }
    assert_eq!(api.get("/v1/nonsense").await.status, 404);
}
