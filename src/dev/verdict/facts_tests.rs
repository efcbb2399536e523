use serde_json::json;

use super::*;
use crate::domain::event_types;
use crate::domain::notification::Topic;

const REVOKED: &str = "acct_gone";

/// An event that shows a payment or the like in a status.
fn event(id: &str, event_type: &str, object: &Value) -> Value {
    json!({"id": id, "type": event_type, "livemode": false, "data": {"object": object}})
}

fn object(kind: &str, id: &str, status: &str) -> Value {
    json!({"object": kind, "id": id, "status": status})
}

fn state(topic: &str, kind: &str, id: &str) -> Value {
    json!({"sort": "state", "topic": topic, "account": "", "livemode": false,
           "object_kind": kind, "object_id": id})
}

fn occurrence(topic: &str, kind: &str, id: &str, cause: &str) -> Value {
    json!({"sort": "occurrence", "topic": topic, "account": "", "livemode": false,
           "object_kind": kind, "object_id": id, "cause": cause})
}

fn whats(truth: &[(Kind, Value)], events: &[Value], outbox: &[Value]) -> Vec<String> {
    let scope = || Scope { account: None, livemode: false };
    let objects: Vec<_> =
        truth.iter().map(|(kind, object)| (scope(), *kind, vec![object.clone()])).collect();
    said(judge(&objects, events, &[], outbox))
}

fn said(differences: Vec<Difference>) -> Vec<String> {
    let one = |d: Difference| format!("{} {}: {}, not {}", d.id, d.what, d.found, d.expected);
    differences.into_iter().map(one).collect()
}

const NONE: [&str; 0] = [];

/// A payment that failed once and then came through, and a subscription that recovered.
fn lived() -> (Vec<(Kind, Value)>, Vec<Value>, Vec<Value>) {
    let payment = |status| object("payment_intent", "pi_1", status);
    let subscription = |status| object("subscription", "sub_1", status);
    let updated = |id, status| event(id, "customer.subscription.updated", &subscription(status));
    let events = vec![
        event("evt_1", "payment_intent.payment_failed", &payment("requires_payment_method")),
        event("evt_2", "payment_intent.succeeded", &payment("succeeded")),
        updated("evt_3", "active"),
        updated("evt_4", "past_due"),
        updated("evt_5", "active"),
    ];
    let truth = vec![
        (Kind::PaymentIntent, payment("succeeded")),
        (Kind::Subscription, subscription("active")),
    ];
    let outbox = vec![
        state("payment.succeeded", "payment_intent", "pi_1"),
        occurrence("payment.attempt_failed", "payment_intent", "pi_1", "evt_1"),
        state("subscription.activated", "subscription", "sub_1"),
        state("subscription.past_due", "subscription", "sub_1"),
        state("subscription.activated", "subscription", "sub_1"),
    ];
    (truth, events, outbox)
}

#[test]
fn every_topic_is_judged_and_is_about_the_kind_that_the_catalogue_says() {
    for topic in Topic::ALL {
        let (name, kind) = (topic.as_str(), topic.object());
        let states = SAYINGS.iter().filter(|saying| saying.topic == name);
        let by_state = states.map(|saying| saying.kind.as_str());
        let by_event = OCCURRENCES.iter().filter(|(_, told)| *told == name).map(|(of, _)| {
            let mut types = event_types::all();
            let shows = types.find(|(known, _, _)| known == of).map(|(_, objects, _)| objects[0]);
            // Accounts in the list had granted access; the notification is about the account.
            if name == "account.deauthorized" { "account" } else { shows.unwrap_or_default() }
        });
        assert_eq!(by_state.chain(by_event).collect::<Vec<_>>(), [kind], "{topic:?}");
    }
}

#[test]
fn what_was_told_as_it_was_lived_is_no_difference() {
    let (truth, events, mut outbox) = lived();
    assert_eq!(whats(&truth, &events, &outbox), NONE);
    // Nobody looked while it was past due.
    outbox.truncate(3);
    assert_eq!(whats(&truth, &events, &outbox), NONE, "a state that came and went");
}

#[test]
fn a_fact_that_was_never_told_is_found() {
    let (truth, events, outbox) = lived();
    for (dropped, found) in
        [(0, "pi_1 payment.succeeded: 0, not 1"), (1, "evt_1 payment.attempt_failed: 0, not 1")]
    {
        let mut outbox = outbox.clone();
        outbox.remove(dropped);
        assert_eq!(whats(&truth, &events, &outbox), [found]);
    }
    let without = &outbox[..2];
    assert_eq!(
        whats(&truth, &events, without),
        ["sub_1 subscription.activated: 0, not 1 to 2"],
        "it may be told as often as it was so, and must be as it is so in the end"
    );
}

#[test]
fn a_fact_that_was_told_twice_is_found() {
    let (truth, events, outbox) = lived();
    for (doubled, found) in [
        (0, "pi_1 payment.succeeded: 2, not 1"),
        (1, "evt_1 payment.attempt_failed: 2, not 1"),
        (2, "sub_1 subscription.activated: 3, not 1 to 2"),
        (3, "sub_1 subscription.past_due: 2, not 0 to 1"),
    ] {
        let mut outbox = outbox.clone();
        outbox.push(outbox[doubled].clone());
        assert_eq!(whats(&truth, &events, &outbox), [found]);
    }
}

