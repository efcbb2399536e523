//! Objects, events and settlements for the tests, with as little said as possible.

use quittance::domain::event::{About, Event};
use quittance::domain::id::{EventId, Mode, ObjectId, Scope};
use quittance::domain::kinds::{charge, payment, refund};
use quittance::domain::money::Currency;
use quittance::domain::notification::{Notification, Topic};
use quittance::domain::object::{Kind, Observed, Recorded, Subject, decide};
use quittance::redaction::{Redacted, Rules};
use quittance::store::{
    Applied, Attempt, Change, NewState, Outcome, Publishing, Receipt, SettledEvent, Settlement,
    Store, StoreError,
};
use serde_json::{Value, json};

pub(crate) fn scope() -> Scope {
    Scope { account: None, mode: Mode::Test }
}

pub(crate) fn oid(id: &str) -> ObjectId {
    ObjectId::parse(id).unwrap()
}

pub(crate) fn eid(id: &str) -> EventId {
    EventId::parse(id).unwrap()
}

pub(crate) fn subject(kind: Kind, id: &str) -> Subject {
    Subject { scope: scope(), kind, id: oid(id), owner: None }
}

pub(crate) fn eur() -> Currency {
    Currency::parse("eur").unwrap()
}

/// A payment of so much.
pub(crate) fn of_amount(amount: i64) -> Observed {
    let Observed::PaymentIntent(mut observed) = payment(payment::PaymentStatus::Succeeded) else {
        unreachable!()
    };
    observed.amount = amount;
    Observed::PaymentIntent(observed)
}

pub(crate) fn payment(status: payment::PaymentStatus) -> Observed {
    Observed::PaymentIntent(Box::new(payment::PaymentObserved {
        status: status.into(),
        amount: 1000,
        amount_capturable: 0,
        amount_received: 0,
        currency: eur(),
        customer: None,
        payment_method: None,
        latest_charge: None,
        capture_method: "automatic".into(),
        failure: None,
        cancellation_reason: None,
        canceled_at: None,
        next_action: None,
        transfer_destination: None,
        application_fee_amount: None,
        on_behalf_of: None,
        description: None,
        metadata: vec![],
        created: 1_700_000_000,
    }))
}

/// A charge that was captured whole.
pub(crate) fn charge(payment_intent: &str, captured: i64, refunded: i64) -> Observed {
    Observed::Charge(Box::new(charge::ChargeObserved {
        status: charge::ChargeStatus::Succeeded.into(),
        amount: captured,
        amount_captured: captured,
        amount_refunded: refunded,
        currency: eur(),
        captured: true,
        refunded: false,
        disputed: false,
        payment_intent: Some(oid(payment_intent)),
        customer: None,
        payment_method: None,
        failure_code: None,
        failure_message: None,
        outcome: None,
        transfer_destination: None,
        application_fee_amount: None,
        balance_transaction: None,
        metadata: vec![],
        created: 1_700_000_000,
    }))
}

pub(crate) fn refund(status: refund::RefundStatus) -> Observed {
    Observed::Refund(Box::new(refund::RefundObserved {
        status: status.into(),
        amount: 300,
        currency: eur(),
        charge: Some(oid("ch_1")),
        payment_intent: Some(oid("pi_1")),
        reason: None,
        failure_reason: None,
        balance_transaction: None,
        metadata: vec![],
        created: 1_700_000_000,
    }))
}

/// What is kept of an object's JSON where the settings drop nothing.
pub(crate) fn kept(raw: Value) -> Redacted {
    Rules::default().redact(raw)
}

/// A change decided as the program decides it.
pub(crate) fn change(
    id: &str,
    version: i64,
    at: i64,
    before: Option<&Recorded>,
    observed: Observed,
) -> Change {
    let (transition, notifications) = decide(before, &observed).unwrap();
    Change {
        subject: subject(observed.kind(), id),
        expected_version: version,
        observed_at: at,
        seen_by: at + 1,
        state: NewState::Present {
            observed,
            transition,
            notifications,
            raw: kept(json!({"id": id})),
        },
        cause: None,
        publishing: Publishing::Publish,
    }
}

