//! The pages of the shop.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::backend::Asked;
use super::catalog::{Plan, Product};
use super::orders::{self, Order, Wish};
use super::rows::{Row, SavedCard, Standing, saved_cards};
use super::story::{Step, story};
use super::{CardForm, Shop};
use crate::store::StoreError;

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
    products: Vec<Offer<'a>>,
    plan: Option<(&'a Plan, String)>,
    /// The id of the order by which a card is saved.
    save: String,
}

/// A product, and the id of the order that each of its forms would place.
struct Offer<'a> {
    product: &'a Product,
    order: String,
    /// With the saved card that was saved last.
    charge: Option<(&'a SavedCard, String)>,
}

/// The part of an order's page that is fetched again and again.
#[derive(Template)]
#[template(path = "shop/state.html")]
struct StatePart {
    standing: Standing,
    row: Option<Row>,
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
    let cards = match shop.backend.known_customer() {
        Some(customer) => saved_cards(&shop.store, customer).await?,
        None => Vec::new(),
    };
    let newest = cards.first();
    let offer = |product| Offer {
        product,
        order: orders::new_id(),
        charge: newest.filter(|_| product.takes_saved_cards()).map(|card| (card, orders::new_id())),
    };
    let products = shop.catalog.iter().map(offer).collect();
    let plan = shop.plan.as_ref().map(|plan| (plan, orders::new_id()));
    let page = CatalogPage { products, plan, save: orders::new_id() };
    Ok(Html(page.render()?).into_response())
}

/// What a form of the catalog sends.
#[derive(Deserialize)]
pub(super) struct OrderForm {
    /// What is wanted: a product, `plan` or `save-card`.
    wish: String,
    order: String,
    /// The saved card to which a product is charged, `pm_...`.
    card: Option<String>,
}

/// `POST /orders`: places an order, and asks for what it wants. Sent twice, it does so once.
pub(super) async fn order(State(shop): State<Arc<Shop>>, Form(form): Form<OrderForm>) -> Served {
    let wish = wish(&shop, &form).await?.filter(|_| orders::is_id(&form.order));
    shop.orders.place(&form.order, wish.ok_or(Failed::Missing)?);
    let order = shop.orders.get(&form.order).ok_or(Failed::Missing)?;
    ask(&shop, &order).await;
    Ok(Redirect::to(&format!("/orders/{}", order.id)).into_response())
}

/// None: the shop has no such thing, or the customer has no such card.
async fn wish(shop: &Shop, form: &OrderForm) -> Result<Option<Wish>, StoreError> {
    match (form.wish.as_str(), &form.card) {
        ("save-card", _) => return Ok(Some(Wish::SaveCard)),
        ("plan", _) => return Ok(shop.plan.clone().map(Wish::Subscribe)),
        _ => {}
    }
    let product = shop.catalog.iter().find(|product| product.slug == form.wish).cloned();
    let (Some(product), Some(card)) = (&product, &form.card) else {
        return Ok(product.map(Wish::Buy));
    };
    let Some(customer) = shop.backend.known_customer() else { return Ok(None) };
    let cards = saved_cards(&shop.store, customer).await?;
    let is_theirs = product.takes_saved_cards() && cards.iter().any(|it| it.id == *card);
    Ok(is_theirs.then(|| Wish::Charge(product.clone(), card.clone())))
}

/// `GET /orders/{order}`
pub(super) async fn show(State(shop): State<Arc<Shop>>, Path(id): Path<String>) -> Served {
    let order = shop.orders.get(&id).ok_or(Failed::Missing)?;
    let row = Row::of(&shop.store, &order).await?;
    // The form needs the client_secret, which is asked for each time; what is done needs no form.
    let asked = match &row {
        Some(row) if !row.is_open() => None,
        Some(_) | None => Some(ask(&shop, &order).await),
    };
    let order = shop.orders.get(&id).ok_or(Failed::Missing)?;
    let secret = asked.as_ref().and_then(|asked| asked.client_secret()).map(str::to_owned);
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
        may_try_again: matches!(asked, Some(Asked::Refused { client_secret: None, .. })),
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
    let asked = shop.backend.ask(order).await;
    match &asked {
        Asked::Made { id, client_secret } => {
            // The secret of a payment begins with its id.
            let first =
                client_secret.as_deref().filter(|_| matches!(order.wish, Wish::Subscribe(_)));
            let first = first.and_then(|secret| secret.split_once("_secret_")).map(|(id, _)| id);
            shop.orders.has(&order.id, id, first);
        }
        Asked::Refused { payment: Some(payment), .. } => {
            shop.orders.has(&order.id, payment, None);
        }
        Asked::Refused { payment: None, .. } | Asked::Unknown => {}
    }
    asked
}

async fn part(shop: &Shop, order: &Order, asked: Option<&Asked>) -> Result<StatePart, StoreError> {
    let row = Row::of(&shop.store, order).await?;
    let steps = story(&shop.store, order, row.as_ref()).await?;
    let standing = match (&row, asked) {
        (Some(row), _) => row.standing(),
        (None, Some(Asked::Refused { code, detail, .. })) => {
            let text = format!("Nothing was created. {detail} ({code})");
            Standing::new("refused", "bad", "Not possible", text)
        }
        (None, _) => {
            let text = "It is not known yet whether it was created. It is asked for again with the same key, so \
                        there will be one.";
            Standing::new("unknown", "warn", "Just a moment", text)
        }
    };
    Ok(StatePart { standing, row, steps })
}
