//! Objects: search, show, reconcile and compare.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use crate::admin::fault::{no_key, wrong};
use crate::admin::input::{Asked, Body, limit, mode};
use crate::admin::state::Admin;
use crate::http::Problem;
use crate::http::auth::Identity;
use crate::ops::compare::Comparison;
use crate::ops::name::{self, Name};
use crate::ops::objects::{ObjectPage, ObjectShown};
use crate::ops::reconcile::Reconciled;
use crate::ops::types::{Actor, Kind, ObjectFilter, ObjectKey};
use crate::ops::{compare, objects, reconcile};

/// Filter of the objects: at least a customer, metadata or a kind.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct ObjectQuery {
    /// Only objects of this customer, and the customer.
    pub(in crate::admin) customer: Option<String>,
    /// Only objects with this metadata: `order_id=42`.
    pub(in crate::admin) metadata: Option<String>,
    /// Only this object type: `payment_intent`.
    pub(in crate::admin) kind: Option<String>,
    /// Only this connected account.
    pub(in crate::admin) account: Option<String>,
    /// `live` or `test`.
    pub(in crate::admin) mode: Option<String>,
    /// Only objects after this one, the last of the previous page: `KIND/ACCOUNT/MODE/ID`, with `own` for
    /// your own account and the id percent-encoded.
    pub(in crate::admin) after: Option<String>,
    /// Maximum number of results, 1 to 1000; 50 by default.
    #[param(minimum = 1, maximum = 1000)]
    pub(in crate::admin) limit: Option<u32>,
}

impl ObjectQuery {
    /// Whether no filter is given.
    pub(in crate::admin) fn is_empty(&self) -> bool {
        self.customer.is_none() && self.metadata.is_none() && self.kind.is_none()
    }

    fn filter(&self) -> Result<ObjectFilter, Problem> {
        let pair = |text: &String| match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            Some(_) | None => Err(wrong(format!("`{text}` is not KEY=VALUE"))),
        };
        Ok(ObjectFilter {
            customer: self.customer.clone(),
            metadata: self.metadata.as_ref().map(pair).transpose()?,
            kind: self.kind.as_deref().map(kind).transpose()?,
            account: self.account.clone(),
            mode: mode(self.mode.as_deref())?,
        })
    }

    fn after(&self) -> Result<Option<ObjectKey>, Problem> {
        let Some(text) = &self.after else { return Ok(None) };
        let key = ObjectKey::from_cursor(text);
        key.map(Some).ok_or_else(|| wrong(format!("`{text}` is not KIND/ACCOUNT/MODE/ID")))
    }
}

fn kind(text: &str) -> Result<Kind, Problem> {
    Kind::parse(text).ok_or_else(|| wrong(format!("`{text}` is not a handled object type")))
}

/// Tells an object from others with the same id.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct NameQuery {
    /// The object type, for an id whose prefix does not show it.
    pub(in crate::admin) kind: Option<String>,
    /// The connected account; `own` is your own account.
    pub(in crate::admin) account: Option<String>,
    /// `live` or `test`.
    pub(in crate::admin) mode: Option<String>,
}

/// The name of the requested object.
pub(in crate::admin) fn named(id: &str, query: &NameQuery) -> Result<Name, Problem> {
    let mut name = Name::parse(id).map_err(|error| wrong(format!("`{id}`: {error}")))?;
    name.kind = query.kind.as_deref().map(kind).transpose()?;
    name.account = match query.account.as_deref() {
        Some("own") => Some(String::new()),
        account => account.map(str::to_owned),
    };
    name.mode = mode(query.mode.as_deref())?;
    Ok(name)
}

/// Find objects by customer, metadata or object type.
#[utoipa::path(get, path = "/objects", tag = "objects", params(ObjectQuery),
    responses((status = 200, body = ObjectPage)))]
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    asked: Asked<ObjectQuery>,
) -> Answer<ObjectPage> {
    Ok(Json(listed(&admin, &asked.query).await?))
}

pub(in crate::admin) async fn listed(
    admin: &Admin,
    query: &ObjectQuery,
) -> Result<ObjectPage, Problem> {
    let (filter, after, limit) = (query.filter()?, query.after()?, limit(query.limit)?);
    Ok(objects::list(&admin.context.store, &filter, after.as_ref(), limit).await?)
}

/// Show one object: its row, the event and attempt behind it, pending or failed events, its timeline.
#[utoipa::path(get, path = "/objects/{id}", tag = "objects", params(("id" = String, Path, min_length = 1, max_length = 255), NameQuery),
    responses((status = 200, body = ObjectShown)))]
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    asked: Asked<NameQuery>,
) -> Answer<ObjectShown> {
    Ok(Json(objects::show(&admin.context.store, &named(&id, &asked.query)?).await?))
}

/// The reason of an action.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct ReasonBody {
    /// Reason, stored in the audit log.
    pub(in crate::admin) reason: Option<String>,
}

/// Fetch an object from Stripe now, and write the result.
#[utoipa::path(post, path = "/objects/{id}/reconcile", tag = "objects",
    params(("id" = String, Path, min_length = 1, max_length = 255), NameQuery), request_body = ReasonBody,
    responses((status = 200, body = Reconciled)))]
pub(super) async fn reconcile(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Path(id): Path<String>,
    asked: Asked<NameQuery>,
    Body(body): Body<ReasonBody>,
) -> Answer<Reconciled> {
    let name = named(&id, &asked.query)?;
    let actor = Actor { name: &who.name, reason: body.reason.as_deref() };
    Ok(Json(reconciled(&admin, &name, actor).await?))
}

pub(in crate::admin) async fn reconciled(
    admin: &Admin,
    name: &Name,
    actor: Actor<'_>,
) -> Result<Reconciled, Problem> {
    let reconciler = admin.context.reconciler.as_ref().ok_or_else(no_key)?;
    let store = &admin.context.store;
    let subject = name::subject(store, name, reconciler.mode()).await?;
    Ok(reconcile::reconcile(store, reconciler, subject, actor).await?)
}

/// Fetch an object from Stripe and compare it with the row. Writes nothing.
#[utoipa::path(post, path = "/objects/{id}/compare", tag = "objects",
    params(("id" = String, Path, min_length = 1, max_length = 255), NameQuery), request_body = serde_json::Value,
    responses((status = 200, body = Comparison)))]
pub(super) async fn compare(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    asked: Asked<NameQuery>,
) -> Answer<Comparison> {
    Ok(Json(compared(&admin, &named(&id, &asked.query)?).await?))
}

pub(in crate::admin) async fn compared(admin: &Admin, name: &Name) -> Result<Comparison, Problem> {
    let reconciler = admin.context.reconciler.as_ref().ok_or_else(no_key)?;
    let store = &admin.context.store;
    let subject = name::subject(store, name, reconciler.mode()).await?;
    Ok(compare::compare(store, reconciler, &subject, None).await?)
}
