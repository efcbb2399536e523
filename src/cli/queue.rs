//! `quittance queue`: the verbs of [`crate::ops::queue`], typed and printed.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::actor::ActorArg;
use super::{format, status, table};
use crate::cli::out;
use crate::config::Role;
use crate::ops::queue::{self, LaneActed, LossAcknowledged, QueuedJob};
use crate::queue::{Lane, Place, QueueError};
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::dead_letter::Actor;

/// `quittance queue ...`
#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// How full it is, and what is paused.
    #[command(after_help = "Example:\n  quittance queue show --json")]
    Show {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Look at the first jobs of a lane. Changes nothing, and never shows a payload.
    #[command(
        after_help = "Examples:\n  quittance queue peek\n  quittance queue peek --lane backfill --place delayed --limit 5 --json"
    )]
    Peek {
        /// The lane.
        #[arg(long, value_enum, default_value = "live")]
        lane: LaneArg,
        /// Where in it.
        #[arg(long, value_enum, default_value = "waiting")]
        place: PlaceArg,
        /// Maximum number of results.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
        limit: u16,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Begin no more jobs of a lane, or of both. What runs, ends; webhooks are still taken.
    #[command(
        after_help = "All workers follow within about a second; so does one that starts later. Nothing is lost\nand no attempt is spent.\n\nExamples:\n  quittance queue pause --lane backfill --reason \"the database is being moved\"\n  quittance queue pause --reason \"wrong key, see incident 12\" --as jane"
    )]
    Pause {
        /// The lane [default: both].
        #[arg(long, value_enum)]
        lane: Option<LaneArg>,
        /// Why; shown wherever the pause is, and kept in the audit log.
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
        #[command(flatten)]
        actor: ActorArg,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Acknowledge that Redis has lost jobs, after their events have been replayed.
    ///
    /// Ends the problem that `quittance status` shows, and the alert QuittanceQueueLost.
    #[command(
        after_help = "Needs DATABASE_URL.\n\nExample:\n  quittance queue acknowledge-loss --reason \"replayed since 03:00, incident 14\" --as jane"
    )]
    AcknowledgeLoss {
        /// Reason, stored in the audit log.
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
        #[command(flatten)]
        actor: ActorArg,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// End the pause of a lane, or of both.
    #[command(
        after_help = "Example:\n  quittance queue resume --reason \"the key is right again\""
    )]
    Resume {
        /// The lane [default: both].
        #[arg(long, value_enum)]
        lane: Option<LaneArg>,
        /// Reason, stored in the audit log.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        actor: ActorArg,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// A lane, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum LaneArg {
    /// Webhooks as they arrive.
    Live,
    /// What was listed, replayed or retried in bulk.
    Backfill,
}

impl From<LaneArg> for Lane {
    fn from(lane: LaneArg) -> Self {
        match lane {
            LaneArg::Live => Self::Live,
            LaneArg::Backfill => Self::Backfill,
        }
    }
}

/// Where a job is, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum PlaceArg {
    /// No worker has it.
    Waiting,
    /// A worker has it: it runs, or is the next to.
    #[value(alias = "running")]
    InHand,
    /// It waits for a later retry.
    Delayed,
}

impl From<PlaceArg> for Place {
    fn from(place: PlaceArg) -> Self {
        match place {
            PlaceArg::Waiting => Self::Waiting,
            PlaceArg::InHand => Self::InHand,
            PlaceArg::Delayed => Self::Delayed,
        }
    }
}

