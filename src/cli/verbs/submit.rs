//! One verb, carried out: the same for all of them.

use std::path::Path;

use uuid::Uuid;

use super::args::{DefaultKey, How, Request};
use super::fields::read_data;
use super::print;
use crate::card_data::CardDataGuard;
use crate::cli::api;
use crate::commands::{Caller, CommandError, CommandReply, Commands, Person, Problem};
use crate::config::Role;
use crate::domain::command::command_params::CommandParams;
use crate::domain::failure::Class;
use crate::roles::exit::{Exit, Failed, Trouble, exit_of_store};
use crate::roles::{parts, server};

/// A request that has been read, and its key.
struct Asked {
    commands: Commands,
    caller: Caller,
    key: String,
    target: Option<String>,
    params: CommandParams,
    json: bool,
}

/// Reads a request as strictly as the API does, and previews it or carries it out.
pub(super) async fn run(config: Option<&Path>, request: Request, how: How) -> Result<Exit, Failed> {
    let data = how.data.as_deref().map(read_data).transpose();
    let data = data.map_err(|error| Failed::new(Exit::Failure, format!("--data: {error}")))?;
    let settings = parts::settings_and_log(config, Role::Act)?;
    let Request { kind, target, fields, default_key } = request;
    let person = Person { name: how.actor.name(), reason: how.audit_reason };

    // The arguments have been searched for card data when they were read; the parameters are here, because
    // --data may name a file.
    let guard = CardDataGuard::new(&settings.api.card_data_exempt);
    let body = fields.joined(data.as_deref());
    let body = body.map_err(|error| Failed::new(Exit::Failure, format!("--data: {error}")))?;
    let params = match crate::api::read_params(kind, body.as_bytes(), &guard) {
        Ok(params) => params,
        Err(problem) => return refused(how.json, None, *problem),
    };

    let store = parts::store(&settings, "commands")?;
    let commands = api::commands(&settings, &store)?;
    server::fitting(&settings).await?;
    let caller = Caller::by_hand("cli", person);
    let (key, is_made) = match (how.idempotency_key, default_key) {
        (Some(key), _) => (key, false),
        (None, DefaultKey::Random) => (Uuid::new_v4().to_string(), true),
        (None, DefaultKey::OfRequest) => {
            let key = commands.key_of_request(&caller, target.as_deref(), &params).await;
            (key.map_err(|error| not_asked(&error))?, true)
        }
    };
    let asked = Asked { commands, caller, key, target, params, json: how.json };
    if how.dry_run {
        return asked.preview().await;
    }
    if is_made {
        // Before Stripe is asked: whoever loses the answer can repeat the request.
        eprintln!(
            "Idempotency key: {} (made for this request; --idempotency-key repeats it)",
            asked.key
        );
    }
    let mut done = asked.submit().await;
    if let Some(patience) = how.wait {
        let open = match &done {
            Ok(reply) if reply.is_open() => Some(reply.command),
            Err(CommandError::InProgress { command }) => Some(*command),
            Ok(_) | Err(_) => None,
        };
        if let Some(command) = open {
            done = asked.commands.wait_for(command, patience).await;
        }
    }
    asked.report(done)
}

impl Asked {
    async fn preview(&self) -> Result<Exit, Failed> {
        let target = self.target.as_deref();
        let preview = self.commands.preview(&self.caller, &self.key, target, &self.params).await;
        print::preview(&self.key, &preview.map_err(|error| not_asked(&error))?, self.json)
    }

    async fn submit(&self) -> Result<CommandReply, CommandError> {
        let target = self.target.as_deref();
        self.commands.submit(&self.caller, &self.key, target, self.params.clone()).await
    }

    fn report(&self, done: Result<CommandReply, CommandError>) -> Result<Exit, Failed> {
        match done {
            Ok(reply) if reply.is_open() => print::open(&self.key, &reply, self.json),
            Ok(reply) if reply.status < 400 => print::done(&self.key, &reply, self.json),
            Ok(reply) => print::refused(Some(&self.key), &reply.body, reply.replayed, self.json),
            Err(CommandError::InProgress { command }) => {
                print::in_progress(&self.key, command, self.json)
            }
            Err(
                error @ (CommandError::Stripe(_) | CommandError::Store(_) | CommandError::Busy),
            ) => {
                let hint = format!("--idempotency-key {} repeats it", self.key);
                Err(not_asked(&error).but(&[hint]))
            }
            Err(error) => refused(self.json, Some(&self.key), Problem::from(&error)),
        }
    }
}

/// Refused before there was a command.
fn refused<T>(json: bool, key: Option<&str>, problem: Problem) -> Result<T, Failed> {
    let body = serde_json::to_value(&problem).unwrap_or_default();
    print::refused(key, &body, false, json)
}

/// A rule could not be checked, or a server did not answer: this run has sent nothing to Stripe.
fn not_asked(error: &CommandError) -> Failed {
    match error {
        CommandError::Store(error) => {
            let what = "the database did not answer, so nothing was sent to Stripe";
            Failed::because(exit_of_store(error), what, error)
        }
        CommandError::Stripe(failure) => {
            let trouble = match failure.class {
                Class::Unavailable(server) => Some(Trouble { server, refused: false }),
                Class::Misconfigured(server) => Some(Trouble { server, refused: true }),
                Class::Permanent
                | Class::Transient
                | Class::RateLimited { .. }
                | Class::TooEarly { .. } => None,
            };
            let mut failed = Failed::new(Exit::Failure, format!("{error}; no command was sent"));
            failed.trouble = trouble;
            failed
        }
        CommandError::Breach(_)
        | CommandError::NotFound { .. }
        | CommandError::KeyReused { .. }
        | CommandError::InProgress { .. }
        | CommandError::OverLimit { .. }
        | CommandError::OtherCurrency { .. }
        | CommandError::Busy => Failed::new(Exit::Failure, error.to_string()),
    }
}
