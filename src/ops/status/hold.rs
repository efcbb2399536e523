//! The finding about a transaction that holds the outbox back.

use std::time::Duration;

use time::format_description::well_known::Rfc3339;

use super::finding::{Finding, FindingCode, Severity, span};
use crate::store::outbox::OutboxHold;

/// A problem when the transaction has been open for longer than a destination may be behind.
pub(super) fn held_back(hold: &OutboxHold, longest: Duration) -> Option<Finding> {
    let open_for = Duration::from_secs(u64::try_from(hold.seconds).unwrap_or_default());
    if open_for <= longest {
        return None;
    }
    let text = format!(
        "{} has a transaction open for {} (since {}): what was written to the outbox after it began is \
         neither read nor delivered",
        session(hold),
        span(open_for),
        hold.since.replace_nanosecond(0).unwrap_or(hold.since).format(&Rfc3339).unwrap_or_default(),
    );
    // Only an operator who knows what a session does can end it: no command is proposed.
    Some(Finding {
        severity: Severity::Problem,
        code: FindingCode::OutboxHeldBack,
        text,
        remedy: None,
    })
}

/// `the session 4711 (psql, user ann, database shop, idle in transaction)`.
fn session(hold: &OutboxHold) -> String {
    let named = |what: &str, value: &Option<String>| {
        value.as_ref().filter(|text| !text.is_empty()).map(|text| format!("{what}{text}"))
    };
    let details: Vec<_> = [
        named("", &hold.application),
        named("user ", &hold.username),
        named("database ", &hold.database),
        named("", &hold.state),
    ]
    .into_iter()
    .flatten()
    .collect();
    let details = details.join(", ");
    match (hold.pid, details.is_empty()) {
        (Some(pid), true) => format!("the session {pid}"),
        (Some(pid), false) => format!("the session {pid} ({details})"),
        (None, false) => details,
        (None, true) => {
            "a session that our database user cannot see (it needs pg_read_all_stats)".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn hold(seconds: i64) -> OutboxHold {
        OutboxHold {
            pid: Some(4711),
            application: Some("psql".into()),
            username: Some("ann".into()),
            database: Some("shop".into()),
            state: Some("idle in transaction".into()),
            since: datetime!(2026-01-02 03:04:05 UTC),
            seconds,
        }
    }

    fn text(hold: &OutboxHold) -> Option<String> {
        held_back(hold, Duration::from_secs(600)).map(|finding| finding.text)
    }

    #[test]
    fn a_transaction_that_is_open_for_too_long_is_named() {
        assert_eq!(text(&hold(600)), None);
        let named = text(&hold(601)).unwrap();
        let begins = "the session 4711 (psql, user ann, database shop, idle in transaction) has a \
                      transaction open for 10m 1s (since 2026-01-02T03:04:05Z)";
        assert!(named.starts_with(begins), "{named}");
    }

    #[test]
    fn one_without_a_session_is_named_too() {
        let prepared = OutboxHold {
            pid: None,
            application: Some("prepared transaction move-1".into()),
            state: Some("prepared".into()),
            username: None,
            database: None,
            ..hold(700)
        };
        assert!(text(&prepared).unwrap().starts_with("prepared transaction move-1, prepared has"));
        let hidden = OutboxHold { application: None, state: None, ..prepared };
        assert!(text(&hidden).unwrap().starts_with("a session that our database user cannot see"));
    }
}
