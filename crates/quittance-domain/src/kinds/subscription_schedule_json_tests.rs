//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn schedule(changes: Value) -> Result<ScheduleObserved, serde_json::Error> {
    let mut it = json!({
        "id": "sub_sched_1", "object": "subscription_schedule", "created": 1,
        "billing_mode": {"type": "classic"}, "customer": "cus_1",
        "default_settings": {
            "billing_cycle_anchor": "automatic", "invoice_settings": {"issuer": {"type": "self"}},
        },
        "end_behavior": "release", "livemode": false, "metadata": {"order_id": "42"},
        "phases": [], "status": "not_started",
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it)
}

#[test]
fn a_schedule_at_work_names_its_subscription_and_its_phase() {
    let it = schedule(json!({
        "status": "active", "subscription": "sub_1",
        "current_phase": {"start_date": 2, "end_date": 3},
    }))
    .unwrap();
    assert_eq!(it.status, ScheduleStatus::Active);
    assert_eq!(it.subscription.unwrap().as_str(), "sub_1");
    assert_eq!(it.current_phase, Some(SchedulePhase { start_date: Some(2), end_date: Some(3) }));
}

#[test]
fn a_schedule_that_let_go_names_what_it_let_go() {
    let it = schedule(json!({
        "status": "released", "released_subscription": "sub_1", "released_at": 4,
    }))
    .unwrap();
    assert_eq!((it.status, it.released_at), (ScheduleStatus::Released.into(), Some(4)));
    assert_eq!(it.released_subscription.unwrap().as_str(), "sub_1");
    assert_eq!((it.subscription, it.current_phase), (None, None));
}
