//! One function a path.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::access::Identity;
use super::body;
use super::extract::Checked;
use super::reply::{Answered, Failure};
use super::server::Api;
use crate::commands::{
    ChargeRow, CheckoutView, CommandError, CommandFilter, CommandView, CustomerView, PaymentRow,
    PaymentView, Problem, RefundRow, RefundView, SetupView,
};
use crate::config::ApiScope;
use crate::domain::command::CommandState;
use crate::domain::command::checkout::{ExpireCheckout, NewCheckout, NewSetup, SessionMode};
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::params::{
    CancelPayment, CapturePayment, ConfirmPayment, NewCustomer, NewPayment, NewRefund,
};
use crate::domain::status_word::Vocabulary as _;

pub(super) type Served = Result<Response, Failure>;

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

/// Which payment.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReferenceQuery {
    /// Your own name for it.
    pub(super) reference: String,
}

/// How it is looked at.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ShowQuery {
    /// Whether Stripe is asked first.
    #[serde(default)]
    pub(super) refresh: bool,
}

/// Which commands.
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

pub(super) async fn submit(
    api: &Api,
    identity: &Identity,
    headers: &HeaderMap,
    target: Option<&str>,
    params: CommandParams,
) -> Served {
    let key = body::key(headers)?;
    let reply = api.commands.submit(&identity.caller, key, target, params).await?;
    Ok(Answered(reply).into_response())
}

