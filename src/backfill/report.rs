//! What came of a backfill, by kind, with what Stripe lists nothing of.
//!
//! Called by whoever shows an operation. A pure composition of what the tables and the rules say.

use serde::Serialize;
use utoipa::ToSchema;

use super::request::BackfillRequest;
use crate::domain::object::Kind;
use crate::store::operation::{BackfillFault, BackfillKind, BackfillSelection, OperationId};
use crate::store::{Store, StoreError};

/// Unreadable objects that a report names at most.
const MOST_FAULTS: u32 = 100;

/// What a backfill has read of one kind, and what it could not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KindReport {
    /// What was read.
    #[serde(flatten)]
    pub read: BackfillKind,
    /// What no list shows of this kind; empty where lists show all of it.
    pub omits: String,
}

/// A kind that cannot be listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Unlisted {
    /// The kind of object, by Stripe's name.
    pub kind: String,
    /// Why.
    pub why: String,
}

/// What came of a backfill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Report {
    /// By kind, in the order in which they are read.
    pub kinds: Vec<KindReport>,
    /// Objects that could not be read or written: the first hundred.
    pub faults: Vec<BackfillFault>,
    /// Kinds that cannot be listed, of a backfill of all kinds.
    pub unlisted: Vec<Unlisted>,
}

/// Reads what came of a backfill so far.
///
/// # Errors
/// Postgres.
pub async fn report(
    store: &Store,
    id: OperationId,
    selection: &BackfillSelection,
) -> Result<Report, StoreError> {
    let kinds = store.backfill_kinds(id).await?;
    let faults = store.backfill_faults(id, MOST_FAULTS).await?;
    let kinds = kinds.into_iter().map(|read| {
        let omits = Kind::parse(&read.kind).map_or("", |kind| kind.listing().omits);
        KindReport { read, omits: omits.to_owned() }
    });
    Ok(Report { kinds: kinds.collect(), faults, unlisted: unlisted(&selection.kinds) })
}

/// The kinds that cannot be listed, where all that can be are read.
#[must_use]
pub fn unlisted(kinds: &[String]) -> Vec<Unlisted> {
    let all = BackfillRequest::listed_kinds();
    if !all.iter().all(|kind| kinds.iter().any(|name| name == kind.as_str())) {
        return Vec::new();
    }
    let none = Kind::every().filter(|kind| kind.listing().lists.is_empty());
    none.map(|kind| Unlisted {
        kind: kind.as_str().to_owned(),
        why: kind.listing().omits.to_owned(),
    })
    .collect()
}
