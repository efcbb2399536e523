//! Strict parsing of queries and forms.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::form_urlencoded;

use super::access::may_only_look;
use super::fault::wrong;
use super::refusal::Refused;
use super::state::Admin;
use super::strict;
use crate::commands::CommandError;
use crate::config::AdminRole;
use crate::http::Problem;
use crate::http::auth::{Session, is_foreign};
use crate::ops::types::Mode;

/// A query. An empty value counts as not given: that is what a form sends of a field left empty.
#[derive(Debug)]
pub(super) struct Asked<T> {
    /// What was asked, read.
    pub(super) query: T,
    /// The same as it was sent, for links that ask a little differently.
    pub(super) given: Fields,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let text = parts.uri.query().unwrap_or_default();
        Ok(Self { query: read(text)?, given: Fields::parse(text.as_bytes()) })
    }
}

/// A raw query, which the handler parses.
#[derive(Debug)]
pub(super) struct Raw(pub(super) Fields);

impl<S: Send + Sync> FromRequestParts<S> for Raw {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Fields::parse(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

/// Reads `a=1&b=2` into a type.
pub(super) fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let given = form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty());
    let given = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    let uri = format!("/?{given}").parse::<axum::http::Uri>();
    let read = uri.map_err(|error| error.to_string()).and_then(|uri| {
        let read = axum::extract::Query::<T>::try_from_uri(&uri);
        read.map(|query| query.0).map_err(|error| error.body_text())
    });
    read.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "bad_query", error))
}

/// The fields of a form.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The first value of a field; none if it was left empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.trim()).find(|value| !value.is_empty())
    }

    /// All values of a field that may be there several times.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// All that was not left empty.
    pub(super) fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().map(|(key, value)| (key.as_str(), value.trim()));
        all.filter(|(_, value)| !value.is_empty())
    }

    /// As a query, with one field set to another value, or left out.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> String {
        let rest = self.0.iter().filter(|(key, value)| key != name && !value.is_empty());
        let rest = rest.map(|(key, value)| (key.as_str(), value.as_str()));
        let value = value.map(|value| (name, value));
        let mut query = form_urlencoded::Serializer::new(String::new());
        format!("?{}", query.extend_pairs(rest.chain(value)).finish())
    }

    /// A field that has to be there.
    pub(super) fn need(&self, name: &str, what: &str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| {
            let detail = format!("{what} is missing.");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "missing", detail)
        })
    }
}

/// A form that a signed-in user posted from a page of ours.
pub(super) struct Posted {
    pub(super) session: Session,
    pub(super) fields: Fields,
}

impl FromRequest<Arc<Admin>> for Posted {
    type Rejection = Refused;

    async fn from_request(request: Request, admin: &Arc<Admin>) -> Result<Self, Refused> {
        let foreign = is_foreign(request.headers());
        let session = request.extensions().get::<Session>().cloned();
        let body = Bytes::from_request(request, admin).await;
        let body =
            body.map_err(|error| Problem::new(error.status(), "bad_form", error.body_text()))?;
        let fields = Fields::parse(&body);
        if fields.0.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(wrong(strict::NUL).into());
        }
        // Before anything of it is stored or shown again. The token of the form is ours, and no text of a person.
        for (name, value) in fields.0.iter().filter(|(name, _)| name != FORM_TOKEN) {
            admin.card_data.look(&[name], value).map_err(card_data)?;
        }
        let session = session.ok_or_else(foreign_form)?;
        let given = fields.get(FORM_TOKEN).unwrap_or_default();
        if foreign || !admin.keyring.is_form_token(&session, given) {
            return Err(foreign_form().into());
        }
        Ok(Self { session, fields })
    }
}

/// The field that proves that a form is from a page of the session.
const FORM_TOKEN: &str = "form_token";

/// A text holds card data: 400, as from the API.
fn card_data(breach: impl Into<CommandError>) -> Problem {
    breach.into().into()
}

fn foreign_form() -> Problem {
    let detail = "This form does not come from a page of your session. Open the page again, and \
                  send the form from there.";
    Problem::new(StatusCode::FORBIDDEN, "foreign_form", detail)
}

/// A form of a user with the role operator.
pub(super) struct Changing {
    pub(super) who: String,
    pub(super) fields: Fields,
}

impl FromRequest<Arc<Admin>> for Changing {
    type Rejection = Refused;

