//! `quittance admin`: the operators' pages and API, and their tokens.

use std::path::Path;
use std::sync::Arc;

use crate::admin::{self, Admin};
use crate::card_data::CardDataGuard;
use crate::commands::Commands;
use crate::config::{Role, Settings};
use crate::http::{self, Limits, Server, auth};
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
    after_help = "Needs REDIS_URL and DATABASE_URL; STRIPE_SECRET_KEY for commands that call Stripe, and stripe.write_key for refunds, captures and cancellations. Listens on 127.0.0.1:8081.\n\nExamples:\n  quittance admin\n  quittance admin token --name ada --role operator"
)]
pub(super) struct AdminArgs {
    /// Run a subcommand instead of serving.
    #[command(subcommand)]
    pub command: Option<AdminCommand>,
}

/// `quittance admin ...`
#[derive(Debug, clap::Subcommand)]
pub(super) enum AdminCommand {
    /// Generate a random token, and print it with the lines to add to the settings.
    #[command(after_help = "Example:\n  quittance admin token --name ada --role operator")]
    Token {
        /// Name of the token's owner: the actor in the audit log.
        #[arg(long, default_value = "default")]
        name: String,
        /// Permissions: `viewer` may read, `operator` may also make changes.
        #[arg(long, value_enum, default_value = "viewer")]
        role: RoleArg,
    },
    /// Print the OpenAPI document of the API.
    #[command(after_help = "Example:\n  quittance admin openapi > openapi.json")]
    Openapi,
}

/// The role of a token, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum RoleArg {
    /// Read everything.
    Viewer,
    /// Also make changes.
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

/// Prints a new token. It is stored nowhere.
fn token(name: &str, role: RoleArg) {
    let token = auth::new_token(rand::random());
    let role = match role {
        RoleArg::Viewer => "viewer",
        RoleArg::Operator => "operator",
    };
    println!("# The token. It is shown only once: give it to its owner.");
    println!("{token}");
    println!();
    println!("# Add to the settings:");
    println!("[admin.tokens.{name}]");
    println!("hash = \"{}\"", auth::hash_of(&token));
    println!("role = \"{role}\"");
}

async fn serve(config: Option<&Path>) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Admin)?;
    let shutdown = signals::shutdown()?;
    let context = context(&settings)?;
    server::fitting(&settings).await?;
    let listener = parts::listen("admin.listen", settings.admin.listen).await?;
    let mut numbers = Numbers::new("admin");
    let commands = acting(&settings, &context.store, &mut numbers)?;
    context.store.rules().count(numbers.registry());
    let guard = CardDataGuard::new(&settings.api.card_data_exempt).counting(numbers.registry());
    let supervisor = numbers.supervisor();
    let numbers = numbers.serve(settings.metrics.listen, &shutdown).await?;
    let address = parts::address_of(&listener, settings.admin.listen);
    let tokens = settings.admin.known_tokens().count();
    tracing::info!(listen = %address, tokens, "serving the operators' pages");
    if tokens == 0 {
        tracing::warn!(
            "no tokens are configured: every process on this machine acts as the operator `local`"
        );
    }
    let finisher =
        commands.clone().map(|commands| super::api::finisher(commands, &supervisor, &shutdown));
    let backfill = match &context.reconciler {
        Some(_) => Some(parts::backfill(&settings, &context.store)?),
        None => None,
    };
    let admin = Admin::new(&settings.admin, context, rand::random());
    let admin = admin.acting(commands).guarded_by(guard).backfilling(backfill);
    let admin = Arc::new(admin);
    let router = admin::router(Arc::clone(&admin));
    let (limits, metrics) = (Limits::default(), http::Metrics::default());
    let server = Server { name: "admin listener", router, limits, metrics };
    let ended = server.serve(listener, shutdown, &supervisor).await;
    admin.stop().await;
    if let Some(finisher) = finisher {
        // It ends with the token; a panic in it has been reported by the runtime.
        let _ = finisher.await;
    }
    numbers.ended().await;
    tracing::info!(cut_off = ended.cut_off, "stopped");
    Ok(Exit::Success)
}

/// The commands behind a payment's page (refund, capture, cancel); none without a key that was set for acting.
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

/// The context of the operators' actions. Connects to nothing yet: the pages also open while Redis and
/// Postgres are down.
fn context(settings: &Settings) -> Result<OpsContext, Failed> {
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