#[test]
fn a_fact_that_was_invented_is_found() {
    let (truth, events, outbox) = lived();
    for (invented, found) in [
        (state("payment.canceled", "payment_intent", "pi_1"), "pi_1 payment.canceled: 1, not 0"),
        (
            state("payment.succeeded", "payment_intent", "pi_2"),
            "pi_2 payment.succeeded: 1, not 0, there is no such object",
        ),
        (state("refund.failed", "payment_intent", "pi_1"), "pi_1 refund.failed: 1, not 0"),
        (
            occurrence("payment.attempt_failed", "payment_intent", "pi_1", "evt_2"),
            "evt_2 payment.attempt_failed: 1, not 0",
        ),
        (
            occurrence("invoice.payment_failed", "invoice", "in_1", "evt_9"),
            "evt_9 invoice.payment_failed: 1, not 0",
        ),
    ] {
        let mut outbox = outbox.clone();
        outbox.push(invented);
        assert_eq!(whats(&truth, &events, &outbox), [found]);
    }
}

#[test]
fn an_occurrence_of_another_object_is_found() {
    let (truth, events, mut outbox) = lived();
    outbox[1]["object_id"] = json!("pi_2");
    assert_eq!(whats(&truth, &events, &outbox), ["evt_1 payment.attempt_failed: pi_2, not pi_1"]);
}

#[test]
fn every_fact_that_an_end_makes_true_is_missed_when_nothing_was_told() {
    for (kind, end, expected) in [
        (Kind::PaymentIntent, json!({"status": "canceled"}), vec!["payment.canceled"]),
        (Kind::Refund, json!({"status": "failed"}), vec!["refund.failed"]),
        (Kind::SetupIntent, json!({"status": "succeeded"}), vec!["setup.succeeded"]),
        (
            Kind::CheckoutSession,
            json!({"status": "complete", "payment_status": "paid"}),
            vec!["checkout.completed", "checkout.paid"],
        ),
        (
            Kind::CheckoutSession,
            json!({"status": "complete", "payment_status": "unpaid"}),
            vec!["checkout.completed"],
        ),
        (Kind::Dispute, json!({"status": "needs_response"}), vec!["dispute.opened"]),
        (Kind::Dispute, json!({"status": "lost"}), vec!["dispute.opened", "dispute.lost"]),
        (Kind::Payout, json!({"status": "paid"}), vec!["payout.paid"]),
        (Kind::Subscription, json!({"status": "canceled"}), vec!["subscription.canceled"]),
        (Kind::Invoice, json!({"status": "void"}), vec!["invoice.voided"]),
        (
            Kind::Account,
            json!({"charges_enabled": true, "payouts_enabled": true}),
            vec!["account.charges_enabled", "account.payouts_enabled"],
        ),
        (Kind::Customer, json!({"delinquent": true}), vec![]),
    ] {
        let mut object = end;
        object["object"] = json!(kind.as_str());
        object["id"] = json!("x_1");
        let found = whats(&[(kind, object)], &[], &[]);
        let expected: Vec<_> =
            expected.iter().map(|topic| format!("x_1 {topic}: 0, not 1")).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn what_was_enabled_and_is_not_in_the_end_was_told_to_be_disabled() {
    let account = |on: bool| json!({"object": "account", "id": "acct_1", "charges_enabled": on});
    let events = [true, false]
        .map(|on| event(if on { "evt_1" } else { "evt_2" }, "account.updated", &account(on)));
    let truth = [(Kind::Account, account(false))];
    let told = ["account.charges_enabled", "account.charges_disabled"]
        .map(|topic| state(topic, "account", "acct_1"));
    assert_eq!(whats(&truth, &events, &told), NONE);
    assert_eq!(whats(&truth, &events, &[]), NONE, "no fetch happened while it was on");
    let found = ["acct_1 account.charges_disabled: 0, not 1"];
    assert_eq!(whats(&truth, &events, &told[..1]), found);
    let found = ["acct_1 account.charges_disabled: 1, not 0"];
    assert_eq!(whats(&truth, &events, &told[1..]), found);
}

#[test]
fn money_goes_back_at_most_once_for_each_refund_and_at_least_once_if_any_did() {
    let charge = |refunded| {
        json!({"object": "charge", "id": "ch_1", "amount": 10,
                                   "amount_captured": 10, "amount_refunded": refunded})
    };
    let refund = |id: &str| json!({"object": "refund", "id": id, "charge": "ch_1"});
    let told = [state("payment.refunded", "charge", "ch_1")];
    let with = |refunded, refunds: &[&str]| {
        let refunds = refunds.iter().map(|id| (Kind::Refund, refund(id)));
        refunds.chain([(Kind::Charge, charge(refunded))]).collect::<Vec<_>>()
    };
    assert_eq!(whats(&with(5, &["re_1", "re_2"]), &[], &told), NONE);
    assert_eq!(whats(&with(0, &["re_1"]), &[], &told), NONE, "the refund failed later");
    let found = ["ch_1 payment.refunded: 0, not 1 to 2"];
    assert_eq!(whats(&with(5, &["re_1", "re_2"]), &[], &[]), found);
    assert_eq!(whats(&with(0, &[]), &[], &told), ["ch_1 payment.refunded: 1, not 0"]);
}

#[test]
fn of_what_can_no_longer_be_looked_at_nothing_need_have_been_told() {
    let payout = object("payout", "po_1", "paid");
    let scope = Scope { account: Some(REVOKED.to_owned()), livemode: false };
    let objects = [(scope, Kind::Payout, vec![payout])];
    let revoked = [REVOKED.to_owned()];
    assert_eq!(said(judge(&objects, &[], &revoked, &[])), NONE);
    assert_eq!(said(judge(&objects, &[], &[], &[])), ["po_1 payout.paid: 0, not 1"]);
}
