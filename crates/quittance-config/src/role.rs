//! Settings that each role requires.

use super::Settings;
use super::fault::{ConfigError, Fault};
use super::layers::remedy;
use super::variables::conventional;

/// A role: a way to run the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Receives webhooks. Needs Redis, and an endpoint with a secret.
    Ingress,
    /// Runs jobs. Needs Redis, Postgres and a key for Stripe's API.
    Worker,
    /// Migrates the schema. Needs Postgres.
    Migrate,
    /// Reads and annotates the tables. Needs Postgres.
    Ops,
    /// Puts jobs back into the queue. Needs Postgres and Redis.
    Requeue,
    /// Refreshes rows on request. Needs what a worker needs.
    Reconcile,
    /// Serves the operators' pages and API. Needs Postgres and Redis; Stripe's key for actions that call
    /// Stripe's API.
    Admin,
    /// Serves the API that acts on Stripe. Needs Postgres, Redis and a key that may write.
    Api,
    /// Acts on Stripe from the command line. Needs what the API needs.
    Act,
}

impl Role {
    /// `ingress`, `worker`, `migrate`, `ops`, `requeue`, `reconcile`, `admin`, `api`, `act`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Worker => "worker",
            Self::Migrate => "migrate",
            Self::Ops => "ops",
            Self::Requeue => "requeue",
            Self::Reconcile => "reconcile",
            Self::Admin => "admin",
            Self::Api => "api",
            Self::Act => "act",
        }
    }
}

impl Settings {
    /// Checks that the settings that a role requires are set. Their values have been checked before.
    ///
    /// # Errors
    /// All settings that are missing.
    pub fn require(&self, role: Role) -> Result<(), ConfigError> {
        let no_endpoint = self.endpoints.values().all(|endpoint| endpoint.secrets.is_empty());
        let redis = ("redis.url", self.redis.url.is_empty());
        let database = ("database.url", self.database.url.is_empty());
        let key = ("stripe.secret_key", self.stripe.secret_key.is_empty());
        let secrets = ("endpoints.default.secrets", no_endpoint);
        let needed = match role {
            Role::Ingress => vec![redis, secrets],
            Role::Worker | Role::Reconcile | Role::Api | Role::Act => vec![redis, database, key],
            Role::Migrate => vec![database],
            Role::Ops => vec![database],
            Role::Requeue | Role::Admin => vec![redis, database],
        };
        let missing = needed.into_iter().filter(|(_, missing)| *missing);
        let faults: Vec<_> = missing.map(|(key, _)| fault(key, role)).collect();
        if faults.is_empty() { Ok(()) } else { Err(ConfigError { faults }) }
    }
}

fn fault(key: &str, role: Role) -> Fault {
    let who = match role {
        Role::Ingress | Role::Worker | Role::Migrate | Role::Admin | Role::Api => {
            format!("the role {}", role.as_str())
        }
        // Users do not know these names; the message begins with the command that they typed.
        Role::Ops | Role::Requeue | Role::Reconcile | Role::Act => "this command".to_owned(),
    };
    let set = match conventional(key) {
        Some(variable) => format!("Set {variable}, or {key} in a settings file."),
        None => format!("Set {key}."),
    };
    Fault {
        key: key.to_owned(),
        value: None,
        origin: None,
        problem: format!("is not set, and {who} needs it"),
        remedy: format!("{set} {}", remedy(key)),
    }
}
