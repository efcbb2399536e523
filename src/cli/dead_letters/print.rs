//! Dead letters as tables, JSON and ids.

use serde_json::json;

use crate::cli::format::{at, plain};
use crate::cli::out::Output;
use crate::cli::table::{self, picture, text, whole};
use crate::ops::dead_letters::{DeadLetterResult, Refusal};
use crate::roles::exit::{Exit, Failed, exit_of_store};
use crate::store::StoreError;
use crate::store::dead_letter::{DeadLetter, Group, Groups};

/// Bars for the hours of a day, scaled to the largest hour of the group.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

pub(super) fn groups(groups: &Groups, narrow: bool, as_json: bool) {
    if as_json {
        println!("{}", json!(groups));
    } else if groups.groups.is_empty() {
        none(narrow);
    } else {
        let columns = [
            whole("GROUP"),
            whole("COUNT"),
            picture("LAST 24 HOURS"),
            whole("FIRST SEEN"),
            whole("LAST SEEN"),
            whole("EXAMPLE"),
            whole("CODE"),
            text("CAUSE"),
        ];
        let rows = groups.groups.iter().map(|group| {
            vec![
                group.group.to_string(),
                group.count.to_string(),
                by_hour(group),
                at(group.first_seen),
                at(group.last_seen),
                group.example.to_string(),
                group.code.clone(),
                group.cause.clone(),
            ]
        });
        table::print(&columns, &rows.collect::<Vec<_>>());
    }
}

fn by_hour(group: &Group) -> String {
    let most = group.hourly.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: &i64| match usize::try_from(count.saturating_mul(7) / most) {
        Ok(height) if *count > 0 => BARS[height.clamp(1, 7)],
        Ok(_) | Err(_) => BARS[0],
    };
    group.hourly.iter().map(bar).collect()
}

/// Without a filter there are none at all; with one, none that match.
fn none(narrow: bool) {
    println!("{}", if narrow { "No dead letters match." } else { "No dead letters." });
}

pub(super) fn list(dead_letters: &[DeadLetter], limit: u32, narrow: bool, output: &Output) {
    if output.json {
        println!("{}", json!({ "dead_letters": dead_letters }));
    } else if output.ids {
        dead_letters.iter().for_each(|dead_letter| println!("{}", dead_letter.id));
    } else if dead_letters.is_empty() {
        none(narrow);
    } else {
        let columns = [
            whole("ID"),
            whole("STATE"),
            whole("DEAD-LETTERED"),
            whole("EVENT"),
            whole("OBJECT"),
            whole("ATTEMPTS"),
            whole("CODE"),
            text("MESSAGE"),
        ];
        table::print(&columns, &dead_letters.iter().map(row).collect::<Vec<_>>());
        if let Some(last) =
            dead_letters.last().filter(|_| u32::try_from(dead_letters.len()) == Ok(limit))
        {
            eprintln!("There may be more: --before {}", last.id);
        }
    }
}

fn row(dead_letter: &DeadLetter) -> Vec<String> {
    vec![
        dead_letter.id.to_string(),
        dead_letter.state.as_str().to_owned(),
        at(dead_letter.died_at),
        dead_letter.event_type.clone().unwrap_or_else(|| "?".to_owned()),
        dead_letter.object_id.clone().unwrap_or_default(),
        dead_letter.attempts.to_string(),
        dead_letter.code.clone(),
        dead_letter.message.clone(),
    ]
}

/// Dead letters, one line each.
pub(super) fn sample(dead_letters: &[DeadLetter]) -> Vec<String> {
    let line = |dead_letter: &DeadLetter| {
        let DeadLetter { id, event_type, object_id, code, .. } = dead_letter;
        let event_type = event_type.as_deref().unwrap_or("?");
        let object = object_id.as_deref().unwrap_or("");
        plain(&format!("{id}  {}  {event_type}  {object}  {code}", at(dead_letter.died_at)))
    };
    dead_letters.iter().map(line).collect()
}

/// Prints one line per dead letter, and returns the exit code.
pub(super) fn results(results: &[DeadLetterResult], as_json: bool) -> Exit {
    if as_json {
        println!("{}", json!({ "results": results }));
    } else {
        results.iter().for_each(|one| println!("{}: {}", one.id, one.message));
    }
    let done = results.iter().filter(|one| one.ok).count();
    if done == results.len() {
        Exit::Success
    } else if done == 0 {
        Exit::Failure
    } else {
        Exit::Partial
    }
}

/// Postgres failed.
pub(super) fn failed(error: &StoreError) -> Failed {
    let what = "the dead letters could not be read or changed (database.url)";
    Failed::because(exit_of_store(error), what, error)
}

/// A refused action, with advice.
pub(super) fn refused(error: &Refusal) -> Failed {
    match error {
        Refusal::NoReason => Failed::new(Exit::Failure, format!("{error}: write --reason \"...\"")),
        Refusal::Past | Refusal::TooFar => Failed::new(Exit::Failure, error.to_string()),
        Refusal::Store(error) => failed(error),
    }
}
