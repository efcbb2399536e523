//! When the gate closes, and who opens it.

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

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new(3, Duration::from_secs(10))
}

async fn fail(breaker: &CircuitBreaker, n: u32, fault: &Fault) -> Verdict {
    let pass = breaker.enter().await;
    fail_with(breaker, pass, n, &format!("pi_{n}"), fault)
}

fn fail_with(breaker: &CircuitBreaker, pass: Pass, n: u32, object: &str, fault: &Fault) -> Verdict {
    breaker.failed(pass, Some(JobOf { event: &event(n), object: Some(object) }), fault)
}

fn closed_for(breaker: &CircuitBreaker) -> Option<Dependency> {
    breaker.status().borrow().as_ref().map(|pause| pause.dependency)
}

#[tokio::test(start_paused = true)]
async fn an_outage_lets_one_job_through_at_a_time() {
    let breaker = breaker();
    assert_eq!(fail(&breaker, 1, &outage()).await, Verdict::Wait);
    let probe = breaker.enter().await;
    assert!(probe.probe.is_some());
    let other = tokio::time::timeout(Duration::from_secs(3600), breaker.enter()).await;
    assert!(other.is_err(), "nobody else passes while the probe is under way");
    breaker.succeeded(probe, &[POSTGRES]);
    assert!(breaker.enter().await.probe.is_none(), "open again");
}

