use time::OffsetDateTime;

use super::super::document::{BucketStatus, DurabilityStatus, SchemaStatus};
use super::*;
use crate::ops::queue::{LaneStatus, PauseStatus, QueueLossStatus};
use crate::store::command::{CommandCounts, OpenCommands};
use crate::store::outbox::DestinationState;
use crate::store::status::{AnomalyCounts, DeadLetterCounts};

const AT: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn limits() -> config::Status {
    let (max_lag, max_outbox_lag) = (Duration::from_secs(300), Duration::from_secs(600));
    let max_command_age = Duration::from_secs(900);
    let max_incomplete = Duration::from_secs(1_800);
    config::Status {
        max_lag,
        max_outbox_lag,
        max_new_dead_letters: 100,
        max_command_age,
        max_incomplete,
    }
}

fn up(name: &str) -> DependencyStatus {
    DependencyStatus {
        name: name.to_owned(),
        state: DependencyState::Up,
        latency_ms: None,
        detail: None,
        since: None,
    }
}

fn worker(name: &str) -> WorkerStatus {
    WorkerStatus {
        name: name.to_owned(),
        id: format!("{name}-1"),
        version: "1.0.0".to_owned(),
        host: String::new(),
        pid: 1,
        started_at: AT,
        seen_ms_ago: 100,
        silent: false,
        concurrency: 16,
        limit: Some(16),
        running: 0,
        jobs: Vec::new(),
        waits_for: None,
        paused: Vec::new(),
    }
}

fn lane(name: &str) -> LaneStatus {
    let lane = name.to_owned();
    LaneStatus { lane, waiting: 0, claimed: 0, running: 0, oldest_ms: Some(100), paused: None }
}

/// All is well.
fn well() -> Status {
    let lanes = vec![lane("live"), lane("backfill")];
    Status {
        healthy: true,
        findings: Vec::new(),
        at: AT,
        version: String::new(),
        dependencies: vec![up("redis"), up("postgres"), up("stripe")],
        queue: Some(QueueStatus { name: "q".into(), total: 1, delayed: 0, oldest_ms: 100, lanes }),
        loss: None,
        durability: Some(DurabilityStatus { evicts: None, warnings: Vec::new() }),
        rates: None,
        workers: Some(vec![worker("a"), worker("b")]),
        limiter: Some(Vec::new()),
        dead_letters: Some(DeadLetterCounts::default()),
        anomalies: Some(AnomalyCounts::default()),
        outbox: Some(Vec::new()),
        outbox_hold: None,
        commands: Some(CommandCounts::default()),
        completeness: None,
        certificate: None,
        duties: None,
        schema: Some(SchemaStatus { have: Some(5), need: 5, fits: true }),
    }
}

/// What is found after a change, as severity and code.
fn found(change: impl FnOnce(&mut Status)) -> Vec<(Severity, FindingCode)> {
    let mut status = well();
    change(&mut status);
    findings(&status, &limits()).iter().map(|one| (one.severity, one.code)).collect()
}

fn lanes_of(status: &mut Status) -> &mut Vec<LaneStatus> {
    &mut status.queue.as_mut().expect("it is there").lanes
}

fn workers_of(status: &mut Status) -> &mut Vec<WorkerStatus> {
    status.workers.as_mut().expect("they are there")
}

#[test]
fn when_all_is_well_nothing_is_found() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn each_dependency_that_is_down_is_a_problem_and_what_it_says_is_shown() {
    let codes = [FindingCode::RedisDown, FindingCode::PostgresDown, FindingCode::StripeDown];
    for (which, code) in codes.into_iter().enumerate() {
        let down = |status: &mut Status| {
            status.dependencies[which].state = DependencyState::Down;
            status.dependencies[which].detail = Some("it is ill".to_owned());
        };
        assert_eq!(found(down), [(Severity::Problem, code)]);
        let mut status = well();
        down(&mut status);
        assert!(findings(&status, &limits())[0].text.contains("it is ill"));
    }
    // No worker reports how Stripe is: the missing workers are the problem, not Stripe.
    let unknown = |status: &mut Status| status.dependencies[2].state = DependencyState::Unknown;
    assert_eq!(found(unknown), []);
}

