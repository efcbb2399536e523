//! Objects, comparisons and timelines as text.

use serde_json::Value;

use crate::cli::format::{self, at};
use crate::cli::table::{self, prose, whole};
use crate::domain::id::Mode;
use crate::ops::compare::{Comparison, Difference};
use crate::ops::reconcile::Reconciled;
use crate::ops::timeline::Moment;
use crate::store::object::ObjectKey;

/// An object with its account and mode.
pub(in crate::cli) fn key(key: &ObjectKey) -> String {
    let account = match key.account.as_str() {
        "" => "our own account",
        account => account,
    };
    format!(
        "{} {} ({account}, {} mode)",
        key.kind,
        format::plain(&key.id),
        Mode::from_livemode(key.livemode)
    )
}

/// Names and values, aligned.
pub(in crate::cli) fn facts(facts: &[(&str, String)]) {
    let wide = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in facts {
        println!("  {name:<wide$}  {}", format::plain(value));
    }
}

/// The values of a row, without those that are null or empty.
pub(in crate::cli) fn document(columns: &Value) {
    let is_set = |value: &Value| !value.is_null() && value.as_str() != Some("");
    let fields = columns.as_object().into_iter().flatten().filter(|(_, value)| is_set(value));
    let values: Vec<_> = fields.map(|(name, value)| (name.as_str(), plain(value))).collect();
    facts(&values);
}

/// A timeline, one line per entry.
pub(in crate::cli) fn moments(moments: &[Moment]) {
    if moments.is_empty() {
        return;
    }
    println!();
    let rows: Vec<_> = moments
        .iter()
        .map(|moment| {
            let mark = if moment.bad { "!" } else { "" };
            vec![
                at(moment.at),
                mark.to_owned(),
                moment.what.word().replace('_', " "),
                moment.text.clone(),
            ]
        })
        .collect();
    table::print(&[whole("TIME"), whole(""), whole("WHAT"), prose("")], &rows);
}

/// The result of a reconciliation, in one line.
pub(in crate::cli) fn reconciled(done: &Reconciled) -> String {
    let mut text = done.outcome.clone();
    match (&done.status_before, &done.status) {
        (Some(before), Some(now)) if before != now => text += &format!(", {before} → {now}"),
        (None, Some(now)) => text += &format!(", now {now}"),
        (_, Some(now)) => text += &format!(", still {now}"),
        (_, None) => {}
    }
    match done.changes.len() {
        0 => {}
        1 => text += &format!(", one field changed: {}", difference(&done.changes[0])),
        many => text += &format!(", {many} fields changed"),
    }
    if !done.asked {
        text += "; Stripe was not called";
    }
    text
}

/// A comparison.
pub(in crate::cli) fn comparison(found: &Comparison) {
    println!("{}: {}", key(&found.object), found.verdict.words());
    let mut lines = Vec::new();
    match (&found.status, &found.new_status) {
        (Some(ours), Some(new)) if ours != new => {
            let anomalous =
                if found.anomalous { " (not a valid transition in the state machine)" } else { "" };
            lines.push(("status", format!("{ours} → {new}{anomalous}")));
        }
        (_, Some(status)) => lines.push(("status", status.clone())),
        (_, None) => {}
    }
    if let (Some(version), Some(observed)) = (found.version, found.observed_at) {
        lines.push(("stored", format!("version {version}, seen at Stripe {}", at(observed))));
    }
    if let Some(looked) = found.looked_at {
        let request = found.request_id.as_deref().unwrap_or("no id");
        lines.push(("fetched", format!("{}, request {request}", at(looked))));
    }
    if !found.would_notify.is_empty() {
        lines.push(("would notify", found.would_notify.join(", ")));
    }
    facts(&lines);
    if !found.differences.is_empty() {
        println!();
        let rows: Vec<_> = found
            .differences
            .iter()
            .map(|it| vec![it.field.clone(), plain(&it.ours), plain(&it.stripes)])
            .collect();
        table::print(&[whole("FIELD"), prose("STORED"), prose("STRIPE")], &rows);
    }
}

/// A change of one field.
pub(in crate::cli) fn difference(it: &Difference) -> String {
    format!("{}: {} → {}", it.field, plain(&it.ours), plain(&it.stripes))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::Array(_) => value.to_string(),
    }
}