/// The first sight of an object.
pub(crate) fn first(id: &str, at: i64, observed: Observed) -> Change {
    change(id, 0, at, None, observed)
}

pub(crate) fn tombstone(kind: Kind, id: &str, version: i64, at: i64) -> Change {
    Change {
        subject: subject(kind, id),
        expected_version: version,
        observed_at: at,
        seen_by: at + 1,
        state: NewState::Deleted,
        cause: None,
        publishing: Publishing::Publish,
    }
}

pub(crate) fn attempt() -> Attempt {
    Attempt {
        number: 1,
        started_at_ms: 1_700_000_000_123,
        duration_ms: 7,
        worker: "worker-1".into(),
        request_id: Some("req_1".into()),
        trace_id: None,
        failure: None,
    }
}

pub(crate) fn receipt() -> Receipt {
    Receipt {
        endpoint: "default".into(),
        source: "webhook",
        received_at_ms: 1_700_000_000_456,
        secret_index: Some(0),
    }
}

pub(crate) fn event(id: &str, event_type: &str, kind: Kind, object: &str) -> Event {
    Event {
        id: eid(id),
        event_type: event_type.into(),
        created: 1_700_000_000,
        scope: scope(),
        api_version: Some("2025-06-30.basil".into()),
        about: Some(About {
            object: kind.as_str().into(),
            id: Some(oid(object)),
            charge: None,
            payment_intent: None,
            owner: None,
            failure: None,
            by_test_clock: false,
            shown: None,
        }),
    }
}

/// `payment_intent.succeeded` of `pi_1`, applied.
pub(crate) fn succeeded(id: &str) -> SettledEvent {
    SettledEvent {
        event: event(id, "payment_intent.succeeded", Kind::PaymentIntent, "pi_1"),
        outcome: Outcome::Applied,
        receipt: receipt(),
        occurrences: vec![],
        attempt: attempt(),
    }
}

/// `payment_intent.payment_failed` of `pi_1`, which tells something by itself.
pub(crate) fn attempt_failed(id: &str) -> SettledEvent {
    SettledEvent {
        event: event(id, "payment_intent.payment_failed", Kind::PaymentIntent, "pi_1"),
        outcome: Outcome::Covered,
        occurrences: vec![Notification::occurrence(Topic::PaymentAttemptFailed)],
        ..succeeded(id)
    }
}

pub(crate) fn settlement(change: Change, events: Vec<SettledEvent>) -> Settlement {
    Settlement { change: Some(change), events, command: None, release: None }
}

pub(crate) fn only(events: Vec<SettledEvent>) -> Settlement {
    Settlement { change: None, events, command: None, release: None }
}

/// Writes a slice.
pub(crate) async fn apply_all(
    store: &Store,
    slice: impl IntoIterator<Item = Settlement>,
) -> Result<Vec<Applied>, StoreError> {
    let slice: Vec<_> = slice.into_iter().map(|settlement| store.prepare(settlement)).collect();
    store.apply(&slice.iter().collect::<Vec<_>>()).await
}

pub(crate) async fn apply(store: &Store, settlement: Settlement) -> Applied {
    apply_all(store, [settlement]).await.unwrap()[0]
}

/// Reads and writes until it is written: what the program does after a conflict.
pub(crate) async fn observe(store: &Store, id: &str, at: i64, observed: Observed) {
    let subject = subject(observed.kind(), id);
    loop {
        let loaded = store.load(&[], std::slice::from_ref(&subject)).await.unwrap();
        let row = loaded.rows[0].as_ref();
        if row.is_some_and(|row| row.observed_at > at) {
            return;
        }
        let recorded = row.and_then(|row| row.recorded.as_ref());
        let version = row.map_or(0, |row| row.version);
        let change = change(id, version, at, recorded, observed.clone());
        if apply(store, settlement(change, vec![])).await == Applied::Done {
            return;
        }
    }
}
