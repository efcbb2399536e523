use quittance::ops::{audit, queue};
use quittance::queue::Place;
use quittance::store::audit::AuditFilter;
use serde_json::json;

use super::*;
use crate::harness::{Options, eventually};

#[tokio::test]
async fn a_pause_is_shown_everywhere_with_who_and_why_and_its_end_is_too() {
    let app = App::start().await;
    let (look, store) = (inspector(&app), &app.db.store);
    let acted = queue::pause(&look, store, &[Lane::Live], JANE).await.unwrap();
    assert!(acted[0].changed && acted[0].not_audited.is_none(), "{acted:?}");
    let again = queue::pause(&look, store, &[Lane::Live], JANE).await.unwrap();
    assert!(!again[0].changed);
    app.pays("pm_card_visa");
    eventually("the worker knows it", async || {
        let (status, body) = app.readiness().await;
        let paused = &body["paused"][0];
        status == 200 && (&paused["by"], &paused["reason"]) == (&json!("jane"), &json!("a look"))
    })
    .await;
    eventually("all that arrived waits", async || {
        let (waiting, in_hand) = live(&app).await;
        waiting > 0 && in_hand == 0
    })
    .await;
    let seen = status(&app).await.queue.unwrap();
    let [pause] = &seen.paused().collect::<Vec<_>>()[..] else { panic!("one lane: {seen:?}") };
    assert_eq!((pause.lane.as_str(), pause.by.as_str()), ("live", "jane"));

    let jobs = queue::peek(&look, Lane::Live, Place::Waiting, 100).await.unwrap();
    let mut events: Vec<_> = jobs.iter().map(|job| job.event.clone().unwrap()).collect();
    events.sort();
    eventually("all events wait", async || live(&app).await.0 == app.events("").len() as u64).await;
    assert!(events.iter().all(|event| app.events("").contains(event)), "{events:?}");

    let mend = Actor { name: "joe", reason: None };
    let ended = queue::resume(&look, store, &Lane::ALL, mend).await.unwrap();
    assert_eq!((ended[0].changed, ended[1].changed), (true, false), "one was not paused");
    app.settled().await;
    app.is_true().await;

    let all = audit::list(store, &AuditFilter::default(), None, 10).await.unwrap();
    let verbs: Vec<_> = all.entries.iter().map(|e| (e.actor.as_str(), e.verb.as_str())).collect();
    assert_eq!(
        verbs,
        [("joe", "queue.resume"), ("jane", "queue.pause")],
        "what changed nothing is not there"
    );
    assert_eq!(all.entries[1].reason.as_deref(), Some("a look"));
    assert_eq!(all.entries[1].target, "lane:live");
}

#[tokio::test]
async fn a_pause_of_all_lanes_waits_for_no_note_between_them() {
    let app = App::without_workers().await;
    let look = inspector(&app);
    // A Postgres that takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://x@{}/x", silent.local_addr().unwrap());
    let acquire_timeout = Duration::from_secs(3_600);
    let url = config::Secret::new(url);
    let settings = config::Database { url, acquire_timeout, ..app.settings.database.clone() };
    let store = Store::connect(&settings, "test").unwrap();
    let pausing = {
        let look = look.clone();
        tokio::spawn(async move { queue::pause(&look, &store, &Lane::ALL, JANE).await })
    };
    eventually("both are paused", async || {
        queue::pauses(&look).await.is_ok_and(|paused| paused.len() == Lane::ALL.len())
    })
    .await;
    assert!(!pausing.is_finished(), "nobody has noted it yet");
    pausing.abort();
}

#[tokio::test]
async fn a_pause_takes_back_what_an_outage_holds_back_and_costs_no_attempt() {
    // One request whose connection ends without an answer is enough to call it an outage.
    let env = &[("QUITTANCE__WORKER__DOWN_AFTER", "1")];
    let app = App::with(Options { env, ..Options::default() }).await;
    app.is_ready().await;
    app.stripe().set_chaos(|chaos| chaos.down = true);
    app.pays("pm_card_visa");
    app.waits_for("stripe").await;
    queue::pause(&inspector(&app), &app.db.store, &[Lane::Live], JANE).await.unwrap();
    eventually("nothing is in hand", async || {
        let depth = app.producer.depth().await.unwrap();
        (depth.live.in_hand, depth.delayed) == (0, 0) && depth.live.waiting > 0
    })
    .await;
    app.stripe().set_chaos(|chaos| chaos.down = false);
    queue::resume(&inspector(&app), &app.db.store, &[Lane::Live], JANE).await.unwrap();
    app.settled().await;
    app.is_true().await;
    let spent = "quittance.attempts WHERE number > 1 OR outcome = 'failed'";
    assert_eq!(app.db.count(spent).await, 0);
}

#[tokio::test]
async fn the_work_can_be_stopped_while_postgres_is_down_and_that_it_is_not_noted_is_said() {
    let app = App::without_workers().await;
    let (look, store) = (inspector(&app), no_store(&app));
    let acted = queue::pause(&look, &store, &[Lane::Live], JANE).await.unwrap();
    assert!(acted[0].changed && acted[0].not_audited.is_some(), "{acted:?}");
    assert_eq!(look.pauses().await.unwrap().len(), 1);
    assert!(queue::pause(&no_redis(&app), &app.db.store, &[Lane::Live], JANE).await.is_err());
    assert_eq!(app.db.count("quittance.audit_log").await, 0, "what was not done is not noted");
}

#[tokio::test]
async fn the_audit_log_is_filtered_and_paged() {
    let app = App::without_workers().await;
    let (look, store) = (inspector(&app), &app.db.store);
    let joe = Actor { name: "joe", reason: None };
    queue::pause(&look, store, &Lane::ALL, JANE).await.unwrap();
    queue::resume(&look, store, &Lane::ALL, joe).await.unwrap();
    app.db
        .execute(
            "INSERT INTO quittance.audit_log (at, actor, verb, target, count)
             VALUES (clock_timestamp() - interval '3 hours', 'jane', 'dead_letter.retry', 'x', 7)",
        )
        .await;
    let found = async |filter: AuditFilter| {
        let page = audit::list(store, &filter, None, 10).await.unwrap();
        let of = page.entries.iter().map(|e| format!("{} {} {}", e.actor, e.verb, e.target));
        of.collect::<Vec<_>>()
    };
    let any = AuditFilter::default;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        found(AuditFilter { actor: text("joe"), ..any() }).await,
        ["joe queue.resume lane:backfill", "joe queue.resume lane:live"]
    );
    assert_eq!(found(AuditFilter { verb: text("queue.pause"), ..any() }).await.len(), 2);
    assert_eq!(found(AuditFilter { verb: text("queue"), ..any() }).await.len(), 4);
    assert_eq!(
        found(AuditFilter { verb: text("dead_letter"), ..any() }).await,
        ["jane dead_letter.retry x"]
    );
    assert_eq!(found(AuditFilter { target: text("lane:live"), ..any() }).await.len(), 2);
    let hour_ago = time::OffsetDateTime::now_utc() - time::Duration::HOUR;
    assert_eq!(found(AuditFilter { since: Some(hour_ago), ..any() }).await.len(), 4);

    let mut ids = Vec::new();
    let mut before = None;
    loop {
        let page = audit::list(store, &any(), before, 2).await.unwrap();
        ids.extend(page.entries.iter().map(|entry| entry.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(ids.len(), 5);
    assert!(ids.windows(2).all(|two| two[0] > two[1]), "newest first, none twice: {ids:?}");
}
