//! `quittance reconcile`: fetches an object from Stripe now, and writes the result.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::compare::{self, Difference, LookError};
use crate::domain::failure::Failure;
use crate::domain::object::Subject;
use crate::reconcile::{Reconciler, Settled};
use crate::store::audit::NewAudit;
use crate::store::dead_letter::Actor;
use crate::store::object::ObjectKey;
use crate::store::{Store, StoreError};

/// An object could not be reconciled.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// It could not be looked at. Nothing was written.
    #[error(transparent)]
    Look(#[from] LookError),
    /// It was reconciled, and Postgres then failed to note that in the audit log.
    #[error("it was reconciled, but that could not be noted in the audit log: {0}")]
    NotNoted(#[source] StoreError),
}

impl ReconcileError {
    /// As [`LookError::failure`].
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Look(error) => error.failure(),
            Self::NotNoted(_) => None,
        }
    }
}

/// Result of a reconciliation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Reconciled {
    /// Which object.
    pub object: ObjectKey,
    /// `applied`: its status changed, or it was seen for the first time; `unchanged`; `gone`: it is
    /// deleted; `deauthorized`: its account took our access back.
    pub outcome: String,
    /// Whether Stripe was asked. It is not asked about what is final.
    pub asked: bool,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
    /// The version before; none where there was no row.
    pub version_before: Option<i64>,
    /// The version now.
    pub version: Option<i64>,
    /// The status before.
    pub status_before: Option<String>,
    /// The status now.
    pub status: Option<String>,
    /// The fields of the object that changed: `ours` is what we had, `stripes` what it is now.
    pub changes: Vec<Difference>,
}

/// Asks Stripe about an object, whatever is known of it, writes what it says like any other look,
/// and notes who wanted it.
///
/// # Errors
/// Stripe or Postgres.
pub async fn reconcile(
    store: &Store,
    reconciler: &Reconciler,
    subject: Subject,
    actor: Actor<'_>,
) -> Result<Reconciled, ReconcileError> {
    let reconciled = refresh(store, reconciler, subject).await?;
    let noted = NewAudit {
        actor,
        verb: "object.reconcile",
        target: &reconciled.object.target(),
        count: 1,
        details: json!({
            "kind": reconciled.object.kind,
            "account": reconciled.object.account,
            "livemode": reconciled.object.livemode,
            "outcome": reconciled.outcome,
            "request_id": reconciled.request_id,
            "version_before": reconciled.version_before,
            "version": reconciled.version,
            "status_before": reconciled.status_before,
            "status": reconciled.status,
        }),
    };
    store.record_audit(&noted).await.map_err(ReconcileError::NotNoted)?;
    Ok(reconciled)
}

/// The same without the note, for a verb that makes its own.
pub(super) async fn refresh(
    store: &Store,
    reconciler: &Reconciler,
    subject: Subject,
) -> Result<Reconciled, LookError> {
    let object = ObjectKey::from(&subject);
    let before = compare::current(store, &object).await?;
    let settled = reconciler.refresh(subject).await?;
    let after = compare::current(store, &object).await?;
    let data = |row: &Option<crate::store::object::ObjectRow>| {
        row.as_ref().and_then(|row| row.data.clone()).unwrap_or_default()
    };
    // At first sight everything is new, which is no news.
    let changes = match &before {
        Some(_) => compare::difference(&data(&before), &data(&after)),
        None => Vec::new(),
    };
    let (outcome, asked, request_id) = match settled {
        Settled::Now { outcome, fetched, request_id } => (outcome.as_str(), fetched, request_id),
        Settled::Before => ("unchanged", false, None),
    };
    Ok(Reconciled {
        object,
        outcome: outcome.to_owned(),
        asked,
        request_id,
        version_before: before.as_ref().map(|row| row.version),
        version: after.as_ref().map(|row| row.version),
        status_before: before.and_then(|row| row.status),
        status: after.and_then(|row| row.status),
        changes,
    })
}
