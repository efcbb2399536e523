//! When failures count as an outage, and what ends it.

use super::*;
use crate::domain::failure::Failure;

fn fault(class: Class, evidence: Evidence) -> Fault {
    let failure = Failure {
        class,
        code: "x".into(),
        chain: vec!["no answer".into()],
        request_id: None,
        should_retry: None,
    };
    Fault { failure, evidence }
}

fn event(n: u32) -> EventId {
    EventId::parse(&format!("evt_{n}")).unwrap()
}

const STRIPE: Dependency = Dependency::Stripe;
const POSTGRES: Dependency = Dependency::Postgres;

fn outage() -> Fault {
    fault(Class::Unavailable(POSTGRES), Evidence::Failing(POSTGRES))
}

fn server_error() -> Fault {
    fault(Class::Transient, Evidence::Failing(STRIPE))
}

fn outages() -> Outages {
    Outages::new(3, Duration::from_secs(10))
}

async fn fail(outages: &Outages, n: u32, fault: &Fault) -> Verdict {
    let pass = outages.enter().await;
    fail_with(outages, pass, n, &format!("pi_{n}"), fault)
}

fn fail_with(outages: &Outages, pass: Pass, n: u32, object: &str, fault: &Fault) -> Verdict {
    outages.failed(pass, Some(JobOf { event: &event(n), object: Some(object) }), fault)
}

fn paused_for(outages: &Outages) -> Option<Dependency> {
    outages.status().borrow().as_ref().map(|pause| pause.cause.dependency)
}

