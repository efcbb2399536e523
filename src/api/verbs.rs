//! The verbs that create and change: one row each. The routes, their handler and their part of the OpenAPI
//! document are made of the rows, so a new verb is a row here.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use axum::routing::post;
use axum::{Extension, Router};
use bytes::Bytes;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{
    Components, Content, HttpMethod, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa::{PartialSchema as _, ToSchema};

use super::access::Identity;
use super::body;
use super::extract::Checked;
use super::reply::{Answered, Served};
use super::server::Api;
use crate::commands::{
    CheckoutView, CommandView, CustomerView, PaymentView, PortalView, RefundView, SetupView,
    SubscriptionView,
};
use crate::config::ApiScope;
use crate::domain::command::CommandKind;
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::params::{
    CancelPayment, CancelSubscription, CapturePayment, ConfirmPayment, ExpireCheckout, NewCheckout,
    NewCustomer, NewPayment, NewPortalSession, NewRefund, NewSetup, NewSubscription, SessionMode,
    UpdateSubscription,
};

/// The schemas of a document, by name.
type Schemas = Vec<(String, RefOr<Schema>)>;

/// A schema of the document: its name, and how it is added.
#[derive(Clone, Copy)]
struct SchemaOf {
    name: fn() -> Cow<'static, str>,
    add: fn(&mut Schemas),
}

impl SchemaOf {
    const fn of<T: ToSchema>() -> Self {
        Self { name: T::name, add: add::<T> }
    }

    fn content(self) -> Content {
        Content::new(Some(Ref::from_schema_name((self.name)())))
    }
}

fn add<T: ToSchema>(schemas: &mut Schemas) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

/// A verb of the API that becomes a command.
struct Verb {
    kind: CommandKind,
    scope: ApiScope,
    /// Below `/v1`; with `{id}` where it changes an object.
    path: &'static str,
    tag: &'static str,
    summary: &'static str,
    /// The ids that a changed object can be given by; none for a verb that creates.
    id: Option<&'static str>,
    /// The thing that an idempotency key names.
    names: &'static str,
    /// The meaning of a 200.
    done: &'static str,
    params: SchemaOf,
    answer: SchemaOf,
}

const PAYMENT: Option<&str> = Some("pi_..., or the row's id.");
const SESSION: Option<&str> = Some("cs_...");
const SUBSCRIPTION: Option<&str> = Some("sub_..., or the row's id.");

const MADE: &str = "It was made.";
const MADE_OR_REFERRED: &str = "It was made, or it has the reference already.";

macro_rules! verbs {
    ($($kind:ident $scope:ident $path:literal $tag:literal $id:expr, $params:ty => $answer:ty:
        $summary:literal, names $names:literal, $done:expr;)*) => {
        /// All of them.
        const VERBS: &[Verb] = &[$(Verb {
            kind: CommandKind::$kind,
            scope: ApiScope::$scope,
            path: $path,
            tag: $tag,
            summary: $summary,
            id: $id,
            names: $names,
            done: $done,
            params: SchemaOf::of::<$params>(),
            answer: SchemaOf::of::<$answer>(),
        },)*];
    };
}

verbs! {
    CreatePayment PaymentsWrite "/payment_intents" "payments" None,
        NewPayment => PaymentView: "Creates a payment.", names "the purchase", MADE_OR_REFERRED;
    ConfirmPayment PaymentsWrite "/payment_intents/{id}/confirm" "payments" PAYMENT,
        ConfirmPayment => PaymentView: "Confirms a payment with a saved method.",
        names "the purchase", "It was confirmed.";
    CapturePayment PaymentsWrite "/payment_intents/{id}/capture" "payments" PAYMENT,
        CapturePayment => PaymentView: "Captures an authorised payment.",
        names "the purchase", "It was captured.";
    CancelPayment PaymentsWrite "/payment_intents/{id}/cancel" "payments" PAYMENT,
        CancelPayment => PaymentView: "Cancels a payment.",
        names "the purchase", "It was cancelled.";
    CreateRefund RefundsWrite "/refunds" "refunds" None,
        NewRefund => RefundView: "Gives money back.", names "the refund", MADE;
    CreateCustomer PaymentsWrite "/customers" "customers" None,
        NewCustomer => CustomerView: "Creates a customer.", names "the customer", MADE_OR_REFERRED;
    CreateCheckout PaymentsWrite "/checkout/sessions" "checkout" None,
        NewCheckout => CheckoutView:
        "Opens a page of Stripe's, on which a customer pays, saves a method or subscribes.",
        names "the purchase", MADE_OR_REFERRED;
    ExpireCheckout PaymentsWrite "/checkout/sessions/{id}/expire" "checkout" SESSION,
        ExpireCheckout => CheckoutView: "Closes an open checkout session.",
        names "the purchase", "It was closed.";
    CreateSetup PaymentsWrite "/setup_intents" "setups" None,
        NewSetup => SetupView: "Saves a method in the browser, without a payment.",
        names "what is saved", MADE;
    CreateSubscription SubscriptionsWrite "/subscriptions" "subscriptions" None,
        NewSubscription => SubscriptionView: "Creates a subscription.",
        names "what is subscribed to", MADE_OR_REFERRED;
    UpdateSubscription SubscriptionsWrite "/subscriptions/{id}" "subscriptions" SUBSCRIPTION,
        UpdateSubscription => SubscriptionView:
        "Changes a subscription: its items, their quantities, whether it ends with its period.",
        names "the change", "It was changed.";
    CancelSubscription SubscriptionsWrite "/subscriptions/{id}/cancel" "subscriptions" SUBSCRIPTION,
        CancelSubscription => SubscriptionView: "Ends a subscription at once.",
        names "the cancellation", "It was ended.";
    CreatePortalSession SubscriptionsWrite "/billing_portal/sessions" "portal" None,
        NewPortalSession => PortalView:
        "Opens the page of Stripe's on which a customer manages subscriptions and payment methods.",
        names "the visit", "It was opened. A repeated request opens another one.";
}

/// The routes of the verbs, below `/v1`.
pub(super) fn router() -> Router<Arc<Api>> {
    VERBS.iter().fold(Router::new(), |router, verb| {
        let handler = move |api: State<Arc<Api>>,
                            identity: Extension<Identity>,
                            id: Option<Checked<Path<String>>>,
                            headers: HeaderMap,
                            body: Checked<Bytes>| {
            serve(verb, api, identity, id, headers, body)
        };
        router.route(verb.path, post(handler))
    })
}

async fn serve(
    verb: &Verb,
    State(api): State<Arc<Api>>,
    Extension(identity): Extension<Identity>,
    id: Option<Checked<Path<String>>>,
    headers: HeaderMap,
    Checked(body): Checked<Bytes>,
) -> Served {
    // The scope for a session depends on what it sells, which its body says.
    if verb.kind != CommandKind::CreateCheckout {
        identity.may(verb.scope)?;
    }
    let params = body::read(verb.kind, &headers, &body, &api.card_data)?;
    if let CommandParams::CreateCheckout(session) = &params {
        identity.may(match session.mode {
            SessionMode::Subscription => ApiScope::SubscriptionsWrite,
            SessionMode::Payment | SessionMode::Setup => verb.scope,
        })?;
    }
    let key = body::key(&headers)?;
    let target = id.as_ref().map(|Checked(Path(id))| id.as_str());
    let reply = api.commands.submit(&identity.caller, key, target, params).await?;
    Ok(Answered(reply).into_response())
}

/// Adds the verbs to the document.
pub(super) fn describe(document: &mut OpenApi) {
    let pending = SchemaOf::of::<CommandView>();
    let mut schemas = Schemas::new();
    (pending.add)(&mut schemas);
    for verb in VERBS {
        (verb.params.add)(&mut schemas);
        (verb.answer.add)(&mut schemas);
        let id = verb.id.map(|ids| parameter("id", ParameterIn::Path, ids.to_owned()));
        let key = format!("Names {}, not the try.", verb.names);
        let key = parameter("Idempotency-Key", ParameterIn::Header, key);
        let body = RequestBodyBuilder::new()
            .content("application/json", verb.params.content())
            .required(Some(Required::True));
        let operation = OperationBuilder::new()
            .tag(verb.tag)
            .summary(Some(verb.summary))
            .operation_id(Some(verb.kind.as_str()))
            .parameters(Some(id.into_iter().chain([key])))
            .request_body(Some(body.build()))
            .response("200", response(verb.done, verb.answer))
            .response("202", response("What became of it is not known yet.", pending));
        let path = format!("/v1{}", verb.path);
        document.paths.add_path_operation(path, vec![HttpMethod::Post], operation);
    }
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.extend(schemas);
}

fn parameter(name: &str, place: ParameterIn, description: String) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(String::schema()))
}

fn response(description: &str, answer: SchemaOf) -> Response {
    let response = ResponseBuilder::new().description(description);
    response.content("application/json", answer.content()).build()
}
