//! Looks at what a command has made or changed, where its answer does not show it.

use std::time::Instant;

use super::error::{Fault, ReconcileError};
use super::proof;
use super::reconciler::{Before, Reconciler, wait};
use super::round::Rounds;
use crate::domain::id::{ObjectId, Scope};
use crate::domain::object::{Kind, Subject};
use crate::stripe_api::{ClientSecret, Fetched};

impl Reconciler {
    /// Asks Stripe for an object that a command has made or changed, to [record](Self::record) it. An answer that
    /// is older than the row is asked for again, for as long as [`PATIENCE`](super::reconciler::PATIENCE): recorded, it would take the row
    /// back, and what the row has told would be told once more.
    ///
    /// # Errors
    /// Stripe or Postgres failed, or Stripe's answers stayed older than the row.
    pub async fn see_made(&self, subject: &Subject) -> Result<(Before, Fetched), Fault> {
        let since = Instant::now();
        let Rounds { store, stripe, read_lag, .. } = &*self.rounds;
        loop {
            let before = self.before(subject.clone()).await?;
            let fetched = stripe.fetch(subject).await.map_err(ReconcileError::from)?;
            let Some(row) = before.row() else { return Ok((before, fetched)) };
            let wanted_for = since.elapsed();
            match proof::check_row(store, *read_lag, subject, row, wanted_for, &fetched).await {
                Ok(()) => return Ok((before, fetched)),
                Err(error) => wait(since, error.into()).await?,
            }
        }
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
