//! One object's story, and the ways to find it.

use quittance::domain::id::Mode;
use quittance::domain::object::Kind;
use quittance::ops::name::NameError;
use quittance::ops::{events, objects};
use quittance::store::object::ObjectFilter;
use stripe_simulator::{NewCustomer, NewPayment};

use super::{fragile, name};
use crate::harness::app::payment_of;
use crate::harness::{App, Options, TestDatabase, eventually};

#[tokio::test]
async fn an_objects_story_is_told_in_order_and_says_where_its_row_came_from() {
    let app = App::start().await;
    let payment = app.pays("pm_card_visa");
    app.settled().await;

    let shown = objects::show(&app.db.store, &name(&payment)).await.unwrap();
    let row = shown.row.unwrap();
    assert_eq!(row.status.as_deref(), Some("succeeded"));
    assert_eq!(shown.table.unwrap().table, "app.payments");
    let origin = shown.origin.unwrap();
    assert_eq!(Some(&origin.event), row.cause.as_ref());
    assert!(origin.request_id.unwrap().starts_with("req_"));
    assert_eq!(shown.obstacles, []);
    assert!(shown.links.iter().any(|link| link.field == "latest_charge"), "{:?}", shown.links);

    assert!(shown.timeline.is_sorted_by_key(|moment| moment.at));
    let has = |word| shown.timeline.iter().any(|moment| moment.what.word() == word);
    for word in ["event", "attempt", "transition", "notification"] {
        assert!(has(word), "no {word} in {:#?}", shown.timeline);
    }
    assert!(!shown.timeline.iter().any(|moment| moment.bad), "{:#?}", shown.timeline);
    app.stop().await;
}

#[tokio::test]
async fn an_object_without_a_row_is_known_by_what_was_given_up() {
    let app = fragile().await;
    app.stripe().set_auto_deliver(false);
    let payment = app.pays("pm_card_visa");
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    app.deliver(&app.events("payment_intent.succeeded")[0]).await;
    app.drained().await;

    let shown = objects::show(&app.db.store, &name(&payment)).await.unwrap();
    assert_eq!((&shown.row, &shown.table), (&None, &None));
    let [obstacle] = &shown.obstacles[..] else { panic!("{:?}", shown.obstacles) };
    assert!(obstacle.text.contains("is open"), "{obstacle:?}");
    let dead_letter = app.db.json("quittance.dead_letters", "true").await;
    assert_eq!(obstacle.dead_letter, dead_letter["id"].as_i64());
    assert!(shown.timeline.iter().any(|moment| moment.what.word() == "dead_letter"));
    app.stop().await;
}

#[tokio::test]
async fn an_event_that_is_tried_again_stands_in_the_way_of_its_object() {
    let env = &[("QUITTANCE__RETRY__FIRST", "1h"), ("QUITTANCE__RETRY__CAP", "1h")];
    let mut app = App::with(Options { env, ..Options::default() }).await;
    app.may_leave_work();
    app.stripe().set_auto_deliver(false);
    let payment = app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").remove(0);
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    app.deliver(&event).await;
    eventually("the attempt is kept", async || !app.attempts(&event).await.is_empty()).await;

    let shown = events::show(&app.db.store, &event).await.unwrap().unwrap();
    assert_eq!(shown.event, None, "it is not at its end");
    assert_eq!(shown.object.unwrap().id, payment);
    assert_eq!(shown.attempts[0].event_type.as_deref(), Some("payment_intent.succeeded"));
    let shown = objects::show(&app.db.store, &name(&payment)).await.unwrap();
    let [obstacle] = &shown.obstacles[..] else { panic!("{:?}", shown.obstacles) };
    assert!(obstacle.event == event && obstacle.text.contains("will be retried"), "{obstacle:?}");
    app.stop().await;
}

#[tokio::test]
async fn objects_are_found_by_their_customer_their_metadata_and_their_kind() {
    let app = App::start().await;
    let account = app.stripe().platform();
    let customer = account.create_customer(NewCustomer::default());
    let customer = customer["id"].as_str().unwrap();
    let mut paid = Vec::new();
    for order in 1..=3 {
        let metadata = [("order_id".to_owned(), order.to_string())].into();
        let customer = Some(customer.to_owned());
        paid.push(app.makes(NewPayment { customer, metadata, ..payment_of(1000 + order) }));
    }
    let other = app.makes(payment_of(5));
    app.settled().await;
    let store = &app.db.store;
    let filter = ObjectFilter { customer: Some(customer.to_owned()), ..ObjectFilter::default() };

    let all = objects::list(store, &filter, None, 10).await.unwrap();
    let found: Vec<_> = all.objects.iter().map(|it| it.key.id.as_str()).collect();
    assert!(found.contains(&customer) && paid.iter().all(|id| found.contains(&id.as_str())));
    assert!(!found.contains(&other.as_str()), "{found:?}");

    let mut paged = Vec::new();
    let mut last = None;
    loop {
        let page = objects::list(store, &filter, last.as_ref(), 1).await.unwrap();
        last = page.objects.last().map(|it| it.key.clone());
        paged.extend(page.objects);
        if !page.more {
            break;
        }
    }
    assert_eq!(paged, all.objects);

    let metadata = Some(("order_id".to_owned(), "2".to_owned()));
    let by_order = ObjectFilter { metadata, ..ObjectFilter::default() };
    let page = objects::list(store, &by_order, None, 10).await.unwrap();
    let found: Vec<_> = page.objects.iter().map(|it| (&it.key.id, it.amount)).collect();
    assert_eq!(found, [(&paid[1], Some(1002))]);

    let payments = ObjectFilter { kind: Some(Kind::PaymentIntent), ..ObjectFilter::default() };
    assert_eq!(objects::list(store, &payments, None, 10).await.unwrap().objects.len(), 4);
    let live = ObjectFilter { mode: Some(Mode::Live), ..payments };
    assert_eq!(objects::list(store, &live, None, 10).await.unwrap().objects, []);
    assert!(objects::list(store, &ObjectFilter::default(), None, 10).await.is_err());
    app.stop().await;
}

#[tokio::test]
async fn an_id_that_names_nothing_or_several_things_is_refused_in_words() {
    let db = TestDatabase::migrated().await;
    let unknown = objects::show(&db.store, &name("pi_1")).await.unwrap_err();
    assert!(matches!(unknown, NameError::Unknown { .. }));
    assert!(unknown.to_string().contains("looked for a payment_intent"), "{unknown}");

    db.execute(
        "INSERT INTO quittance.objects
             (account, livemode, kind, id, version, observed_at, seen_by, data)
         VALUES ('', true, 'coupon', 'SUMMER', 1, now(), now(), '{}'),
                ('acct_1', true, 'coupon', 'SUMMER', 1, now(), now(), '{}')",
    )
    .await;
    let several = objects::show(&db.store, &name("SUMMER")).await.unwrap_err();
    assert!(several.to_string().contains("a coupon of acct_1 in live mode"), "{several}");
    let mut one = name("SUMMER");
    one.account = Some(String::new());
    assert_eq!(objects::show(&db.store, &one).await.unwrap().object.account, "");
}
