//! The list of an account's events over a range of `created`, in chronological order, each as the bytes that a
//! webhook would have brought.
//!
//! Called by whoever compares Stripe's list with what is here. It never decides what is missing, and it knows
//! neither the ledger nor the queue. Stripe keeps events for 30 days, lists them newest first, and makes them
//! listable seconds to minutes after `created`; after `ending_before` its pages run to newer ones
//! (docs.stripe.com, "List all events", "Pagination").

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Answer;
use super::client::Client;
use super::error::StripeError;
use quittance_domain::event::Timestamp;
use quittance_domain::id::{EventId, Scope, url_segment};

/// Events that one request brings at most.
const PAGE: u32 = 100;

/// The name of the endpoint for the limiter and the metrics. Stripe counts it apart from `GET /v1/events/{id}`.
const ENDPOINT: &str = "events_list";

/// An event of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEvent {
    /// `evt_...`
    pub id: EventId,
    /// Its type.
    pub event_type: String,
    /// When Stripe made it.
    pub created: Timestamp,
    /// Endpoints that have not acknowledged it yet, as Stripe counts them.
    pub pending_webhooks: u32,
    /// Its JSON, as a webhook would bring it: rendered in the API version in which it was made.
    pub body: Bytes,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// Oldest first. May be empty.
    pub events: Vec<ListedEvent>,
    /// Whether it is the last one: the range was listed to its end.
    pub last: bool,
}

/// Where a listing ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventBound {
    /// Before this second.
    Until(Timestamp),
    /// Before the second that is so many seconds before Stripe's own clock at the first request.
    Age(i64),
}

/// A listing under way: pages in chronological order, made one request after the other.
#[derive(Debug)]
pub struct EventListing<'a> {
    client: &'a Client,
    scope: Scope,
    from: Timestamp,
    bound: EventBound,
    /// The second before which it ends, known with the first answer.
    until: Option<Timestamp>,
    began_at: Option<Timestamp>,
    place: Place,
    limit: u32,
}

#[derive(Debug)]
enum Place {
    Start,
    /// The event after which the next page begins.
    After(String),
    End,
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Wire {
    object: String,
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    created: Timestamp,
    livemode: bool,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    pending_webhooks: u32,
}

impl Client {
    /// Begins to list the events of an account from a second on.
    #[must_use]
    pub fn list_events(
        &self,
        scope: Scope,
        from: Timestamp,
        bound: EventBound,
    ) -> EventListing<'_> {
        EventListing {
            client: self,
            scope,
            from,
            bound,
            until: None,
            began_at: None,
            place: Place::Start,
            limit: PAGE,
        }
    }

    /// A lower bound of Stripe's clock, by the answer to the smallest request to the list of events.
    ///
    /// # Errors
    /// As for [`EventListing::next`].
    pub async fn events_clock(&self, scope: &Scope) -> Result<Timestamp, StripeError> {
        let answer = self.list_page(scope, "limit=1").await?;
        began_at(&answer)
    }

    async fn list_page(&self, scope: &Scope, query: &str) -> Result<Answer, StripeError> {
        self.check_mode(scope)?;
        let mut request = RequestBuilder::new(StripeMethod::Get, format!("/events?{query}"));
        // The query is a part of the path.
        request.query = None;
        self.ask_as(scope, scope.account.is_some(), ENDPOINT, request).await
    }
}

