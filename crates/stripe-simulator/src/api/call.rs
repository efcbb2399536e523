//! A request, taken apart.

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::error::ApiError;

use super::form::Form;

/// A request to the API, parsed.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) form: Form,
    /// The parts of the path, decoded: an id may hold a slash.
    segments: Vec<String>,
}

impl Call {
    pub(crate) fn new(method: Method, path: &str, form: Form) -> Self {
        // As at Stripe, a raw plus stands for a space here, too.
        let decoded = |segment: &str| {
            let segment = segment.replace('+', " ");
            percent_decode_str(&segment).decode_utf8_lossy().into_owned()
        };
        let segments = path.trim_matches('/').split('/').map(decoded).collect();
        Self { method, path: path.to_owned(), form, segments }
    }

    pub(crate) fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The endpoint, as limits and counters know it: `GET /v1/charges/{id}`.
    pub(crate) fn endpoint(&self) -> String {
        let mut segments = self.segments();
        // Sessions are the one kind of collection with two words to its name.
        let nested = segments.get(1).is_some_and(|it| ["checkout", "billing_portal"].contains(it));
        let place = if nested { 3 } else { 2 };
        if let Some(id) = segments.get_mut(place) {
            *id = "{id}";
        }
        format!("{} /{}", self.method, segments.join("/"))
    }

    /// The id of the one object that is asked for.
    pub(crate) fn object(&self) -> Option<&str> {
        match *self.segments().as_slice() {
            ["v1", "checkout", "sessions", id] => Some(id),
            ["v1", "checkout", _] => None,
            ["v1", _, id] => Some(id),
            _ => None,
        }
    }

    pub(crate) fn canonical(&self) -> String {
        format!("{} {} {}", self.method, self.path, self.form.canonical())
    }

    /// There is nothing under this method and path.
    pub(crate) fn unknown(&self) -> ApiError {
        let message = format!(
            "Unrecognized request URL ({}: {}). Please see https://docs.stripe.com or we can help at \
             https://support.stripe.com/.",
            self.method, self.path
        );
        ApiError::new(404, "invalid_request_error", message)
    }
}
