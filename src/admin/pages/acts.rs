//! Actions on dead letters: selected ones at once, all that match a filter as an
//! operation that has to be confirmed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use time::OffsetDateTime;

use super::{objects::differences, page};
use crate::admin::api::dead_letters::{ActBody, acted, dead_letter_id, tried, verb_of};
use crate::admin::api::operations::{BeginBody, begun};
use crate::admin::fault::{postgres, wrong};
use crate::admin::frame::Frame;
use crate::admin::input::{Changing, Fields, Raw, duration, later, way_back};
use crate::admin::refusal::Refused;
use crate::admin::selection;
use crate::admin::state::Admin;
use crate::admin::strict;
use crate::admin::view;
use crate::http::Problem;
use crate::ops::dead_letters::{DeadLetterResult, DryRuns};
use crate::ops::operations::{self, Preview};
use crate::ops::types::{ActWord, Filter};

/// Of a retry; one form serves all verbs.
fn over_ms(fields: &Fields, verb: ActWord) -> Result<Option<u64>, Problem> {
    match verb {
        ActWord::Retry => {
            let over = fields.get("over").map(duration).transpose()?;
            Ok(over.map(|over| u64::try_from(over.as_millis()).unwrap_or(u64::MAX)))
        }
        ActWord::Discard | ActWord::Snooze | ActWord::Undo => Ok(None),
    }
}

/// Of a snooze.
fn until(fields: &Fields, verb: ActWord) -> Result<Option<OffsetDateTime>, Problem> {
    match verb {
        ActWord::Snooze => fields.get("until").map(later).transpose(),
        ActWord::Retry | ActWord::Discard | ActWord::Undo => Ok(None),
    }
}

#[derive(Template)]
#[template(path = "acted.html")]
struct Done {
    frame: Frame,
    verb: ActWord,
    results: Vec<DeadLetterResult>,
}

impl Done {
    fn done(&self) -> usize {
        self.results.iter().filter(|it| it.ok).count()
    }
}

/// `POST /dead-letters/act`
pub(super) async fn act(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    form: Changing,
) -> Result<Response, Refused> {
    let back = way_back(&form.fields, "back");
    acted_on(&admin, frame, form).await.map_err(|refused| refused.of_form(back))
}

async fn acted_on(admin: &Admin, frame: Frame, form: Changing) -> Result<Response, Refused> {
    let fields = &form.fields;
    let verb = verb_of(fields.need("verb", "What to do")?)?;
    let ids = fields.all("id").map(dead_letter_id).collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() {
        return Err(wrong("Nothing is selected.").into());
    }
    let body = ActBody {
        ids,
        reason: fields.get("reason").map(str::to_owned),
        over_ms: over_ms(fields, verb)?.unwrap_or_default(),
        until: until(fields, verb)?,
    };
    let results = acted(admin, &form.who, verb, &body).await?;
    match &*results {
        // The page of the dead letter shows the result.
        [one] if one.ok => Ok(Redirect::to(&format!("/dead-letters/{}", one.id)).into_response()),
        _ => Ok(page(&Done { frame, verb, results })),
    }
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct Bulk {
    frame: Frame,
    verb: ActWord,
    /// The filter, as it goes on to the next form.
    selection: String,
    /// The same in words.
    words: Vec<(String, String)>,
    preview: Preview,
}

/// `GET /dead-letters/bulk`: how many, and some of them.
pub(super) async fn preview(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    Raw(given): Raw,
) -> Result<Response, Refused> {
    let verb = verb_of(given.need("verb", "What to do")?)?;
    let besides = ["verb", "before", "limit"];
    let filter = selection::filter(&given, &besides)?;
    let preview =
        operations::preview(&admin.context.store, verb, &filter).await.map_err(postgres)?;
    let selection = serde_json::to_string(&preview.selection).map_err(wrong)?;
    let words = given.given().filter(|(name, _)| !besides.contains(name));
    let words = words.map(|(name, value)| (view::words(name), value.to_owned())).collect();
    Ok(page(&Bulk { frame, verb, selection, words, preview }))
}

#[derive(Template)]
#[template(path = "dry_run.html")]
struct DryRun {
    frame: Frame,
    tried: DryRuns,
}

/// `POST /dead-letters/dry-run`: what a retry would find. Changes nothing, but asks Stripe.
pub(super) async fn dry_run(
    State(admin): State<Arc<Admin>>,
    frame: Frame,
    form: Changing,
) -> Result<Response, Refused> {
    let selection = selected(&form.fields)?;
    Ok(page(&DryRun { frame, tried: tried(&admin, &selection).await? }))
}

/// The filter that one form hands on to the next.
fn selected(fields: &Fields) -> Result<Filter, Problem> {
    strict::read(fields.need("selection", "The selection")?.as_bytes())
        .map_err(|error| wrong(format!("The selection: {error}")))
}

/// `POST /dead-letters/bulk`: only with the count typed.
pub(super) async fn begin(
    State(admin): State<Arc<Admin>>,
    form: Changing,
) -> Result<Response, Refused> {
    let back = way_back(&form.fields, "back");
    confirmed(&admin, &form).await.map_err(|refused| refused.of_form(back))
}

async fn confirmed(admin: &Arc<Admin>, form: &Changing) -> Result<Response, Refused> {
    let fields = &form.fields;
    let verb = verb_of(fields.need("verb", "What to do")?)?;
    let count = number(fields.need("count", "The count")?)?;
    let typed = number(fields.need("typed", "The count that you were to type")?)?;
    if typed != count {
        let detail =
            format!("You typed {typed}, but {count} dead letters match. Nothing was changed.");
        return Err(crate::admin::fault::conflict("count_differs", detail).into());
    }
    let body = BeginBody {
        verb,
        selection: selected(fields)?,
        count,
        upto: fields.get("upto").map(dead_letter_id).transpose()?,
        reason: fields.get("reason").map(str::to_owned),
        over_ms: over_ms(fields, verb)?,
        until: until(fields, verb)?,
    };
    let operation = begun(admin, &form.who, &body).await?;
    Ok(Redirect::to(&format!("/operations/{}", operation.id)).into_response())
}

fn number(text: &str) -> Result<i64, Problem> {
    // As people write numbers, and as this page shows them.
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != ',').collect();
    digits.parse().map_err(|_| wrong(format!("`{text}` is no whole number.")))
}

/// Title of a verb.
pub(super) fn deed(verb: &ActWord) -> &'static str {
    match verb {
        ActWord::Retry => "Retry",
        ActWord::Discard => "Discard",
        ActWord::Snooze => "Snooze",
        ActWord::Undo => "Undo",
    }
}