impl EventListing<'_> {
    /// Stripe's clock, at the latest, when the listing began; none before its first page.
    #[must_use]
    pub fn began_at(&self) -> Option<Timestamp> {
        self.began_at
    }

    /// The second before which the listing ends; none before its first page, where the bound is an age.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The next page; `None` after the last one.
    ///
    /// # Errors
    /// Stripe cannot be asked, or its answer is no list of the account's events. The listing has not come to
    /// its end then, so nothing follows about what was not seen.
    pub async fn next(&mut self) -> Result<Option<EventPage>, StripeError> {
        match std::mem::replace(&mut self.place, Place::End) {
            Place::End => Ok(None),
            Place::Start => self.first().await.map(Some),
            Place::After(event) => self.after(event).await.map(Some),
        }
    }

    /// The newest page first: most ranges have no more than that. Where there is more, the listing begins
    /// after the newest event before the range, or else at the oldest event there is.
    async fn first(&mut self) -> Result<EventPage, StripeError> {
        let from = self.from;
        let upper = match self.bound {
            EventBound::Until(until) => format!("&created[lt]={until}"),
            EventBound::Age(_) => String::new(),
        };
        let answer = self.page(&format!("created[gte]={from}{upper}")).await?;
        let began = began_at(&answer)?;
        self.began_at = Some(began);
        self.until = Some(match self.bound {
            EventBound::Until(until) => until,
            EventBound::Age(age) => began.saturating_sub(age),
        });
        let (events, more) = self.read(&answer)?;
        if !more {
            return Ok(EventPage { events: self.within(events), last: true });
        }
        let before = self.page(&format!("created[lt]={from}&limit=1")).await?;
        if let Some(before) = self.read(&before)?.0.pop() {
            return self.after(before.id.as_str().to_owned()).await;
        }
        self.oldest(events).await
    }

    /// Goes back to the oldest page of the range, and begins there. Of the pages on the way nothing is kept.
    async fn oldest(&mut self, mut events: Vec<ListedEvent>) -> Result<EventPage, StripeError> {
        let from = self.from;
        loop {
            let Some(oldest) = events.first().map(|event| url_segment(event.id.as_str())) else {
                return Err(self.unusable("has_more", "an empty page with more after it"));
            };
            let query = format!("created[gte]={from}&starting_after={oldest}");
            let answer = self.page(&query).await?;
            let (next, more) = self.read(&answer)?;
            if !next.is_empty() {
                events = next;
            }
            if !more {
                let last = events.last().map(|event| event.id.as_str().to_owned());
                self.place = last.map_or(Place::End, Place::After);
                return Ok(EventPage { events: self.within(events), last: false });
            }
        }
    }

    /// The page after an event, towards newer ones.
    async fn after(&mut self, event: String) -> Result<EventPage, StripeError> {
        let until = self.until.unwrap_or(Timestamp::MAX);
        let cursor = url_segment(&event);
        let answer = self.page(&format!("created[lt]={until}&ending_before={cursor}")).await?;
        let (events, more) = self.read(&answer)?;
        if more {
            let newest = events.last().map(|event| event.id.as_str().to_owned());
            let Some(newest) = newest.filter(|newest| *newest != event) else {
                return Err(self.unusable("has_more", "an empty page with more after it"));
            };
            self.place = Place::After(newest);
        }
        Ok(EventPage { events: self.within(events), last: !more })
    }

    /// One page; a smaller one where the events are so large that a hundred do not fit into an answer.
    async fn page(&mut self, query: &str) -> Result<Answer, StripeError> {
        loop {
            let limit = self.limit;
            let limited = match query.contains("limit=") {
                true => query.to_owned(),
                false => format!("{query}&limit={limit}"),
            };
            match self.client.list_page(&self.scope, &limited).await {
                Err(StripeError::TooLong { .. }) if self.limit > 1 => {
                    self.limit = self.limit.div_ceil(4)
                }
                answer => return answer,
            }
        }
    }

    /// The events of a page, oldest first, and whether there are more in its direction. Stripe shows the newest
    /// first in either direction.
    fn read(&self, answer: &Answer) -> Result<(Vec<ListedEvent>, bool), StripeError> {
        let request_id = || answer.meta.request_id.clone();
        let list: List<'_> = serde_json::from_slice(&answer.body).map_err(|error| {
            StripeError::NotJson { problem: error.to_string(), request_id: request_id() }
        })?;
        let events = list.data.iter().rev().map(|raw| {
            event(raw.get(), &self.scope).map_err(|fault| match fault {
                Unusable::Shape(problem) => StripeError::Undecodable {
                    path: "data".to_owned(),
                    problem,
                    request_id: request_id(),
                },
                Unusable::Other { field, asked, answered } => {
                    StripeError::WrongObject { field, asked, answered, request_id: request_id() }
                }
            })
        });
        Ok((events.collect::<Result<_, _>>()?, list.has_more))
    }

    /// Those of the range. A page after a cursor may hold some that were listed late, and are older.
    fn within(&self, mut events: Vec<ListedEvent>) -> Vec<ListedEvent> {
        let until = self.until.unwrap_or(Timestamp::MAX);
        events.retain(|event| event.created >= self.from && event.created < until);
        events
    }

    fn unusable(&self, path: &str, problem: &str) -> StripeError {
        StripeError::Undecodable {
            path: path.to_owned(),
            problem: problem.to_owned(),
            request_id: None,
        }
    }
}

fn began_at(answer: &Answer) -> Result<Timestamp, StripeError> {
    let undated = || StripeError::Undated { request_id: answer.meta.request_id.clone() };
    answer.meta.began_at().ok_or_else(undated)
}