#[test]
fn parts_that_are_missing_are_not_judged() {
    let missing = found(|status| {
        status.queue = None;
        status.workers = None;
        status.limiter = None;
        status.dead_letters = None;
        status.outbox = None;
        status.schema = None;
    });
    assert_eq!(missing, []);
}

#[test]
fn without_a_worker_that_reports_itself_nothing_is_healthy() {
    let none = [(Severity::Problem, FindingCode::NoWorkers)];
    assert_eq!(found(|status| workers_of(status).clear()), none);
    let one = found(|status| workers_of(status)[0].silent = true);
    assert_eq!(one, [(Severity::Warning, FindingCode::WorkerSilent)]);
    let both = found(|status| workers_of(status).iter_mut().for_each(|w| w.silent = true));
    assert_eq!(both[0], none[0]);
}

fn wait(dependency: &str) -> Option<WaitStatus> {
    let message = "the disk is full".to_owned();
    Some(WaitStatus { dependency: dependency.to_owned(), misconfigured: false, message, since: AT })
}

#[test]
fn a_worker_that_waits_is_mentioned_and_all_of_them_are_a_problem() {
    let mut status = well();
    workers_of(&mut status)[0].waits_for = wait("postgres");
    let warned = findings(&status, &limits());
    let [one] = &warned[..] else { panic!("{warned:?}") };
    assert_eq!((one.severity, one.code), (Severity::Warning, FindingCode::WorkersWait));
    let text = "1 of 2 workers waits for postgres since 1970-01-01T00:00:00Z: the disk is full";
    assert_eq!(one.text, text);

    let problem = [(Severity::Problem, FindingCode::WorkersWait)];
    let all = |status: &mut Status| {
        workers_of(status).iter_mut().for_each(|worker| worker.waits_for = wait("postgres"));
    };
    assert_eq!(found(all), problem);
    // One that is silent does no work either.
    let silent = found(|status| {
        workers_of(status)[0].silent = true;
        workers_of(status)[1].waits_for = wait("redis");
    });
    assert_eq!(silent[0], problem[0]);
    // For whatever they wait, nothing is done.
    let different = found(|status| {
        workers_of(status)[0].waits_for = wait("postgres");
        workers_of(status)[1].waits_for = wait("redis");
    });
    assert_eq!(different, [problem[0], problem[0]]);
}

#[test]
fn workers_that_wait_for_what_is_down_are_one_finding() {
    let both = found(|status| {
        workers_of(status).iter_mut().for_each(|worker| worker.waits_for = wait("postgres"));
        status.dependencies[1].state = DependencyState::Down;
    });
    assert_eq!(both, [(Severity::Problem, FindingCode::PostgresDown)]);
}

#[test]
fn workers_that_a_full_redis_cannot_be_told_of_are_not_called_silent() {
    let full = found(|status| {
        status.dependencies[0].state = DependencyState::Down;
        workers_of(status).iter_mut().for_each(|worker| worker.silent = true);
    });
    assert_eq!(full, [(Severity::Problem, FindingCode::RedisDown)]);
}

#[test]
fn a_live_lane_that_is_behind_is_a_problem_and_a_backfill_is_mentioned() {
    for (which, severity) in [(0, Severity::Problem), (1, Severity::Warning)] {
        let behind = found(|status| lanes_of(status)[which].oldest_ms = Some(300_001));
        assert_eq!(behind, [(severity, FindingCode::Behind)]);
        assert_eq!(found(|status| lanes_of(status)[which].oldest_ms = Some(300_000)), []);
    }
}

#[test]
fn a_pause_is_told_with_who_and_why_and_is_no_problem_by_itself() {
    let mut status = well();
    lanes_of(&mut status)[0].paused = Some(PauseStatus {
        lane: "live".into(),
        by: "jane".into(),
        reason: Some("a look".into()),
        since: AT,
    });
    let found = findings(&status, &limits());
    let [one] = &found[..] else { panic!("{found:?}") };
    assert_eq!((one.severity, one.code), (Severity::Warning, FindingCode::Paused));
    assert_eq!(one.text, "the live lane is paused by jane: a look");
}

