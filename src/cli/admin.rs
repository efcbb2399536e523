//! `quittance admin`: the operators' pages and API, and the tokens to get in.

use std::path::Path;
use std::sync::Arc;

use crate::admin::{self, Admin};
use crate::commands::Commands;
use crate::config::{Role, Settings};
use crate::http::{self, Limits, auth};
use crate::ops::context::OpsContext;
use crate::ops::status::Sources;
use crate::queue::Inspector;
use crate::roles::exit::{Exit, Failed};
use crate::roles::numbers::Numbers;
use crate::roles::parts;
use crate::roles::server;
use crate::roles::signals;
use crate::store::Store;

/// `quittance admin`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Needs REDIS_URL and DATABASE_URL; STRIPE_SECRET_KEY for what asks Stripe, and stripe.write_key for what refunds, captures and cancels. Listens on 127.0.0.1:8081.\n\nExamples:\n  quittance admin\n  quittance admin token --name ada --role operator"
)]
pub(super) struct AdminArgs {
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<AdminCommand>,
}

/// `quittance admin ...`
#[derive(Debug, clap::Subcommand)]
pub(super) enum AdminCommand {
    /// Make a random token, and print it with the lines for the settings.
    #[command(after_help = "Example:\n  quittance admin token --name ada --role operator")]
    Token {
        /// Whose it is: what the audit log will say.
        #[arg(long, default_value = "default")]
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value = "viewer")]
        role: RoleArg,
    },
    /// Print the OpenAPI document of the API.
    #[command(after_help = "Example:\n  quittance admin openapi > openapi.json")]
    Openapi,
}

/// What a token may do, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum RoleArg {
    /// Look at everything.
    Viewer,
    /// Change things, too.
    Operator,
}

pub(super) async fn run(config: Option<&Path>, args: AdminArgs) -> Result<Exit, Failed> {
    match args.command {
        None => serve(config).await,
        Some(AdminCommand::Token { name, role }) => {
            token(&name, role);
            Ok(Exit::Success)
        }
        Some(AdminCommand::Openapi) => {
            let text = admin::document().to_pretty_json();
            let text = text.map_err(|error| Failed::new(Exit::Failure, error.to_string()))?;
            println!("{text}");
            Ok(Exit::Success)
        }
    }
}

/// The token goes to the screen once and nowhere else.
fn token(name: &str, role: RoleArg) {
    let token = auth::new_token(rand::random());
    let role = match role {
        RoleArg::Viewer => "viewer",
        RoleArg::Operator => "operator",
    };
    println!("# The token, which is shown this once: give it to who will use it.");
    println!("{token}");
    println!();
    println!("# For the settings:");
    println!("[admin.tokens.{name}]");
    println!("hash = \"{}\"", auth::hash_of(&token));
    println!("role = \"{role}\"");
}

async fn serve(config: Option<&Path>) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Admin)?;
    let shutdown = signals::shutdown()?;
    let desk = desk(&settings)?;
    server::fitting(&settings).await?;
    let listener = parts::listen("admin.listen", settings.admin.listen).await?;
    let mut numbers = Numbers::new("admin");
    let commands = acting(&settings, &desk.store, &mut numbers)?;
    let numbers = numbers.serve(settings.metrics.listen, &shutdown).await?;
    let address = parts::address_of(&listener, settings.admin.listen);
    let tokens = settings.admin.known_tokens().count();
    tracing::info!(listen = %address, tokens, "serving the operators' pages");
    if tokens == 0 {
        tracing::warn!("there is no token: everyone on this machine is the operator \"local\"");
    }
    let finisher = commands.clone().map(|commands| super::api::finisher(commands, &shutdown));
    let admin = Admin::new(&settings.admin, desk, rand::random()).acting(commands);
    let admin = Arc::new(admin);
    let router = admin::router(Arc::clone(&admin));
    let ended = http::serve(listener, router, shutdown, Limits::default()).await;
    admin.stop().await;
    if let Some(finisher) = finisher {
        // It ends with the token; a panic in it has been reported by the runtime.
        let _ = finisher.await;
    }
    numbers.ended().await;
    tracing::info!(cut_off = ended.cut_off, "stopped");
    Ok(Exit::Success)
}

/// What refunds, captures and cancels from a payment's page; none without a key that was set for acting.
/// `stripe.secret_key` alone is not taken for one: here it is the key that looks.
fn acting(
    settings: &Settings,
    store: &Store,
    numbers: &mut Numbers,
) -> Result<Option<Commands>, Failed> {
    let stripe = &settings.stripe;
    if stripe.write_key.is_empty() || stripe.secret_key.is_empty() {
        return Ok(None);
    }
    super::api::counted_commands(settings, store, numbers).map(Some)
}

/// All that the verbs need. Connects to nothing yet: the pages also open while everything is down.
fn desk(settings: &Settings) -> Result<OpsContext, Failed> {
    let store = parts::store(settings, "admin")?;
    let reconciler = if settings.stripe.secret_key.is_empty() {
        None
    } else {
        Some(parts::reconciler(settings, &store)?)
    };
    let inspector = Inspector::new(&settings.redis, &settings.queue)
        .map_err(|error| Failed::because(Exit::Settings, "redis.url cannot be used", &error))?;
    let sources = Sources {
        inspector: inspector.clone(),
        store: store.clone(),
        limits: settings.status.clone(),
    };
    Ok(OpsContext { producer: parts::producer(settings)?, store, inspector, sources, reconciler })
}