pub(super) async fn run(config: Option<&Path>, command: QueueCommand) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Requeue)?;
    let inspector = parts::inspector(&settings)?;
    let store = parts::store(&settings, "queue")?;
    match command {
        QueueCommand::Show { json } => {
            let queue = queue::show(&inspector).await.map_err(|error| failed(&error))?;
            if json {
                println!("{}", out::json(&queue)?);
            } else {
                print!("The queue {}:", queue.name);
                status::lanes(&queue);
            }
            Ok(Exit::Success)
        }
        QueueCommand::Peek { lane, place, limit, json } => {
            let jobs = queue::peek(&inspector, lane.into(), place.into(), limit.into()).await;
            let jobs = jobs.map_err(|error| failed(&error))?;
            if json {
                println!("{}", json!({ "jobs": jobs }));
            } else {
                list(&jobs);
            }
            Ok(Exit::Success)
        }
        QueueCommand::Pause { lane, reason, actor, json } => {
            let name = actor.name();
            let actor = Actor { name: &name, reason: Some(&reason) };
            let acted = queue::pause(&inspector, &store, &lanes(lane), actor).await;
            Ok(tell(&acted.map_err(|error| failed(&error))?, json, paused))
        }
        QueueCommand::AcknowledgeLoss { reason, actor, json } => {
            let name = actor.name();
            let actor = Actor { name: &name, reason: Some(&reason) };
            let done = queue::acknowledge_loss(&store, inspector.queue(), actor).await;
            let done = done.map_err(|error| {
                Failed::because(Exit::Failure, "the loss could not be acknowledged", &error)
            })?;
            if json {
                println!("{}", out::json(&done)?);
            } else {
                println!("{}", acknowledged(&done));
            }
            Ok(Exit::Success)
        }
        QueueCommand::Resume { lane, reason, actor, json } => {
            let name = actor.name();
            let actor = Actor { name: &name, reason: reason.as_deref() };
            let acted = queue::resume(&inspector, &store, &lanes(lane), actor).await;
            Ok(tell(&acted.map_err(|error| failed(&error))?, json, resumed))
        }
    }
}

fn acknowledged(done: &LossAcknowledged) -> String {
    match &done.loss {
        None => "There is no loss to acknowledge.".to_owned(),
        Some(loss) => {
            let since = format::at(loss.since);
            format!("Acknowledged: events received since {since} had to be replayed.")
        }
    }
}

fn failed(error: &QueueError) -> Failed {
    let what = "the queue could not be read or changed (redis.url)";
    Failed::because(Exit::Failure, what, error)
}

fn lanes(lane: Option<LaneArg>) -> Vec<Lane> {
    lane.map_or_else(|| Lane::ALL.to_vec(), |lane| vec![lane.into()])
}

fn list(jobs: &[QueuedJob]) {
    if jobs.is_empty() {
        println!("No jobs there.");
        return;
    }
    let rows = jobs.iter().map(|job| {
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        let what = match (job.due_in_ms, &job.worker) {
            (Some(due), _) => format!("due in {}", format::span_ms(due)),
            (None, Some(worker)) if job.running => format!("runs at {worker}"),
            (None, Some(worker)) => format!("next at {worker}"),
            (None, None) => "waits".to_owned(),
        };
        vec![
            job.id.clone(),
            format::span_ms(job.age_ms),
            known(&job.event_type),
            known(&job.event),
            job.attempt.to_string(),
            job.deliveries.to_string(),
            what,
        ]
    });
    let heading = ["JOB", "AGE", "EVENT TYPE", "EVENT", "ATTEMPT", "DELIVERIES", ""];
    table::print(&heading.map(table::whole), &rows.collect::<Vec<_>>());
}

fn paused(one: &LaneActed) -> String {
    match (&one.pause, one.changed) {
        (Some(pause), false) => {
            let why = pause.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("was paused before, since {} by {}{why}", format::at(pause.since), pause.by)
        }
        (_, _) => "paused: no job of it begins from now on".to_owned(),
    }
}

fn resumed(one: &LaneActed) -> String {
    match &one.pause {
        Some(pause) => {
            format!("resumed; it was paused since {} by {}", format::at(pause.since), pause.by)
        }
        None => "was not paused".to_owned(),
    }
}

/// A line a lane, and how the program ends.
fn tell(acted: &[LaneActed], as_json: bool, words: fn(&LaneActed) -> String) -> Exit {
    if as_json {
        println!("{}", json!({ "lanes": acted }));
    } else {
        acted.iter().for_each(|one| println!("{}: {}", one.lane, words(one)));
    }
    for one in acted {
        if let Some(why) = &one.not_audited {
            eprintln!("quittance: {}: done, but not in the audit log: {why}", one.lane);
        }
    }
    let noted = acted.iter().all(|one| one.not_audited.is_none());
    if noted { Exit::Success } else { Exit::Partial }
}
