//! `docs/logging.md` lists each line of the log and its fields, as they stand in the code.

mod lines;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use lines::{Line, lines_of};

const INTRODUCTION: &str = "\
# The log

<!-- Generated from the code by tests/it/telemetry/logging.rs. Do not edit: change the code, run
     `QUITTANCE_UPDATE_DOCS=1 cargo test --features dev --test it telemetry::logging`, and review the difference.
     What a field means is in the list in that file; one that is missing there is refused. -->

On standard error: pretty on a terminal, else one JSON object a line (`log.format`). Each line has
`timestamp` (RFC 3339, UTC), `level`, `message`, `target` (the module of the code) and the fields
below. A line that belongs to a job has it in `span`: `job`, `lane`, `trace`.

No line ever holds a payload or a secret. An error is logged once, where it is handled. An outage is
one line when it begins and one when it ends, however many jobs it touches. Each attempt at a job
ends in one wide line: `settled` or `attempt failed`.

`log.filter` says which lines are written; `debug` adds what developers of Quittance need,
and is not listed here.

## To find

| what | how |
|---|---|
| all that was done about an event | `event = \"evt_...\"` |
| an object's events | `object = \"pi_...\"` |
| what one webhook led to, over all processes | `span.trace`; the trace id is in `quittance.attempts`, too |
| a request for Stripe's support | `request_id` |
| what fails most | `message = \"attempt failed\"`, by `code` |
| when work was paused, and why | `message` that begins with `paused` or `resumed` |

## Fields

| field | what it is |
|---|---|
";

/// What each field is. Units are in the names.
const FIELDS: &[(&str, &str)] = &[
    ("attempts", "attempts that retention removed"),
    ("audit_log", "lines of the audit log that retention removed"),
    ("discarded_letters", "discarded dead letters that retention removed"),
    ("missed_events", "records of missed events that retention removed"),
    ("resolved_letters", "resolved dead letters that retention removed"),
    ("account", "the connected account, `acct_...`; absent for one's own"),
    ("address", "the address of who asked"),
    ("after_ms", "how much later it is tried again"),
    ("attempt", "the number of this attempt, from 1"),
    ("attempts", "how often it was tried"),
    ("by", "who paused it"),
    ("cause", "what the dependency said"),
    (
        "class",
        "of a failure: `permanent`, `transient`, `rate_limited`, `too_early`, `unavailable`, `misconfigured`",
    ),
    ("code", "a stable word for a failure"),
    ("command", "the command's id"),
    ("concurrency", "jobs that are run at once"),
    ("count", "how many notifications"),
    ("cut_off", "connections that were closed in mid-request"),
    ("deliveries", "workers that have begun this job since it was last queued, this one included"),
    ("dependency", "`redis`, `postgres`, `stripe`"),
    ("descriptors", "file descriptors that the process may have"),
    (
        "destination",
        "destination of a notification: `stream`, or `http:` and a name of the settings",
    ),
    ("died", "workers that died while they ran the job"),
    ("done", "to how many dead letters it was done"),
    ("duration_ms", "time that the attempt took"),
    ("duty", "a background duty: `quittance duties` lists them"),
    ("end", "how a command ended: `done`, `refused`"),
    ("endpoint", "the webhook endpoint, by its name in the settings; absent for none of them"),
    ("endpoints", "the webhook endpoints of the settings"),
    ("error", "what went wrong, with its causes"),
    ("event", "`evt_...`; of one that cannot be read, a name made of its bytes"),
    ("event_type", "`payment_intent.succeeded` and its like"),
    ("events", "how many events"),
    ("failed", "to how many dead letters it could not be done"),
    ("fetched", "whether Stripe was asked"),
    ("field", "the field of a request, by its path"),
    ("first", "the first of several events"),
    ("from", "the beginning of a range of time"),
    (
        "handed_back",
        "claimed jobs that were returned to the queue; other workers claim them at once",
    ),
    ("hard", "the hard limit of file descriptors"),
    ("have", "the version of the database's schema"),
    ("job", "the job's id in its lane; a retry has a new one"),
    ("jobs", "how many jobs"),
    ("kind", "what a command does: `create_payment` and its like; what gave card data away"),
    ("lane", "`live`, `backfill`"),
    ("left", "jobs whose fate Redis could not be told; they are taken over after their lease"),
    ("listen", "the address"),
    ("lost", "how many jobs"),
    ("max_connections", "connections that are taken at once"),
    ("missing", "what Redis has lost"),
    ("mode", "`live`, `test`"),
    ("need", "the version that this program needs"),
    ("next", "what follows: `retry`, `snooze`, `dead_letter`"),
    ("notification", "the notification's id"),
    ("object", "the id of the object that the event is about"),
    ("open", "connections that were open"),
    ("operation", "the number of a bulk act"),
    (
        "outcome",
        "what the event did: `applied`, `unchanged`, `covered`, `gone`, `ignored`, `deauthorized`, `duplicate`",
    ),
    ("part", "which part of the worker noticed"),
    ("paused_ms", "how long work was paused"),
    ("queue", "the queue, `queue.name`"),
    ("reason", "why"),
    ("removed", "commands that were removed"),
    ("request_id", "Stripe's id of the request, `req_...`"),
    ("result", "how a webhook was answered, as in the metrics"),
    ("role", "what the token allows: `viewer`, `operator`"),
    ("since", "since when"),
    ("since_ms", "since when, in Unix milliseconds"),
    ("soft", "the soft limit of file descriptors"),
    ("state", "how a bulk act ended: `done`, `cancelled`, `interrupted`"),
    ("suppressed", "how many lines like this one were left out since the last one"),
    ("task", "the background task"),
    ("tokens", "how many tokens the settings hold"),
    ("topic", "what the notification says"),
    ("until", "the end of a range of time"),
    ("verb", "what is done to dead letters: `retry`, `discard`, `snooze`, `undo`"),
    ("waited_ms", "from the receipt of the event to the begin of this attempt"),
    ("warning", "what differs, and what follows from it"),
    ("what", "what Redis has lost"),
    ("who", "the name of the token"),
    ("worker", "the worker's name"),
];

