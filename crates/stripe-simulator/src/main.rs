//! `stripe-simulator`: the simulator as a program of its own, for tests in any language.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use stripe_simulator::{Chaos, Config, Fault, Simulator, WebhookEndpoint};
use tokio::net::TcpListener;

/// Requests a second that Stripe allows by default for each endpoint (docs.stripe.com, "Rate limits").
const STRIPE_ENDPOINT_RATE: u32 = 25;

/// Requests a second that it allows for each account in live mode.
const STRIPE_ACCOUNT_RATE: u32 = 100;

/// A stateful simulator of Stripe's API and webhooks.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  \
        stripe-simulator --webhook http://127.0.0.1:3000/webhooks,whsec_test\n  \
        stripe-simulator --port 0 --limits stripe --chaos rough --chaos hangs=0\n  \
        stripe-simulator --fault 'POST /v1/refunds,error_after,0.1'\n\n\
        It listens on this machine alone. Point a Stripe library at the printed address with the key that\n\
        is printed beside it. /simulator/... seeds and steers it: see the README."
)]
struct Args {
    /// Port on 127.0.0.1; 0 takes a free one and prints it
    #[arg(long, default_value_t = 12111)]
    port: u16,
    /// Where events are posted, and the secret that signs them; may be repeated
    #[arg(long, value_name = "URL,SECRET")]
    webhook: Vec<String>,
    /// The same for events of connected accounts; may be repeated
    #[arg(long, value_name = "URL,SECRET")]
    connect_webhook: Vec<String>,
    /// Rate limits: `none`, or `stripe` for Stripe's defaults: 25 requests a second for each endpoint, 100 for each account
    #[arg(long, default_value = "none", value_parser = ["none", "stripe"])]
    limits: String,
    /// Faults: `calm`, `rough`, or SETTING=VALUE; may be repeated, and later ones win
    #[arg(long, value_name = "PRESET|SETTING=VALUE")]
    chaos: Vec<String>,
    /// A fault of one endpoint: `POST /v1/refunds,reset_after,0.1`; may be repeated
    #[arg(long, value_name = "ENDPOINT,KIND[,SHARE]", value_parser = Fault::parse)]
    fault: Vec<Fault>,
    /// The account's key; sk_live_... opens the live mode
    #[arg(long, default_value = "sk_test_simulator", env = "STRIPE_SECRET_KEY")]
    secret_key: String,
    /// The API version of answers and events, where a request names none
    #[arg(long, value_name = "VERSION")]
    api_version: Option<String>,
    /// Random seed of ids and faults
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            say(&format!("stripe-simulator: {text}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), String> {
    let live = args.secret_key.starts_with("sk_live_") || args.secret_key.starts_with("rk_live_");
    let endpoint = |text: &String, connect: bool| {
        let (url, secret) = text.split_once(',').unwrap_or((text, ""));
        WebhookEndpoint::parse(url, [secret.to_owned()])
            .map(|it| WebhookEndpoint { connect, livemode: live, ..it })
            .map_err(|error| format!("{error}; {text} is not URL,SECRET"))
    };
    let endpoints = (args.webhook.iter().map(|text| endpoint(text, false)))
        .chain(args.connect_webhook.iter().map(|text| endpoint(text, true)))
        .collect::<Result<Vec<_>, _>>()?;
    let chaos = chaos(&args)?;
    let defaults = Config::default();
    let config = Config {
        seed: args.seed,
        secret_key: args.secret_key,
        api_version: args.api_version.unwrap_or_else(|| defaults.api_version.clone()),
        ..defaults
    };
    let key = config.secret_key.clone();

    let address = SocketAddr::from(([127, 0, 0, 1], args.port));
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let simulator = Simulator::start(listener, config).map_err(|error| error.to_string())?;
    simulator.set_chaos(|current| *current = chaos);
    for fault in args.fault {
        simulator.add_fault(fault);
    }
    for endpoint in endpoints {
        simulator.add_endpoint(endpoint);
    }
    say(&format!("simulating Stripe at {} with the key {key}", simulator.base_url()));
    stopped().await.map_err(|error| format!("cannot listen for signals: {error}"))?;
    simulator.shutdown().await;
    Ok(())
}

fn chaos(args: &Args) -> Result<Chaos, String> {
    let mut chaos = Chaos::default();
    for text in &args.chaos {
        match text.split_once('=') {
            Some((name, value)) => chaos.set(name, value).map_err(|error| error.to_string())?,
            None => {
                chaos = Chaos::preset(text).ok_or_else(|| {
                    format!("--chaos {text} is neither calm nor rough nor SETTING=VALUE")
                })?;
            }
        }
    }
    if args.limits == "stripe" {
        chaos.endpoint_rate = Some(STRIPE_ENDPOINT_RATE);
        chaos.account_rate = Some(STRIPE_ACCOUNT_RATE);
    }
    Ok(chaos)
}

/// Ctrl-C, or SIGTERM.
async fn stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            done = tokio::signal::ctrl_c() => done,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// A line on standard error; a closed one is no reason to stop.
fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}
