//! Errors: a problem document in the API, a page for a browser.

use askama::Template;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

use super::frame::Frame;
use crate::http::Problem;

/// An error response, which [`rendered`] turns into a page.
#[derive(Debug)]
pub(super) struct Refused {
    problem: Problem,
    /// The page whose form was refused.
    back: Option<Back>,
}

#[derive(Debug, Clone)]
struct Back(String);

impl Refused {
    /// The same, with a link back to the form.
    pub(super) fn of_form(self, path: String) -> Self {
        Self { back: Some(Back(path)), ..self }
    }
}

impl<P: Into<Problem>> From<P> for Refused {
    fn from(problem: P) -> Self {
        Self { problem: problem.into(), back: None }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.problem.clone().into_response();
        response.extensions_mut().insert(self.problem);
        if let Some(back) = self.back {
            response.extensions_mut().insert(back);
        }
        response
    }
}

/// The page of an error.
#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    problem: Problem,
    /// The path of the form that was refused.
    back: Option<String>,
}

/// Renders an error as a page; passes other responses on.
pub(super) async fn rendered(mut response: Response, frame: Frame) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let back = response.extensions_mut().remove::<Back>().map(|back| back.0);
    let page = ProblemPage { frame, problem, back };
    match page.render() {
        Ok(text) => {
            let (mut parts, _) = response.into_parts();
            parts.headers.remove(header::CONTENT_TYPE);
            parts.headers.remove(header::CONTENT_LENGTH);
            (parts, Html(text)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            response
        }
    }
}
