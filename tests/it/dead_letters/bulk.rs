//! Operations: what is done to all that a filter names.

use std::time::Duration;

use quittance::ops::operations::{self, Agreed, BeginError, Request, RunError};
use quittance::queue::Producer;
use quittance::store::Store;
use quittance::store::dead_letter::{Act, DeadLetterState, Filter};
use quittance::store::operation::{
    Aftermath, Cancelling, Operation, OperationId, OperationState, Running,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{GIVEN, JANE, dead_letter, execute, given, ids, many, no_queue, queue};
use crate::harness::TestDatabase;

fn request(act: Act, selection: &Filter) -> Request<'_> {
    Request { act, selection, over: Some(Duration::ZERO), agreed: None, actor: JANE }
}

async fn begin(db: &TestDatabase, act: Act) -> Running {
    operations::begin(&db.store, &request(act, &Filter::default())).await.unwrap()
}

async fn run(
    store: &Store,
    queue: Option<&Producer>,
    running: Running,
) -> Result<Operation, RunError> {
    operations::run(store, queue, running, |_| {}, &CancellationToken::new()).await
}

/// Runs until its first page is done, and then the process is told to stop.
async fn run_one_page(store: &Store, queue: Option<&Producer>, running: Running) -> Operation {
    let stop = CancellationToken::new();
    let told = |operation: &Operation| {
        if operation.done > 0 {
            stop.cancel();
        }
    };
    operations::run(store, queue, running, told, &stop).await.unwrap()
}

/// Cancels one that no process runs.
async fn cancel(db: &TestDatabase, id: OperationId) -> Operation {
    let cancelling = operations::cancel(&db.store, id, JANE).await.unwrap().unwrap();
    let Cancelling::ByCaller(running) = cancelling else { panic!("{cancelling:?}") };
    assert!(
        running.operation.cancel_requested && running.operation.state == OperationState::Running
    );
    run(&db.store, None, running).await.unwrap()
}

#[tokio::test]
async fn a_preview_says_how_many_and_shows_some_and_nothing_is_done() {
    let db = TestDatabase::migrated().await;
    many(&db, 30).await;
    let preview = operations::preview(&db.store, Act::Discard.word(), &Filter::default()).await;
    let preview = preview.unwrap();
    assert_eq!((preview.count, preview.sample.len()), (30, 5));
    assert_eq!(preview.selection.state, Some(DeadLetterState::Open));
    assert_eq!(preview.upto, Some(preview.sample[0].id));
    assert_eq!(ids(&db, &Filter::open()).await.len(), 30);
    assert_eq!(db.count("quittance.audit_log").await, 0);
}

#[tokio::test]
async fn a_count_that_no_longer_matches_is_refused_with_both_numbers() {
    let db = TestDatabase::migrated().await;
    many(&db, 30).await;
    let all = Filter::default();
    let preview = operations::preview(&db.store, Act::Discard.word(), &all).await.unwrap();
    let agreed = Some(Agreed { count: preview.count, upto: preview.upto });
    // What comes later does not join, and so is no reason to refuse.
    let newer = given(&db, "evt_new", GIVEN).await;
    let gone = preview.sample[0].id;
    execute(&db, format!("DELETE FROM quittance.dead_letters WHERE id = {gone}")).await;
    let asked = Request { agreed, ..request(Act::Discard, &all) };
    let refused = operations::begin(&db.store, &asked).await.unwrap_err();
    assert!(matches!(refused, BeginError::Changed { agreed: 30, found: 29 }), "{refused:?}");
    assert_eq!(db.count("quittance.operations").await, 0);

    let agreed = Some(Agreed { count: 29, upto: preview.upto });
    let asked = Request { agreed, ..request(Act::Discard, &all) };
    let running = operations::begin(&db.store, &asked).await.unwrap();
    let done = run(&db.store, None, running).await.unwrap();
    assert_eq!((done.state, done.done), (OperationState::Done, 29));
    assert_eq!(dead_letter(&db, newer).await.state, DeadLetterState::Open);

    let none = Filter { customer: Some("cus_0".into()), ..all };
    let nothing = operations::begin(&db.store, &request(Act::Discard, &none)).await;
    assert!(matches!(nothing.unwrap_err(), BeginError::Nothing));
}

