//! The lists inside an object are read to their end.

use quittance::domain::object::{Kind, Observed};
use quittance::stripe_api::FetchedState;
use serde_json::{Value, json};

use super::server::{Server, answer};
use super::{client, of_account, subject};

fn item(id: &str) -> Value {
    json!({
        "id": id, "object": "subscription_item", "created": 1, "current_period_start": 1,
        "current_period_end": 2, "discounts": [], "metadata": {}, "quantity": 1,
        "subscription": "sub_1",
        "plan": {
            "id": "price_1", "object": "plan", "active": true, "billing_scheme": "per_unit",
            "created": 1, "currency": "eur", "interval": "month", "interval_count": 1,
            "livemode": false, "usage_type": "licensed",
        },
        "price": {
            "id": "price_1", "object": "price", "active": true, "billing_scheme": "per_unit",
            "created": 1, "currency": "eur", "livemode": false, "metadata": {},
            "product": "prod_1", "type": "recurring", "unit_amount": 900,
        },
    })
}

fn list(ids: &[&str], has_more: bool) -> Value {
    let data: Vec<_> = ids.iter().map(|id| item(id)).collect();
    json!({"object": "list", "data": data, "has_more": has_more, "url": "/v1/subscription_items"})
}

fn subscription(items: Value) -> Value {
    json!({
        "id": "sub_1", "object": "subscription", "automatic_tax": {"enabled": false},
        "billing_cycle_anchor": 1, "billing_mode": {"type": "classic"}, "billing_schedules": [],
        "cancel_at_period_end": false, "collection_method": "charge_automatically", "created": 1,
        "currency": "eur", "customer": "cus_1", "discounts": [],
        "invoice_settings": {"issuer": {"type": "self"}}, "items": items, "livemode": false,
        "metadata": {}, "start_date": 1, "status": "active",
    })
}

#[tokio::test]
async fn a_list_that_goes_on_is_read_in_one_piece_and_in_the_same_name() {
    let shown = subscription(list(&["si_1"], true));
    let all = list(&["si_1", "si_2", "si_3"], false);
    let server = Server::replying([answer(200, &[], shown), answer(200, &[], &all)]).await;
    let of = of_account(subject(Kind::Subscription, "sub_1"), "acct_7");
    let fetched = client(&server.base).fetch(&of).await.unwrap();
    let FetchedState::Present { observed: Observed::Subscription(it), raw } = fetched.state else {
        panic!("a subscription")
    };
    assert_eq!(it.items.len(), 3);
    assert_eq!(raw["items"], all, "what is kept is whole too");
    let seen = server.seen();
    assert_eq!(seen[0].line, "GET /v1/subscriptions/sub_1 HTTP/1.1");
    assert!(seen[1].line.starts_with("GET /v1/subscription_items?"), "{}", seen[1].line);
    assert!(seen[1].line.contains("subscription=sub_1"), "{}", seen[1].line);
    assert!(seen.iter().all(|seen| seen.header("stripe-account") == Some("acct_7")));
}

