//! Sums of a payment over its charges, in whatever order and however concurrently they come.

use quittance::domain::kinds::payment::PaymentStatus;
use quittance::domain::object::Observed;

use super::given::*;
use crate::harness::TestDatabase;

async fn sums(db: &TestDatabase, id: &str) -> (i64, i64) {
    let row = db.json("app.payments", &format!("stripe_payment_intent_id = '{id}'")).await;
    (row["amount_captured"].as_i64().unwrap(), row["amount_refunded"].as_i64().unwrap())
}

#[tokio::test]
async fn a_refund_shows_when_the_charge_comes_before_its_payment() {
    let db = TestDatabase::migrated().await;
    observe(&db.store, "ch_1", 100, charge("pi_1", 1000, 300)).await;
    observe(&db.store, "pi_1", 100, payment(PaymentStatus::Succeeded)).await;
    assert_eq!(sums(&db, "pi_1").await, (1000, 300));
}

#[tokio::test]
async fn a_refund_shows_when_the_charge_comes_after_its_payment_and_goes_when_it_fails() {
    let db = TestDatabase::migrated().await;
    observe(&db.store, "pi_1", 100, payment(PaymentStatus::Succeeded)).await;
    assert_eq!(sums(&db, "pi_1").await, (0, 0));
    for (at, refunded) in [(101, 300), (102, 1000), (103, 700), (104, 0)] {
        observe(&db.store, "ch_1", at, charge("pi_1", 1000, refunded)).await;
        assert_eq!(sums(&db, "pi_1").await, (1000, refunded));
    }
    // A write of the payment keeps them.
    observe(&db.store, "ch_2", 105, charge("pi_1", 500, 50)).await;
    observe(&db.store, "pi_1", 106, payment(PaymentStatus::Succeeded)).await;
    assert_eq!(sums(&db, "pi_1").await, (1500, 50));
}

#[tokio::test]
async fn a_charge_of_another_payment_does_not_count() {
    let db = TestDatabase::migrated().await;
    observe(&db.store, "pi_1", 100, payment(PaymentStatus::Succeeded)).await;
    observe(&db.store, "pi_2", 100, payment(PaymentStatus::Succeeded)).await;
    observe(&db.store, "ch_1", 100, charge("pi_1", 10, 1)).await;
    observe(&db.store, "ch_2", 100, charge("pi_2", 20, 2)).await;
    assert_eq!((sums(&db, "pi_1").await, sums(&db, "pi_2").await), ((10, 1), (20, 2)));
}

#[tokio::test]
async fn the_sums_are_right_however_payments_and_charges_race() {
    let db = TestDatabase::migrated().await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..12_i64 {
        for charge_number in 0..4_i64 {
            let store = db.store.clone();
            writers.spawn(async move {
                let charge = charge(&format!("pi_{n}"), 100 + charge_number, charge_number);
                observe(&store, &format!("ch_{n}_{charge_number}"), 100, charge).await;
            });
        }
        let store = db.store.clone();
        writers.spawn(async move {
            observe(&store, &format!("pi_{n}"), 100, payment(PaymentStatus::Succeeded)).await;
        });
    }
    writers.join_all().await;
    for n in 0..12 {
        assert_eq!(sums(&db, &format!("pi_{n}")).await, (406, 6), "pi_{n}");
    }
}

#[tokio::test]
async fn an_authorisation_that_was_released_is_not_money_that_went_back() {
    let db = TestDatabase::migrated().await;
    observe(&db.store, "pi_1", 100, payment(PaymentStatus::Succeeded)).await;
    // 600 of 1000 captured: Stripe counts the other 400 as refunded. Then 50 really go back.
    let mut partial = charge("pi_1", 600, 450);
    let Observed::Charge(it) = &mut partial else { unreachable!() };
    it.amount = 1000;
    observe(&db.store, "ch_1", 101, partial).await;
    assert_eq!(sums(&db, "pi_1").await, (600, 50));
}
