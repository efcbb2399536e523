//! The ledger, listed and shown.

use quittance::domain::id::Mode;
use quittance::ops::events::{self, ListError};
use quittance::store::ledger::{EventFilter, LedgerStatus};
use quittance::store::{Outcome, Store};
use time::macros::datetime;

use crate::harness::TestDatabase;

/// Forty events, ten in each of four seconds; every fifth one dead.
const MANY: &str = "
    INSERT INTO quittance.events (
        id, type, account, livemode, stripe_created, endpoint, received_at, object_kind, object_id,
        status, outcome, settled_at, attempts)
    SELECT 'evt_' || n,
           CASE WHEN n % 2 = 0 THEN 'payment_intent.succeeded' ELSE 'charge.refunded' END,
           CASE WHEN n % 4 = 0 THEN 'acct_1' ELSE '' END, n % 3 = 0, now(), 'default',
           timestamptz '2026-05-01 12:00:00Z' + n / 10 * interval '1 second',
           'payment_intent', 'pi_' || n % 7,
           CASE WHEN n % 5 = 0 THEN 'dead' ELSE 'settled' END,
           CASE WHEN n % 5 > 0 THEN 'covered' END, CASE WHEN n % 5 > 0 THEN now() END, 1
    FROM generate_series(0, 39) AS n";

async fn ids(store: &Store, filter: &EventFilter) -> Vec<usize> {
    let page = events::list(store, filter, None, 100).await.unwrap();
    let mut numbers: Vec<usize> =
        page.events.iter().map(|event| event.id["evt_".len()..].parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

fn those(fit: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..40).filter(|n| fit(*n)).collect()
}

#[tokio::test]
async fn the_pages_of_the_ledger_lack_nothing_and_repeat_nothing_whatever_shares_a_second() {
    let db = TestDatabase::migrated().await;
    db.execute(MANY).await;
    let all = events::list(&db.store, &EventFilter::default(), None, 100).await.unwrap();
    assert_eq!((all.events.len(), &all.next), (40, &None));
    assert!(all.events.is_sorted_by_key(|event| std::cmp::Reverse(event.received_at)));

    let mut paged = Vec::new();
    let mut before = None;
    loop {
        let filter = EventFilter::default();
        let page = events::list(&db.store, &filter, before.as_deref(), 7).await.unwrap();
        paged.extend(page.events);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.events);
    let lost = events::list(&db.store, &EventFilter::default(), Some("evt_x"), 7).await;
    assert!(matches!(lost, Err(ListError::NoSuchEvent(_))), "{lost:?}");
}

#[tokio::test]
async fn each_filter_of_the_ledger_keeps_what_fits_and_nothing_else() {
    let db = TestDatabase::migrated().await;
    db.execute(MANY).await;
    let filter = EventFilter::default;
    let found = async |filter: EventFilter| ids(&db.store, &filter).await;

    let exact = Some("charge.refunded".to_owned());
    assert_eq!(found(EventFilter { event_type: exact, ..filter() }).await, those(|n| n % 2 == 1));
    let family = Some("payment_intent.*".to_owned());
    assert_eq!(found(EventFilter { event_type: family, ..filter() }).await, those(|n| n % 2 == 0));
    let object = Some("pi_3".to_owned());
    assert_eq!(found(EventFilter { object, ..filter() }).await, those(|n| n % 7 == 3));
    let account = Some("acct_1".to_owned());
    assert_eq!(found(EventFilter { account, ..filter() }).await, those(|n| n % 4 == 0));
    let account = Some(String::new());
    assert_eq!(found(EventFilter { account, ..filter() }).await, those(|n| n % 4 != 0));
    let mode = Some(Mode::Live);
    assert_eq!(found(EventFilter { mode, ..filter() }).await, those(|n| n % 3 == 0));
    let status = Some(LedgerStatus::Dead);
    assert_eq!(found(EventFilter { status, ..filter() }).await, those(|n| n % 5 == 0));
    let outcome = Some(Outcome::Covered);
    assert_eq!(found(EventFilter { outcome, ..filter() }).await, those(|n| n % 5 != 0));
    let since = Some(datetime!(2026-05-01 12:00:02 UTC));
    assert_eq!(found(EventFilter { since, ..filter() }).await, those(|n| n >= 20));
    let until = Some(datetime!(2026-05-01 12:00:02 UTC));
    assert_eq!(found(EventFilter { until, ..filter() }).await, those(|n| n < 20));
    let both = EventFilter { mode, status, ..filter() };
    assert_eq!(found(both).await, those(|n| n % 15 == 0));
}

#[tokio::test]
async fn an_event_that_no_table_knows_is_not_shown() {
    let db = TestDatabase::migrated().await;
    assert_eq!(events::show(&db.store, "evt_1").await.unwrap(), None);
}
