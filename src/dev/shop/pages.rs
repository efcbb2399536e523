//! The pages of the shop.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::backend::Asked;
use super::catalog::{Product, money};
use super::orders::{self, Order};
use super::story::{Step, story};
use super::{CardForm, Shop};
use crate::store::StoreError;
use crate::store::payment::PaymentRow;

type Served = Result<Response, Failed>;

/// A page that could not be made.
pub(super) enum Failed {
    Missing,
    Store(StoreError),
    Template(askama::Error),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<askama::Error> for Failed {
    fn from(error: askama::Error) -> Self {
        Self::Template(error)
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Missing => {
                let text = "The shop has no such order. It keeps its orders in memory, and forgets them when \
                            `quittance dev` stops.";
                (StatusCode::NOT_FOUND, text)
            }
            Self::Store(error) => {
                tracing::warn!(error = %error, "the shop cannot read Postgres");
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Postgres does not answer. Reload this page in a moment.",
                )
            }
            Self::Template(error) => {
                tracing::error!(%error, "a page of the shop could not be written");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        match (Trouble { text }).render() {
            Ok(page) => (status, Html(page)).into_response(),
            Err(_) => status.into_response(),
        }
    }
}

#[derive(Template)]
#[template(path = "shop/trouble.html")]
struct Trouble<'a> {
    text: &'a str,
}

#[derive(Template)]
#[template(path = "shop/catalog.html")]
struct CatalogPage<'a> {
    /// Each with the id of the order that its form would place.
    products: Vec<(&'a Product, String)>,
}

/// How far an order is. `word` is the stable one, for the script and for tests.
struct Standing {
    word: &'static str,
    class: &'static str,
    title: String,
    text: String,
}

/// The part of an order's page that is fetched again and again.
#[derive(Template)]
#[template(path = "shop/state.html")]
struct StatePart {
    standing: Standing,
    payment: Option<PaymentRow>,
    steps: Vec<Step>,
}

#[derive(Template)]
#[template(path = "shop/order.html")]
struct OrderPage<'a> {
    order: &'a Order,
    /// The refusal is no longer to be repeated with the same key.
    may_try_again: bool,
    /// It is not known yet, so the page asks again.
    asks_again: bool,
    /// Where the simulator's card form is shown.
    frame: Option<String>,
    /// Stripe's own form: the publishable key and the client_secret.
    stripe: Option<(String, String)>,
    part: StatePart,
}

/// `GET /`
pub(super) async fn catalog(State(shop): State<Arc<Shop>>) -> Served {
    let products = shop.catalog.iter().map(|product| (product, orders::new_id())).collect();
    Ok(Html(CatalogPage { products }.render()?).into_response())
}

/// What a product's form sends.
#[derive(Deserialize)]
pub(super) struct OrderForm {
    product: String,
    order: String,
}

/// `POST /orders`: places an order, and asks for its payment. Sent twice, it does so once.
pub(super) async fn order(State(shop): State<Arc<Shop>>, Form(form): Form<OrderForm>) -> Served {
    let product = shop.catalog.iter().find(|product| product.slug == form.product);
    let product = product.filter(|_| orders::is_id(&form.order)).ok_or(Failed::Missing)?;
    shop.orders.place(&form.order, product);
    let order = shop.orders.get(&form.order).ok_or(Failed::Missing)?;
    ask(&shop, &order).await;
    Ok(Redirect::to(&format!("/orders/{}", order.id)).into_response())
}

/// `GET /orders/{order}`
pub(super) async fn show(State(shop): State<Arc<Shop>>, Path(id): Path<String>) -> Served {
    let order = shop.orders.get(&id).ok_or(Failed::Missing)?;
    let row = row(&shop, &order).await?;
    // The form needs the client_secret, which is asked for each time; what is paid needs no form.
    let asked = match &row {
        Some(row) if !is_open(row) => None,
        Some(_) | None => Some(ask(&shop, &order).await),
    };
    let order = shop.orders.get(&id).ok_or(Failed::Missing)?;
    let secret = match &asked {
        Some(Asked::Payment { client_secret, .. }) => client_secret.clone(),
        Some(Asked::Refused { .. } | Asked::Unknown) | None => None,
    };
    let (mut frame, mut stripe) = (None, None);
    if let Some(secret) = secret {
        match &shop.card_form {
            CardForm::Simulator { base } => {
                let query = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("client_secret", &secret)
                    .finish();
                frame = Some(format!("{base}/simulator/card?{query}"));
            }
            CardForm::Stripe { publishable_key } => {
                stripe = Some((publishable_key.clone(), secret))
            }
        }
    }
    let page = OrderPage {
        may_try_again: matches!(asked, Some(Asked::Refused { .. })) && order.payment.is_none(),
        asks_again: matches!(asked, Some(Asked::Unknown)),
        frame,
        stripe,
        part: part(&shop, &order, asked.as_ref()).await?,
        order: &order,
    };
    Ok(Html(page.render()?).into_response())
}

