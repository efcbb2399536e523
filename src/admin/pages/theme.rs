//! `POST /theme`: stores the theme in a cookie.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::admin::frame::{THEME_COOKIE, Theme};
use crate::admin::input::{Posted, way_back};
use crate::admin::sign_in::with_cookie;
use crate::admin::state::Admin;

const A_YEAR: u64 = 365 * 24 * 3600;

pub(super) async fn switch(State(admin): State<Arc<Admin>>, posted: Posted) -> Response {
    let theme = Theme::parse(posted.fields.get("theme").unwrap_or_default());
    let response = Redirect::to(&way_back(&posted.fields, "next")).into_response();
    with_cookie(response, &admin, THEME_COOKIE, theme.as_str(), A_YEAR)
}
