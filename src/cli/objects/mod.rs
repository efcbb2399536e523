//! `quittance objects` and `quittance reconcile`: [`crate::ops::objects`], [`crate::ops::compare`]
//! and [`crate::ops::reconcile`] on the command line.

pub(super) mod args;
pub(super) mod print;
pub(super) mod reconcile;

use std::path::Path;

use args::{ListArgs, ObjectsCommand, ShowArgs};

use super::delays;
use super::format::{argument, at, plain};
use super::out::print_json;
use super::table::{self, whole};
use crate::config::{Role, Settings};
use crate::domain::object::Kind;
use crate::ops::dead_letters;
use crate::ops::name::NameError;
use crate::ops::objects::{self, FindError, ObjectPage, ObjectShown};
use crate::roles::exit::exit_of_store;
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::object::ObjectFilter;
use crate::store::{Store, StoreError};

pub(super) async fn run(config: Option<&Path>, command: ObjectsCommand) -> Result<Exit, Failed> {
    match command {
        ObjectsCommand::List(args) => list(config, *args).await,
        ObjectsCommand::Show(args) => show(config, args).await,
    }
}

async fn list(config: Option<&Path>, args: ListArgs) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ops)?;
    let store = parts::store(&settings, "objects")?;
    let mode = args.place.mode();
    let filter = ObjectFilter {
        customer: args.customer,
        metadata: args.metadata,
        kind: args.kind,
        account: args.place.account,
        mode,
    };
    let page = objects::list(&store, &filter, args.after.as_ref(), args.limit).await;
    let page = page.map_err(|error| match error {
        FindError::NothingAsked => Failed::new(Exit::Failure, error.to_string()),
        FindError::Store(error) => failed(&error),
    })?;
    let mut hints = Vec::new();
    if let Some(customer) = &filter.customer {
        hints.extend(open_dead_letters(&store, customer).await?);
    }
    if page.objects.is_empty() {
        hints.extend(delays::look(&settings).await);
    }
    let for_people = !args.output.json && !args.output.ids;
    if args.output.json {
        print_json(&page)?;
    } else if args.output.ids {
        page.objects.iter().for_each(|found| println!("{}", found.key.id));
    } else if page.objects.is_empty() {
        println!("No objects match.");
    } else {
        print_page(&page);
    }
    for hint in hints {
        // A program reads the list alone.
        if for_people { println!("{hint}") } else { eprintln!("quittance: {hint}") }
    }
    Ok(Exit::Success)
}

/// A hint at the open dead letters of a customer, whose objects may have no row.
async fn open_dead_letters(store: &Store, customer: &str) -> Result<Option<String>, Failed> {
    let open = dead_letters::open_of(store, customer).await.map_err(|error| failed(&error))?;
    let which = match open {
        0 => return Ok(None),
        1 => "1 open dead letter for this customer".to_owned(),
        many => format!("{many} open dead letters for this customer"),
    };
    Ok(Some(format!("{which}: quittance dead-letters list --customer {}", argument(customer))))
}

fn print_page(page: &ObjectPage) {
    let rows: Vec<_> = page
        .objects
        .iter()
        .map(|found| {
            let amount = match (found.amount, &found.currency) {
                (Some(amount), Some(currency)) => format!("{amount} {currency}"),
                (Some(amount), None) => amount.to_string(),
                (None, _) => String::new(),
            };
            let gone = if found.deleted { "deleted" } else { "" };
            vec![
                found.key.kind.clone(),
                found.key.id.clone(),
                found.status.clone().unwrap_or_else(|| gone.to_owned()),
                amount,
                found.customer.clone().unwrap_or_default(),
                found.created.map(at).unwrap_or_default(),
                at(found.observed_at),
                found.key.account.clone(),
            ]
        })
        .collect();
    let heading =
        ["TYPE", "ID", "STATUS", "AMOUNT", "CUSTOMER", "CREATED", "SEEN AT STRIPE", "ACCOUNT"];
    table::print(&heading.map(whole), &rows);
    if let (true, Some(last)) = (page.more, page.objects.last()) {
        println!("\nThere are more: --after {}", last.key.cursor());
    }
}

