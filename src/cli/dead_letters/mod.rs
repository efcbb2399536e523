//! `quittance dead-letters`: [`crate::ops::dead_letters`] on the command line.

mod args;
mod bulk;
mod dry_run;
mod print;
mod shown;

pub(super) use args::DeadLettersCommand;
pub(super) use bulk::{bar, finish, type_count, watch};

use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;

use self::args::{Discard, How, Retry, Snooze, Target, Undo};
use self::bulk::Asked;
use self::print::{failed, refused};
use crate::cli::out;
use crate::config::Role;
use crate::ops::dead_letters::{self, DeadLetterResult};
use crate::queue::Producer;
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::Store;
use crate::store::dead_letter::{Act, Actor, DeadLetterState};

pub(super) async fn run(
    config: Option<&Path>,
    command: DeadLettersCommand,
) -> Result<Exit, Failed> {
    let role = match &command {
        DeadLettersCommand::Retry(Retry { dry_run: true, .. }) => Role::Reconcile,
        DeadLettersCommand::Retry(_) => Role::Requeue,
        DeadLettersCommand::Groups(_)
        | DeadLettersCommand::List(_)
        | DeadLettersCommand::Show(_)
        | DeadLettersCommand::Discard(_)
        | DeadLettersCommand::Snooze(_)
        | DeadLettersCommand::Undo(_) => Role::Ops,
    };
    let settings = parts::settings_and_log(config, role)?;
    let store = parts::store(&settings, "dead-letters")?;
    match command {
        DeadLettersCommand::Groups(it) => {
            let filter = it.filter.filter(Some(DeadLetterState::Open));
            let groups = dead_letters::groups(&store, &filter).await.map_err(|e| failed(&e))?;
            print::groups(&groups, filter.is_narrow(), it.json);
            Ok(Exit::Success)
        }
        DeadLettersCommand::List(it) => {
            let filter = it.filter.filter(Some(DeadLetterState::Open));
            let dead_letters = dead_letters::list(&store, &filter, it.before, it.limit);
            let dead_letters = dead_letters.await.map_err(|e| failed(&e))?;
            print::list(&dead_letters, it.limit, filter.is_narrow(), &it.output);
            Ok(Exit::Success)
        }
        DeadLettersCommand::Show(it) => {
            let shown = dead_letters::show(&store, it.id, it.payload).await;
            let Some(shown) = shown.map_err(|e| failed(&e))? else {
                let text = format!(
                    "there is no dead letter {}; `quittance dead-letters list --state any` lists them",
                    it.id
                );
                return Err(Failed::new(Exit::Failure, text));
            };
            if it.json {
                out::print_json(&shown)?;
            } else {
                shown::print(&shown);
            }
            Ok(Exit::Success)
        }
        DeadLettersCommand::Retry(Retry { dry_run: true, target, how, .. }) => {
            let reconciler = parts::reconciler(&settings, &store)?;
            dry_run::run(&store, &reconciler, &target, how.json).await
        }
        DeadLettersCommand::Retry(Retry { target, over, reason, how, dry_run: false }) => {
            let producer = parts::producer(&settings)?;
            act(&store, Some(&producer), Act::Retry, over, target, reason, how).await
        }
        DeadLettersCommand::Discard(Discard { target, reason, how }) => {
            act(&store, None, Act::Discard, None, target, Some(reason), how).await
        }
        DeadLettersCommand::Snooze(Snooze { target, length, until, reason, how }) => {
            let until = until.unwrap_or_else(|| in_future(length.unwrap_or_default()));
            act(&store, None, Act::Snooze { until }, None, target, reason, how).await
        }
        DeadLettersCommand::Undo(Undo { target, reason, how }) => {
            act(&store, None, Act::Undo, None, target, reason, how).await
        }
    }
}

/// Acts on dead letters that are named by id, one by one, or on all that match, as an operation.
async fn act(
    store: &Store,
    producer: Option<&Producer>,
    act: Act,
    over: Option<Duration>,
    target: Target,
    reason: Option<String>,
    how: How,
) -> Result<Exit, Failed> {
    let name = how.actor.name();
    let actor = Actor { name: &name, reason: reason.as_deref() };
    let filter = target.filter()?;
    if target.ids.is_empty() {
        let asked = Asked { act, filter: &filter, over, actor, yes: how.yes, json: how.json };
        return bulk::begin(store, producer, &asked).await;
    }
    let results = one_by_one(store, producer, act, over.unwrap_or_default(), &target, actor).await;
    Ok(print::results(&results?, how.json))
}

async fn one_by_one(
    store: &Store,
    producer: Option<&Producer>,
    act: Act,
    over: Duration,
    target: &Target,
    actor: Actor<'_>,
) -> Result<Vec<DeadLetterResult>, Failed> {
    let ids = &target.ids;
    let results = match (act, producer) {
        (Act::Retry, Some(producer)) => {
            dead_letters::retry(store, producer, ids, over, actor).await
        }
        (Act::Retry, None) => {
            return Err(Failed::new(Exit::Failure, "a retry needs the queue (redis.url)"));
        }
        (Act::Discard, _) => dead_letters::discard(store, ids, actor).await,
        (Act::Snooze { until }, _) => dead_letters::snooze(store, ids, until, actor).await,
        (Act::Undo, _) => dead_letters::undo(store, ids, actor).await,
    };
    results.map_err(|error| refused(&error))
}

fn in_future(length: Duration) -> OffsetDateTime {
    let length = time::Duration::try_from(length).unwrap_or(time::Duration::MAX);
    OffsetDateTime::now_utc().saturating_add(length)
}
