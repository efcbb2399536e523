//! Writes a slice of settlements in one transaction and one round trip.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use sqlx::types::Json;
use tokio::time::timeout;

use super::columns;
use super::connect::Store;
use super::error::StoreError;
use super::outbox_id;
use super::settlement::{Applied, Change, NewState, Publishing, SettledEvent, Settlement};
use quittance_domain::event::{Event, Shown};
use quittance_domain::failure_reason::FailureReason;
use quittance_domain::id::ObjectId;
use quittance_domain::notification::Notification;

/// Version of the payloads in the outbox: the field `v`.
const PAYLOAD_VERSION: u32 = 1;

/// The field `origin` of what a backfill publishes; of all else it is null.
const BACKFILL: &str = "backfill";

/// A settlement that is serialized for writing.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its index in the slice, which identifies it in a conflict.
    number: i32,
    locks: Vec<String>,
    change: Option<WrittenChange>,
    events: Vec<Value>,
    command: Option<Value>,
    release: Option<Value>,
    /// Whether it adds to the outbox.
    notifies: bool,
}

impl Store {
    /// Serializes a settlement.
    #[must_use]
    pub fn prepare(&self, settlement: Settlement) -> Prepared {
        static NEXT: AtomicI32 = AtomicI32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut prepared = Prepared {
            number,
            locks: Vec::new(),
            change: None,
            events: Vec::new(),
            command: None,
            release: None,
            notifies: false,
        };
        if let Some(release) = &settlement.release {
            let subject = &release.subject;
            prepared.notifies = true;
            prepared.locks.extend(columns::locks(subject, None));
            prepared.release = Some(json!({
                "settlement": number,
                "account": columns::account(&subject.scope),
                "livemode": subject.scope.mode.is_live(),
                "kind": subject.kind.as_str(),
                "id": subject.id.as_str(),
                "cause": release.cause.as_ref().map(|id| id.as_str()),
            }));
        }
        if let Some(change) = settlement.change {
            let observed = match &change.state {
                NewState::Present { observed, notifications, .. } => {
                    prepared.notifies |=
                        !notifications.is_empty() && change.publishing != Publishing::Withhold;
                    Some(observed)
                }
                NewState::Deleted => None,
            };
            prepared.locks.extend(columns::locks(&change.subject, observed));
            prepared.change = Some(of_change(number, change, settlement.release.is_some()));
        }
        if let Some(closing) = settlement.command {
            prepared.command = Some(closing.of(number));
        }
        for event in &settlement.events {
            if !event.occurrences.is_empty() {
                prepared.notifies = true;
                let about = event.event.about.as_ref();
                let lock = about.and_then(|a| columns::lock_of_event(&event.event.scope, a));
                prepared.locks.extend(lock);
            }
            prepared.events.push(of_event(number, event));
        }
        prepared
    }

    /// Writes the settlements whose object's version has not changed since the decision; returns the result of each. A
    /// settlement without a change never conflicts.
    ///
    /// Each settlement is written atomically. An observation older than the recorded one, and any further observation
    /// of a deleted object, conflict too. Of two changes of one object in one slice, the first wins. Events that
    /// were settled before are unchanged, with their notifications and attempts.
    ///
    /// # Errors
    /// Postgres cannot be reached, or a value violates a constraint. Then *nothing* of the slice is written: to find
    /// out which settlement was at fault, a caller writes them one by one.
    pub async fn apply(&self, slice: &[&Prepared]) -> Result<Vec<Applied>, StoreError> {
        self.write(slice, None).await
    }

    /// Writes like [`Self::apply`], with `lock_wait` as the longest wait for a lock.
    ///
    /// # Errors
    /// As [`Self::apply`]; [`StoreError::Contention`] if a lock is not acquired in time.
    pub(super) async fn apply_unless_locked(
        &self,
        slice: &[&Prepared],
        lock_wait: Duration,
    ) -> Result<Vec<Applied>, StoreError> {
        self.write(slice, Some(lock_wait)).await
    }

