//! The frame of every page: identity, navigation, theme.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;

use super::assets;
use super::state::Admin;
use crate::config::AdminRole;
use crate::http::auth::{Session, cookie};
use crate::ops::queue::PauseStatus;

/// The cookie that keeps the choice of a theme.
pub(super) const THEME_COOKIE: &str = "quittance_theme";

/// Light, dark, or as the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::Auto,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// What the switch offers: round and round.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Auto => Self::Dark,
            Self::Dark => Self::Light,
            Self::Light => Self::Auto,
        }
    }
}

/// An entry of the navigation.
pub(super) struct Place {
    pub(super) path: &'static str,
    pub(super) name: &'static str,
}

const PLACES: [Place; 12] = [
    Place { path: "/", name: "Overview" },
    Place { path: "/dead-letters", name: "Dead letters" },
    Place { path: "/events", name: "Events" },
    Place { path: "/objects", name: "Objects" },
    Place { path: "/commands", name: "Commands" },
    Place { path: "/queue", name: "Queue" },
    Place { path: "/outbox", name: "Outbox" },
    Place { path: "/operations", name: "Operations" },
    Place { path: "/completeness", name: "Completeness" },
    Place { path: "/audit", name: "Audit log" },
    Place { path: "/accounts", name: "Accounts" },
    Place { path: "/kinds", name: "Kinds" },
];

/// The frame of one page.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The signed-in user; none on the sign-in page.
    pub(super) session: Option<Session>,
    /// What their forms carry.
    pub(super) form_token: String,
    pub(super) theme: Theme,
    /// Where they are, with the query: where a switch of the theme leads back to.
    pub(super) here: String,
    /// What is paused, by whom and why.
    pub(super) paused: Vec<PauseStatus>,
    /// Whether signing out makes sense.
    pub(super) can_sign_out: bool,
}

impl Frame {
    pub(super) fn of(admin: &Admin, request: &Request) -> Self {
        let session = request.extensions().get::<Session>().cloned();
        let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
        Self::new(admin, session, request.headers(), here)
    }

    fn new(
        admin: &Admin,
        session: Option<Session>,
        headers: &axum::http::HeaderMap,
        here: &str,
    ) -> Self {
        let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
        let theme = cookies.and_then(|header| cookie(header, THEME_COOKIE));
        Self {
            form_token: session.as_ref().map(|s| admin.keyring.form_token(s)).unwrap_or_default(),
            session,
            theme: Theme::parse(theme.unwrap_or_default()),
            here: here.to_owned(),
            paused: Vec::new(),
            can_sign_out: !admin.keyring.is_open(),
        }
    }

    pub(super) fn css(&self) -> &'static str {
        assets::css()
    }

    pub(super) fn js(&self) -> &'static str {
        assets::js()
    }

    pub(super) fn icon(&self) -> &'static str {
        assets::icon()
    }

    pub(super) fn places(&self) -> &'static [Place] {
        &PLACES
    }

    /// Whether a place of the navigation is the one that this page belongs to.
    pub(super) fn is_at(&self, place: &Place) -> bool {
        let path = self.here.split('?').next().unwrap_or("/");
        match path.strip_prefix(place.path) {
            Some(rest) => rest.is_empty() || (place.path != "/" && rest.starts_with('/')),
            None => false,
        }
    }

    /// Whether changing forms are offered.
    pub(super) fn may_change(&self) -> bool {
        self.session.as_ref().is_some_and(|it| it.identity.role == AdminRole::Operator)
    }

    pub(super) fn who(&self) -> &str {
        self.session.as_ref().map_or("", |it| it.identity.name.as_str())
    }

    pub(super) fn role(&self) -> &'static str {
        self.session.as_ref().map_or("", |it| it.identity.role.as_str())
    }
}

impl FromRequestParts<Arc<Admin>> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        admin: &Arc<Admin>,
    ) -> Result<Self, Self::Rejection> {
        let session = parts.extensions.get::<Session>().cloned();
        let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
        let paused = admin.pauses().await;
        Ok(Self { paused, ..Self::new(admin, session, &parts.headers, here) })
    }
}
