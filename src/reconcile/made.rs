//! Looks at what a command has made or changed, where its answer does not show it.

use super::error::{Fault, ReconcileError};
use super::reconciler::{Before, Reconciler};
use crate::domain::id::{ObjectId, Scope};
use crate::domain::object::{Kind, Subject};
use crate::stripe_api::{ClientSecret, Fetched};

impl Reconciler {
    /// Asks Stripe for an object that a command has made or changed, to [record](Self::record) it.
    ///
    /// # Errors
    /// Stripe or Postgres failed.
    pub async fn see_made(&self, subject: &Subject) -> Result<(Before, Fetched), Fault> {
        let before = self.before(subject.clone()).await?;
        let fetched = self.rounds.stripe.fetch(subject).await.map_err(ReconcileError::from)?;
        Ok((before, fetched))
    }

    /// What completes an object in a browser. It is never stored, so Stripe is asked.
    ///
    /// # Errors
    /// Stripe failed.
    pub async fn client_secret(&self, subject: &Subject) -> Result<Option<ClientSecret>, Fault> {
        let secret = self.rounds.stripe.client_secret(subject).await;
        Ok(secret.map_err(ReconcileError::from)?)
    }

    /// Looks in Stripe's lists for what a command has made since a second. `customer`: among what this one has.
    ///
    /// # Errors
    /// Stripe failed.
    pub async fn find_made(
        &self,
        kind: Kind,
        scope: &Scope,
        command: &str,
        since: i64,
        customer: Option<&str>,
    ) -> Result<Option<ObjectId>, Fault> {
        let found = self.rounds.stripe.find_made(kind, scope, command, since, customer).await;
        Ok(found.map_err(ReconcileError::from)?)
    }
}
