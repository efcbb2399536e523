//! Whether every event that Stripe lists is here, and whether what is claimed of it is true.

mod duties;
mod listing;
mod missed;
mod roles;
mod verify;
mod watermark;

use quittance::completeness::Sweeper;
use quittance::duties::DutyDone;
use serde_json::Value;

use crate::harness::App;

/// The settings of the sweep, in seconds: the defaults.
const GRACE: u32 = 60;
const SETTLE: u32 = 300;

/// A retry that comes to no end of its attempts while a test looks at it.
const PATIENT: (&str, &str) = ("QUITTANCE__RETRY__MAX_ATTEMPTS", "100000");

/// One run of a sweeper over all accounts, whether they are due or not.
async fn run(app: &App, sweeper: &Sweeper) -> Result<DutyDone, String> {
    app.db.execute("UPDATE quittance.sweep_accounts SET next_at = clock_timestamp()").await;
    sweeper.run().await
}

/// One run of a new sweeper, which must succeed; what it did.
async fn sweep(app: &App) -> String {
    run(app, &app.sweeper()).await.unwrap().detail
}

/// How far an account is: the watermark, in Unix seconds; '' is our own.
async fn complete_until(app: &App, account: &str) -> i64 {
    let query = format!(
        "SELECT extract(epoch FROM complete_until)::bigint FROM quittance.sweep_accounts
         WHERE account = '{account}'"
    );
    app.db.number(&query).await
}

/// The row of an account.
async fn row(app: &App, account: &str) -> Value {
    app.db.json("quittance.sweep_accounts", &format!("account = '{account}'")).await
}

/// Lets so many seconds pass at Stripe.
fn wait(app: &App, seconds: u32) {
    app.stripe().clock().advance(seconds);
}