#[tokio::test]
async fn each_dead_letter_has_its_result_and_one_that_fails_stops_none_of_the_others() {
    let db = TestDatabase::migrated().await;
    many(&db, 1_100).await;
    execute(
        &db,
        "UPDATE quittance.dead_letters SET payload = NULL WHERE event_id = 'evt_7'".to_owned(),
    )
    .await;
    let queue = queue();
    let running = begin(&db, Act::Retry).await;
    let mut seen = Vec::new();
    let progress = |operation: &Operation| seen.push(operation.done);
    let cancel = CancellationToken::new();
    let done = operations::run(&db.store, Some(&queue), running, progress, &cancel).await.unwrap();

    assert_eq!(
        (done.state, done.total, done.done, done.failed),
        (OperationState::Done, 1100, 1099, 1)
    );
    assert_eq!(seen, [0, 199, 399, 599, 799, 999, 1099, 1099], "page by page");
    let failed = operations::results(&db.store, &done, true, None, 10).await.unwrap();
    let [failed] = &failed[..] else { panic!("{failed:?}") };
    assert_eq!(failed.result.result, "no_payload");
    let first = operations::results(&db.store, &done, false, None, 1000).await.unwrap();
    let last = first.last().map(|one| one.result.id);
    let rest = operations::results(&db.store, &done, false, last, 1000).await.unwrap();
    assert_eq!((first.len(), rest.len()), (1000, 100));

    // By the lane for bulk work, with a fresh budget.
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.live.waiting, depth.backfill.waiting), (0, 1099));
    let retrying = Filter { state: Some(DeadLetterState::Retrying), ..Filter::default() };
    let (count, _) = db.store.count_dead_letters(&retrying, None).await.unwrap();
    assert_eq!(count, 1099);
}

#[tokio::test]
async fn a_cancelled_retry_takes_back_what_waits_for_its_turn_also_when_all_of_it_is_queued() {
    let db = TestDatabase::migrated().await;
    many(&db, 20).await;
    let queue = queue();
    let (all, hour) = (Filter::default(), Some(Duration::from_secs(3600)));
    let asked = Request { over: hour, ..request(Act::Retry, &all) };
    let running = operations::begin(&db.store, &asked).await.unwrap();
    let done = run(&db.store, Some(&queue), running).await.unwrap();
    assert_eq!((done.state, done.done), (OperationState::Done, 20), "all of it is in the queue");
    // One has settled meanwhile, one was given up again, and one was retried once more by hand.
    let dead_letters = ids(&db, &Filter::default()).await;
    execute(&db, format!("UPDATE quittance.dead_letters SET state = 'resolved', resolved_at = now() WHERE id = {}", dead_letters[0])).await;
    execute(
        &db,
        format!("UPDATE quittance.dead_letters SET state = 'open' WHERE id = {}", dead_letters[1]),
    )
    .await;
    let shown = operations::show(&db.store, done.id).await.unwrap().unwrap();
    let now = Aftermath { retrying: 18, resolved: 1, open: 1, gone: 0 };
    assert_eq!(shown.dead_letters, Some(now));

    let cancelled = cancel(&db, done.id).await;
    assert_eq!(
        (cancelled.state, cancelled.done, cancelled.failed),
        (OperationState::Cancelled, 2, 18)
    );
    assert_eq!(ids(&db, &Filter::open()).await.len(), 19);
    let failed = operations::results(&db.store, &done, true, None, 100).await.unwrap();
    assert_eq!(failed.len(), 18);
    assert!(failed.iter().all(|one| one.result.result == "taken_back"));
    assert!(db.store.retry_is_taken_back(dead_letters[2].get(), 1).await.unwrap());
    assert!(!db.store.retry_is_taken_back(dead_letters[1].get(), 1).await.unwrap());
    assert!(
        operations::cancel(&db.store, done.id, JANE).await.unwrap().is_none(),
        "nothing is left"
    );

    // What is retried anew is wanted; what a later operation retries is not the earlier one's to cancel.
    let running = begin(&db, Act::Retry).await;
    run(&db.store, Some(&queue), running).await.unwrap();
    assert!(!db.store.retry_is_taken_back(dead_letters[2].get(), 2).await.unwrap());
    assert!(operations::cancel(&db.store, done.id, JANE).await.unwrap().is_none());
    let noted = "SELECT (details -> 'taken_back')::bigint FROM quittance.audit_log
                 WHERE verb = 'operation.cancelled'";
    assert_eq!(db.number(noted).await, 18);
}

