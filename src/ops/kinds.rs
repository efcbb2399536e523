//! `quittance kinds`: the object types that are handled, their support level and their event types.

use std::fmt::Write as _;

use serde_json::json;

use crate::domain::access;
use crate::domain::event_types::{self, Way};
use crate::domain::mirror;
use crate::domain::object::Kind;

/// A kind and its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindReport {
    /// Which.
    pub kind: Kind,
    /// The types of event on which it is fetched, in the order of their names.
    pub event_types: Vec<&'static str>,
}

impl KindReport {
    /// `typed`: with a state machine, a table and notifications. `mirrored`: its latest JSON.
    #[must_use]
    pub fn depth(&self) -> &'static str {
        match self.kind.mirror() {
            None => "typed",
            Some(_) => "mirrored",
        }
    }

    /// How its ids begin; empty for a kind whose ids have no fixed beginning.
    #[must_use]
    pub fn prefix(&self) -> &'static str {
        self.kind.prefixes().first().copied().unwrap_or_default()
    }

    /// Where its objects are listed, with the filters that show all of them.
    fn lists(&self) -> impl Iterator<Item = serde_json::Value> {
        let lists = self.kind.listing().lists.iter();
        lists.map(|list| json!({"path": list.path, "filters": list.filters}))
    }

    /// What becomes of a job whose object Stripe does not find.
    #[must_use]
    pub fn missing(&self) -> &'static str {
        if event_types::is_deletable(self.kind.as_str()) {
            "tombstone, with the event that says so"
        } else {
            "dead letter"
        }
    }
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The kinds, those with a state machine first.
    pub kinds: Vec<KindReport>,
    /// The types of event that there is nothing to fetch for, each with the reason.
    pub kept: Vec<(&'static str, &'static str)>,
    /// How many types of event there are.
    pub total: usize,
}

impl Report {
    /// The types of event on which something is fetched.
    #[must_use]
    pub fn handled(&self) -> usize {
        self.total - self.kept.len()
    }

    /// The share of those, in tenths of a percent, rounded down.
    #[must_use]
    pub fn per_mille(&self) -> usize {
        self.handled() * 1000 / self.total.max(1)
    }

    /// `260 of 268 event types (97.0 %)`
    #[must_use]
    pub fn coverage(&self) -> String {
        let per_mille = self.per_mille();
        format!(
            "{} of {} event types ({}.{} %)",
            self.handled(),
            self.total,
            per_mille / 10,
            per_mille % 10
        )
    }

    /// All of it as one JSON document.
    #[must_use]
    pub fn document(&self) -> serde_json::Value {
        let kinds: Vec<_> = self
            .kinds
            .iter()
            .map(|it| {
                json!({
                    "object": it.kind.as_str(),
                    "depth": it.depth(),
                    "id_prefix": it.prefix(),
                    "missing": it.missing(),
                    "paths": it.kind.mirror().map(|mirror| mirror.paths().collect::<Vec<_>>()),
                    "event_types": it.event_types,
                    "lists": it.lists().collect::<Vec<_>>(),
                    "omits": it.kind.listing().omits,
                })
            })
            .collect();
        let kept: Vec<_> = self
            .kept
            .iter()
            .map(|(event_type, why)| json!({"event_type": event_type, "why": why}))
            .collect();
        json!({
            "kinds": kinds,
            "kept": kept,
            "coverage": {
                "handled": self.handled(),
                "all": self.total,
                "per_mille": self.per_mille(),
            },
        })
    }

    /// The table in docs/coverage.md.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "Handled: {}. Depth `typed` has a state machine, a table in `app`, transitions and \
             notifications; `mirrored` has its latest JSON in `quittance.objects`.\n\n\
             | object | depth | event types |\n|---|---|---|\n",
            self.coverage()
        );
        // Writing to a String cannot fail.
        for it in &self.kinds {
            let types = shortened(&it.event_types);
            let _ = writeln!(text, "| `{}` | {} | {types} |", it.kind.as_str(), it.depth());
        }
        text += "\nKept in the ledger as ignored, because there is nothing to fetch:\n\n";
        for (event_type, why) in &self.kept {
            let _ = writeln!(text, "- `{event_type}`: {why}");
        }
        text
    }
}

/// Types that differ only in their last word, in one: `coupon.{created, deleted, updated}`.
fn shortened(event_types: &[&str]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for event_type in event_types {
        let (start, last) = event_type.rsplit_once('.').unwrap_or((event_type, ""));
        match groups.iter_mut().find(|(known, _)| *known == start) {
            Some((_, words)) => words.push(last),
            None => groups.push((start, vec![last])),
        }
    }
    let shown = groups.iter().map(|(start, words)| match words.as_slice() {
        [word] => format!("`{start}.{word}`"),
        words => format!("`{start}.{{{}}}`", words.join(", ")),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// The kinds that this build handles.
#[must_use]
pub fn report() -> Report {
    let mut kinds: Vec<_> =
        Kind::every().map(|kind| KindReport { kind, event_types: Vec::new() }).collect();
    let mut kept = Vec::new();
    let mut total = 0;
    for (event_type, objects, way) in event_types::all() {
        total += 1;
        let mut fetched: Vec<&str> = match way {
            Way::Object | Way::Deleted => objects.to_vec(),
            Way::Owner => objects
                .iter()
                .flat_map(|object| mirror::owners(object))
                .map(mirror::Owner::object)
                .collect(),
            Way::Kept(_) => Vec::new(),
        };
        // Where it comes from a connected account, that is what is fetched.
        if access::is_about_accounts(event_type) {
            fetched.push(Kind::Account.as_str());
        }
        if let (Way::Kept(why), true) = (way, fetched.is_empty()) {
            kept.push((event_type, why));
        }
        for it in kinds.iter_mut().filter(|it| fetched.contains(&it.kind.as_str())) {
            it.event_types.push(event_type);
        }
    }
    for it in &mut kinds {
        it.event_types.sort_unstable();
    }
    Report { kinds, kept, total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_differ_in_their_last_word_share_a_cell() {
        assert_eq!(
            shortened(&["a.b.created", "a.b.deleted", "a.x"]),
            "`a.b.{created, deleted}`, `a.x`"
        );
    }

    #[test]
    fn nearly_all_that_stripe_tells_is_handled() {
        let report = report();
        assert!(report.per_mille() >= 950, "{}", report.coverage());
    }
}
