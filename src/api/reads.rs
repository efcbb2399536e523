//! The paths that read: payments, subscriptions and commands.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::IntoResponse as _;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::access::Identity;
use super::extract::Checked;
use super::reply::{Failure, Served};
use super::server::Api;
use crate::commands::{
    ChargeRow, CommandError, CommandFilter, CommandView, PaymentRow, Problem, RefundRow,
    SubscriptionItemRow, SubscriptionRow,
};
use crate::config::ApiScope;
use crate::domain::command::{CommandKind, CommandState};
use crate::domain::status_word::Vocabulary as _;

/// A payment with its charges and refunds, as the tables have it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaymentDetail {
    #[serde(flatten)]
    payment: PaymentRow,
    /// Oldest first.
    charges: Vec<ChargeRow>,
    /// Oldest first.
    refunds: Vec<RefundRow>,
}

/// A subscription with its items, as the tables have it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionDetail {
    #[serde(flatten)]
    subscription: SubscriptionRow,
    /// Oldest first.
    items: Vec<SubscriptionItemRow>,
}

/// The reference of one object.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReferenceQuery {
    /// Your own name for it.
    reference: String,
}

/// Options of a look at one object.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ShowQuery {
    /// Whether Stripe is asked first.
    #[serde(default)]
    refresh: bool,
}

/// A filter of commands.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CommandsQuery {
    /// How far they are.
    #[param(schema_with = states)]
    state: Option<String>,
}

fn states() -> Object {
    let words = CommandState::WORDS.iter().map(|state| state.word());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

/// A list of commands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CommandList {
    /// Newest first, a hundred at most.
    data: Vec<CommandView>,
}

/// Shows a payment with its charges and refunds.
#[utoipa::path(
    get, path = "/v1/payment_intents/{id}", tag = "payments",
    params(("id" = String, Path, description = "pi_..., or the row's id."), ShowQuery),
    responses((status = 200, description = "As its row has it.", body = PaymentDetail)))]
pub(super) async fn show_payment(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Path(id)): Checked<Path<String>>,
    Checked(Query(query)): Checked<Query<ShowQuery>>,
) -> Served {
    identity.may(ApiScope::Read)?;
    payment(&api, &id, query.refresh).await
}

/// Finds the payment that has a reference of yours.
#[utoipa::path(
    get, path = "/v1/payment_intents", tag = "payments", params(ReferenceQuery),
    responses((status = 200, description = "As its row has it.", body = PaymentDetail)))]
pub(super) async fn find_payment(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Query(query)): Checked<Query<ReferenceQuery>>,
) -> Served {
    identity.may(ApiScope::Read)?;
    let store = api.commands.store();
    let id = store
        .object_of_reference(&identity.caller.name, CommandKind::CreatePayment, &query.reference)
        .await?;
    match id {
        Some(id) => payment(&api, &id, false).await,
        None => Err(Failure::new(404, "not_found", "No payment of yours has this reference.")),
    }
}

async fn payment(api: &Api, id: &str, refresh: bool) -> Served {
    if refresh {
        api.commands.refresh_payment(id).await?;
    }
    let store = api.commands.store();
    let missing = || CommandError::NotFound { what: "payment", id: id.to_owned() };
    let payment = store.payment(id).await?.ok_or_else(missing)?;
    let charges = store.charges_of(&payment.id).await?;
    let refunds = store.refunds_of(&payment.id).await?;
    Ok(Json(PaymentDetail { payment, charges, refunds }).into_response())
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
    subscription(&api, &id, query.refresh).await
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
    let id = store
        .object_of_reference(
            &identity.caller.name,
            CommandKind::CreateSubscription,
            &query.reference,
        )
        .await?;
    match id {
        Some(id) => subscription(&api, &id, false).await,
        None => Err(Failure::new(404, "not_found", "No subscription of yours has this reference.")),
    }
}

async fn subscription(api: &Api, id: &str, refresh: bool) -> Served {
    if refresh {
        api.commands.refresh_subscription(id).await?;
    }
    let store = api.commands.store();
    let missing = || CommandError::NotFound { what: "subscription", id: id.to_owned() };
    let subscription = store.subscription(id).await?.ok_or_else(missing)?;
    let items = store.items_of(&subscription.id).await?;
    Ok(Json(SubscriptionDetail { subscription, items }).into_response())
}

/// Shows what became of a command.
#[utoipa::path(
    get, path = "/v1/commands/{id}", tag = "commands",
    params(("id" = Uuid, Path, description = "The command's id.")),
    responses((status = 200, description = "It is known.", body = CommandView)))]
pub(super) async fn show_command(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Path(id)): Checked<Path<String>>,
) -> Served {
    identity.may(ApiScope::Read)?;
    let missing = || CommandError::NotFound { what: "command", id: id.clone() };
    let id = Uuid::parse_str(&id).map_err(|_| missing())?;
    let command = api.commands.store().command(id).await?;
    // Another caller's is not to be seen.
    let command = command.filter(|command| command.caller == identity.caller.name);
    let command = command.ok_or_else(missing)?;
    Ok(Json(CommandView::from(&command)).into_response())
}

/// Lists your commands.
#[utoipa::path(
    get, path = "/v1/commands", tag = "commands", params(CommandsQuery),
    responses((status = 200, description = "Newest first.", body = CommandList)))]
pub(super) async fn list_commands(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Query(query)): Checked<Query<CommandsQuery>>,
) -> Served {
    identity.may(ApiScope::Read)?;
    let state = query.state.as_deref().map(|word| {
        CommandState::from_word(word).ok_or_else(|| {
            let mut problem =
                Problem::new(400, "invalid_request", "state: there is no such state.");
            problem.field = Some("state".to_owned());
            Failure::from(problem)
        })
    });
    let state = state.transpose()?;
    let caller = Some(identity.caller.name.as_str());
    let filter = CommandFilter { state, caller, ..CommandFilter::default() };
    let found = api.commands.store().list_commands(&filter, 100).await?;
    Ok(Json(CommandList { data: found.iter().map(CommandView::from).collect() }).into_response())
}
