//! An admin server in this process, beside an [`App`].

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use quittance::admin::{self, Admin};
use quittance::commands::Commands;
use quittance::http;
use quittance::http::auth;
use quittance::ops::context::OpsContext;
use quittance::ops::status::Sources;
use quittance::queue::Inspector;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::harness::{App, Options};

/// The token of an operator, and of a viewer.
pub(crate) const OPERATOR: &str = "qta_operator";
pub(crate) const VIEWER: &str = "qta_viewer";

pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    settings: quittance::config::Admin,
    context: OpsContext,
    commands: Option<Commands>,
    admin: Arc<Admin>,
    shutdown: CancellationToken,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The session's cookie.
    pub(crate) fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    /// What the page's forms carry.
    pub(crate) fn form_token(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"form_token\" value=\"").expect("a form");
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Site {
    /// With one token of each role.
    pub(crate) async fn start(options: Options) -> Self {
        Self::started(options, false).await
    }

    /// The same with a key that may change something at Stripe.
    pub(crate) async fn acting(options: Options) -> Self {
        Self::started(options, true).await
    }

    async fn started(options: Options, acting: bool) -> Self {
        let app = App::with(options).await;
        let mut settings = app.settings.admin.clone();
        for (name, token, role) in [
            ("ada", OPERATOR, quittance::config::AdminRole::Operator),
            ("bob", VIEWER, quittance::config::AdminRole::Viewer),
        ] {
            let hash = quittance::config::Secret::new(auth::hash_of(token));
            settings.tokens.insert(name.into(), quittance::config::admin::Token { hash, role });
        }
        let commands = acting.then(|| crate::commands::app::commands(&app));
        Self::with(app, &settings, commands).await
    }

    /// Where nobody has to sign in.
    pub(crate) async fn open() -> Self {
        let app = App::without_workers().await;
        let settings = app.settings.admin.clone();
        Self::with(app, &settings, None).await
    }

    async fn with(
        app: App,
        settings: &quittance::config::Admin,
        commands: Option<Commands>,
    ) -> Self {
        let inspector = Inspector::new(&app.settings.redis, &app.settings.queue).unwrap();
        let store = app.db.store.clone();
        let limits = app.settings.status.clone();
        let sources = Sources { inspector: inspector.clone(), store: store.clone(), limits };
        let producer = app.producer.clone();
        let reconciler = Some(app.reconciler());
        let context = OpsContext { store, producer, inspector, sources, reconciler };
        let shutdown = CancellationToken::new();
        let (admin, address) = serve(settings, context.clone(), commands.clone(), &shutdown).await;
        let settings = settings.clone();
        Self { app, address, settings, context, commands, admin, shutdown }
    }

    /// Starts another server of the same settings, as behind a load balancer; where it listens.
    pub(crate) async fn replica(&self) -> SocketAddr {
        let commands = self.commands.clone();
        serve(&self.settings, self.context.clone(), commands, &self.shutdown).await.1
    }

    /// Stops what runs in it, as the role does when it is told to stop.
    pub(crate) async fn stop(&self) {
        self.admin.stop().await;
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.ask_at(self.address, method, path, headers, body).await
    }

    /// The same of another server.
    pub(crate) async fn ask_at(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
        let mut request =
            hyper::Request::builder().method(method).uri(format!("http://{address}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.to_owned())).unwrap();
        let (parts, body) = client.request(request).await.unwrap().into_parts();
        let text = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(text.to_vec()).unwrap(),
        }
    }

    /// Signs in; the cookie.
    pub(crate) async fn sign_in(&self, token: &str) -> String {
        let answer = self.post("/sign-in", "", &[("token", token)]).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.cookie()
    }

    pub(crate) async fn page(&self, path: &str, cookie: &str) -> Answer {
        self.ask("GET", path, &[("cookie", cookie)], "").await
    }

    /// Sends a form.
    pub(crate) async fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.ask("POST", path, &[("cookie", cookie), kind], &body).await
    }

    /// Calls the API.
    pub(crate) async fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if method == "GET" { String::new() } else { body.to_string() };
        self.ask(method, &format!("/api/v1{path}"), &headers, &body).await
    }

    /// So many dead letters of one cause, as if they had been given up.
    pub(crate) async fn given_up(&self, count: u32) {
        let sql = include_str!("given_up.sql").replace("$COUNT", &count.to_string());
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&self.app.db.pool).await.unwrap();
    }
}

async fn serve(
    settings: &quittance::config::Admin,
    context: OpsContext,
    commands: Option<Commands>,
    shutdown: &CancellationToken,
) -> (Arc<Admin>, SocketAddr) {
    let admin = Arc::new(Admin::new(settings, context, [9; 32]).acting(commands));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = admin::router(Arc::clone(&admin));
    tokio::spawn(http::serve(listener, router, shutdown.clone(), http::Limits::default()));
    (admin, address)
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}
