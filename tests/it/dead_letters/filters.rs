//! A filter names what it says, and nothing else.

use quittance::store::dead_letter::{
    DeadLetterId, DeadLetterReason, DeadLetterSource, DeadLetterState, Filter,
};
use time::{Duration, OffsetDateTime};

use super::{GIVEN, Given, given, ids};
use crate::harness::TestDatabase;

#[tokio::test]
async fn each_field_of_a_filter_leaves_out_what_differs_in_it() {
    let db = TestDatabase::migrated().await;
    let plain = given(&db, "evt_1", GIVEN).await;
    let other = given(
        &db,
        "evt_2",
        Given {
            message: "a refund, 50% Off_",
            event_type: Some("refund.failed"),
            set: "object_kind = 'refund', object_id = 're_1', customer = 'cus_1',
                  account = 'acct_1', livemode = true, endpoint = 'connect', reason = 'exhausted',
                  class = 'transient', code = 'stripe_error', attempts = 12,
                  died_at = now() - interval '2 hours', snoozed_until = now() + interval '1 day'",
        },
    )
    .await;
    let ago = |hours| Some(OffsetDateTime::now_utc() - Duration::hours(hours));
    let text = |text: &str| Some(text.to_owned());
    let group = Some(super::dead_letter(&db, other).await.group);
    let none = Filter::default;
    for filter in [
        Filter { ids: Some(vec![other]), ..none() },
        Filter { group, ..none() },
        Filter { state: Some(DeadLetterState::Snoozed), ..none() },
        Filter { event_type: text("refund.failed"), ..none() },
        Filter { object_kind: text("refund"), ..none() },
        Filter { object_id: text("re_1"), ..none() },
        Filter { customer: text("cus_1"), ..none() },
        Filter { account: text("acct_1"), ..none() },
        Filter { livemode: Some(true), ..none() },
        Filter { endpoint: text("connect"), ..none() },
        Filter { reason: Some(DeadLetterReason::Exhausted), ..none() },
        Filter { class: text("transient"), ..none() },
        Filter { code: text("stripe_error"), ..none() },
        // Nothing in it is a pattern.
        Filter { text: text("50% off_"), ..none() },
        Filter { older_than: ago(1), ..none() },
        Filter { min_attempts: Some(12), ..none() },
    ] {
        assert_eq!(ids(&db, &filter).await, [other], "{filter:?}");
        let groups = db.store.dead_letter_groups(&filter).await.unwrap();
        assert_eq!(groups.dead_letters, 1, "{filter:?}");
        assert_eq!(db.store.count_dead_letters(&filter, None).await.unwrap(), (1, Some(other)));
    }
    for filter in [
        Filter::open(),
        Filter { account: text(""), ..none() },
        Filter { livemode: Some(false), ..none() },
        Filter { newer_than: ago(1), ..none() },
    ] {
        assert_eq!(ids(&db, &filter).await, [plain], "{filter:?}");
    }
    assert_eq!(ids(&db, &none()).await, [other, plain]);
    let events = Filter { source: Some(DeadLetterSource::Event), ..none() };
    assert_eq!(ids(&db, &events).await, [other, plain]);
    for filter in [
        Filter { source: Some(DeadLetterSource::Notification), ..none() },
        Filter { text: text("off%"), ..none() },
        Filter { ids: Some(vec![]), ..none() },
        Filter { state: Some(DeadLetterState::Open), customer: text("cus_1"), ..none() },
    ] {
        assert_eq!(ids(&db, &filter).await, Vec::<DeadLetterId>::new(), "{filter:?}");
    }
}

#[tokio::test]
async fn the_customer_of_an_events_object_is_kept_with_its_dead_letter() {
    use quittance::store::dead_letter::NewDeadLetter;

    let db = TestDatabase::migrated().await;
    let id = given(&db, "evt_1", GIVEN).await;
    assert_eq!(super::dead_letter(&db, id).await.customer, None);
    let body = r#"{"data":{"object":{"object":"charge","customer":"cus_9"}}}"#;
    let new =
        NewDeadLetter { body: body.into(), ..crate::store::dead_letters::dead_letter("evt_2") };
    let id = db.store.dead_letter(&new).await.unwrap().unwrap();
    assert_eq!(super::dead_letter(&db, id).await.customer.as_deref(), Some("cus_9"));
}
