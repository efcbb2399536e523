//! `quittance queue`: [`crate::ops::queue`] on the command line.

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
    /// Show the number of jobs per lane (priority queue), the lag, and which lanes are paused.
    #[command(
        after_help = "WAITING: not claimed by a worker. CLAIMED: fetched by a worker, running or prefetched. RUNNING: an\nattempt is in progress. OLDEST: age of the oldest job, without those that wait for a retry.\n\nExample:\n  quittance queue show --json"
    )]
    Show {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// List the first jobs of a lane, without their payloads. Changes nothing.
    #[command(
        after_help = "Examples:\n  quittance queue peek\n  quittance queue peek --lane backfill --place delayed --limit 5 --json"
    )]
    Peek {
        /// The lane.
        #[arg(long, value_enum, default_value = "live")]
        lane: LaneArg,
        /// The state of the jobs.
        #[arg(long, value_enum, default_value = "waiting")]
        place: PlaceArg,
        /// Maximum number of results.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
        limit: u16,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Pause one lane, or both: running jobs finish, no new job starts. Webhooks are still accepted and queued.
    #[command(
        after_help = "Takes effect in all workers within about a second, also in those that start later. No job is lost, and no\nattempt is used up.\n\nExamples:\n  quittance queue pause --lane backfill --reason \"the database is being moved\"\n  quittance queue pause --reason \"wrong key, see incident 12\" --as jane"
    )]
    Pause {
        /// The lane [default: both].
        #[arg(long, value_enum)]
        lane: Option<LaneArg>,
        /// Reason, shown with the pause and stored in the audit log.
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
        #[command(flatten)]
        actor: ActorArg,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Acknowledge that Redis has lost jobs, after you have replayed their events.
    ///
    /// Clears the problem that `quittance status` shows, and the alert QuittanceQueueLost.
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
    /// Resume a paused lane, or both.
    #[command(after_help = "Example:\n  quittance queue resume --reason \"the key is fixed\"")]
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
    /// Replays and bulk retries.
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

/// The state of a job, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum PlaceArg {
    /// Not claimed by a worker.
    Waiting,
    /// Claimed by a worker: running, or prefetched to run next.
    #[value(alias = "running")]
    Claimed,
    /// It waits for a later retry.
    Delayed,
}

impl From<PlaceArg> for Place {
    fn from(place: PlaceArg) -> Self {
        match place {
            PlaceArg::Waiting => Self::Waiting,
            PlaceArg::Claimed => Self::InHand,
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
            Ok(print_acted(&acted.map_err(|error| failed(&error))?, json, paused))
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
            Ok(print_acted(&acted.map_err(|error| failed(&error))?, json, resumed))
        }
    }
}

fn acknowledged(done: &LossAcknowledged) -> String {
    match &done.loss {
        None => "There are no lost jobs to acknowledge.".to_owned(),
        Some(loss) => {
            let since = format::at(loss.since);
            format!("Acknowledged: events received since {since} needed a replay.")
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
        println!("No jobs in this state.");
        return;
    }
    let rows = jobs.iter().map(|job| {
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        let what = match (job.due_in_ms, &job.worker) {
            (Some(due), _) => format!("due in {}", format::span_ms(due)),
            (None, Some(worker)) if job.running => format!("running on {worker}"),
            (None, Some(worker)) => format!("prefetched by {worker}"),
            (None, None) => "waiting".to_owned(),
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
            format!("was already paused, since {} by {}{why}", format::at(pause.since), pause.by)
        }
        (_, _) => "paused: no new job starts".to_owned(),
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

/// Prints one line per lane, and returns the exit code.
fn print_acted(acted: &[LaneActed], as_json: bool, words: fn(&LaneActed) -> String) -> Exit {
    if as_json {
        println!("{}", json!({ "lanes": acted }));
    } else {
        acted.iter().for_each(|one| println!("{}: {}", one.lane, words(one)));
    }
    for one in acted {
        if let Some(why) = &one.not_audited {
            eprintln!("quittance: {}: done, but not recorded in the audit log: {why}", one.lane);
        }
    }
    let noted = acted.iter().all(|one| one.not_audited.is_none());
    if noted { Exit::Success } else { Exit::Partial }
}
