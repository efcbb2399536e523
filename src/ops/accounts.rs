//! `quittance accounts`: may a platform send money to this connected account?

use crate::domain::id::{AccountId, Mode, ObjectId, Scope};
use crate::domain::object::{Kind, Subject};
use crate::reconcile::{Fault, Reconciler};
use crate::store::connected_account::Permission;
use crate::store::{Store, StoreError};

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
        let subject = Subject { scope, kind: Kind::Account, id };
        let looked = reconciler.refresh(subject).await;
        looked.map_err(|fault| CheckError::Refresh(Box::new(fault)))?;
    }
    Ok(store.can_receive_payments(account, mode).await?)
}
