//! Paths of subscriptions and the customer portal.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::Identity;
use super::body;
use super::extract::Checked;
use super::reply::Failure;
use super::routes::{ReferenceQuery, Served, ShowQuery, submit};
use super::server::Api;
use crate::commands::{
    CommandError, CommandView, PortalView, SubscriptionItemRow, SubscriptionRow, SubscriptionView,
};
use crate::config::ApiScope;
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::portal::NewPortalSession;
use crate::domain::command::subscription::{
    CancelSubscription, NewSubscription, UpdateSubscription,
};

/// A subscription with its items, as the tables have it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionDetail {
    #[serde(flatten)]
    subscription: SubscriptionRow,
    /// Oldest first.
    items: Vec<SubscriptionItemRow>,
}

/// Creates a subscription.
#[utoipa::path(
    post, path = "/v1/subscriptions", tag = "subscriptions", request_body = NewSubscription,
    params(("Idempotency-Key" = String, Header, description = "Names what is subscribed to, not the try.")),
    responses(
        (status = 200, description = "It was made, or it has the reference already.", body = SubscriptionView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn create_subscription(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::SubscriptionsWrite)?;
    let params: NewSubscription = body::read(&headers, &body, &api.card_data)?;
    let params = CommandParams::CreateSubscription(Box::new(params));
    submit(&api, &identity, &headers, None, params).await
}

/// Changes a subscription: its items, their quantities, whether it ends with its period.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}", tag = "subscriptions", request_body = UpdateSubscription,
    params(
        ("id" = String, Path, description = "sub_..., or the row's id."),
        ("Idempotency-Key" = String, Header, description = "Names the change, not the try.")),
    responses(
        (status = 200, description = "It was changed.", body = SubscriptionView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn update_subscription(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Path(id)): Checked<Path<String>>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::SubscriptionsWrite)?;
    let params: UpdateSubscription = body::read(&headers, &body, &api.card_data)?;
    let params = CommandParams::UpdateSubscription(Box::new(params));
    submit(&api, &identity, &headers, Some(&id), params).await
}

/// Ends a subscription at once.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/cancel", tag = "subscriptions", request_body = CancelSubscription,
    params(
        ("id" = String, Path, description = "sub_..., or the row's id."),
        ("Idempotency-Key" = String, Header, description = "Names the cancellation, not the try.")),
    responses(
        (status = 200, description = "It was ended.", body = SubscriptionView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn cancel_subscription(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Path(id)): Checked<Path<String>>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::SubscriptionsWrite)?;
    let params: CancelSubscription = body::read(&headers, &body, &api.card_data)?;
    submit(&api, &identity, &headers, Some(&id), CommandParams::CancelSubscription(params)).await
}

/// Shows a subscription with its items.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}", tag = "subscriptions",
    params(("id" = String, Path, description = "sub_..., or the row's id."), ShowQuery),
    responses((status = 200, description = "As its row has it.", body = SubscriptionDetail)))]
pub(super) async fn show_subscription(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Path(id)): Checked<Path<String>>,
    Checked(Query(query)): Checked<Query<ShowQuery>>,
) -> Served {
    identity.may(ApiScope::Read)?;
    detail(&api, &id, query.refresh).await
}

/// Finds the subscription that has a reference of yours.
#[utoipa::path(
    get, path = "/v1/subscriptions", tag = "subscriptions", params(ReferenceQuery),
    responses((status = 200, description = "As its row has it.", body = SubscriptionDetail)))]
pub(super) async fn find_subscription(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Query(query)): Checked<Query<ReferenceQuery>>,
) -> Served {
    identity.may(ApiScope::Read)?;
    let store = api.commands.store();
    let id = store.subscription_of_reference(&identity.caller.name, &query.reference).await?;
    match id {
        Some(id) => detail(&api, &id, false).await,
        None => Err(Failure::new(404, "not_found", "No subscription of yours has this reference.")),
    }
}

async fn detail(api: &Api, id: &str, refresh: bool) -> Served {
    if refresh {
        api.commands.refresh_subscription(id).await?;
    }
    let store = api.commands.store();
    let missing = || CommandError::NotFound { what: "subscription", id: id.to_owned() };
    let subscription = store.subscription(id).await?.ok_or_else(missing)?;
    let items = store.items_of(&subscription.id).await?;
    Ok(Json(SubscriptionDetail { subscription, items }).into_response())
}

/// Opens the page of Stripe's on which a customer manages subscriptions and payment methods.
#[utoipa::path(
    post, path = "/v1/billing_portal/sessions", tag = "portal", request_body = NewPortalSession,
    params(("Idempotency-Key" = String, Header, description = "Names the visit, not the try.")),
    responses(
        (status = 200, description = "It was opened. A repeated request opens another one.", body = PortalView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn create_portal_session(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::SubscriptionsWrite)?;
    let params: NewPortalSession = body::read(&headers, &body, &api.card_data)?;
    submit(&api, &identity, &headers, None, CommandParams::CreatePortalSession(params)).await
}