#[tokio::test(start_paused = true)]
async fn an_outage_lets_one_job_through_at_a_time() {
    let outages = outages();
    assert_eq!(fail(&outages, 1, &outage()).await, Verdict::Wait);
    let probe = outages.enter().await;
    assert!(probe.is_probe());
    let other = tokio::time::timeout(Duration::from_secs(3600), outages.enter()).await;
    assert!(other.is_err(), "no other job passes while the probe is under way");
    outages.succeeded(probe, &[POSTGRES]);
    assert!(!outages.enter().await.is_probe(), "closed again");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_probed_in_vain_makes_room_for_another() {
    let outages = outages();
    fail(&outages, 1, &outage()).await;
    assert!(
        matches!(fail(&outages, 1, &outage()).await, Verdict::Return(after) if !after.is_zero())
    );
    let probe = outages.enter().await;
    outages.succeeded(probe, &[POSTGRES]);
    assert_eq!(paused_for(&outages), None);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_gives_its_turn_away() {
    let outages = outages();
    fail(&outages, 1, &outage()).await;
    drop(outages.enter().await);
    assert!(outages.enter().await.is_probe());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_did_not_ask_proves_nothing() {
    let outages = outages();
    let wrong_key = fault(Class::Misconfigured(STRIPE), Evidence::Failing(STRIPE));
    fail(&outages, 1, &wrong_key).await;
    // A covered event: settled, and Stripe was not asked.
    let probe = outages.enter().await;
    outages.succeeded(probe, &[POSTGRES]);
    assert_eq!(paused_for(&outages), Some(STRIPE));
    // Our own limiter spoke, or our own clock ran out.
    let local = fault(Class::RateLimited { retry_after: None }, Evidence::None);
    assert_eq!(fail(&outages, 2, &local).await, Verdict::OfTheJob);
    assert_eq!(paused_for(&outages), Some(STRIPE));
    // A "no" of Stripe's own: it is up, and takes our key.
    let refusal = fault(Class::Permanent, Evidence::Up(STRIPE));
    assert_eq!(fail(&outages, 3, &refusal).await, Verdict::OfTheJob);
    assert_eq!(paused_for(&outages), None);
}

#[tokio::test(start_paused = true)]
async fn jobs_that_fail_together_do_not_delay_the_probe() {
    let outages = outages();
    let passes = [outages.enter().await, outages.enter().await, outages.enter().await];
    for (n, pass) in (1..).zip(passes) {
        fail_with(&outages, pass, n, "pi_1", &outage());
    }
    let before = Instant::now();
    assert!(outages.enter().await.is_probe());
    assert_eq!(before.elapsed(), Duration::from_millis(250));
}

#[tokio::test]
async fn one_object_that_fails_at_stripe_does_not_stop_the_others() {
    let outages = outages();
    for _ in 0..10 {
        assert_eq!(fail(&outages, 1, &server_error()).await, Verdict::OfTheJob);
    }
    assert_eq!(paused_for(&outages), None);
}

#[tokio::test]
async fn many_events_that_fail_in_a_row_mean_that_it_is_down() {
    for (dependency, fault) in
        [(STRIPE, server_error()), (POSTGRES, fault(Class::Transient, Evidence::Failing(POSTGRES)))]
    {
        let outages = outages();
        for n in 1..=2 {
            assert_eq!(fail(&outages, n, &fault).await, Verdict::OfTheJob);
        }
        let pass = outages.enter().await;
        outages.succeeded(pass, &[dependency]);
        for n in 3..=4 {
            assert_eq!(fail(&outages, n, &fault).await, Verdict::OfTheJob, "counted anew");
        }
        assert_eq!(fail(&outages, 5, &fault).await, Verdict::Wait);
        assert_eq!(paused_for(&outages), Some(dependency));
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_of_the_other_mode_pauses_until_it_has_proved_to_be_the_right_one() {
    let outages = outages();
    let stray = fault(Class::Permanent, Evidence::OtherMode);
    assert_eq!(fail(&outages, 1, &stray).await, Verdict::Wait, "nothing was ever read with it");
    assert!(outages.status().borrow().as_ref().is_some_and(|pause| pause.cause.misconfigured));
    assert!(matches!(fail(&outages, 1, &stray).await, Verdict::Return(_)));
    let good = outages.enter().await;
    outages.succeeded(good, &[STRIPE]);
    assert_eq!(paused_for(&outages), None);
    assert_eq!(fail(&outages, 1, &stray).await, Verdict::OfTheJob, "it strayed here");
    assert_eq!(paused_for(&outages), None, "and stops nobody");
}

#[tokio::test]
async fn many_accounts_that_are_refused_in_a_row_mean_that_the_key_is_wrong() {
    let outages = outages();
    let refused = |n: u32| {
        let account = AccountId::parse(&format!("acct_{n}")).unwrap();
        fault(Class::Transient, Evidence::Refused(Box::new(account)))
    };
    for n in 1..=9 {
        assert_eq!(fail(&outages, n, &refused(1)).await, Verdict::OfTheJob, "one left us");
    }
    assert_eq!(fail(&outages, 10, &refused(2)).await, Verdict::OfTheJob);
    let pass = outages.enter().await;
    outages.succeeded(pass, &[STRIPE]);
    assert_eq!(fail(&outages, 11, &refused(3)).await, Verdict::OfTheJob, "counted anew");
    assert_eq!(fail(&outages, 12, &refused(4)).await, Verdict::OfTheJob);
    assert_eq!(fail(&outages, 13, &refused(5)).await, Verdict::Wait);
    assert!(outages.status().borrow().as_ref().is_some_and(|pause| pause.cause.misconfigured));
}

#[tokio::test]
async fn what_stripe_was_not_asked_does_not_interrupt_the_row() {
    let outages = outages();
    let over_budget = fault(Class::RateLimited { retry_after: None }, Evidence::None);
    for n in [1, 2] {
        fail(&outages, n, &server_error()).await;
        fail(&outages, n + 10, &over_budget).await;
    }
    assert_eq!(fail(&outages, 3, &server_error()).await, Verdict::Wait);
}

#[tokio::test(start_paused = true)]
async fn on_a_quiet_system_two_events_and_a_minute_are_enough() {
    let outages = outages();
    assert_eq!(fail(&outages, 1, &server_error()).await, Verdict::OfTheJob);
    tokio::time::advance(LONG).await;
    assert_eq!(fail(&outages, 1, &server_error()).await, Verdict::OfTheJob, "one object's trouble");
    assert_eq!(fail(&outages, 2, &server_error()).await, Verdict::Wait);
}

#[tokio::test]
async fn the_cause_of_a_pause_is_the_latest_and_its_beginning_the_first() {
    let outages = outages();
    let status = outages.status();
    outages.is_down_at_start(POSTGRES, "refused".to_owned());
    let first = status.borrow().clone().unwrap();
    outages.is_down_at_start(POSTGRES, "starting up".to_owned());
    let now = status.borrow().clone().unwrap();
    assert_eq!((now.message.as_str(), now.since), ("starting up", first.since));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_pauses_and_says_so() {
    let outages = outages();
    let wrong_key = fault(Class::Misconfigured(STRIPE), Evidence::Failing(STRIPE));
    assert_eq!(fail(&outages, 1, &wrong_key).await, Verdict::Wait);
    assert!(outages.status().borrow().as_ref().is_some_and(|pause| pause.cause.misconfigured));
}

fn unusable(code: &str) -> Fault {
    let mut fault = fault(Class::Permanent, Evidence::Unusable);
    code.clone_into(&mut fault.failure.code);
    fault
}

#[tokio::test(start_paused = true)]
async fn the_same_useless_answer_about_several_objects_is_not_stripes() {
    let outages = outages();
    let wrong = unusable("stripe_wrong_object");
    assert_eq!(fail(&outages, 1, &wrong).await, Verdict::OfTheJob);
    assert_eq!(fail(&outages, 2, &unusable("stripe_answer_too_long")).await, Verdict::OfTheJob);
    assert_eq!(fail(&outages, 3, &wrong).await, Verdict::OfTheJob);
    assert_eq!(fail(&outages, 4, &wrong).await, Verdict::Wait);
    assert!(outages.status().borrow().as_ref().is_some_and(|pause| pause.cause.misconfigured));
    let probe = outages.enter().await;
    let probed = fail_with(&outages, probe, 5, "pi_5", &wrong);
    assert!(matches!(probed, Verdict::Return(_)), "{probed:?}: no job is given up while it lasts");
    let probe = outages.enter().await;
    outages.succeeded(probe, &[POSTGRES, STRIPE]);
    assert_eq!(paused_for(&outages), None);
    assert_eq!(fail(&outages, 6, &wrong).await, Verdict::OfTheJob, "counted from the beginning");
}

#[tokio::test]
async fn one_odd_object_stops_nobody_however_many_events_it_has() {
    let outages = outages();
    for n in 1..20 {
        let pass = outages.enter().await;
        let verdict = fail_with(&outages, pass, n, "sub_odd", &unusable("stripe_undecodable"));
        assert_eq!(verdict, Verdict::OfTheJob);
    }
}

#[tokio::test]
async fn a_proper_answer_in_between_makes_odd_objects_of_useless_answers() {
    let outages = outages();
    for n in 1..20 {
        assert_eq!(fail(&outages, n, &unusable("stripe_undecodable")).await, Verdict::OfTheJob);
        let pass = outages.enter().await;
        outages.succeeded(pass, &[POSTGRES, STRIPE]);
    }
}