#[tokio::test(start_paused = true)]
async fn who_probed_in_vain_makes_room_for_another() {
    let breaker = breaker();
    fail(&breaker, 1, &outage()).await;
    assert!(
        matches!(fail(&breaker, 1, &outage()).await, Verdict::Return(after) if !after.is_zero())
    );
    let probe = breaker.enter().await;
    breaker.succeeded(probe, &[POSTGRES]);
    assert_eq!(closed_for(&breaker), None);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_gives_its_turn_away() {
    let breaker = breaker();
    fail(&breaker, 1, &outage()).await;
    drop(breaker.enter().await);
    assert!(breaker.enter().await.probe.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_did_not_ask_proves_nothing() {
    let breaker = breaker();
    let wrong_key = fault(Class::Misconfigured(STRIPE), Evidence::Failing(STRIPE));
    fail(&breaker, 1, &wrong_key).await;
    // A covered event: settled, and Stripe was not asked.
    let probe = breaker.enter().await;
    breaker.succeeded(probe, &[POSTGRES]);
    assert_eq!(closed_for(&breaker), Some(STRIPE));
    // Our own limiter spoke, or our own clock ran out.
    let local = fault(Class::RateLimited { retry_after: None }, Evidence::None);
    assert_eq!(fail(&breaker, 2, &local).await, Verdict::OfTheJob);
    assert_eq!(closed_for(&breaker), Some(STRIPE));
    // A "no" of Stripe's own: it is up, and takes our key.
    let refusal = fault(Class::Permanent, Evidence::Up(STRIPE));
    assert_eq!(fail(&breaker, 3, &refusal).await, Verdict::OfTheJob);
    assert_eq!(closed_for(&breaker), None);
}

#[tokio::test(start_paused = true)]
async fn jobs_that_fail_together_do_not_delay_the_probe() {
    let breaker = breaker();
    let passes = [breaker.enter().await, breaker.enter().await, breaker.enter().await];
    for (n, pass) in (1..).zip(passes) {
        fail_with(&breaker, pass, n, "pi_1", &outage());
    }
    let before = Instant::now();
    assert!(breaker.enter().await.probe.is_some());
    assert_eq!(before.elapsed(), Duration::from_millis(250));
}

#[tokio::test]
async fn one_object_that_fails_at_stripe_does_not_stop_the_others() {
    let breaker = breaker();
    for _ in 0..10 {
        assert_eq!(fail(&breaker, 1, &server_error()).await, Verdict::OfTheJob);
    }
    assert_eq!(closed_for(&breaker), None);
}

#[tokio::test]
async fn many_events_that_fail_in_a_row_mean_that_it_is_down() {
    for (dependency, fault) in
        [(STRIPE, server_error()), (POSTGRES, fault(Class::Transient, Evidence::Failing(POSTGRES)))]
    {
        let breaker = breaker();
        for n in 1..=2 {
            assert_eq!(fail(&breaker, n, &fault).await, Verdict::OfTheJob);
        }
        let pass = breaker.enter().await;
        breaker.succeeded(pass, &[dependency]);
        for n in 3..=4 {
            assert_eq!(fail(&breaker, n, &fault).await, Verdict::OfTheJob, "counted anew");
        }
        assert_eq!(fail(&breaker, 5, &fault).await, Verdict::Wait);
        assert_eq!(closed_for(&breaker), Some(dependency));
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_of_the_other_mode_pauses_until_it_has_proved_to_be_the_right_one() {
    let breaker = breaker();
    let stray = fault(Class::Permanent, Evidence::OtherMode);
    assert_eq!(fail(&breaker, 1, &stray).await, Verdict::Wait, "nothing was ever read with it");
    assert!(breaker.status().borrow().as_ref().is_some_and(|pause| pause.misconfigured));
    assert!(matches!(fail(&breaker, 1, &stray).await, Verdict::Return(_)));
    let good = breaker.enter().await;
    breaker.succeeded(good, &[STRIPE]);
    assert_eq!(closed_for(&breaker), None);
    assert_eq!(fail(&breaker, 1, &stray).await, Verdict::OfTheJob, "it strayed here");
    assert_eq!(closed_for(&breaker), None, "and stops nobody");
}

#[tokio::test]
async fn many_accounts_that_are_refused_in_a_row_mean_that_the_key_is_wrong() {
    let breaker = breaker();
    let refused = |n: u32| {
        let account = AccountId::parse(&format!("acct_{n}")).unwrap();
        fault(Class::Transient, Evidence::Refused(Box::new(account)))
    };
    for n in 1..=9 {
        assert_eq!(fail(&breaker, n, &refused(1)).await, Verdict::OfTheJob, "one left us");
    }
    assert_eq!(fail(&breaker, 10, &refused(2)).await, Verdict::OfTheJob);
    let pass = breaker.enter().await;
    breaker.succeeded(pass, &[STRIPE]);
    assert_eq!(fail(&breaker, 11, &refused(3)).await, Verdict::OfTheJob, "counted anew");
    assert_eq!(fail(&breaker, 12, &refused(4)).await, Verdict::OfTheJob);
    assert_eq!(fail(&breaker, 13, &refused(5)).await, Verdict::Wait);
    assert!(breaker.status().borrow().as_ref().is_some_and(|pause| pause.misconfigured));
}

#[tokio::test]
async fn what_stripe_was_not_asked_does_not_interrupt_the_row() {
    let breaker = breaker();
    let over_budget = fault(Class::RateLimited { retry_after: None }, Evidence::None);
    for n in [1, 2] {
        fail(&breaker, n, &server_error()).await;
        fail(&breaker, n + 10, &over_budget).await;
    }
    assert_eq!(fail(&breaker, 3, &server_error()).await, Verdict::Wait);
}

#[tokio::test(start_paused = true)]
async fn on_a_quiet_system_two_events_and_a_minute_are_enough() {
    let breaker = breaker();
    assert_eq!(fail(&breaker, 1, &server_error()).await, Verdict::OfTheJob);
    tokio::time::advance(LONG).await;
    assert_eq!(fail(&breaker, 1, &server_error()).await, Verdict::OfTheJob, "one object's trouble");
    assert_eq!(fail(&breaker, 2, &server_error()).await, Verdict::Wait);
}

#[tokio::test]
async fn the_cause_of_a_pause_is_the_latest_and_its_beginning_the_first() {
    let breaker = breaker();
    let status = breaker.status();
    breaker.close_for(POSTGRES, "refused".to_owned());
    let first = status.borrow().clone().unwrap();
    breaker.close_for(POSTGRES, "starting up".to_owned());
    let now = status.borrow().clone().unwrap();
    assert_eq!((now.message.as_str(), now.since), ("starting up", first.since));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_pauses_and_says_so() {
    let breaker = breaker();
    let wrong_key = fault(Class::Misconfigured(STRIPE), Evidence::Failing(STRIPE));
    assert_eq!(fail(&breaker, 1, &wrong_key).await, Verdict::Wait);
    assert!(breaker.status().borrow().as_ref().is_some_and(|pause| pause.misconfigured));
}

fn unusable(code: &str) -> Fault {
    let mut fault = fault(Class::Permanent, Evidence::Unusable);
    code.clone_into(&mut fault.failure.code);
    fault
}

#[tokio::test(start_paused = true)]
async fn the_same_useless_answer_about_several_objects_is_not_stripes() {
    let breaker = breaker();
    let wrong = unusable("stripe_wrong_object");
    assert_eq!(fail(&breaker, 1, &wrong).await, Verdict::OfTheJob);
    assert_eq!(fail(&breaker, 2, &unusable("stripe_answer_too_long")).await, Verdict::OfTheJob);
    assert_eq!(fail(&breaker, 3, &wrong).await, Verdict::OfTheJob);
    assert_eq!(fail(&breaker, 4, &wrong).await, Verdict::Wait);
    assert!(breaker.status().borrow().as_ref().is_some_and(|pause| pause.misconfigured));
    let probe = breaker.enter().await;
    let probed = fail_with(&breaker, probe, 5, "pi_5", &wrong);
    assert!(matches!(probed, Verdict::Return(_)), "{probed:?}: no job is given up while it lasts");
    let probe = breaker.enter().await;
    breaker.succeeded(probe, &[POSTGRES, STRIPE]);
    assert_eq!(closed_for(&breaker), None);
    assert_eq!(fail(&breaker, 6, &wrong).await, Verdict::OfTheJob, "counted from the beginning");
}

#[tokio::test]
async fn one_odd_object_stops_nobody_however_many_events_it_has() {
    let breaker = breaker();
    for n in 1..20 {
        let pass = breaker.enter().await;
        let verdict = fail_with(&breaker, pass, n, "sub_odd", &unusable("stripe_undecodable"));
        assert_eq!(verdict, Verdict::OfTheJob);
    }
}

#[tokio::test]
async fn a_proper_answer_in_between_makes_odd_objects_of_useless_answers() {
    let breaker = breaker();
    for n in 1..20 {
        assert_eq!(fail(&breaker, n, &unusable("stripe_undecodable")).await, Verdict::OfTheJob);
        let pass = breaker.enter().await;
        breaker.succeeded(pass, &[POSTGRES, STRIPE]);
    }
}
