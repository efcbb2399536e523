//! `docs/metrics.md`, as it follows from what the roles serve.

use std::fmt::Write as _;

use super::page::Page;

const INTRODUCTION: &str = "\
# Metrics

<!-- Generated from what the roles serve by tests/it/telemetry. Do not edit: change the code, run
     `QUITTANCE_UPDATE_DOCS=1 make test ARGS='--test it telemetry'`, and review the difference. -->

Each role serves them at `GET /metrics` in the OpenMetrics format, on a listener of its own:
`metrics.listen`, which is off by default. `deploy/` has a Grafana dashboard and alert rules over
them.

A counter has the suffix `_total` there, a histogram `_bucket`, `_sum` and `_count`. Numbers of what
all processes share (the queue, the outbox, the open dead letters and commands) are looked up when the page is
asked for, are the same from every process, and are left out while they cannot be seen: use `max`,
not `sum`.

No label ever holds an id. Every value is a word out of our own code or a name out of the settings;
what Stripe invents later is folded into `other`.

| label | values |
|---|---|
| `accounts` | `own`, `connected` |
| `at` | `redis`, `postgres`: what was looked at |
| `by` | `covered`, `shared` |
| `cause` | `down`, `settings` |
| `class` | `permanent`, `transient`, `rate_limited`, `too_early`, `unavailable`, `misconfigured` |
| `code` | of commands: `done`, or a code of [docs/write-side.md](write-side.md#errors); `unresolved` for one that is dead |
| `dependency` | `redis`, `postgres`, `stripe` |
| `destination` | `stream`, or `http:` and a name of the settings |
| `duty` | `retention`, `sweep` |
| `endpoint` | of webhooks: a name of the settings, empty for what is none of them; of Stripe: the first part of the path |
| `event_type` | Stripe's types as `quittance kinds` lists them; `other` for newer ones |
| `found` | of card data: `number`, a text that holds a card number; `number_field`, `security_code_field`, a field that is named like one |
| `index` | the place of a secret in the endpoint's list, from 0 |
| `kind` | Stripe's `object` as `quittance kinds` lists them; `other` for newer ones; of commands: `create_payment`, `confirm_payment`, `capture_payment`, `cancel_payment`, `create_refund`, `create_customer`, `create_checkout`, `expire_checkout`, `create_setup`, `create_subscription`, `update_subscription`, `cancel_subscription`, `create_portal_session` |
| `lane` | `live`, `backfill`; `both` for jobs that wait for a retry |
| `next` | `retry`, `snooze`, `dead_letter` |
| `outcome` | `applied`, `unchanged`, `covered`, `gone`, `ignored`, `deauthorized`, `duplicate` |
| `reason` | of dead letters: `permanent`, `exhausted`, `poison`, `undecodable`; of connections: `limit`, `address_limit`, `descriptors`, `no_request`; of missed events: `no_endpoint`, `not_enabled`, `disabled`, `pending`, `not_pending`, `unknown` |
| `result` | of webhooks: `queued`, `wrong_mode`, `unknown_endpoint`, `signature_missing`, `signature_malformed`, `signature_without_v1`, `signature_mismatch`, `signature_stale`, `not_an_event`, `too_large`, `slow_body`, `broken_body`, `evicted`, `busy`, `queue_timeout`, `queue_failed`; of attempts: `settled`, `failed`; of the limiter: `granted`, `refused`; of notifications: `delivered`, `failed`, `dead` |
| `state` | of jobs: `waiting`, `in_hand`, `delayed`; of commands: `accepted`, `sent`, `unknown`, `dead`; of connections: `used`, `idle` |
| `status` | of Stripe's answer: the code, `2xx` to `5xx` for one that Stripe does not use, or `unreachable`, `timed_out`, `broken` |
| `task` | a background task; `outbox` and a destination for the one that delivers to it. docs/operations.md lists them |

| name | type | labels | from | what it is |
|---|---|---|---|---|
";

/// The table of all that these pages hold.
pub(super) fn document(roles: &[(&str, &Page)]) -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut names: Vec<_> = roles.iter().flat_map(|(_, page)| page.families.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let from = roles.iter().filter(|(_, page)| page.families.contains_key(name));
        let families: Vec<_> = from.clone().map(|(_, page)| &page.families[name]).collect();
        let family = families[0];
        assert!(families.iter().all(|other| other.help == family.help), "{name} says two things");
        let from: Vec<_> = from.map(|(role, _)| *role).collect();
        let labels: Vec<_> = family.labels().iter().map(|name| format!("`{name}`")).collect();
        let help = family.help.trim_end_matches('.');
        let (kind, from, labels) = (&family.kind, from.join(", "), labels.join(", "));
        writeln!(text, "| `{name}` | {kind} | {labels} | {from} | {help} |").unwrap();
    }
    text
}
