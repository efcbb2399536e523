//! `quittance accounts`: checks whether a connected account can receive payments.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::failure::Failure;
use crate::domain::id::{AccountId, Mode, ObjectId, Scope};
use crate::domain::object::{Kind, Subject};
use crate::reconcile::{Fault, Reconciler};
use crate::store::connected_account::Permission;
use crate::store::{Store, StoreError};

/// The answer, with the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Checked {
    /// The connected account.
    pub account: String,
    /// `live` or `test`.
    pub mode: String,
    /// Whether a destination charge to it works to its end.
    pub allowed: bool,
    /// Why payments are not possible; empty when they are.
    pub why_not: Option<String>,
    /// How old the answer is; none: the account was never seen.
    #[serde(with = "time::serde::rfc3339::option")]
    pub as_of: Option<OffsetDateTime>,
}

impl Checked {
    /// Puts the two together.
    #[must_use]
    pub fn new(account: &AccountId, mode: Mode, answer: Permission) -> Self {
        let Permission { allowed, why_not, as_of, .. } = answer;
        let account = account.as_str().to_owned();
        Self { account, mode: mode.as_str().to_owned(), allowed, why_not, as_of }
    }
}

/// The refresh that was asked for failed, or Postgres did.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The account could not be looked at now.
    #[error("the account could not be looked at: {}", .0.failure.message())]
    Refresh(Box<Fault>),
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CheckError {
    /// What failed, where it was the look: another one may work.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Refresh(fault) => Some(&fault.failure),
            Self::Store(_) => None,
        }
    }
}

/// What a platform must ask before it makes a destination charge: the same answer as the SQL
/// function `app.can_receive_payments`.
///
/// With `refresh`, Stripe is asked first, and what it says is written like any other look. An
/// account that took our access back is not asked again.
///
/// # Errors
/// Stripe, where it was to be asked, or Postgres.
pub async fn check(
    store: &Store,
    refresh: Option<&Reconciler>,
    account: &AccountId,
    mode: Mode,
) -> Result<Permission, CheckError> {
    if let Some(reconciler) = refresh
        && let Ok(id) = ObjectId::parse(account.as_str())
    {
        let scope = Scope { account: Some(account.clone()), mode };
        let subject = Subject { scope, kind: Kind::Account, id, owner: None };
        let looked = reconciler.refresh(subject).await;
        looked.map_err(|fault| CheckError::Refresh(Box::new(fault)))?;
    }
    Ok(store.can_receive_payments(account, mode).await?)
}
