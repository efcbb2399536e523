//! `/kinds`: the handled object types and event types.

use askama::Template;
use axum::response::Response;

use super::page;
use crate::admin::frame::Frame;
use crate::ops::kinds::{Report, report};

#[derive(Template)]
#[template(path = "kinds.html")]
struct Kinds {
    frame: Frame,
    report: Report,
}

pub(super) async fn show(frame: Frame) -> Response {
    page(&Kinds { frame, report: report() })
}
