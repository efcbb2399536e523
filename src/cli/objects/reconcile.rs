//! `quittance reconcile`

use std::path::Path;

use serde_json::{Value, json};

use super::args::ReconcileArgs;
use super::{print, unclear};
use crate::cli::format::plain;
use crate::cli::out::print_json;
use crate::cli::retry::with_retries;
use crate::config::Role;
use crate::domain::object::Subject;
use crate::ops::compare::{self, LookError};
use crate::ops::name::{self, NameError};
use crate::ops::reconcile::{self, ReconcileError};
use crate::reconcile::Reconciler;
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::Store;
use crate::store::dead_letter::Actor;

pub(in crate::cli) async fn run(
    config: Option<&Path>,
    args: ReconcileArgs,
) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Reconcile)?;
    let store = parts::store(&settings, "reconcile")?;
    let reconciler = parts::reconciler(&settings, &store)?;
    let names = args.ids.iter().map(|id| args.place.name(id, args.kind));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let name = args.actor.name();
    let actor = Actor { name: &name, reason: args.reason.as_deref() };
    let mut results = Vec::new();
    let mut in_the_way = None;
    for name in &names {
        let id = name.id.as_str();
        let result = match name::subject(&store, name, reconciler.mode()).await {
            // Without Postgres the others fail, too.
            Err(error @ NameError::Store(_)) => return Err(unclear(error)),
            Err(error) => Err(Failed::new(Exit::Failure, unclear(error).to_string())),
            Ok(subject) if args.dry_run => look(&store, &reconciler, &subject, args.json).await,
            Ok(subject) => act(&store, &reconciler, subject, actor, args.json).await,
        };
        let result = result.map_err(|failed| {
            in_the_way = in_the_way.or(failed.trouble);
            failed.to_string()
        });
        if let (false, Err(why)) = (args.json, &result) {
            println!("{id}: {why}");
        }
        results.push((id, result));
    }
    if args.json {
        let all = results.iter().map(|(id, result)| match result {
            Ok(done) => json!({"id": id, "ok": true, "result": done}),
            Err(why) => json!({"id": id, "ok": false, "error": why}),
        });
        print_json(&json!({"results": all.collect::<Vec<_>>()}))?;
    }
    let exit = Exit::of_many(results.iter().map(|(_, result)| result.is_ok()));
    in_the_way.map_or(Ok(exit), |trouble| Err(Failed::of_many(exit, trouble)))
}

/// The JSON of a result.
type Printed = Result<Value, Failed>;

async fn look(store: &Store, reconciler: &Reconciler, subject: &Subject, json: bool) -> Printed {
    let look = async || compare::compare(store, reconciler, subject, None).await;
    let found = with_retries(look, LookError::failure).await;
    let found = found.map_err(|error| Failed::of_one(&error))?;
    if !json {
        print::comparison(&found);
    }
    serde_json::to_value(&found).map_err(|error| Failed::of_one(&error))
}

async fn act(
    store: &Store,
    reconciler: &Reconciler,
    subject: Subject,
    actor: Actor<'_>,
    json: bool,
) -> Printed {
    let act = async || reconcile::reconcile(store, reconciler, subject.clone(), actor).await;
    let done = with_retries(act, ReconcileError::failure).await;
    let done = done.map_err(|error| Failed::of_one(&error))?;
    if !json {
        println!("{}: {}", plain(&done.object.id), print::reconciled(&done));
    }
    serde_json::to_value(&done).map_err(|error| Failed::of_one(&error))
}
