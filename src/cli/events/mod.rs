//! `quittance events`: [`crate::ops::events`] and [`crate::ops::replay`] on the command line.

pub(super) mod args;

use std::path::Path;

use serde::Serialize;

use args::{EventsCommand, ListArgs, ReplayArgs};

use super::format::{at, plain};
use super::objects::print;
use super::out::print_json;
use super::retry::with_retries;
use super::{delays, table};
use crate::config::Role;
use crate::ops::events::{self, EventPage, EventShown, ListError};
use crate::ops::replay::{self, Replay, ReplayError, Replayed};
use crate::ops::timeline::{Happening, Moment};
use crate::roles::exit::exit_of_store;
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::StoreError;
use crate::store::dead_letter::Actor;
use crate::store::ledger::EventFilter;

pub(super) async fn run(config: Option<&Path>, command: EventsCommand) -> Result<Exit, Failed> {
    match command {
        EventsCommand::List(args) => list(config, *args).await,
        EventsCommand::Show { id, json } => show(config, &id, json).await,
        EventsCommand::Replay(args) => replay(config, args).await,
    }
}

async fn list(config: Option<&Path>, args: ListArgs) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ops)?;
    let store = parts::store(&settings, "events")?;
    let mode = args.place.mode();
    let filter = EventFilter {
        event_type: args.event_type,
        object: args.object,
        account: args.place.account,
        mode,
        status: args.status,
        outcome: args.outcome,
        since: args.since,
        until: args.until,
    };
    let page = events::list(&store, &filter, args.before.as_deref(), args.limit).await;
    let page = page.map_err(|error| match error {
        ListError::NoSuchEvent(_) => Failed::new(Exit::Failure, error.to_string()),
        ListError::Store(error) => failed(&error),
    })?;
    if args.output.json {
        print_json(&page)?;
    } else if args.output.ids {
        page.events.iter().for_each(|event| println!("{}", event.id));
    } else if page.events.is_empty() {
        let all = filter == EventFilter::default() && args.before.is_none();
        println!("{}", if all { "No events have been processed yet." } else { "No events match." });
    } else {
        print_page(&page);
    }
    Ok(Exit::Success)
}

fn print_page(page: &EventPage) {
    let rows: Vec<_> = page
        .events
        .iter()
        .map(|event| {
            vec![
                at(event.received_at),
                event.id.clone(),
                event.event_type.clone().unwrap_or_else(|| "?".to_owned()),
                event.object_id.clone().unwrap_or_default(),
                event.status.clone(),
                event.outcome.clone().unwrap_or_default(),
                event.attempts.to_string(),
            ]
        })
        .collect();
    let heading = ["RECEIVED", "EVENT", "TYPE", "OBJECT", "STATUS", "OUTCOME", "ATTEMPTS"];
    table::print(&heading.map(table::whole), &rows);
    if let Some(next) = &page.next {
        println!("\nThere are more: --before {next}");
    }
}

async fn show(config: Option<&Path>, id: &str, json: bool) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ops)?;
    let store = parts::store(&settings, "events")?;
    let Some(shown) = events::show(&store, id).await.map_err(|e| failed(&e))? else {
        let text = format!(
            "nothing is stored about the event {id}: it was never received, it waits in the queue for its first \
             attempt, or its retention has passed. `quittance events replay {id}` fetches it from Stripe"
        );
        return Err(Failed::new(Exit::Failure, text).but(&delays::look(&settings).await));
    };
    if json {
        print_json(&shown)?;
    } else {
        print_shown(shown);
    }
    Ok(Exit::Success)
}

fn print_shown(shown: EventShown) {
    let kind = shown.event.as_ref().and_then(|event| event.event_type.clone());
    let kind = kind.or_else(|| shown.attempts.iter().find_map(|it| it.event_type.clone()));
    let kind = kind.as_deref().unwrap_or("of an unknown type");
    println!("{}  {}", plain(&shown.id), plain(kind));
    let mut facts = Vec::new();
    match &shown.event {
        None => facts
            .push(("status", "not processed yet: it is in the queue and will be retried".into())),
        Some(event) => {
            let settled = event.settled_at.map(|then| format!(" at {}", at(then)));
            let outcome = event.outcome.as_deref().map(|o| format!(", {o}")).unwrap_or_default();
            let ended = format!("{}{outcome}{}", event.status, settled.unwrap_or_default());
            facts.push(("status", ended));
            facts.push((
                "received",
                format!("{} by endpoint {}", at(event.received_at), event.endpoint),
            ));
            if let Some(created) = event.created {
                facts.push(("created", at(created)));
            }
            let version = event.api_version.clone();
            facts.push(("api version", version.unwrap_or_else(|| "none: a thin event".to_owned())));
        }
    }
    if let Some(object) = &shown.object {
        facts.push(("object", print::key(object)));
    }
    print::facts(&facts);
    let mut moments: Vec<Moment> = Vec::new();
    moments.extend(shown.attempts.into_iter().map(|it| Moment::from(Happening::Attempt(it))));
    moments
        .extend(shown.dead_letters.into_iter().map(|it| Moment::from(Happening::DeadLetter(it))));
    moments.extend(shown.acts.into_iter().map(|it| Moment::from(Happening::Act(it))));
    moments.sort_by_key(|moment| moment.at);
    print::moments(&moments);
}

/// The result of one event of a replay.
#[derive(Serialize)]
struct ReplayResult {
    event: String,
    ok: bool,
    result: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<Replayed>,
}

async fn replay(config: Option<&Path>, args: ReplayArgs) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Reconcile)?;
    let store = parts::store(&settings, "events")?;
    let producer = parts::producer(&settings)?;
    let reconciler = parts::reconciler(&settings, &store)?;
    let name = args.actor.name();
    let actor = Actor { name: &name, reason: args.reason.as_deref() };
    let mut results = Vec::new();
    let mut in_the_way = None;
    for id in args.ids {
        let wanted = Replay { id, account: args.place.connected(), mode: args.place.mode() };
        let replay = async || replay::replay(&store, &producer, &reconciler, &wanted, actor).await;
        let result = with_retries(replay, ReplayError::failure).await;
        let event = wanted.id.as_str().to_owned();
        let line = match result {
            Ok(replayed) => {
                ReplayResult { event, ok: true, result: words(&replayed), replayed: Some(replayed) }
            }
            Err(error) => {
                let failed = Failed::of_one(&error);
                in_the_way = in_the_way.or(failed.trouble);
                ReplayResult { event, ok: false, result: failed.to_string(), replayed: None }
            }
        };
        if !args.json {
            println!("{}: {}", line.event, line.result);
        }
        results.push(line);
    }
    if args.json {
        print_json(&serde_json::json!({ "results": results }))?;
    }
    let exit = Exit::of_many(results.iter().map(|line| line.ok));
    in_the_way.map_or(Ok(exit), |trouble| Err(Failed::of_many(exit, trouble)))
}

fn words(replayed: &Replayed) -> String {
    match replayed {
        Replayed::Enqueued { was: Some(was), .. } => {
            format!("fetched from Stripe and queued in the backfill lane; its status was {was}")
        }
        Replayed::Enqueued { was: None, .. } => {
            "fetched from Stripe and queued in the backfill lane; it was not in the event log"
                .to_owned()
        }
        Replayed::Reconciled { reconciled, .. } => {
            format!(
                "already processed, so its object was reconciled: {}",
                print::reconciled(reconciled)
            )
        }
    }
}

fn failed(error: &StoreError) -> Failed {
    Failed::because(exit_of_store(error), "the event log could not be read", error)
}
