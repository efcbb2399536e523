//! `/commands`: what was asked of Stripe, and what an operator decides about what is dead.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use uuid::Uuid;

use super::page;
use super::payments::command_rows;
use crate::admin::fault::{conflict, missing, postgres, wrong};
use crate::admin::frame::Frame;
use crate::admin::input::{Asked, Changing, Fields, limit, way_back};
use crate::admin::refusal::Refused;
use crate::admin::state::Admin;
use crate::admin::view;
use crate::commands::{
    self, CommandFilter, CommandState, CommandSummary, CommandView, Decided, Vocabulary as _,
};
use crate::http::Problem;

/// Dead commands that are shown before the others; of more, the newest.
const DEAD_SHOWN: u32 = 50;

/// Which commands.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CommandsQuery {
    state: Option<String>,
    caller: Option<String>,
    target: Option<String>,
    before: Option<Uuid>,
    limit: Option<u32>,
}

#[derive(Template)]
#[template(path = "commands.html")]
struct List {
    frame: Frame,
    query: CommandsQuery,
    given: Fields,
    /// Those that wait for an operator, where nothing was filtered.
    dead: Vec<CommandSummary>,
    found: Vec<CommandSummary>,
    /// Where the next page begins.
    next: Option<Uuid>,
}

impl List {
    fn is_filtered(&self) -> bool {
        let CommandsQuery { state, caller, target, .. } = &self.query;
        [state, caller, target].iter().any(|field| field.is_some())
    }

    fn states(&self) -> Vec<&'static str> {
        CommandState::WORDS.iter().map(|state| state.word()).collect()
    }

    fn is_state(&self, word: &str) -> bool {
        self.query.state.as_deref() == Some(word)
    }
}

/// `GET /commands`: newest first, and before them those that are dead.
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    asked: Asked<CommandsQuery>,
) -> Result<Response, Refused> {
    let Asked { query, given } = asked;
    let state = query.state.as_deref().map(state_of).transpose()?;
    let filter = CommandFilter {
        state,
        caller: query.caller.as_deref(),
        target: query.target.as_deref(),
        before: query.before,
    };
    let most = limit(query.limit)?;
    let store = &admin.context.store;
    let mut found = store.list_commands(&filter, most.saturating_add(1)).await.map_err(postgres)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).map(|last| last.id);
    let summaries = |all: &[_]| all.iter().map(CommandView::from).collect::<Vec<_>>();
    let mut list = List {
        found: summaries(&found).iter().map(CommandSummary::from).collect(),
        frame,
        query,
        given,
        dead: Vec::new(),
        next,
    };
    if !list.is_filtered() && list.query.before.is_none() {
        let filter = CommandFilter { state: Some(CommandState::Dead), ..CommandFilter::default() };
        let dead = store.list_commands(&filter, DEAD_SHOWN).await.map_err(postgres)?;
        list.dead = summaries(&dead).iter().map(CommandSummary::from).collect();
    }
    Ok(page(&list))
}

fn state_of(word: &str) -> Result<CommandState, Problem> {
    CommandState::from_word(word)
        .ok_or_else(|| wrong(format!("`{word}` is no state of a command.")))
}

#[derive(Template)]
#[template(path = "command.html")]
struct One {
    frame: Frame,
    it: CommandView,
}

impl One {
    fn is_dead(&self) -> bool {
        self.it.state == "dead"
    }

    /// Whether something may still become of it by itself.
    fn is_moving(&self) -> bool {
        matches!(self.it.state, "accepted" | "sent" | "unknown")
    }

    fn amount(&self) -> Option<String> {
        let currency = self.it.currency.as_deref();
        self.it.amount.map(|amount| commands::written(amount, currency))
    }

    /// What its state means, and what happens next.
    fn meaning(&self) -> &'static str {
        match self.it.state {
            "accepted" => {
                "Stripe has not received it yet. A process of quittance api, or this server, sends it, and gives \
                 it up as refused after api.unsent_for."
            }
            "sent" => "It was sent, and Stripe’s answer is awaited.",
            "unknown" => {
                "Stripe may have carried it out: its answer was lost, or was an error. It is being looked up, and \
                 sent again only if that cannot do it twice. There is nothing to do."
            }
            "done" => "Stripe has carried it out.",
            "refused" => {
                "It was refused, and had no effect; a payment that was declined exists all the same."
            }
            _ => {
                "What became of it could not be found out. Look in Stripe’s dashboard for an object with the \
                 metadata below."
            }
        }
    }
}

/// `GET /commands/{id}`
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let found = admin.context.store.command(id_of(&id)?).await.map_err(postgres)?;
    let found = found.ok_or_else(|| missing(format!("There is no command {id}.")))?;
    Ok(page(&One { frame, it: CommandView::from(&found) }))
}

fn id_of(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|_| missing(format!("There is no command {text}.")))
}

/// `POST /commands/{id}/retry`: has a dead command looked up once more.
pub(super) async fn retry(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    form: Changing,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let reason = form.fields.get("reason");
    let done = commands::retry_dead(&admin.context.store, id, &form.who, reason).await;
    decided(id, done.map_err(postgres)?)
}

/// `POST /commands/{id}/abandon`: closes a dead command that had no effect.
pub(super) async fn abandon(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    form: Changing,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let back = way_back(&form.fields, "back");
    let reason = form.fields.need("reason", "The reason, for the audit log,");
    let reason = reason.map_err(|problem| Refused::from(problem).of_form(back))?;
    let done = commands::abandon_dead(&admin.context.store, id, &form.who, reason).await;
    decided(id, done.map_err(postgres)?)
}

fn decided(id: Uuid, done: Decided) -> Result<Response, Refused> {
    match done {
        Decided::Done => Ok(Redirect::to(&format!("/commands/{id}")).into_response()),
        Decided::NotDead => {
            Err(conflict("not_dead", "This command is not dead: its page says what became of it.")
                .into())
        }
    }
}
