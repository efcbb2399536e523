//! Findings about completeness: whether the watermark moves, and what was missed.

use std::time::Duration;

use super::document::Status;
use super::finding::{Finding, FindingCode, many, problem, span, warning};
use crate::store::completeness::{AccountCompleteness, Completeness};

/// Adds the findings.
pub(super) fn judge(status: &Status, most: Duration, found: &mut Vec<Finding>) {
    if let Some(completeness) = &status.completeness {
        if let Some(own) = completeness.accounts.iter().find(|one| one.account.is_empty()) {
            behind(own, most, found);
        }
        // A silent account is looked at less often: two looks, and what our own account may take.
        let wait = Duration::from_secs(
            u64::try_from(completeness.longest_wait_seconds).unwrap_or_default(),
        );
        connected(completeness, most.saturating_add(wait.saturating_mul(2)), found);
        if completeness.gaps > 0 {
            let text = format!(
                "Stripe lists events of {} no longer that was never found complete: see quittance.sweep_gaps",
                many(completeness.gaps, "range")
            );
            found.push(Finding {
                remedy: Some("docs/operations.md, \"Is everything here?\"".to_owned()),
                ..problem(FindingCode::EventsGap, text)
            });
        }
        missed(completeness, found);
    }
    if let Some(last) = status.certificate.as_ref().filter(|last| last.counts.missing > 0) {
        let were = if last.counts.missing == 1 { "was" } else { "were" };
        let text = format!(
            "{} of {} that Stripe lists {were} missing in the last comparison",
            last.counts.missing,
            many(last.counts.listed, "event"),
        );
        found.push(warning(FindingCode::EventsMissing, text).mended_by("quittance verify"));
    }
}

fn behind(own: &AccountCompleteness, most: Duration, found: &mut Vec<Finding>) {
    let late = own.behind_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let why = own.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    if let Some(late) = late.map(Duration::from_secs).filter(|late| *late > most) {
        let text = format!(
            "it is known until {} ago alone that every event is here (status.max_incomplete is {}){why}",
            span(late),
            span(most)
        );
        found.push(problem(FindingCode::Incomplete, text).mended_by("quittance duties"));
    } else if own.error.is_some() {
        let text = format!("Stripe's list of events cannot be read{why}");
        found.push(warning(FindingCode::Incomplete, text).mended_by("quittance duties"));
    }
}

/// One line for all connected accounts.
fn connected(completeness: &Completeness, most: Duration, found: &mut Vec<Finding>) {
    let accounts = completeness.accounts.iter().filter(|one| !one.account.is_empty());
    let late = accounts.filter_map(|one| {
        let seconds = u64::try_from(one.behind_seconds?).ok()?;
        (Duration::from_secs(seconds) > most).then_some((seconds, one))
    });
    let late: Vec<_> = late.collect();
    let Some((seconds, last)) = late.iter().max_by_key(|(seconds, _)| *seconds) else { return };
    let why = last.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let others = match late.len() - 1 {
        0 => String::new(),
        others => format!("; {others} more accounts are behind, too"),
    };
    let text = format!(
        "it is known until {} ago alone that every event of {} is here{why}{others}",
        span(Duration::from_secs(*seconds)),
        last.account
    );
    found.push(warning(FindingCode::Incomplete, text).mended_by("quittance duties"));
}

/// Stripe still tries to deliver those that are pending: the sweep was merely faster.
fn missed(completeness: &Completeness, found: &mut Vec<Finding>) {
    let lost = completeness.missed.iter().filter(|one| one.reason != "pending");
    let parts: Vec<_> =
        lost.clone().map(|one| format!("{} {}", one.count, words(&one.reason))).collect();
    if parts.is_empty() {
        return;
    }
    let count = lost.map(|one| one.count).sum();
    let were = if count == 1 { "was" } else { "were" };
    let text = format!(
        "{} of the last 24 hours {were} not delivered and brought by the sweep: {}",
        many(count, "event"),
        parts.join(", ")
    );
    found.push(
        warning(FindingCode::EventsMissed, text).mended_by("quittance config check --online"),
    );
}

fn words(reason: &str) -> &str {
    match reason {
        "not_enabled" => "of types that no endpoint here is sent",
        "disabled" => "for which the endpoint is disabled",
        "not_pending" => "that Stripe has delivered or given up",
        _ => "for an unknown reason",
    }
}
