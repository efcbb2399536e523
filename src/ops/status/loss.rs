//! Findings about the durability of Redis: whether it has lost events, and whether
//! it could.

use time::format_description::well_known::Rfc3339;

use super::document::DurabilityStatus;
use super::finding::{Finding, FindingCode, Severity};
use crate::ops::queue::QueueLossStatus;
use crate::queue::{Durability, MarkerState};
use crate::store::queue_marker::{QueueLoss, QueueMemory};

/// How much earlier than the first event that may be missing a replay begins: events are listed by when
/// Stripe made them, which is before they were received.
const TO_SPARE: i64 = 3600;

/// A loss, as Postgres and Redis together show it. One that no worker has noticed yet counts, too.
pub(super) fn loss(memory: &QueueMemory, marker: Option<&MarkerState>) -> Option<QueueLossStatus> {
    if let Some(QueueLoss { noticed_at, what, since }) = &memory.loss {
        let (noticed_at, what) = (Some(*noticed_at), what.clone());
        return Some(QueueLossStatus { what, noticed_at, since: *since });
    }
    let marker = marker?;
    let is_another = marker.epoch.as_ref() != Some(&memory.epoch);
    // The beat is left to the workers: the two were read at the same time, so it may be ahead here.
    (is_another || marker.missing_now).then(|| QueueLossStatus {
        what: marker.missing.text(),
        noticed_at: None,
        since: memory.finished_until,
    })
}

/// Durability of Redis, for the status.
pub(super) fn durability(found: Durability) -> DurabilityStatus {
    DurabilityStatus { evicts: found.evicts, warnings: found.warnings }
}

/// The finding of a loss.
pub(super) fn lost(loss: &QueueLossStatus) -> Finding {
    let what = if loss.what.is_empty() { "jobs of the queue" } else { &*loss.what };
    let since = loss.since.replace_nanosecond(0).unwrap_or(loss.since);
    let shown = since.format(&Rfc3339).unwrap_or_else(|_| since.to_string());
    let from = since.unix_timestamp().saturating_sub(TO_SPARE);
    Finding {
        severity: Severity::Problem,
        code: FindingCode::QueueLost,
        text: format!(
            "Redis has lost {what}: events received since {shown} may be missing until the sweep has brought \
             them back, which \"complete until\" shows; where it is off, they have to be replayed"
        ),
        remedy: Some(format!(
            "`stripe get /v1/events --limit 100 -d \"created[gte]={from}\" | jq -r '.data[].id' | \
             xargs quittance events replay`, page by page, then `quittance queue acknowledge-loss`"
        )),
    }
}

/// The findings about how Redis keeps what it acknowledged.
pub(super) fn kept(durability: &DurabilityStatus, found: &mut Vec<Finding>) {
    let finding = |severity, text: &String| Finding {
        severity,
        code: FindingCode::RedisDurability,
        text: text.clone(),
        remedy: None,
    };
    found.extend(durability.evicts.iter().map(|text| finding(Severity::Problem, text)));
    found.extend(durability.warnings.iter().map(|text| finding(Severity::Warning, text)));
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::queue::Missing;

    const AT: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn memory(loss: Option<QueueLoss>) -> QueueMemory {
        QueueMemory { epoch: "a".into(), beat: 5, finished_until: AT, loss }
    }

    fn marker(epoch: Option<&str>, beat: i64, missing_now: bool) -> MarkerState {
        MarkerState::seen(epoch, Missing::default(), Some(beat), missing_now)
    }

    #[test]
    fn a_loss_is_found_whether_a_worker_has_noticed_it_or_not() {
        let found = |state: &MarkerState| loss(&memory(None), Some(state)).is_some();
        assert!(!found(&marker(Some("a"), 5, false)));
        assert!(found(&marker(Some("b"), 5, false)), "another epoch");
        assert!(found(&marker(None, 0, false)), "no marker at all");
        assert!(!found(&marker(Some("a"), 4, false)), "a worker has checked it meanwhile");
        assert!(found(&marker(Some("a"), 5, true)), "a part is missing");
        let noticed = QueueLoss { noticed_at: AT, what: "the live lane".into(), since: AT };
        let noticed =
            loss(&memory(Some(noticed)), None).expect("it stays until it is acknowledged");
        assert_eq!(noticed.noticed_at, Some(AT));
    }

    #[test]
    fn the_finding_says_since_when_and_with_what_command() {
        let since = OffsetDateTime::from_unix_timestamp(1_767_323_045).expect("a time");
        let text = lost(&QueueLossStatus { what: String::new(), noticed_at: None, since });
        assert!(text.text.contains("since 2026-01-02T03:04:05Z"), "{}", text.text);
        let remedy = text.remedy.expect("it has one");
        assert!(remedy.contains("created[gte]=1767319445"), "an hour before: {remedy}");
        assert!(remedy.contains("quittance queue acknowledge-loss"), "{remedy}");
    }
}