/// `GET /orders/{order}/state`
pub(super) async fn state(State(shop): State<Arc<Shop>>, Path(id): Path<String>) -> Served {
    let order = shop.orders.get(&id).ok_or(Failed::Missing)?;
    Ok(Html(part(&shop, &order, None).await?.render()?).into_response())
}

/// Which attempt was refused.
#[derive(Deserialize)]
pub(super) struct AgainForm {
    attempt: u32,
}

/// `POST /orders/{order}/again`: another attempt, under a key of its own, where the one before was refused.
pub(super) async fn again(
    State(shop): State<Arc<Shop>>,
    Path(id): Path<String>,
    Form(form): Form<AgainForm>,
) -> Served {
    let order = shop.orders.get(&id).ok_or(Failed::Missing)?;
    shop.orders.try_again(&order.id, form.attempt);
    Ok(Redirect::to(&format!("/orders/{}", order.id)).into_response())
}

/// `GET /assets/{name}`
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    const CSS: &str = "text/css";
    const JS: &str = "text/javascript";
    let (kind, bytes): (_, &'static [u8]) = match name.as_str() {
        "admin.css" => (CSS, include_bytes!("../../../assets/admin.css")),
        "shop.css" => (CSS, include_bytes!("../../../assets/shop.css")),
        "shop.js" => (JS, include_bytes!("../../../assets/shop.js")),
        "icon.svg" => ("image/svg+xml", include_bytes!("../../../assets/icon.svg")),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

/// Every other path.
pub(super) async fn nothing_here() -> Response {
    (StatusCode::NOT_FOUND, "There is nothing at this path.\n").into_response()
}

async fn ask(shop: &Shop, order: &Order) -> Asked {
    let asked = shop.backend.payment_of(order).await;
    if let Asked::Payment { id, .. } = &asked {
        shop.orders.has_payment(&order.id, id);
    }
    asked
}

async fn row(shop: &Shop, order: &Order) -> Result<Option<PaymentRow>, StoreError> {
    match &order.payment {
        Some(id) => shop.store.payment(id).await,
        None => Ok(None),
    }
}

async fn part(shop: &Shop, order: &Order, asked: Option<&Asked>) -> Result<StatePart, StoreError> {
    let payment = row(shop, order).await?;
    let steps = story(&shop.store, order, payment.as_ref()).await?;
    let standing = match (&payment, asked) {
        (Some(row), _) => of_row(row),
        (None, Some(Asked::Refused { code, detail })) => Standing {
            word: "refused",
            class: "bad",
            title: "Not possible".to_owned(),
            text: format!("No payment was created. {detail} ({code})"),
        },
        (None, _) => Standing {
            word: "unknown",
            class: "warn",
            title: "Just a moment".to_owned(),
            text: "It is not known yet whether the payment was created. It is asked for again with the \
                   same key, so there will be one."
                .to_owned(),
        },
    };
    Ok(StatePart { standing, payment, steps })
}

/// Whether the customer can still do something in the card form.
fn is_open(row: &PaymentRow) -> bool {
    matches!(
        row.status.as_str(),
        "requires_payment_method" | "requires_confirmation" | "requires_action"
    )
}

fn of_row(row: &PaymentRow) -> Standing {
    let (word, class, title, text) = match (row.status.as_str(), row.failure_code.as_deref()) {
        ("succeeded", _) => {
            let received = money(row.amount_received, &row.currency);
            ("paid", "good", "Paid", format!("{received} received. Thank you!"))
        }
        ("processing" | "requires_capture", _) => {
            ("processing", "warn", "Under way", "The bank is at work on it.".to_owned())
        }
        ("canceled", _) => {
            ("canceled", "bad", "Cancelled", "This payment was cancelled.".to_owned())
        }
        ("requires_action", _) => (
            "action",
            "warn",
            "Not paid yet",
            "The bank asks you to confirm it (3-D Secure).".to_owned(),
        ),
        (_, Some(code)) => {
            let why = row.failure_decline_code.as_deref().unwrap_or(code).replace('_', " ");
            let text = format!("The card was not accepted: {why}. Try another one.");
            ("declined", "bad", "Not paid", text)
        }
        (_, None) => ("open", "plain", "Not paid yet", "Fill in the card form to pay.".to_owned()),
    };
    Standing { word, class, title: title.to_owned(), text }
}
