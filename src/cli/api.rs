//! `quittance api`: the API of commands to Stripe, and its tokens.

use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Api};
use crate::card_data::CardDataGuard;
use crate::commands::{self, Commands};
use crate::config::{Role, Settings};
use crate::http::{self, Limits, Server, auth};
use crate::queue::Limiter;
use crate::roles::budget::SharedBudget;
use crate::roles::exit::{Exit, Failed};
use crate::roles::numbers::Numbers;
use crate::roles::{parts, server, signals};
use crate::store::Store;
use crate::stripe_api::{self, Client, Writer};
use crate::supervise::Supervisor;

/// `quittance api`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Needs REDIS_URL, DATABASE_URL and STRIPE_SECRET_KEY, or stripe.write_key. Listens on 127.0.0.1:8082.\n\nExamples:\n  quittance api\n  quittance api token --name shop --scope payments:write --scope read"
)]
pub(super) struct ApiArgs {
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<ApiCommand>,
}

/// `quittance api ...`
#[derive(Debug, clap::Subcommand)]
pub(super) enum ApiCommand {
    /// Make a random token, and print it with the lines for the settings.
    #[command(
        after_help = "Example:\n  quittance api token --name shop --scope payments:write --scope read"
    )]
    Token {
        /// Whose it is: the caller of its commands.
        #[arg(long)]
        name: String,
        /// What it may do; repeat it for several.
        #[arg(long, value_enum, required = true)]
        scope: Vec<ScopeArg>,
    },
    /// Print the OpenAPI document of the API.
    #[command(after_help = "Example:\n  quittance api openapi > openapi.json")]
    Openapi,
}

/// A scope of a token, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ScopeArg {
    /// Create, confirm, capture and cancel payments; create customers, setup intents and checkout sessions.
    #[value(name = "payments:write")]
    PaymentsWrite,
    /// Refund.
    #[value(name = "refunds:write")]
    RefundsWrite,
    /// Create, change and cancel subscriptions, also by a checkout session; open the customer portal.
    #[value(name = "subscriptions:write")]
    SubscriptionsWrite,
    /// Look at payments, subscriptions and commands.
    #[value(name = "read")]
    Read,
}

pub(super) async fn run(config: Option<&Path>, args: ApiArgs) -> Result<Exit, Failed> {
    match args.command {
        None => serve(config).await,
        Some(ApiCommand::Token { name, scope }) => {
            token(&name, &scope);
            Ok(Exit::Success)
        }
        Some(ApiCommand::Openapi) => {
            let text = api::document().to_pretty_json();
            let text = text.map_err(|error| Failed::new(Exit::Failure, error.to_string()))?;
            println!("{text}");
            Ok(Exit::Success)
        }
    }
}

/// The token goes to the screen once and nowhere else.
fn token(name: &str, scopes: &[ScopeArg]) {
    let token = auth::new_token(rand::random());
    let words = scopes.iter().map(|scope| match scope {
        ScopeArg::PaymentsWrite => "\"payments:write\"",
        ScopeArg::RefundsWrite => "\"refunds:write\"",
        ScopeArg::SubscriptionsWrite => "\"subscriptions:write\"",
        ScopeArg::Read => "\"read\"",
    });
    let words: Vec<_> = words.collect();
    println!("# The token, which is shown this once: give it to the program that will use it.");
    println!("{token}");
    println!();
    println!("# For the settings:");
    println!("[api.tokens.{name}]");
    println!("hash = \"{}\"", auth::hash_of(&token));
    println!("scopes = [{}]", words.join(", "));
}

/// Assembles [`Commands`], with the limiter that all processes share.
pub(super) fn commands(settings: &Settings, store: &Store) -> Result<Commands, Failed> {
    counted_commands(settings, store, &mut Numbers::new("cli"))
}

/// The same with numbers that a page shows.
pub(super) fn counted_commands(
    settings: &Settings,
    store: &Store,
    numbers: &mut Numbers,
) -> Result<Commands, Failed> {
    let refused = |error: &(dyn std::error::Error + 'static)| {
        Failed::because(Exit::Settings, "stripe cannot be used for commands", error)
    };
    let reconciler = parts::reconciler(settings, store)?;
    let limiter = Limiter::new(&settings.redis, &settings.queue)
        .map_err(|error| Failed::because(Exit::Settings, "redis.url cannot be used", &error))?;
    let client = Client::new(&settings.stripe.for_writing(), Arc::new(SharedBudget::new(limiter)))
        .map_err(|error| refused(&error))?
        .counting(&stripe_api::Metrics::new(numbers.registry()));
    let writer = Writer::new(client).map_err(|error| refused(&error))?;
    let metrics = commands::Metrics::new(numbers.registry());
    Ok(Commands::counting(store.clone(), reconciler, writer, settings.api.clone(), metrics))
}

/// Finishes what any process has left, until it is told to stop.
pub(super) fn finisher(
    commands: Commands,
    supervisor: &Supervisor,
    shutdown: &CancellationToken,
) -> JoinHandle<()> {
    let (supervisor, shutdown) = (supervisor.clone(), shutdown.clone());
    tokio::spawn(async move {
        let run = || commands::finish(commands.clone(), shutdown.clone());
        supervisor.keep("finisher of commands", &shutdown, run).await;
    })
}

async fn serve(config: Option<&Path>) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Api)?;
    let shutdown = signals::shutdown()?;
    let store = parts::store(&settings, "worker")?;
    let mut numbers = Numbers::new("api");
    let commands = counted_commands(&settings, &store, &mut numbers)?;
    store.rules().count(numbers.registry());
    let guard = CardDataGuard::new(&settings.api.card_data_exempt).counting(numbers.registry());
    server::fitting(&settings).await?;
    let listener = parts::listen("api.listen", settings.api.listen).await?;
    let supervisor = numbers.supervisor();
    let numbers = numbers.serve(settings.metrics.listen, &shutdown).await?;
    let address = parts::address_of(&listener, settings.api.listen);
    let tokens = settings.api.known_tokens().count();
    tracing::info!(listen = %address, tokens, "taking commands");
    if tokens == 0 {
        tracing::warn!("there is no token: every program on this machine may move money");
    }
    let finisher = finisher(commands.clone(), &supervisor, &shutdown);
    let router = api::router(Arc::new(Api::new(&settings.api, commands, guard)));
    // A request that is cut off goes on in another process, when its lease ends.
    let limits = Limits { grace: settings.api.deadline, ..Limits::default() };
    let metrics = http::Metrics::default();
    let server = Server { name: "API listener", router, limits, metrics };
    let ended = server.serve(listener, shutdown, &supervisor).await;
    // It ends with the token; a panic in it has been reported by the runtime.
    let _ = finisher.await;
    numbers.ended().await;
    tracing::info!(cut_off = ended.cut_off, "stopped");
    Ok(Exit::Success)
}
