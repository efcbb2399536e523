//! `quittance dead-letters retry --dry-run`

use serde_json::json;

use super::args::Target;
use super::{failed, selection};
use crate::cli::exit::{Exit, Failed};
use crate::cli::objects::tell;
use crate::cli::parts::print_json;
use crate::ops::dead_letters;
use crate::ops::operations;
use crate::reconcile::Reconciler;
use crate::store::Store;
use crate::store::dead_letter::{ActWord, Filter, Letter};

/// Letters that are looked at where a filter names them. Each is a request to Stripe.
const MOST: u32 = 20;

pub(super) async fn run(
    store: &Store,
    reconciler: &Reconciler,
    target: &Target,
    as_json: bool,
) -> Result<Exit, Failed> {
    let (count, letters) = letters(store, target).await?;
    let found = dead_letters::dry_run(store, reconciler, &letters).await;
    let found = found.map_err(|error| failed(&error))?;
    if as_json {
        print_json(&json!({ "count": count, "dry_run": found }))?;
    } else {
        for one in &found {
            println!("dead letter {}", one.id);
            match (&one.comparison, &one.error) {
                (Some(comparison), _) => tell::comparison(comparison),
                (None, Some(why)) => println!("{why}"),
                (None, None) => {}
            }
            println!();
        }
        println!("{} of {count} looked at; nothing was changed.", found.len());
    }
    Ok(Exit::of_many(found.iter().map(|one| one.comparison.is_some())))
}

/// How many are meant, and those to look at.
async fn letters(store: &Store, target: &Target) -> Result<(i64, Vec<Letter>), Failed> {
    let filter = selection(target)?;
    if target.ids.is_empty() {
        let preview = operations::preview(store, ActWord::Retry, &filter).await;
        let preview = preview.map_err(|error| failed(&error))?;
        let letters = dead_letters::list(store, &preview.selection, None, MOST).await;
        return Ok((preview.count, letters.map_err(|error| failed(&error))?));
    }
    let named = Filter { ids: Some(target.ids.clone()), ..filter };
    let most = u32::try_from(target.ids.len()).unwrap_or(u32::MAX);
    let letters = dead_letters::list(store, &named, None, most).await;
    let letters = letters.map_err(|error| failed(&error))?;
    if let Some(id) = target.ids.iter().find(|id| !letters.iter().any(|it| it.id == **id)) {
        return Err(Failed::new(Exit::Failure, format!("there is no dead letter {id}")));
    }
    Ok((i64::from(most), letters))
}