enum Unusable {
    Shape(String),
    Other { field: &'static str, asked: String, answered: String },
}

/// Reads what identifies an event, and keeps its bytes. An account that lists its own events sees no account in
/// them; a webhook names it, and without it the object would be looked for in ours. So it is put in.
fn event(raw: &str, scope: &Scope) -> Result<ListedEvent, Unusable> {
    let shape = |problem: String| Unusable::Shape(problem);
    // serde's words may quote what they did not expect; a path is enough.
    let wire: Wire = serde_json::from_str(raw)
        .map_err(|error| shape(format!("not an event (column {})", error.column())))?;
    let other = |field, asked: &str, answered: &str| Unusable::Other {
        field,
        asked: asked.to_owned(),
        answered: answered.chars().take(100).collect(),
    };
    if wire.object != "event" {
        return Err(other("object", "event", &wire.object));
    }
    if wire.livemode != scope.mode.is_live() {
        let word = |live: bool| if live { "true" } else { "false" };
        return Err(other("livemode", word(scope.mode.is_live()), word(wire.livemode)));
    }
    let id = EventId::parse(&wire.id).map_err(|error| shape(error.to_string()))?;
    let ours = scope.account.as_ref().map(|account| account.as_str());
    let body = match (ours, wire.account.as_deref()) {
        (None, None) => Bytes::copy_from_slice(raw.as_bytes()),
        (Some(ours), Some(named)) if ours == named => Bytes::copy_from_slice(raw.as_bytes()),
        (Some(ours), None) => with_account(raw, ours)?,
        (ours, named) => {
            return Err(other("account", ours.unwrap_or("nothing"), named.unwrap_or("nothing")));
        }
    };
    Ok(ListedEvent {
        id,
        event_type: wire.event_type,
        created: wire.created,
        pending_webhooks: wire.pending_webhooks,
        body,
    })
}

/// The same JSON with a field `account`. One that says `null` is replaced, because a field may occur once only.
fn with_account(raw: &str, account: &str) -> Result<Bytes, Unusable> {
    let not_an_event = |_| Unusable::Shape("not an event".to_owned());
    let mut fields: BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_str(raw).map_err(not_an_event)?;
    let account = serde_json::Value::from(account).to_string();
    if !fields.contains_key("account")
        && let Some(rest) = raw.trim_start().strip_prefix('{')
    {
        return Ok(format!("{{\"account\":{account},{rest}").into());
    }
    let account = RawValue::from_string(account).map_err(not_an_event)?;
    fields.insert(Cow::Borrowed("account"), &account);
    Ok(serde_json::to_string(&fields).map_err(not_an_event)?.into())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use quittance_domain::id::{AccountId, Mode};

    fn scope(account: Option<&str>) -> Scope {
        Scope { account: account.map(|id| AccountId::parse(id).unwrap()), mode: Mode::Test }
    }

    fn raw(account: Option<Value>) -> String {
        let mut event = json!({"object": "event", "id": "evt_1", "type": "charge.failed", "created": 5,
            "livemode": false, "pending_webhooks": 2, "data": {"object": {"account": "acct_9"}}});
        if let Some(account) = account {
            event["account"] = account;
        }
        event.to_string()
    }

    fn read(raw: &str, account: Option<&str>) -> Result<ListedEvent, String> {
        event(raw, &scope(account)).map_err(|fault| match fault {
            Unusable::Shape(text) => text,
            Unusable::Other { field, asked, answered } => format!("{field}: {asked}, {answered}"),
        })
    }

    #[test]
    fn an_event_keeps_its_bytes() {
        let raw = raw(None).replace("\"data\"", " \"money\" : 1e999 , \"data\"");
        let event = read(&raw, None).unwrap();
        assert_eq!(event.body, raw.as_bytes());
        assert_eq!((event.id.as_str(), event.created, event.pending_webhooks), ("evt_1", 5, 2));
    }

    #[test]
    fn a_connected_account_s_event_names_its_account_once() {
        for raw in [raw(None), raw(Some(Value::Null)), raw(Some(json!("acct_1")))] {
            let event = read(&raw, Some("acct_1")).unwrap();
            let value: Value = serde_json::from_slice(&event.body).unwrap();
            assert_eq!(value["account"], "acct_1");
            assert_eq!(value["data"]["object"]["account"], "acct_9");
            let text = String::from_utf8(event.body.to_vec()).unwrap();
            assert_eq!(text.matches("\"account\":\"acct_1\"").count(), 1, "{text}");
            assert!(!text.contains("null"), "{text}");
        }
    }

    #[test]
    fn an_event_of_another_account_or_mode_is_refused() {
        let other = raw(Some(json!("acct_2")));
        assert_eq!(read(&other, Some("acct_1")).unwrap_err(), "account: acct_1, acct_2");
        assert_eq!(read(&other, None).unwrap_err(), "account: nothing, acct_2");
        let live = raw(None).replace("\"livemode\":false", "\"livemode\":true");
        assert_eq!(read(&live, None).unwrap_err(), "livemode: false, true");
        let charge = raw(None).replace("\"object\":\"event\"", "\"object\":\"charge\"");
        assert_eq!(read(&charge, None).unwrap_err(), "object: event, charge");
        let nameless = raw(None).replace("evt_1", "ch_1");
        assert!(read(&nameless, None).unwrap_err().contains("lacks its prefix"));
    }
}