/// Creates a payment.
#[utoipa::path(
    post, path = "/v1/payment_intents", tag = "payments", request_body = NewPayment,
    params(("Idempotency-Key" = String, Header, description = "Names the purchase, not the try.")),
    responses(
        (status = 200, description = "It was made, or it has the reference already.", body = PaymentView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn create_payment(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::PaymentsWrite)?;
    let params: NewPayment = body::read(&headers, &body, &api.card_data)?;
    submit(&api, &identity, &headers, None, CommandParams::CreatePayment(Box::new(params))).await
}

/// Confirms a payment with a saved method.
#[utoipa::path(
    post, path = "/v1/payment_intents/{id}/confirm", tag = "payments", request_body = ConfirmPayment,
    params(
        ("id" = String, Path, description = "pi_..., or the row's id."),
        ("Idempotency-Key" = String, Header, description = "Names the purchase, not the try.")),
    responses(
        (status = 200, description = "It was confirmed.", body = PaymentView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn confirm_payment(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Path(id)): Checked<Path<String>>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::PaymentsWrite)?;
    let params: ConfirmPayment = body::read(&headers, &body, &api.card_data)?;
    submit(&api, &identity, &headers, Some(&id), CommandParams::ConfirmPayment(params)).await
}

/// Captures an authorised payment.
#[utoipa::path(
    post, path = "/v1/payment_intents/{id}/capture", tag = "payments", request_body = CapturePayment,
    params(
        ("id" = String, Path, description = "pi_..., or the row's id."),
        ("Idempotency-Key" = String, Header, description = "Names the purchase, not the try.")),
    responses(
        (status = 200, description = "It was captured.", body = PaymentView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn capture_payment(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Path(id)): Checked<Path<String>>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::PaymentsWrite)?;
    let params: CapturePayment = body::read(&headers, &body, &api.card_data)?;
    submit(&api, &identity, &headers, Some(&id), CommandParams::CapturePayment(params)).await
}

/// Cancels a payment.
#[utoipa::path(
    post, path = "/v1/payment_intents/{id}/cancel", tag = "payments", request_body = CancelPayment,
    params(
        ("id" = String, Path, description = "pi_..., or the row's id."),
        ("Idempotency-Key" = String, Header, description = "Names the purchase, not the try.")),
    responses(
        (status = 200, description = "It was cancelled.", body = PaymentView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn cancel_payment(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Path(id)): Checked<Path<String>>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::PaymentsWrite)?;
    let params: CancelPayment = body::read(&headers, &body, &api.card_data)?;
    submit(&api, &identity, &headers, Some(&id), CommandParams::CancelPayment(params)).await
}

/// Gives money back.
#[utoipa::path(
    post, path = "/v1/refunds", tag = "refunds", request_body = NewRefund,
    params(("Idempotency-Key" = String, Header, description = "Names the refund, not the try.")),
    responses(
        (status = 200, description = "It was made.", body = RefundView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn create_refund(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::RefundsWrite)?;
    let params: NewRefund = body::read(&headers, &body, &api.card_data)?;
    submit(&api, &identity, &headers, None, CommandParams::CreateRefund(params)).await
}

/// Creates a customer.
#[utoipa::path(
    post, path = "/v1/customers", tag = "customers", request_body = NewCustomer,
    params(("Idempotency-Key" = String, Header, description = "Names the customer, not the try.")),
    responses(
        (status = 200, description = "It was made, or it has the reference already.", body = CustomerView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn create_customer(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::PaymentsWrite)?;
    let params: NewCustomer = body::read(&headers, &body, &api.card_data)?;
    submit(&api, &identity, &headers, None, CommandParams::CreateCustomer(params)).await
}

/// Opens a page of Stripe's, on which a customer pays, saves a method or subscribes. In `mode`: `subscription` the token
/// needs the scope `subscriptions:write`, otherwise `payments:write`.
#[utoipa::path(
    post, path = "/v1/checkout/sessions", tag = "checkout", request_body = NewCheckout,
    params(("Idempotency-Key" = String, Header, description = "Names the purchase, not the try.")),
    responses(
        (status = 200, description = "It was made, or it has the reference already.", body = CheckoutView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn create_checkout(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    let params: NewCheckout = body::read(&headers, &body, &api.card_data)?;
    identity.may(match params.mode {
        SessionMode::Subscription => ApiScope::SubscriptionsWrite,
        SessionMode::Payment | SessionMode::Setup => ApiScope::PaymentsWrite,
    })?;
    submit(&api, &identity, &headers, None, CommandParams::CreateCheckout(Box::new(params))).await
}

/// Closes an open checkout session.
#[utoipa::path(
    post, path = "/v1/checkout/sessions/{id}/expire", tag = "checkout", request_body = ExpireCheckout,
    params(
        ("id" = String, Path, description = "cs_..."),
        ("Idempotency-Key" = String, Header, description = "Names the purchase, not the try.")),
    responses(
        (status = 200, description = "It was closed.", body = CheckoutView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn expire_checkout(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    Checked(Path(id)): Checked<Path<String>>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::PaymentsWrite)?;
    let params: ExpireCheckout = body::read(&headers, &body, &api.card_data)?;
    submit(&api, &identity, &headers, Some(&id), CommandParams::ExpireCheckout(params)).await
}

/// Saves a method in the browser, without a payment.
#[utoipa::path(
    post, path = "/v1/setup_intents", tag = "setups", request_body = NewSetup,
    params(("Idempotency-Key" = String, Header, description = "Names what is saved, not the try.")),
    responses(
        (status = 200, description = "It was made.", body = SetupView),
        (status = 202, description = "What became of it is not known yet.", body = CommandView),
    ))]
pub(super) async fn create_setup(
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    identity.may(ApiScope::PaymentsWrite)?;
    let params: NewSetup = body::read(&headers, &body, &api.card_data)?;
    submit(&api, &identity, &headers, None, CommandParams::CreateSetup(params)).await
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
    detail(&api, &id, query.refresh).await
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
    let id = store.payment_of_reference(&identity.caller.name, &query.reference).await?;
    match id {
        Some(id) => detail(&api, &id, false).await,
        None => Err(Failure::new(404, "not_found", "No payment of yours has this reference.")),
    }
}

async fn detail(api: &Api, id: &str, refresh: bool) -> Served {
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
