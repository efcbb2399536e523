//! One dead letter in full: cause, attempts, current row, timeline and manual actions.

use crate::cli::format::{at, plain};
use crate::cli::objects::print;
use crate::cli::table::{self, prose, whole};
use crate::domain::id::Mode;
use crate::ops::dead_letters::Shown;
use crate::store::dead_letter::DeadLetter;
use crate::store::timeline::Attempt;

pub(super) fn print(shown: &Shown) {
    let dead_letter = &shown.dead_letter;
    let event_type = dead_letter.event_type.as_deref().unwrap_or("an event that cannot be read");
    println!(
        "Dead letter {}, {}: {}",
        dead_letter.id,
        dead_letter.state.as_str(),
        plain(event_type)
    );
    println!("{}: {}", dead_letter.code, plain(&dead_letter.message));
    println!();
    print::facts(&facts(shown));
    attempts(&shown.attempts);
    match &shown.current {
        Some(row) if row.deleted => println!("\nThe object is deleted at Stripe."),
        Some(row) => {
            println!(
                "\nCurrent row: version {}, seen at Stripe {}",
                row.version,
                at(row.observed_at)
            );
        }
        None => println!("\nThe object has no row."),
    }
    print::moments(&shown.timeline);
    if !shown.audit.is_empty() {
        println!();
        let rows = shown.audit.iter().map(|act| {
            let reason = act.reason.clone().unwrap_or_default();
            vec![at(act.at), act.actor.clone(), act.verb.clone(), reason]
        });
        let columns = [whole("TIME"), whole("ACTOR"), whole("ACTION"), prose("REASON")];
        table::print(&columns, &rows.collect::<Vec<_>>());
    }
    match &dead_letter.payload {
        Some(payload) => println!("\n{payload:#}"),
        None if shown.payload_kept => println!("\nPass --payload to see the event (redacted)."),
        None => println!("\nNo payload was stored: the body was not JSON."),
    }
}

fn facts(shown: &Shown) -> Vec<(&'static str, String)> {
    let DeadLetter { customer, endpoint, lane, .. } = &shown.dead_letter;
    let dead_letter = &shown.dead_letter;
    let mut facts = vec![("event", dead_letter.event_key.clone())];
    if let Some(event) = &shown.event {
        let outcome = event.outcome.as_deref().map(|it| format!(", {it}")).unwrap_or_default();
        facts.push(("status", format!("{}{outcome}", event.status)));
    }
    if let (Some(kind), Some(id)) = (&dead_letter.object_kind, &dead_letter.object_id) {
        facts.push(("object", format!("{kind} {id}")));
    }
    facts.extend(customer.clone().map(|customer| ("customer", customer)));
    if let (Some(account), Some(live)) = (&dead_letter.account, dead_letter.livemode) {
        let account = if account.is_empty() { "our own" } else { account };
        facts.push(("account", format!("{account}, {} mode", Mode::from_livemode(live))));
    }
    facts.extend(shown.dashboard_url.clone().map(|url| ("at Stripe", url)));
    facts.push(("received", format!("{} by {endpoint}, lane {lane}", at(dead_letter.received_at))));
    facts.push(("group", dead_letter.group.to_string()));
    facts.push((
        "reason",
        format!("{} ({} error)", dead_letter.reason, dead_letter.class.replace('_', " ")),
    ));
    let tried = format!(
        "{}; dead-lettered {} times, retried {} times",
        dead_letter.attempts, dead_letter.deaths, dead_letter.retries
    );
    facts.push(("attempts", tried));
    facts.push(("first failed", at(dead_letter.first_failed_at)));
    facts.push(("last dead-lettered", at(dead_letter.died_at)));
    facts.extend(dead_letter.resolved_at.map(|then| ("closed", at(then))));
    facts.extend(dead_letter.snoozed_until.map(|then| ("snoozed until", at(then))));
    if let (Some(who), Some(why)) = (&dead_letter.discarded_by, &dead_letter.discard_reason) {
        facts.push(("discarded", format!("by {who}: {why}")));
    }
    facts
}

fn attempts(attempts: &[Attempt]) {
    if attempts.is_empty() {
        return;
    }
    println!();
    let rows = attempts.iter().map(|one| {
        vec![
            one.number.to_string(),
            at(one.started_at),
            format!("{} ms", one.duration_ms),
            one.worker.clone(),
            one.class.clone().unwrap_or_else(|| one.outcome.clone()),
            one.request_id.clone().unwrap_or_default(),
            one.trace_id.clone().unwrap_or_default(),
            one.chain.as_ref().map(|chain| chain.join(": ")).unwrap_or_default(),
        ]
    });
    let columns = [
        whole("NO"),
        whole("STARTED"),
        whole("DURATION"),
        whole("WORKER"),
        whole("CLASS"),
        whole("REQUEST"),
        whole("TRACE"),
        prose("ERROR"),
    ];
    table::print(&columns, &rows.collect::<Vec<_>>());
}