    async fn write(
        &self,
        slice: &[&Prepared],
        lock_wait: Option<Duration>,
    ) -> Result<Vec<Applied>, StoreError> {
        if slice.is_empty() {
            return Ok(Vec::new());
        }
        let locks: Vec<String> = slice.iter().flat_map(|it| it.locks.iter().cloned()).collect();
        let changes = || slice.iter().filter_map(|it| it.change.as_ref());
        let data: Vec<_> = changes().map(|it| it.data.as_ref().map(Json)).collect();
        let changes: Vec<&Value> = changes().map(|it| &it.change).collect();
        let events: Vec<&Value> = slice.iter().flat_map(|it| &it.events).collect();
        let commands: Vec<&Value> = slice.iter().filter_map(|it| it.command.as_ref()).collect();
        let releases: Vec<&Value> = slice.iter().filter_map(|it| it.release.as_ref()).collect();
        let mut connection = self.connection().await?;
        let query = sqlx::query_scalar!(
            r#"SELECT quittance.apply($1, $2, $3, $4, $5, $6, $7) AS "conflicts!""#,
            &locks,
            Json(changes) as _,
            data as _,
            Json(events) as _,
            lock_wait.map(|wait| i32::try_from(wait.as_millis()).unwrap_or(i32::MAX)),
            Json(commands) as _,
            Json(releases) as _,
        );
        let answer = timeout(self.patience, query.fetch_one(connection.get()?)).await;
        let conflicts = self.answered(connection, answer)?;
        if slice.iter().any(|it| it.notifies) {
            self.outbox_writes.send_modify(|times| *times = times.wrapping_add(1));
        }
        let applied = |it: &&Prepared| {
            if conflicts.contains(&it.number) { Applied::Conflict } else { Applied::Done }
        };
        Ok(slice.iter().map(applied).collect())
    }
}

/// Preview of a change: the values that [`Store::apply`] would write.
#[derive(Debug, Clone, PartialEq)]
pub struct WouldWrite {
    /// The object's redacted JSON; `None` for a tombstone, which keeps the last known state.
    pub data: Option<Value>,
    /// The columns of its row in `app`; `None` for a tombstone and for a mirrored kind.
    pub columns: Option<Map<String, Value>>,
    /// Its status by the state machine; null for a kind without one.
    pub status: Option<String>,
}

impl Store {
    /// Computes what [`Store::apply`] would write for a change.
    #[must_use]
    pub fn would_write(&self, change: Change) -> WouldWrite {
        if change.state == NewState::Deleted {
            return WouldWrite { data: None, columns: None, status: None };
        }
        let is_typed = change.subject.kind.mirror().is_none();
        let WrittenChange { mut change, data } = of_change(0, change, false);
        let status = change["recorded"]["status"].as_str().map(str::to_owned);
        let columns = match change["row"].take() {
            Value::Object(columns) if is_typed => Some(columns),
            Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => None,
        };
        WouldWrite { data, columns, status }
    }
}

/// Serialized form of a change. Its object is the largest part, and stands apart.
#[derive(Debug, Clone)]
struct WrittenChange {
    change: Value,
    data: Option<Value>,
}

/// Serializes a change. `releases`: the same settlement publishes what was withheld before.
fn of_change(settlement: i32, change: Change, releases: bool) -> WrittenChange {
    let subject = &change.subject;
    let version = change.expected_version.saturating_add(1);
    let account = columns::account(&subject.scope);
    let livemode = subject.scope.mode.is_live();
    let mut row = Map::new();
    let mut data = None;
    let mut recorded = Value::Null;
    let mut step = Value::Null;
    let mut facts = Vec::new();
    let deleted = match change.state {
        NewState::Deleted => true,
        NewState::Present { observed, transition, notifications, raw } => {
            row = columns::of(&observed);
            // Nothing is shown of an account that is closed to us: what was seen last stays.
            data = Some(raw.into_value()).filter(|data| !data.is_null());
            recorded = columns::remembered(&observed);
            let fields = columns::facts(subject.kind, &row, &recorded);
            if transition.is_change() {
                step = json!({
                    "from": transition.from,
                    "to": transition.to,
                    "kind": transition.kind.as_str(),
                });
            }
            let names_origin = change.publishing == Publishing::AsBackfill;
            facts = notifications
                .into_iter()
                .map(|Notification { topic, .. }| {
                    let mut fact = json!({
                        "id": outbox_id::of_state(subject, version, change.observed_at, topic),
                        "topic": topic.as_str(),
                        // The database adds `before`, because it knows the replaced value.
                        "payload": {
                            "v": PAYLOAD_VERSION,
                            "occurred": change.observed_at,
                            "version": version,
                            "after": recorded,
                            "data": fields,
                        },
                    });
                    if names_origin {
                        fact["payload"]["origin"] = json!(BACKFILL);
                    }
                    fact
                })
                .collect();
            false
        }
    };
    let withheld = match change.publishing {
        Publishing::Withhold if !facts.is_empty() => "add",
        // What is published now is newer, and a tombstone tells of nothing before it.
        Publishing::Publish | Publishing::AsBackfill
            if !releases && (deleted || !facts.is_empty()) =>
        {
            "drop"
        }
        Publishing::Publish | Publishing::AsBackfill | Publishing::Withhold => "keep",
    };
    row.extend([
        ("id".to_owned(), json!(subject.id.as_str())),
        ("account".to_owned(), json!(account)),
        ("livemode".to_owned(), json!(livemode)),
        ("version".to_owned(), json!(version)),
        ("observed_at".to_owned(), json!(change.observed_at)),
    ]);
    let mut value = json!({
        "settlement": settlement,
        "account": account,
        "livemode": livemode,
        "kind": subject.kind.as_str(),
        "id": subject.id.as_str(),
        "expected": change.expected_version,
        "observed_at": change.observed_at,
        "seen_by": change.seen_by,
        "deleted": deleted,
        "cause": change.cause.as_ref().map(|id| id.as_str()),
        "withheld": withheld,
    });
    // Moved, while `json!` would copy them.
    if let Value::Object(fields) = &mut value {
        fields.extend([
            ("row".to_owned(), Value::Object(row)),
            ("recorded".to_owned(), recorded),
            ("transition".to_owned(), step),
            ("facts".to_owned(), Value::Array(facts)),
        ]);
    }
    WrittenChange { change: value, data }
}