#[tokio::test]
async fn who_asked_for_it_why_and_what_came_of_it_is_in_the_audit_log_and_with_each_dead_letter() {
    let db = TestDatabase::migrated().await;
    many(&db, 3).await;
    let running = begin(&db, Act::Discard).await;
    let operation = run(&db.store, None, running).await.unwrap();
    let audit = db
        .rows("SELECT actor, verb, target, reason, count FROM quittance.audit_log ORDER BY id")
        .await;
    let entry = |verb: &str| json!({"actor": "jane", "verb": verb, "target": format!("operation:{}", operation.id), "reason": JANE.reason, "count": 3});
    assert_eq!(audit, [entry("dead_letter.discard"), entry("operation.done")]);
    let id = ids(&db, &Filter::default()).await[0];
    let audit = db.store.dead_letter_audit(id).await.unwrap();
    let [act] = &audit[..] else { panic!("{audit:?}") };
    assert_eq!(
        (&*act.actor, &*act.verb, act.reason.as_deref()),
        ("jane", "dead_letter.discard", JANE.reason)
    );
    assert_eq!(act.details, json!({"operation": operation.id, "result": "done"}));
    assert_eq!(dead_letter(&db, id).await.discard_reason.as_deref(), JANE.reason);
}

#[tokio::test]
async fn one_that_is_cancelled_ends_before_its_next_page_and_goes_on_there() {
    let db = TestDatabase::migrated().await;
    many(&db, 1_100).await;
    let running = begin(&db, Act::Discard).await;
    let id = running.operation.id;
    let interrupted = run_one_page(&db.store, None, running).await;
    assert_eq!((interrupted.state, interrupted.done), (OperationState::Interrupted, 200));
    let cancelled = cancel(&db, id).await;
    assert_eq!((cancelled.state, cancelled.done), (OperationState::Cancelled, 200));
    assert_eq!(ids(&db, &Filter::open()).await.len(), 900);
    assert!(operations::cancel(&db.store, id, JANE).await.unwrap().is_none(), "it has ended");

    let running = operations::resume(&db.store, id, JANE).await.unwrap().unwrap();
    assert!(operations::resume(&db.store, id, JANE).await.unwrap().is_none(), "somebody is at it");
    // From anywhere: whoever runs it hears of it.
    let asked = operations::cancel(&db.store, id, JANE).await.unwrap().unwrap();
    let Cancelling::ByItsRunner(asked) = asked else { panic!("{asked:?}") };
    assert_eq!((asked.state, asked.cancel_requested), (OperationState::Running, true));
    let cancelled = run(&db.store, None, running).await.unwrap();
    assert_eq!((cancelled.state, cancelled.done), (OperationState::Cancelled, 200));

    let running = operations::resume(&db.store, id, JANE).await.unwrap().unwrap();
    let done = run(&db.store, None, running).await.unwrap();
    assert_eq!((done.state, done.done, done.failed), (OperationState::Done, 1100, 0));
    assert_eq!(db.count("quittance.operation_results").await, 1100, "each once");
    assert!(operations::resume(&db.store, id, JANE).await.unwrap().is_none(), "it is done");
}

