//! A shop to buy in, in `quittance dev`: what a customer's own backend does with Quittance, and what a buyer sees.
//!
//! ```text
//! browser ──card number──▶ the simulator's card form, or Stripe's own
//!    │
//!    └──order──▶ shop ──command, with a token──▶ quittance api
//!                  └──reads schema app──▶ Postgres, which the webhook brings up to date
//! ```
//!
//! One can buy once, save a card, have a product charged to the saved card while one is away, and subscribe. The shop
//! sees no card number, and says "paid", "saved" or "active" when the row in Postgres does, whatever the form in the
//! browser says.

mod backend;
mod catalog;
mod orders;
mod pages;
mod rows;
mod story;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;

use self::backend::Backend;
use self::catalog::Product;
pub use self::catalog::{Plan, Sellers};
use self::orders::Orders;
use super::api_connection::ApiConnection;
use crate::http::auth;
use crate::store::Store;

/// The name of the shop's token: the caller of its commands.
pub const CALLER: &str = "shop";

/// The form into which the customer types a card. It is never the shop's own.
#[derive(Debug, Clone)]
pub enum CardForm {
    /// The simulator's, in a frame.
    Simulator {
        /// Its address: `http://127.0.0.1:12111`.
        base: String,
    },
    /// Stripe's own, which its script puts into the page.
    Stripe {
        /// `pk_test_...`
        publishable_key: String,
    },
}

/// What a shop is made of.
pub struct Parts {
    /// The address of `quittance api`.
    pub api: String,
    /// The shop's token for it.
    pub token: String,
    /// Reads the tables. Nothing is written with it.
    pub store: Store,
    /// Where cards are typed in.
    pub card_form: CardForm,
    /// None: there is no marketplace.
    pub sellers: Option<Sellers>,
    /// None: there is nothing to subscribe to.
    pub plan: Option<Plan>,
}

/// A running shop.
pub(crate) struct Shop {
    backend: Backend,
    store: Store,
    card_form: CardForm,
    catalog: Vec<Product>,
    plan: Option<Plan>,
    orders: Orders,
    policy: HeaderValue,
}

/// Serves a shop within the current runtime, on a listener of this machine alone.
pub fn serve(listener: TcpListener, parts: Parts) {
    let router = router(parts);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the shop ended");
        }
    });
}

fn router(parts: Parts) -> Router {
    let policy = policy(&parts.card_form);
    let shop = Arc::new(Shop {
        backend: Backend::new(ApiConnection::new(&parts.api, &parts.token)),
        store: parts.store,
        card_form: parts.card_form,
        catalog: catalog::catalog(parts.sellers.as_ref()),
        plan: parts.plan,
        orders: Orders::default(),
        policy,
    });
    Router::new()
        .route("/", get(pages::catalog))
        .route("/orders", post(pages::order))
        .route("/orders/{order}", get(pages::show))
        .route("/orders/{order}/state", get(pages::state))
        .route("/orders/{order}/again", post(pages::again))
        .route("/assets/{name}", get(pages::asset))
        .fallback(pages::nothing_here)
        .layer(from_fn_with_state(Arc::clone(&shop), guarded))
        .with_state(shop)
}

/// What a page may load: the shop's own style and script, and the card form that it shows. For Stripe's, as
/// docs.stripe.com, "Integration security guide", lists it.
fn policy(card_form: &CardForm) -> HeaderValue {
    let own = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
               frame-ancestors 'none'; base-uri 'none'";
    let text = match card_form {
        CardForm::Simulator { base } => {
            format!("{own}; script-src 'self'; connect-src 'self'; frame-src {base}")
        }
        CardForm::Stripe { .. } => format!(
            "{own}; script-src 'self' https://js.stripe.com https://*.js.stripe.com; \
             connect-src 'self' https://api.stripe.com; \
             frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"
        ),
    };
    // An address of a listener has no letter that a header could not have. A page without it would load nothing.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Answers this machine's own browser alone, and takes no form of another site's page.
async fn guarded(State(shop): State<Arc<Shop>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let foreign = request.method() != axum::http::Method::GET && auth::is_foreign(headers);
    let mut response = if foreign || !auth::is_loopback_host(headers) {
        StatusCode::FORBIDDEN.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, shop.policy.clone());
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A client_secret may be in it, and a page that comes back from a cache may be out of date.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
