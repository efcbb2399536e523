//! Reading the kinds that are kept as they come.

use stripe_client_core::{RequestBuilder, StripeMethod};

use super::client::{Client, Fetched, FetchedState};
use super::decode;
use super::error::StripeError;
use crate::domain::id::ObjectId;
use crate::domain::mirror::Mirror;
use crate::domain::object::{Observed, Subject};

impl Client {
    /// Reads an object of a mirrored kind: the same checks and the same clock as for all others,
    /// and nothing made of it.
    pub(super) async fn read_mirrored(
        &self,
        subject: &Subject,
        mirror: Mirror,
    ) -> Result<Fetched, StripeError> {
        let owner = subject.owner.as_ref().map(ObjectId::as_str);
        // The transport puts the version of the API before each path, as async-stripe expects.
        let path = mirror.path(subject.id.as_str(), owner);
        let path = path.as_deref().and_then(|path| path.strip_prefix("/v1"));
        let path = path.ok_or(StripeError::NoPath { kind: mirror.as_str() })?;
        let request = RequestBuilder::new(StripeMethod::Get, path);
        let (meta, raw) = self.get_it(subject, mirror.as_str(), request).await?;
        let state = if decode::is_deleted(&raw) {
            FetchedState::Deleted
        } else {
            FetchedState::Present { observed: Observed::Mirrored(mirror), raw }
        };
        Ok(Fetched { observed_at: meta.dated()?, request_id: meta.request_id, state })
    }
}
