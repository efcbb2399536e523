//! Which types of event are handled and never sent.

use super::findings::Findings;
use crate::completeness::senders::covers;
use crate::ops::kinds::{KindReport, report};

/// Mirrored kinds that are named; there are many of them.
const NAMED: usize = 12;

/// Compares what each of those that lead here is asked to send with what is handled.
pub(crate) fn compare(sent: &[&[String]], found: &mut Findings) {
    let is_sent = |name: &str| sent.iter().copied().flatten().any(|wanted| covers(wanted, name));
    let (mut typed, mut mirrored, mut types) = (Vec::new(), Vec::new(), 0);
    for kind in report().kinds {
        let missing: Vec<_> =
            kind.event_types.iter().copied().filter(|name| !is_sent(name)).collect();
        if missing.is_empty() {
            continue;
        }
        match kind.kind.mirror() {
            None => typed.push(named(&kind, &missing)),
            Some(_) => {
                types += missing.len();
                mirrored.push(kind.kind.as_str());
            }
        }
    }
    if !typed.is_empty() {
        found.warnings.push(format!(
            "no endpoint sends these events, so what they tell never arrives: {}",
            typed.join("; ")
        ));
    }
    if !mirrored.is_empty() {
        let more = match mirrored.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more (`quittance kinds` lists all)"),
        };
        let names = mirrored.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        found.unseen.push(format!(
            "changes of mirrored kinds that no endpoint sends, {types} types of event of {names}{more}"
        ));
    }
}

/// A kind, and which of its events are missing.
fn named(kind: &KindReport, missing: &[&str]) -> String {
    let name = kind.kind.as_str();
    if missing.len() == kind.event_types.len() {
        format!("{name} (all {})", missing.len())
    } else {
        format!("{name} ({})", missing.join(", "))
    }
}