async fn show(config: Option<&Path>, args: ShowArgs) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Ops)?;
    let store = parts::store(&settings, "objects")?;
    let name = args.place.name(&args.id, args.kind)?;
    let shown = match objects::show(&store, &name).await {
        Ok(shown) => shown,
        Err(error) => return Err(not_shown(&settings, error).await),
    };
    if args.json {
        print_json(&shown)?;
    } else {
        print_shown(&shown, args.data)?;
    }
    Ok(Exit::Success)
}

/// Adds that its events may still be in the queue to an object that was not found.
async fn not_shown(settings: &Settings, error: NameError) -> Failed {
    let delays = match &error {
        NameError::Unknown { .. } => delays::look(settings).await,
        NameError::Ambiguous { .. } | NameError::TooLittle { .. } | NameError::Store(_) => {
            Vec::new()
        }
    };
    unclear(error).but(&delays)
}

fn print_shown(shown: &ObjectShown, data: bool) -> Result<(), Failed> {
    println!("{}", print::key(&shown.object));
    let mut facts: Vec<(&str, String)> = Vec::new();
    match &shown.row {
        None => facts
            .push(("row", "none: no event about this object has been processed yet".to_owned())),
        Some(row) => {
            let gone = row.deleted.then(|| "deleted".to_owned());
            if let Some(status) = gone.or_else(|| row.status.clone()) {
                facts.push(("status", status));
            }
            let version = format!("{}, written {}", row.version, at(row.updated_at));
            facts.push(("version", version));
            facts.push(("seen at Stripe", at(row.observed_at)));
            let from = match (&shown.origin, &row.cause) {
                (Some(origin), _) => {
                    let request = origin.request_id.as_deref();
                    let request = request.map(|id| format!(", request {id}")).unwrap_or_default();
                    let kind = origin.event_type.as_deref().unwrap_or("event");
                    format!("{kind} {} by {}{request}", origin.event, origin.worker)
                }
                (None, Some(event)) => event.clone(),
                (None, None) => "a manual reconciliation, or another object's event".to_owned(),
            };
            facts.push(("cause", from));
        }
    }
    for link in &shown.links {
        facts.push((&link.field, link.id.clone()));
    }
    print::facts(&facts);
    if !shown.obstacles.is_empty() {
        println!("\nPending or failed events:");
        shown.obstacles.iter().for_each(|obstacle| println!("  {}", plain(&obstacle.text)));
    }
    if let Some(table) = &shown.table {
        println!("\n{}:", table.table);
        print::document(&table.columns);
    }
    if data && let Some(data) = shown.row.as_ref().and_then(|row| row.data.as_ref()) {
        println!("\nStripe's object:");
        print_json(data)?;
    }
    print::moments(&shown.timeline);
    if shown.cut {
        println!("  (older entries are not shown, also with --json)");
    }
    Ok(())
}

/// The object is unknown, or several match.
pub(super) fn unclear(error: NameError) -> Failed {
    match error {
        NameError::Store(error) => failed(&error),
        NameError::Unknown { id, .. } => {
            let typed = argument(&id);
            let hint = format!(
                "{}. `quittance reconcile {typed}` fetches it from Stripe; \
                 `quittance dead-letters list --object {typed}` lists its dead letters",
                NameError::Unknown { id: id.clone(), kinds: Kind::of_id(&id) }
            );
            Failed::new(Exit::Failure, hint)
        }
        error @ (NameError::Ambiguous { .. } | NameError::TooLittle { .. }) => {
            let hint = "(--kind, --account, --live, --test)";
            Failed::new(Exit::Failure, format!("{error} {hint}"))
        }
    }
}

pub(super) fn failed(error: &StoreError) -> Failed {
    Failed::because(exit_of_store(error), "the objects could not be read", error)
}
