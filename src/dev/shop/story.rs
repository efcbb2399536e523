//! History of an order, from the tables: the command, the webhooks, the row's transitions, the notifications.

use time::OffsetDateTime;

use super::CALLER;
use super::orders::Order;
use super::rows::{Row, key};
use crate::domain::object::Kind;
use crate::domain::status_word::Vocabulary as _;
use crate::store::command::StoredCommand;
use crate::store::history::KeptTransition;
use crate::store::ledger::LedgerEvent;
use crate::store::object::ObjectKey;
use crate::store::timeline::ObjectNotification;
use crate::store::{Store, StoreError};

/// Of each sort of thing, this many at most.
const MOST: u32 = 50;

/// Something that happened.
#[derive(Debug)]
pub(super) struct Step {
    at: OffsetDateTime,
    /// Milliseconds after the first one.
    pub(super) after_ms: i64,
    /// `command`, `webhook`, `row` or `notification`.
    pub(super) sort: &'static str,
    pub(super) text: String,
}

impl Step {
    fn new(at: OffsetDateTime, sort: &'static str, text: String) -> Self {
        Self { at, after_ms: 0, sort, text }
    }
}

/// All of it, oldest first.
///
/// # Errors
/// Postgres.
pub(super) async fn story(
    store: &Store,
    order: &Order,
    row: Option<&Row>,
) -> Result<Vec<Step>, StoreError> {
    let mut steps = Vec::new();
    for attempt in 1..=order.attempt {
        if let Some(command) = store.command_by_key(CALLER, &order.key(attempt)).await? {
            steps.extend(of_command(&command));
        }
    }
    if let Some(row) = row {
        for key in objects_of(store, row).await? {
            let events = store.events_of(&key, MOST).await?;
            steps.extend(events.iter().map(of_event));
            let ObjectKey { account, livemode, kind, id } = &key;
            let transitions = store.transitions(account, *livemode, kind, id).await?;
            steps.extend(transitions.iter().map(|step| of_transition(kind, step)));
            let notifications = store.notifications_of(&key, MOST).await?;
            steps.extend(notifications.iter().map(of_notification));
        }
    }
    steps.sort_by_key(|step| step.at);
    let first = steps.first().map(|step| step.at);
    for step in &mut steps {
        let after = first.map_or(0, |first| (step.at - first).whole_milliseconds());
        step.after_ms = i64::try_from(after).unwrap_or(i64::MAX);
    }
    Ok(steps)
}

/// The object of a row, and those that it has brought about.
async fn objects_of(store: &Store, row: &Row) -> Result<Vec<ObjectKey>, StoreError> {
    let mut objects = Vec::new();
    let payment = match row {
        Row::Payment(payment) => Some(payment.as_ref()),
        Row::Setup(setup) => {
            objects.push(key(Kind::SetupIntent, &setup.id));
            None
        }
        Row::Subscription { subscription, first } => {
            objects.push(key(Kind::Subscription, &subscription.id));
            objects.extend(subscription.latest_invoice.as_ref().map(|id| key(Kind::Invoice, id)));
            first.as_deref()
        }
    };
    if let Some(payment) = payment {
        objects.push(key(Kind::PaymentIntent, &payment.id));
        let charges = store.charges_of(&payment.id).await?;
        objects.extend(charges.iter().map(|charge| key(Kind::Charge, &charge.id)));
    }
    Ok(objects)
}

fn of_command(command: &StoredCommand) -> Vec<Step> {
    let (kind, key) = (command.kind.as_str(), &command.key);
    let accepted = format!("{kind} is stored, with the key {key}");
    let mut steps = vec![Step::new(command.created_at, "command", accepted)];
    let state = command.state.word();
    match command.closed_at {
        Some(at) => {
            let of = command.object_id.as_deref().map(|id| format!(": {id}")).unwrap_or_default();
            steps.push(Step::new(at, "command", format!("{kind} is {state}{of}")));
        }
        None => {
            let text = format!("{kind} is {state}, after {} attempts", command.attempts);
            steps.push(Step::new(command.updated_at, "command", text));
        }
    }
    steps
}

fn of_event(event: &LedgerEvent) -> Step {
    let name = event.event_type.as_deref().unwrap_or("an event that could not be read");
    let outcome = event.outcome.as_deref().unwrap_or(&event.status);
    Step::new(event.received_at, "webhook", format!("{name} {}: {outcome}", event.id))
}

fn of_transition(kind: &str, step: &KeptTransition) -> Step {
    let table = match kind {
        "charge" => "app.charges",
        "invoice" => "app.invoices",
        "setup_intent" => "app.setup_intents",
        "subscription" => "app.subscriptions",
        _ => "app.payments",
    };
    let from = step.from.as_deref().map(|from| format!("{from} → ")).unwrap_or_default();
    Step::new(step.at, "row", format!("{table}: {from}{}", step.to))
}

fn of_notification(notification: &ObjectNotification) -> Step {
    let to = match notification.delivered.as_slice() {
        [] => "not delivered yet".to_owned(),
        all => format!("delivered to {}", all.join(", ")),
    };
    Step::new(notification.at, "notification", format!("{}: {to}", notification.topic))
}
