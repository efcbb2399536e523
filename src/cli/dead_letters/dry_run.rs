//! `quittance dead-letters retry --dry-run`

use super::args::Target;
use super::print::failed;
use crate::cli::objects::print;
use crate::cli::out::print_json;
use crate::ops::dead_letters::{self, DryRunError};
use crate::reconcile::Reconciler;
use crate::roles::exit::{Exit, Failed};
use crate::store::Store;
use crate::store::dead_letter::Filter;

pub(super) async fn run(
    store: &Store,
    reconciler: &Reconciler,
    target: &Target,
    as_json: bool,
) -> Result<Exit, Failed> {
    let filter = target.filter()?;
    let named = (!target.ids.is_empty()).then(|| target.ids.clone());
    let filter = Filter { ids: named, ..filter };
    let found = dead_letters::dry_run(store, reconciler, &filter).await;
    let found = found.map_err(|error| match error {
        DryRunError::NoSuchDeadLetter(_) => Failed::new(Exit::Failure, error.to_string()),
        DryRunError::Store(error) => failed(&error),
    })?;
    if as_json {
        print_json(&found)?;
    } else {
        for one in &found.dry_run {
            println!("dead letter {}", one.id);
            match (&one.comparison, &one.error) {
                (Some(comparison), _) => print::comparison(comparison),
                (None, Some(why)) => println!("{why}"),
                (None, None) => {}
            }
            println!();
        }
        println!(
            "{} of {} compared with Stripe; nothing was changed.",
            found.dry_run.len(),
            found.count
        );
    }
    Ok(Exit::of_many(found.dry_run.iter().map(|one| one.comparison.is_some())))
}
