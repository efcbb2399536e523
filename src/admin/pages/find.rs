//! `/find`: redirects from an id to its page.

use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::admin::input::Asked;
use crate::admin::view::part;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Find {
    q: String,
}

pub(super) async fn find(asked: Asked<Find>) -> Response {
    Redirect::to(&place(asked.query.q.trim())).into_response()
}

fn place(id: &str) -> String {
    let digits = id.trim_start_matches('#');
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("/dead-letters/{digits}");
    }
    if id.contains('=') {
        return format!("/objects?metadata={}", part(id));
    }
    match id.split('_').next() {
        _ if id.is_empty() => "/".to_owned(),
        Some("evt") => format!("/events/{}", part(id)),
        // What one wants to know of a customer is what became of all that is theirs.
        Some("cus") => format!("/objects?customer={}", part(id)),
        Some("acct") => format!("/accounts?account={}", part(id)),
        Some(_) | None => format!("/objects/{}", part(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_to_the_page_of_what_it_is_of() {
        for (id, path) in [
            ("1042", "/dead-letters/1042"),
            ("#7", "/dead-letters/7"),
            ("evt_1", "/events/evt_1"),
            ("cus_1", "/objects?customer=cus_1"),
            ("acct_1", "/accounts?account=acct_1"),
            ("pi_1", "/objects/pi_1"),
            ("order_id=42", "/objects?metadata=order_id%3D42"),
            ("//evil.example", "/objects/%2F%2Fevil.example"),
            ("", "/"),
        ] {
            assert_eq!(place(id), path);
        }
    }
}
