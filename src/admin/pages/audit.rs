//! `/audit`: the audit log of manual actions.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::page;
use crate::admin::api::audit::{AuditQuery, listed};
use crate::admin::frame::Frame;
use crate::admin::input::{Asked, Fields};
use crate::admin::refusal::Refused;
use crate::admin::state::Admin;
use crate::admin::view;
use crate::ops::audit::AuditPage;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    query: AuditQuery,
    given: Fields,
    found: AuditPage,
}

impl Page {
    fn is_filtered(&self) -> bool {
        let AuditQuery { actor, verb, target, since, .. } = &self.query;
        [actor, verb, target, since].iter().any(|field| field.is_some())
    }
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    asked: Asked<AuditQuery>,
) -> Result<Response, Refused> {
    let Asked { query, given } = asked;
    let found = listed(&admin, &query).await?;
    Ok(page(&Page { frame, query, given, found }))
}

/// The page of an action's target.
fn target_path(target: &str) -> Option<String> {
    let (sort, id) = target.split_once(':')?;
    match sort {
        "command" => Some(format!("/commands/{}", view::part(id))),
        "dead_letter" => Some(format!("/dead-letters/{}", view::part(id))),
        "event" => Some(format!("/events/{}", view::part(id))),
        "object" => Some(format!("/objects/{}", view::part(id))),
        "operation" => Some(format!("/operations/{}", view::part(id))),
        "lane" => Some("/queue".to_owned()),
        "outbox" => Some("/outbox".to_owned()),
        _ => None,
    }
}

/// The details of an entry, in one line.
fn details(value: &serde_json::Value) -> String {
    let pairs = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let pairs = pairs.map(|(key, value)| format!("{} {}", view::words(key), view::plain(value)));
    pairs.collect::<Vec<_>>().join(" · ")
}
