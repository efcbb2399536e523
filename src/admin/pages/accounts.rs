//! `/accounts`: checks whether a connected account can receive payments.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::page;
use crate::admin::api::system::checked;
use crate::admin::frame::Frame;
use crate::admin::input::{Asked, Changing};
use crate::admin::refusal::Refused;
use crate::admin::state::Admin;
use crate::admin::view;
use crate::ops::accounts::Checked;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AccountQuery {
    account: Option<String>,
    mode: Option<String>,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct Page {
    frame: Frame,
    account: String,
    mode: String,
    /// The result; none before an account is entered.
    checked: Option<Checked>,
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    asked: Asked<AccountQuery>,
) -> Result<Response, Refused> {
    let AccountQuery { account, mode } = asked.query;
    let checked = match &account {
        None => None,
        Some(id) => Some(checked(&admin, id, mode.as_deref(), false).await?),
    };
    Ok(answer(frame, account, mode, checked))
}

pub(super) async fn refresh(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    form: Changing,
) -> Result<Response, Refused> {
    let account = form.fields.need("account", "The account")?.to_owned();
    let mode = form.fields.get("mode").map(str::to_owned);
    let checked = checked(&admin, &account, mode.as_deref(), true).await?;
    Ok(answer(frame, Some(account), mode, Some(checked)))
}

fn answer(
    frame: Frame,
    account: Option<String>,
    mode: Option<String>,
    checked: Option<Checked>,
) -> Response {
    let account = account.unwrap_or_default();
    page(&Page { frame, account, mode: mode.unwrap_or_else(|| "live".to_owned()), checked })
}