#[test]
fn the_schema_the_outbox_the_dead_letters_and_the_limiter_are_judged() {
    let old = SchemaStatus { have: None, need: 5, fits: false };
    let schema = found(|status| status.schema = Some(old));
    assert_eq!(schema, [(Severity::Problem, FindingCode::Schema)]);

    let destination = |dead, oldest_seconds| DestinationState {
        name: "http:default".into(),
        behind: 1,
        pending: 1,
        dead,
        oldest_seconds,
    };
    let late = found(|status| status.outbox = Some(vec![destination(1, Some(601))]));
    let (problem, warning) = (Severity::Problem, Severity::Warning);
    assert_eq!(late, [(problem, FindingCode::OutboxBehind), (warning, FindingCode::OutboxDead)]);
    assert_eq!(found(|status| status.outbox = Some(vec![destination(0, Some(600))])), []);

    let dead_letters = found(|status| {
        status.dead_letters = Some(DeadLetterCounts { open: 1, ..DeadLetterCounts::default() });
    });
    assert_eq!(dead_letters, [(warning, FindingCode::DeadLetters)]);
    for (new, severity) in [(100, warning), (101, problem)] {
        let counts = DeadLetterCounts { open: 5_000, new, ..DeadLetterCounts::default() };
        let dead_letters = found(|status| status.dead_letters = Some(counts));
        assert_eq!(dead_letters, [(severity, FindingCode::DeadLetters)]);
    }

    let bucket = |bucket: &str, rate_per_second| BucketStatus {
        bucket: bucket.into(),
        rate_per_second,
        full_rate_per_second: 25.0,
        tokens: 0.0,
        capacity: 5.0,
        slowed_until: Some(AT),
    };
    let slowed = found(|status| {
        status.limiter = Some(vec![bucket("live:charges", 12.5), bucket("live:refunds", 5.0)]);
    });
    assert_eq!(slowed, [(warning, FindingCode::Slowed)], "one line, however many");
}

#[test]
fn a_loss_and_an_evicting_redis_are_problems_and_what_redis_does_not_say_is_a_warning() {
    let loss = QueueLossStatus { what: String::new(), noticed_at: None, since: AT };
    let lost = found(|status| status.loss = Some(loss));
    assert_eq!(lost, [(Severity::Problem, FindingCode::QueueLost)]);
    let both = DurabilityStatus { evicts: Some("it evicts".into()), warnings: vec!["?".into()] };
    let code = FindingCode::RedisDurability;
    let kept = found(|status| status.durability = Some(both));
    assert_eq!(kept, [(Severity::Problem, code), (Severity::Warning, code)]);
}

#[test]
fn workers_of_two_versions_are_mentioned_and_problems_come_first() {
    let both = found(|status| {
        workers_of(status)[0].version = "2.0.0".into();
        status.dependencies[1].state = DependencyState::Down;
    });
    let expected = [
        (Severity::Problem, FindingCode::PostgresDown),
        (Severity::Warning, FindingCode::Versions),
    ];
    assert_eq!(both, expected);
}

#[test]
fn what_was_written_although_it_is_odd_is_a_warning_that_says_what() {
    let anomalies = AnomalyCounts { transitions: 1, behind_event: 2, cut_short: 0 };
    let status = Status { anomalies: Some(anomalies), ..well() };
    let found = findings(&status, &limits());
    let [only] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((only.severity, only.code), (Severity::Warning, FindingCode::Anomalies));
    assert_eq!(
        only.text,
        "anomalies in the last 24 hours: 1 change of status that the state machine does not allow, \
         2 answers of Stripe's that stayed older than the event"
    );
}

#[test]
fn a_dead_command_is_a_problem_and_so_is_one_that_no_process_finishes() {
    let with = |state: &str, oldest_seconds| {
        let (kind, state) = ("create_refund".to_owned(), state.to_owned());
        let open = vec![OpenCommands { kind, state, count: 1, oldest_seconds }];
        found(|status| status.commands = Some(CommandCounts { open, ..CommandCounts::default() }))
    };
    let problem = Severity::Problem;
    assert_eq!(with("dead", 5), [(problem, FindingCode::CommandsDead)]);
    assert_eq!(with("dead", 1_000), [(problem, FindingCode::CommandsDead)], "it is told once");
    for state in ["accepted", "sent", "unknown"] {
        assert_eq!(with(state, 900), []);
        assert_eq!(with(state, 901), [(problem, FindingCode::CommandsLate)], "{state}");
    }
}