fn document(lines: &[Line]) -> String {
    let mut text = INTRODUCTION.to_owned();
    let used: BTreeSet<_> = lines.iter().flat_map(|line| &line.fields).collect();
    for field in &used {
        let known = FIELDS.iter().find(|(name, _)| name == field);
        let (name, meaning) = known.unwrap_or_else(|| panic!("say in FIELDS what `{field}` is"));
        writeln!(text, "| `{name}` | {meaning} |").unwrap();
    }
    let unused = FIELDS.iter().find(|(name, _)| !used.iter().any(|field| field == name));
    assert!(unused.is_none(), "no line has {unused:?}");
    let mut module = "";
    for line in lines {
        if line.module != module {
            module = &line.module;
            write!(text, "\n## {module}\n\n| level | message | fields |\n|---|---|---|\n").unwrap();
        }
        let fields: Vec<_> = line.fields.iter().map(|field| format!("`{field}`")).collect();
        let Line { level, message, .. } = line;
        writeln!(text, "| {level} | {message} | {} |", fields.join(", ")).unwrap();
    }
    text
}

#[test]
fn each_line_of_the_log_is_published_with_its_fields() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = lines_of(root);
    assert!(lines.len() > 40, "the lines were not found: {lines:?}");
    let document = document(&lines);
    let path = root.join("docs/logging.md");
    if std::env::var_os("QUITTANCE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == document,
        "docs/logging.md is not what the code logs; run `QUITTANCE_UPDATE_DOCS=1 cargo test --features dev --test it \
         telemetry::logging` and review the difference"
    );
}