#[tokio::test]
async fn one_whose_process_died_is_interrupted_and_who_was_only_silent_does_no_more() {
    let db = TestDatabase::migrated().await;
    many(&db, 600).await;
    let silent = begin(&db, Act::Discard).await;
    let id = silent.operation.id;
    assert!(operations::resume(&db.store, id, JANE).await.unwrap().is_none(), "it may be alive");
    let stop = "UPDATE quittance.operations SET heartbeat_at = now() - interval '2 minutes'";
    db.execute(stop).await;
    let shown = operations::show(&db.store, id).await.unwrap().unwrap();
    assert_eq!(shown.state, OperationState::Interrupted);

    let running = operations::resume(&db.store, id, JANE).await.unwrap().unwrap();
    let error = run(&db.store, None, silent).await.unwrap_err();
    assert!(matches!(error, RunError::TakenOver), "{error:?}");
    assert_eq!(ids(&db, &Filter::open()).await.len(), 600);
    assert_eq!(run(&db.store, None, running).await.unwrap().done, 600);

    // One that is silent for good is ended by a cancel.
    db.execute("UPDATE quittance.dead_letters SET state = 'open', resolved_at = NULL, discard_reason = NULL, discarded_by = NULL").await;
    let dead = begin(&db, Act::Discard).await.operation.id;
    db.execute("UPDATE quittance.operations SET heartbeat_at = now() - interval '2 minutes'").await;
    assert_eq!(cancel(&db, dead).await.state, OperationState::Cancelled);
}

#[tokio::test]
async fn an_outage_of_the_queue_interrupts_it_and_marks_no_dead_letter() {
    let db = TestDatabase::migrated().await;
    many(&db, 3).await;
    let running = begin(&db, Act::Retry).await;
    let id = running.operation.id;
    let error = run(&db.store, Some(&no_queue()), running).await.unwrap_err();
    assert!(matches!(error, RunError::Queue(_)), "{error:?}");
    let shown = operations::show(&db.store, id).await.unwrap().unwrap();
    assert_eq!((shown.state, shown.done, shown.failed), (OperationState::Interrupted, 0, 0));
    assert!(shown.error.is_some());
    assert_eq!(ids(&db, &Filter::open()).await.len(), 3);

    let running = operations::resume(&db.store, id, JANE).await.unwrap().unwrap();
    let done = run(&db.store, Some(&queue()), running).await.unwrap();
    assert_eq!((done.state, done.done, done.error), (OperationState::Done, 3, None));
}

#[tokio::test]
async fn retries_in_bulk_are_spread_over_the_whole_of_their_time() {
    let db = TestDatabase::migrated().await;
    many(&db, 700).await;
    let queue = queue();
    let all = Filter::default();
    let asked = Request { over: Some(Duration::from_hours(10)), ..request(Act::Retry, &all) };
    let running = operations::begin(&db.store, &asked).await.unwrap();
    let done = run(&db.store, Some(&queue), running).await.unwrap();
    assert_eq!((done.done, done.over_ms), (700, Some(36_000_000)));
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.delayed, depth.total()), (699, 700), "the first at once, also across pages");
}

#[tokio::test]
async fn retries_in_bulk_leave_room_for_live_events_unless_somebody_says_otherwise() {
    let db = TestDatabase::migrated().await;
    many(&db, 60).await;
    let all = Filter::default();
    let asked = Request { over: None, ..request(Act::Retry, &all) };
    let running = operations::begin(&db.store, &asked).await.unwrap();
    assert_eq!(running.operation.over_ms, Some(3_000), "20 a second");
    let asked = Request { over: None, ..request(Act::Discard, &all) };
    let asked = Request { actor: JANE, ..asked };
    let running = operations::begin(&db.store, &asked).await.unwrap();
    assert!(running.operation.over_ms.is_none_or(|over| over == 0), "nobody waits for a discard");
}

