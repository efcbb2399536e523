//! Checks of ranges, and of settings that depend on each other.

use std::time::Duration;

use humantime::format_duration;

use super::Checker;
use crate::Settings;
use crate::reconcile::SNAPSHOTS;
use crate::retention::Keep;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);
const TEN_MS: Duration = Duration::from_millis(10);

pub(super) fn check(settings: &Settings, checker: &mut Checker<'_>) {
    sizes(settings, checker);
    let durations = [
        ("ingress.enqueue_timeout", settings.ingress.enqueue_timeout, MS),
        ("ingress.read_timeout", settings.ingress.read_timeout, TEN_MS),
        ("ingress.stall_timeout", settings.ingress.stall_timeout, TEN_MS),
        ("ingress.head_timeout", settings.ingress.head_timeout, TEN_MS),
        ("ingress.keep_alive", settings.ingress.keep_alive, TEN_MS),
        ("redis.connect_timeout", settings.redis.connect_timeout, MS),
        ("redis.command_timeout", settings.redis.command_timeout, MS),
        ("queue.sweep_interval", settings.queue.sweep_interval, TEN_MS),
        ("worker.job_timeout", settings.worker.job_timeout, Duration::from_millis(100)),
        ("worker.probe_interval", settings.worker.probe_interval, TEN_MS),
        ("retry.first", settings.retry.first, MS),
        ("database.acquire_timeout", settings.database.acquire_timeout, MS),
        ("database.statement_timeout", settings.database.statement_timeout, MS),
        ("stripe.timeout", settings.stripe.timeout, Duration::from_millis(100)),
        ("status.max_lag", settings.status.max_lag, Duration::from_secs(1)),
        ("status.max_outbox_lag", settings.status.max_outbox_lag, Duration::from_secs(1)),
        ("status.max_command_age", settings.status.max_command_age, Duration::from_secs(1)),
        ("status.max_incomplete", settings.status.max_incomplete, Duration::from_secs(1)),
        ("sweep.interval", settings.sweep.interval, Duration::from_millis(100)),
        ("sweep.settle", settings.sweep.settle, Duration::from_secs(1)),
        ("sweep.first", settings.sweep.first, Duration::from_secs(1)),
    ];
    for (key, value, least) in durations {
        checker.must(value >= least, key, format!("must be at least {}", format_duration(least)));
    }
    let retention = &settings.retention;
    let kept = [
        ("retention.resolved_letters", retention.resolved_letters),
        ("retention.discarded_letters", retention.discarded_letters),
        ("retention.attempts", retention.attempts),
        ("retention.audit_log", retention.audit_log),
    ];
    for (key, keep) in kept {
        let enough = match keep {
            Keep::Forever => true,
            Keep::For(age) => age >= HOUR,
        };
        checker.must(enough, key, "must be at least 1h, or \"forever\"");
    }
    let longest = Duration::from_secs(30);
    checker.must(
        settings.ingress.enqueue_timeout <= longest,
        "ingress.enqueue_timeout",
        "must be at most 30s: Stripe does not wait any longer",
    );
    for kind in &settings.reconcile.snapshots {
        checker.must(
            SNAPSHOTS.contains(&kind.as_str()),
            "reconcile.snapshots",
            format!("{kind:?} is none of the kinds that it can be: {}", SNAPSHOTS.join(", ")),
        );
    }
    let skew = settings.reconcile.clock_skew;
    checker.must(
        skew.subsec_nanos() == 0,
        "reconcile.clock_skew",
        "must be whole seconds, as Stripe's times are",
    );
    checker.must(
        settings.reconcile.read_lag <= Duration::from_mins(10),
        "reconcile.read_lag",
        "must be at most 10m: the event waits for as long",
    );
    sweep(settings, checker);
    let share = settings.backfill.share;
    checker.must(
        share > 0.0 && share <= 1.0,
        "backfill.share",
        "must be above 0.0, and at most 1.0",
    );
    checker.must(
        settings.backfill.late_listing <= HOUR,
        "backfill.late_listing",
        "must be at most 1h: a backfill waits for as long before it ends",
    );
    let ratio = settings.telemetry.sample_ratio;
    checker.must((0.0..=1.0).contains(&ratio), "telemetry.sample_ratio", "must be 0.0 to 1.0");
    let factor = settings.retry.factor;
    checker.must((1.0..=10.0).contains(&factor), "retry.factor", "must be 1.0 to 10.0");
    for (name, endpoint) in &settings.endpoints {
        checker.must(
            endpoint.tolerance >= Duration::from_secs(1),
            &format!("endpoints.{name}.tolerance"),
            "must be at least 1s",
        );
    }
}

fn sweep(settings: &Settings, checker: &mut Checker<'_>) {
    let sweep = &settings.sweep;
    let day = Duration::from_hours(24);
    let times = [
        ("sweep.overlap", sweep.overlap, HOUR),
        ("sweep.grace", sweep.grace, HOUR),
        ("sweep.settle", sweep.settle, day),
        ("sweep.first", sweep.first, 30 * day),
    ];
    for (key, value, most) in times {
        checker.must(
            value.subsec_nanos() == 0,
            key,
            "must be whole seconds, as Stripe's times are",
        );
        checker.must(value <= most, key, format!("must be at most {}", format_duration(most)));
    }
    let longest = 7 * day;
    checker.must(
        sweep.longest_interval <= longest,
        "sweep.longest_interval",
        "must be at most 7d: Stripe lists an event for 30 days",
    );
    let share = sweep.share;
    checker.must(share > 0.0 && share <= 1.0, "sweep.share", "must be more than 0.0, up to 1.0");
}

