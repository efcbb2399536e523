//! Background duties: one worker at a time, whatever becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use quittance::duties::{Duty, DutyDone, Scheduler};
use quittance::store::audit::Actor;
use quittance::supervise::Supervisor;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::harness::{TestDatabase, eventually, within};

const HOUR: Duration = Duration::from_hours(1);

fn done() -> DutyDone {
    DutyDone { detail: "all of it".into(), again: false }
}

#[tokio::test]
async fn a_duty_is_run_by_one_worker_and_its_run_is_kept() {
    let db = TestDatabase::migrated().await;
    let (runs, stop) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
    let workers = (0..4).map(|n| {
        let (runs, stop, store) = (Arc::clone(&runs), stop.clone(), db.store.clone());
        tokio::spawn(async move {
            let duty = Duty::new("count", HOUR, move || {
                runs.fetch_add(1, Ordering::Relaxed);
                async { Ok(done()) }
            });
            let scheduler = Scheduler::new(store, format!("worker-{n}"));
            scheduler.run(vec![duty], &Supervisor::default(), stop).await;
        })
    });
    let workers: Vec<_> = workers.collect();
    let finished = async || {
        db.store
            .duties()
            .await
            .unwrap()
            .first()
            .is_some_and(|it| it.runs == 1 && it.finished_at.is_some())
    };
    eventually("it was run", finished).await;
    let actor = Actor { name: "jane", reason: Some("to see it") };
    assert!(db.store.ask_for_duty("count", actor).await.unwrap());
    assert!(!db.store.ask_for_duty("nothing", actor).await.unwrap());
    eventually("it was run again", async || runs.load(Ordering::Relaxed) == 2).await;
    stop.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
    let duty = db.store.duties().await.unwrap().remove(0);
    assert_eq!((duty.runs, duty.failures, duty.result.as_deref()), (2, 0, Some("succeeded")));
    assert_eq!(duty.detail.as_deref(), Some("all of it"));
    assert!(duty.next_at > duty.finished_at.unwrap() + Duration::from_secs(3_000));
    assert_eq!(
        db.number("SELECT count(*) FROM quittance.audit_log WHERE verb = 'duty.run'").await,
        1
    );
}

#[tokio::test]
async fn another_worker_takes_a_duty_over_when_its_holder_dies() {
    let db = TestDatabase::migrated().await;
    let (begun, lease) = (Arc::new(Notify::new()), Duration::from_millis(300));
    let stuck = {
        let (begun, store) = (Arc::clone(&begun), db.store.clone());
        tokio::spawn(async move {
            let duty = Duty::new("work", HOUR, move || {
                begun.notify_one();
                std::future::pending()
            });
            let scheduler = Scheduler::new(store, "first").lease(lease);
            scheduler.run(vec![duty], &Supervisor::default(), CancellationToken::new()).await;
        })
    };
    within("it begins", begun.notified()).await;
    let stop = CancellationToken::new();
    let second = {
        let (stop, store) = (stop.clone(), db.store.clone());
        tokio::spawn(async move {
            let duty = Duty::new("work", HOUR, || async { Ok(done()) });
            let scheduler = Scheduler::new(store, "second").lease(lease);
            scheduler.run(vec![duty], &Supervisor::default(), stop).await;
        })
    };
    let worker = async || db.store.duties().await.unwrap()[0].worker.clone();
    // While the first one lives, it renews its lease.
    for _ in 0..5 {
        assert_eq!(db.store.duties().await.unwrap()[0].running_on.as_deref(), Some("first"));
        tokio::time::sleep(lease / 3).await;
    }
    assert_eq!(worker().await, None);
    // As a process that is killed: without a word.
    stuck.abort();
    eventually("the second one takes over", async || worker().await.as_deref() == Some("second"))
        .await;
    stop.cancel();
    second.await.unwrap();
}

#[tokio::test]
async fn a_run_that_panics_or_fails_is_noted_and_holds_up_no_other_duty() {
    let db = TestDatabase::migrated().await;
    let stop = CancellationToken::new();
    let duties = vec![
        Duty::new("panics", HOUR, || async { panic!("out of fuel") }),
        Duty::new("fails", HOUR, || async { Err("no luck".to_owned()) }),
        Duty::new("hangs", HOUR, std::future::pending),
        Duty::new("works", HOUR, || async { Ok(done()) }),
    ];
    let running = {
        let (stop, store) = (stop.clone(), db.store.clone());
        tokio::spawn(async move {
            Scheduler::new(store, "one").run(duties, &Supervisor::default(), stop).await;
        })
    };
    let results = async || {
        let all = db.store.duties().await.unwrap();
        all.into_iter().map(|it| (it.name, it.result, it.detail)).collect::<Vec<_>>()
    };
    eventually("three have ended", async || {
        results().await.iter().filter(|it| it.1.is_some()).count() == 3
    })
    .await;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        results().await,
        [
            ("fails".to_owned(), text("failed"), text("no luck")),
            ("hangs".to_owned(), None, None),
            ("panics".to_owned(), text("failed"), text("panicked: out of fuel")),
            ("works".to_owned(), text("succeeded"), text("all of it")),
        ]
    );
    stop.cancel();
    running.await.unwrap();
    // What hung was given back: the next worker need not wait for the lease.
    assert_eq!(
        db.number("SELECT count(*) FROM quittance.duties WHERE holder IS NOT NULL").await,
        0
    );
}
