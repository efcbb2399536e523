//! A refusal: a problem document for a program, a page for a person.

use askama::Template as _;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

use super::frame::Frame;
use super::pages::ProblemPage;
use crate::http::Problem;

/// A problem on its way out, which becomes a page where pages are served.
#[derive(Debug)]
pub(super) struct Refused(Problem);

impl<P: Into<Problem>> From<P> for Refused {
    fn from(problem: P) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = self.0.clone();
        let mut response = self.0.into_response();
        response.extensions_mut().insert(problem);
        response
    }
}

/// Makes a page of a refusal; passes everything else on.
pub(super) async fn rendered(mut response: Response, frame: Frame) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let page = ProblemPage { frame, problem };
    match page.render() {
        Ok(text) => {
            let (mut parts, _) = response.into_parts();
            parts.headers.remove(header::CONTENT_TYPE);
            parts.headers.remove(header::CONTENT_LENGTH);
            (parts, Html(text)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            response
        }
    }
}