fn sizes(settings: &Settings, checker: &mut Checker<'_>) {
    let ingress = &settings.ingress;
    let most = usize::MAX;
    let sizes = [
        ("ingress.max_body_bytes", ingress.max_body_bytes, 1024, 16 << 20),
        ("ingress.max_head_bytes", ingress.max_head_bytes, 1024, 256 << 10),
        ("ingress.max_body_memory", ingress.max_body_memory, 64 << 10, most),
        ("ingress.max_connections", ingress.max_connections, 1, most),
        ("ingress.max_in_flight", ingress.max_in_flight, 1, most),
        ("worker.concurrency", settings.worker.concurrency, 1, 4096),
        ("queue.backfill_at_once", settings.queue.backfill_at_once, 1, 4096),
    ];
    for (key, value, least, largest) in sizes {
        let range = if largest == most {
            format!("at least {least}")
        } else {
            format!("{least} to {largest}")
        };
        checker.must((least..=largest).contains(&value), key, format!("must be {range}"));
    }
    let counts = [
        ("queue.max_deliveries", settings.queue.max_deliveries),
        ("worker.down_after", settings.worker.down_after),
        ("retry.max_attempts", settings.retry.max_attempts),
        ("reconcile.max_rounds", settings.reconcile.max_rounds),
        ("database.max_connections", settings.database.max_connections),
        ("stripe.endpoint_rate", settings.stripe.endpoint_rate),
        ("stripe.account_rate", settings.stripe.account_rate),
        ("stripe.write_endpoint_rate", settings.stripe.write_endpoint_rate),
        ("stripe.write_account_rate", settings.stripe.write_account_rate),
    ];
    for (key, value) in counts {
        checker.must(value >= 1, key, "must be at least 1");
    }
    checker.must(
        (1..=9).contains(&settings.queue.live_share),
        "queue.live_share",
        "must be 1 to 9",
    );
    let name = &settings.queue.name;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    checker.must(
        !name.is_empty() && name.bytes().all(plain),
        "queue.name",
        "must be one or more of a-z, A-Z, 0-9, _, - and .",
    );
}

/// Checks settings that depend on each other, each of which is in its range.
pub(super) fn check_together(settings: &Settings, checker: &mut Checker<'_>) {
    let (queue, worker) = (&settings.queue, &settings.worker);
    // The time that a worker needs beyond that of a job to renew its leases and to acknowledge: reconnecting,
    // and one command each.
    let redis = &settings.redis;
    let margin = redis.connect_timeout.saturating_add(redis.command_timeout.saturating_mul(2));
    let least = worker.job_timeout.saturating_add(margin);
    if queue.lease <= least {
        checker.object(
            &["queue.lease", "worker.job_timeout"],
            format!(
                "must be longer than worker.job_timeout + redis.connect_timeout + 2 * redis.command_timeout = {}, or jobs are taken from workers that still run them",
                format_duration(least)
            ),
            "Raise queue.lease or lower worker.job_timeout.",
        );
    }
    if queue.sweep_interval >= queue.lease {
        checker.object(
            &["queue.sweep_interval", "queue.lease"],
            format!("must be less than queue.lease = {}", format_duration(queue.lease)),
            "Lower queue.sweep_interval or raise queue.lease.",
        );
    }
    let sweep = &settings.sweep;
    if sweep.longest_interval < sweep.interval {
        checker.object(
            &["sweep.longest_interval", "sweep.interval"],
            format!("must be at least sweep.interval = {}", format_duration(sweep.interval)),
            "Raise sweep.longest_interval or lower sweep.interval.",
        );
    }
    if settings.stripe.timeout >= worker.job_timeout {
        checker.object(
            &["stripe.timeout", "worker.job_timeout"],
            format!(
                "must be less than worker.job_timeout = {}, or a slow request ends as a job that timed out",
                format_duration(worker.job_timeout)
            ),
            "Lower stripe.timeout or raise worker.job_timeout.",
        );
    }
    let ingress = &settings.ingress;
    let two = ingress.max_body_bytes.saturating_mul(2);
    if ingress.max_body_memory < two {
        checker.object(
            &["ingress.max_body_memory", "ingress.max_body_bytes"],
            format!(
                "must be at least twice ingress.max_body_bytes = {two}: a body that grows is copied \
                 into a larger buffer"
            ),
            "Raise ingress.max_body_memory or lower ingress.max_body_bytes.",
        );
    }
    if settings.retry.cap < settings.retry.first {
        checker.object(
            &["retry.cap", "retry.first"],
            format!("must be at least retry.first = {}", format_duration(settings.retry.first)),
            "Raise retry.cap or lower retry.first.",
        );
    }
    let taken = [
        ("ingress.listen", Some(settings.ingress.listen)),
        ("worker.listen", worker.listen),
        ("admin.listen", Some(settings.admin.listen)),
        ("api.listen", Some(settings.api.listen)),
    ];
    for (other, address) in taken {
        if settings.metrics.listen == address && address.is_some_and(|address| address.port() != 0)
        {
            checker.object(
                &["metrics.listen", other],
                format!("is the address of {other}, too"),
                "Give them two ports.",
            );
        }
    }
}