    async fn from_request(request: Request, admin: &Arc<Admin>) -> Result<Self, Refused> {
        let Posted { session, fields } = Posted::from_request(request, admin).await?;
        if session.identity.role < AdminRole::Operator {
            return Err(may_only_look(&session.identity).into());
        }
        Ok(Self { who: session.identity.name, fields })
    }
}

/// Length of a page: 50, or as many as are asked for up to a thousand.
pub(super) fn limit(given: Option<u32>) -> Result<u32, Problem> {
    match given {
        None => Ok(50),
        Some(limit @ 1..=1000) => Ok(limit),
        Some(_) => Err(wrong("limit is 1 to 1000")),
    }
}

/// A number that names something: they begin at 1.
pub(super) fn named(name: &str, given: Option<i64>) -> Result<Option<i64>, Problem> {
    match given {
        Some(number) if number < 1 => Err(wrong(format!("{name} is a whole number from 1"))),
        given => Ok(given),
    }
}

/// `live` or `test`.
pub(super) fn mode(given: Option<&str>) -> Result<Option<Mode>, Problem> {
    match given {
        None => Ok(None),
        Some("live") => Ok(Some(Mode::Live)),
        Some("test") => Ok(Some(Mode::Test)),
        Some(other) => Err(wrong(format!("`{other}` is no mode: live or test"))),
    }
}

/// A moment: RFC 3339, or how long ago.
pub(super) fn moment(text: &str) -> Result<OffsetDateTime, Problem> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at);
    }
    let ago = humantime::parse_duration(text).ok();
    ago.and_then(|ago| OffsetDateTime::now_utc().checked_sub(ago.try_into().ok()?)).ok_or_else(
        || wrong(format!("`{text}` is no moment: 2026-01-31T12:00:00Z, or how long ago: 2h, 7d")),
    )
}

/// A moment, given as such or as a duration from now on.
pub(super) fn later(text: &str) -> Result<OffsetDateTime, Problem> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at);
    }
    let wait = duration(text)?;
    let wait = time::Duration::try_from(wait).map_err(wrong)?;
    OffsetDateTime::now_utc().checked_add(wait).ok_or_else(|| wrong("That is too far away."))
}

/// `10m`, `1h 30m`
pub(super) fn duration(text: &str) -> Result<std::time::Duration, Problem> {
    humantime::parse_duration(text)
        .map_err(|error| wrong(format!("`{text}` is no duration such as 10m or 4h: {error}")))
}

/// Where a form says that it leads back to: a path of ours, or the beginning.
pub(super) fn way_back(fields: &Fields, name: &str) -> String {
    own_path(fields.get(name)).to_owned()
}

/// A path on this server, and nothing that a browser takes for another one.
pub(super) fn own_path(given: Option<&str>) -> &str {
    let plain = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && path.bytes().all(|byte| byte.is_ascii_graphic())
    };
    given.filter(plain).unwrap_or("/")
}

/// A JSON body, with what is wrong about it said as everything else is.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Admin>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Arc<Admin>) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, admin).await;
        let body =
            body.map_err(|error| Problem::new(error.status(), "bad_body", error.body_text()))?;
        // What is no JSON is refused below.
        if let Ok(value) = serde_json::from_slice(&body) {
            admin.card_data.look_within(&value).map_err(card_data)?;
        }
        let read = strict::read(&body).map(Self);
        read.map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_body", error))
    }
}

/// Whether a browser says that another site's page made this request.
pub(super) fn from_elsewhere(headers: &HeaderMap) -> bool {
    is_foreign(headers)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Query {
        state: Option<String>,
        before: Option<i64>,
    }

    #[test]
    fn a_field_left_empty_is_not_given_and_a_wrong_one_is_told() {
        let query: Query = read("state=&before=7").unwrap();
        assert_eq!(query, Query { state: None, before: Some(7) });
        let problem = read::<Query>("before=x").unwrap_err();
        assert!(problem.status == 400 && problem.detail.contains("before"), "{problem:?}");
        assert!(read::<Query>("sate=open").is_err(), "a typo is not a filter that matches all");
        assert!(named("before", Some(0)).is_err() && named("before", None).is_ok());
    }

    #[test]
    fn a_way_back_leads_nowhere_else() {
        for path in ["/", "/dead-letters?a=b&c=%20"] {
            assert_eq!(own_path(Some(path)), path);
        }
        for path in ["//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "a", ""]
        {
            assert_eq!(own_path(Some(path)), "/", "{path}");
        }
    }
}