#[tokio::test]
async fn a_list_that_is_whole_is_not_asked_for_again() {
    let shown = subscription(list(&["si_1", "si_2"], false));
    let server = Server::replying([answer(200, &[], shown)]).await;
    client(&server.base).fetch(&subject(Kind::Subscription, "sub_1")).await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn items_without_an_end_are_refused_rather_than_cut() {
    let shown = subscription(list(&["si_1"], true));
    let endless = (0..10).map(|_| answer(200, &[], list(&["si_1", "si_2"], true)));
    let replies = std::iter::once(answer(200, &[], shown)).chain(endless);
    let server = Server::replying(replies).await;
    let fetched = client(&server.base).fetch(&subject(Kind::Subscription, "sub_1")).await;
    let text = fetched.unwrap_err().to_string();
    assert!(text.contains("items.has_more: more than 20 entries"), "{text}");
    let seen = server.seen();
    assert_eq!(seen.len(), 11, "ten pages, and no more");
    assert!(seen[2].line.contains("starting_after=si_2"), "{}", seen[2].line);
}

fn invoice(lines: Value, payments: Value) -> Value {
    json!({
        "id": "in_1", "object": "invoice", "amount_due": 2000, "amount_overpaid": 0,
        "amount_paid": 2000, "amount_remaining": 0, "amount_shipping": 0, "attempt_count": 11,
        "attempted": true, "automatic_tax": {"enabled": false}, "collection_method": "send_invoice",
        "created": 1, "currency": "usd", "customer": "cus_1", "default_tax_rates": [],
        "discounts": [], "issuer": {"type": "self"}, "lines": lines, "livemode": false,
        "metadata": {}, "payment_settings": {}, "payments": payments, "period_end": 2,
        "period_start": 1, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "starting_balance": 0, "status": "paid",
        "status_transitions": {"paid_at": 5}, "subtotal": 2000, "total": 2000,
    })
}

fn line(n: usize) -> Value {
    json!({
        "id": format!("il_{n}"), "object": "line_item", "amount": 80, "currency": "usd",
        "discountable": true, "discounts": [], "livemode": false, "metadata": {},
        "period": {"end": 2, "start": 1}, "subtotal": 80,
    })
}

/// The eleventh is the one that paid.
fn payment(n: usize) -> Value {
    let status = if n == 10 { "paid" } else { "canceled" };
    json!({
        "id": format!("inpay_{n}"), "object": "invoice_payment", "amount_requested": 2000,
        "created": 1, "currency": "usd", "invoice": "in_1", "is_default": n == 10,
        "livemode": false, "status": status, "status_transitions": {},
        "payment": {"type": "payment_intent", "payment_intent": format!("pi_inv{n}")},
    })
}

fn some(of: fn(usize) -> Value, from: usize, to: usize, has_more: bool) -> Value {
    let data: Vec<_> = (from..to).map(of).collect();
    json!({"object": "list", "data": data, "has_more": has_more, "url": "/v1/somewhere"})
}

#[tokio::test]
async fn an_invoice_is_kept_with_all_of_its_lines_and_names_the_payment_that_paid() {
    let shown = invoice(some(line, 0, 10, true), some(payment, 0, 10, true));
    let server = Server::replying([
        answer(200, &[], shown),
        answer(200, &[], some(line, 0, 100, true)),
        answer(200, &[], some(line, 100, 125, false)),
        answer(200, &[], some(payment, 0, 11, false)),
    ])
    .await;
    let fetched = client(&server.base).fetch(&subject(Kind::Invoice, "in_1")).await.unwrap();
    assert_eq!(fetched.cut_short(), None);
    let FetchedState::Present { observed: Observed::Invoice(it), raw } = fetched.state else {
        panic!("an invoice")
    };
    assert_eq!(it.payment_intent.unwrap().as_str(), "pi_inv10");
    assert_eq!(raw["lines"]["data"].as_array().unwrap().len(), 125);
    assert_eq!(raw["lines"]["data"][124]["id"], "il_124");
    let lines: Vec<_> = server.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(
        lines[1..],
        [
            "GET /v1/invoices/in_1/lines?limit=100 HTTP/1.1",
            "GET /v1/invoices/in_1/lines?limit=100&starting_after=il_99 HTTP/1.1",
            "GET /v1/invoice_payments?invoice=in_1&limit=100 HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn lines_beyond_a_thousand_are_not_read_and_the_list_says_so() {
    let shown = invoice(some(line, 0, 10, true), some(payment, 0, 1, false));
    let pages = (0..10).map(|n| answer(200, &[], some(line, n * 100, n * 100 + 100, true)));
    let server = Server::replying(std::iter::once(answer(200, &[], shown)).chain(pages)).await;
    let fetched = client(&server.base).fetch(&subject(Kind::Invoice, "in_1")).await.unwrap();
    assert_eq!(fetched.cut_short(), Some("lines"));
    let FetchedState::Present { raw, .. } = fetched.state else { panic!("an invoice") };
    assert_eq!(raw["lines"]["data"].as_array().unwrap().len(), 1_000);
    assert_eq!(raw["lines"]["has_more"], true);
}

#[tokio::test]
async fn what_is_no_list_is_an_error_that_says_so() {
    for odd in [json!([]), json!("x"), json!(1), json!(null), json!({"data": {}})] {
        let shown = subscription(list(&["si_1"], true));
        let server = Server::replying([answer(200, &[], shown), answer(200, &[], &odd)]).await;
        let of = subject(Kind::Subscription, "sub_1");
        let error = client(&server.base).fetch(&of).await.unwrap_err();
        assert_eq!(error.failure().code, "stripe_undecodable", "{odd}: {error}");
    }
}