#[tokio::test]
async fn what_is_taken_back_is_taken_back_in_pages_and_by_whoever_comes_after_one_that_stopped() {
    let db = TestDatabase::migrated().await;
    many(&db, 1_100).await;
    let (queue, all) = (queue(), Filter::default());
    let asked = Request { over: Some(Duration::from_hours(1)), ..request(Act::Retry, &all) };
    let running = operations::begin(&db.store, &asked).await.unwrap();
    let done = run(&db.store, Some(&queue), running).await.unwrap();
    assert_eq!((done.state, done.done), (OperationState::Done, 1_100));

    // The process that takes them back is stopped in the middle.
    let cancelling = operations::cancel(&db.store, done.id, JANE).await.unwrap().unwrap();
    let Cancelling::ByCaller(running) = cancelling else { panic!("{cancelling:?}") };
    let stop = CancellationToken::new();
    let mut pages = Vec::new();
    let told = |operation: &Operation| {
        pages.push(operation.failed);
        if operation.failed > 200 {
            stop.cancel();
        }
    };
    let stopped = operations::run(&db.store, None, running, told, &stop).await.unwrap();
    assert_eq!((stopped.state, stopped.failed), (OperationState::Interrupted, 400));
    assert_eq!(pages, [0, 200, 400, 400], "one page is one transaction");

    let cancelled = cancel(&db, done.id).await;
    assert_eq!(
        (cancelled.state, cancelled.done, cancelled.failed),
        (OperationState::Cancelled, 0, 1_100)
    );
    let (open, _) = db.store.count_dead_letters(&Filter::open(), None).await.unwrap();
    assert_eq!(open, 1_100);

    // Resumed, it comes to all of them again, spread as it was meant; some have gone their own way.
    execute(
        &db,
        "UPDATE quittance.dead_letters SET state = 'resolved', resolved_at = now()
         WHERE event_id IN ('evt_1', 'evt_700')"
            .to_owned(),
    )
    .await;
    let before = queue.depth().await.unwrap();
    let running = operations::resume(&db.store, done.id, JANE).await.unwrap().unwrap();
    let again = run(&db.store, Some(&queue), running).await.unwrap();
    assert_eq!((again.state, again.done, again.failed), (OperationState::Done, 1_098, 2));
    let after = queue.depth().await.unwrap();
    assert_eq!(after.total() - before.total(), 1_098);
    assert_eq!(after.delayed - before.delayed, 1_097, "the first of them at once");
    assert_eq!(db.count("quittance.operation_results").await, 1_100, "each once");
}

#[tokio::test]
async fn a_cancel_that_comes_with_the_last_page_is_not_lost() {
    let db = TestDatabase::migrated().await;
    many(&db, 3).await;
    let queue = queue();
    let running = begin(&db, Act::Retry).await;
    let id = running.operation.id;
    let one = operations::run(
        &db.store,
        Some(&queue),
        running,
        |operation| {
            // Between the last page and the look that finds no further one.
            if operation.done == 3 && operation.state == OperationState::Running {
                let sql = "UPDATE quittance.operations SET cancel_requested = true";
                let (url, sql) = (db.url(), sql.to_owned());
                std::thread::spawn(move || execute_alone(&url, &sql)).join().unwrap();
            }
        },
        &CancellationToken::new(),
    )
    .await
    .unwrap();
    assert_eq!((one.id, one.state, one.failed), (id, OperationState::Cancelled, 3));
    assert_eq!(ids(&db, &Filter::open()).await.len(), 3);
}

/// On a connection and a runtime of its own, for who cannot wait.
fn execute_alone(url: &str, statement: &str) {
    use sqlx::Connection as _;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    });
}
