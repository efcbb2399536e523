//! Stripe's list of events, as the client reads it.

use quittance::domain::id::{AccountId, Mode, Scope};
use quittance::stripe_api::{EventBound, ListedEvent};
use serde_json::Value;
use stripe_simulator::{Kind, Simulator};

use crate::harness::App;
use crate::harness::app::payment_of;

fn own() -> Scope {
    Scope { account: None, mode: Mode::Test }
}

async fn list(app: &App, scope: Scope, from: i64, bound: EventBound) -> (Vec<ListedEvent>, usize) {
    let client = app.client();
    let mut listing = client.list_events(scope, from, bound);
    let (mut events, mut pages) = (Vec::new(), 0);
    while let Some(page) = listing.next().await.unwrap() {
        events.extend(page.events);
        pages += 1;
    }
    (events, pages)
}

fn truth(stripe: &Simulator, from: i64, until: i64) -> Vec<String> {
    let mut all: Vec<Value> = stripe.truth(Kind::Event);
    all.sort_by_key(|event| event["created"].as_i64());
    let within = all.iter().filter(|event| {
        let created = event["created"].as_i64().unwrap();
        created >= from && created < until
    });
    within.map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

fn ids(events: &[ListedEvent]) -> Vec<String> {
    events.iter().map(|event| event.id.to_string()).collect()
}

#[tokio::test]
async fn a_range_is_listed_oldest_first_wherever_it_begins_and_ends() {
    let mut app = App::without_workers().await;
    app.may_leave_work();
    app.stripe().clock().freeze();
    let begin = app.stripe().clock().now();
    for n in 0..90 {
        app.pays("pm_card_visa");
        if n % 10 == 9 {
            app.stripe().clock().advance(1);
        }
    }
    let all = truth(app.stripe(), begin, begin + 100);
    assert!(all.len() > 250);
    for (from, until) in [
        (begin, begin + 100),
        (begin + 3, begin + 8),
        (begin + 1, begin + 2),
        (begin + 50, begin + 60),
    ] {
        let (events, _) = list(&app, own(), from, EventBound::Until(until)).await;
        assert_eq!(ids(&events), truth(app.stripe(), from, until), "{from}..{until}");
    }
    let (events, pages) = list(&app, own(), begin, EventBound::Age(0)).await;
    assert!(pages >= 3);
    let now = app.stripe().clock().now();
    // A round trip may have been longer than no time, and then the last second is not in it.
    assert!(events.len() >= truth(app.stripe(), begin, now - 2).len());
    assert_eq!(ids(&events), all[..events.len()]);
}

#[tokio::test]
async fn a_listed_event_is_what_a_webhook_brings() {
    let mut app = App::without_workers().await;
    app.may_leave_work();
    let seller = app.stripe().platform().connect_new().unwrap();
    seller.create_payment(payment_of(100)).unwrap();
    app.pays("pm_card_visa");
    app.stripe().wait_all_acknowledged().await.unwrap();
    let account = AccountId::parse(seller.id()).unwrap();
    let scopes = [own(), Scope { account: Some(account), mode: Mode::Test }];
    let mut listed = 0;
    for scope in scopes {
        let (events, _) = list(&app, scope.clone(), 0, EventBound::Until(i64::MAX)).await;
        for event in &events {
            let (read, object) = quittance::envelope::parse_with_object(&event.body).unwrap();
            assert_eq!((&read.id, &read.scope), (&event.id, &scope));
            assert_eq!(read.api_version.as_deref(), Some(quittance::stripe_api::api_version()));
            assert!(object.decode().is_some());
        }
        listed += events.len();
    }
    let jobs = app.producer.depth().await.unwrap().total();
    assert_eq!(u64::try_from(listed).unwrap(), jobs);
}
