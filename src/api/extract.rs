//! Parts of a request, whose rejection is a problem document like every other refusal.

use axum::extract::{
    FromRequest, FromRequestParts, OptionalFromRequestParts, Path, Query, Request,
};
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::reply::Failure;

/// A part that axum extracts from a request, or a [`Failure`] where axum would answer with a line of text.
pub(super) struct Checked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Checked<Path<T>> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        Ok(Self(<Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await?))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send + 'static> OptionalFromRequestParts<S>
    for Checked<Path<T>>
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Failure> {
        let path =
            <Path<T> as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(path.map(Self))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Checked<Query<T>> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        Ok(Self(Query::from_request_parts(parts, state).await?))
    }
}

impl<S: Send + Sync> FromRequest<S> for Checked<Bytes> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        Ok(Self(Bytes::from_request(request, state).await?))
    }
}
