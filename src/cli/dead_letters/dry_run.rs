//! `quittance dead-letters retry --dry-run`: what a retry would find at Stripe. Nothing is written.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::args::Target;
use super::failed;
use crate::cli::exit::{Exit, Failed};
use crate::cli::objects::reconcile::look;
use crate::cli::parts::{self, print_json};
use crate::config::Settings;
use crate::domain::id::{Mode, ObjectId};
use crate::domain::object::Kind;
use crate::ops::dead_letters;
use crate::ops::name::{self, Name};
use crate::reconcile::Reconciler;
use crate::store::Store;
use crate::store::dead_letter::{Filter, Letter, LetterState};

/// Of all that match, so many are looked at, the newest: each costs a request to Stripe.
const LOOKED_AT: u32 = 20;

/// Compares the object of each letter with Stripe, each object once.
pub(super) async fn run(
    settings: &Settings,
    store: &Store,
    target: &Target,
    json: bool,
) -> Result<Exit, Failed> {
    let reconciler = parts::reconciler(settings, store)?;
    let (filter, limit) = if target.ids.is_empty() {
        (target.filter.filter(Some(LetterState::Open)), LOOKED_AT)
    } else {
        (Filter::of(&target.ids), u32::try_from(target.ids.len()).unwrap_or(u32::MAX))
    };
    let letters = dead_letters::list(store, &filter, None, limit).await.map_err(|e| failed(&e))?;
    let mut seen = BTreeSet::new();
    let mut results = Vec::new();
    for letter in &letters {
        if !seen.insert((&letter.object_kind, &letter.object_id, &letter.account, letter.livemode))
        {
            continue;
        }
        if !json {
            println!("dead letter {}:", letter.id);
        }
        let result = one(store, &reconciler, letter, json).await;
        if let (false, Err(why)) = (json, &result) {
            println!("{why}");
        }
        results.push((letter, result));
    }
    if json {
        let all = results.iter().map(|(letter, result)| match result {
            Ok(found) => json!({"id": letter.id, "ok": true, "result": found}),
            Err(why) => json!({"id": letter.id, "ok": false, "error": why}),
        });
        print_json(&json!({"results": all.collect::<Vec<_>>()}))?;
    } else if letters.is_empty() {
        println!("No dead letters match.");
    } else if target.ids.is_empty() && u32::try_from(letters.len()) == Ok(limit) {
        eprintln!("Looked at the newest {limit}; there may be more.");
    }
    Ok(Exit::of_many(results.iter().map(|(_, result)| result.is_ok())))
}

async fn one(
    store: &Store,
    reconciler: &Reconciler,
    letter: &Letter,
    json: bool,
) -> Result<Value, String> {
    if letter.notification.is_some() {
        return Err("a notification: a retry sends it again, and asks Stripe nothing".to_owned());
    }
    let id = letter.object_id.as_deref().and_then(|id| ObjectId::parse(id).ok());
    let name = Name {
        id: id.ok_or("it is not known what it is about")?,
        kind: letter.object_kind.as_deref().and_then(Kind::parse),
        account: letter.account.clone(),
        mode: letter.livemode.map(Mode::from_livemode),
    };
    let subject = name::subject(store, &name, reconciler.mode()).await;
    let subject = subject.map_err(|error| error.to_string())?;
    look(store, reconciler, &subject, json).await
}