/// Serialized form of an event.
fn of_event(settlement: i32, settled: &SettledEvent) -> Value {
    let SettledEvent { event, outcome, receipt, occurrences, attempt } = settled;
    let receipt = receipt.storable();
    let object_kind = event.about.as_ref().map(|about| &*about.object);
    let object_id = event.about.as_ref().and_then(|about| about.id.as_ref());
    let occurrences: Vec<_> = occurrences
        .iter()
        .map(|&Notification { topic, .. }| {
            json!({
                "id": outbox_id::of_occurrence(&event.id, topic),
                "topic": topic.as_str(),
                "payload": {
                    "v": PAYLOAD_VERSION,
                    "occurred": event.created,
                    "version": null,
                    "before": null,
                    "after": null,
                    "data": occurrence(event),
                },
            })
        })
        .collect();
    json!({
        "settlement": settlement,
        "id": event.id.as_str(),
        "type": event.event_type,
        "api_version": event.api_version,
        "account": columns::account(&event.scope),
        "livemode": event.mode().is_live(),
        "created": event.created,
        "endpoint": receipt.endpoint,
        "source": receipt.source,
        "received_at_ms": receipt.received_at_ms,
        "secret_index": receipt.secret_index,
        "object_kind": object_kind,
        "object_id": object_id.map(|id| id.as_str()),
        "status": outcome.ledger_status(),
        "outcome": outcome.as_str(),
        "attempt": attempt.to_json(),
        "occurrences": occurrences,
    })
}

/// Facts of a notification about an event.
fn occurrence(event: &Event) -> Value {
    let mut data = Map::from_iter([("event_type".to_owned(), json!(event.event_type))]);
    let about = event.about.as_ref();
    if let Some(shown) = about.and_then(|about| about.shown.as_deref()) {
        data.extend(of_shown(shown));
    }
    if let Some(failure) = about.and_then(|about| about.failure.as_ref()) {
        let FailureReason { code, decline_code, message } = failure;
        let reason = json!({"code": code, "decline_code": decline_code, "message": message});
        data.insert("failure".to_owned(), reason);
    }
    Value::Object(data)
}

/// Facts of the object in an event, under the names that state notifications use.
fn of_shown(shown: &Shown) -> impl Iterator<Item = (String, Value)> {
    let id = |id: &Option<ObjectId>| id.as_ref().map(|id| json!(id.as_str()));
    let Shown {
        amount,
        amount_due,
        amount_total,
        currency,
        customer,
        charge,
        payment_intent,
        subscription,
        attempt_count,
        next_payment_attempt,
        trial_end,
        metadata,
    } = shown;
    let fields = [
        ("amount", amount.map(Value::from)),
        ("amount_due", amount_due.map(Value::from)),
        ("amount_total", amount_total.map(Value::from)),
        ("currency", currency.map(|currency| json!(currency.as_str()))),
        ("customer", id(customer)),
        ("charge", id(charge)),
        ("payment_intent", id(payment_intent)),
        ("subscription", id(subscription)),
        ("attempt_count", attempt_count.map(Value::from)),
        ("next_payment_attempt", next_payment_attempt.map(Value::from)),
        ("trial_end", trial_end.map(Value::from)),
        ("metadata", metadata.as_deref().map(columns::metadata)),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))
}
