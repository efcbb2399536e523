//! Groups of dead letters by cause and type of event.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::filter::Filter;
use super::group_key::GroupKey;
use super::id::DeadLetterId;
use crate::connect::Store;
use crate::error::StoreError;

/// Hours in the history of a group.
const HOURS: usize = 24;

/// Number of dead letters of a group by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct StateCounts {
    /// Open.
    pub open: i64,
    /// Snoozed.
    pub snoozed: i64,
    /// Back in the queue.
    pub retrying: i64,
    /// Processed after all.
    pub resolved: i64,
    /// Closed by an operator.
    pub discarded: i64,
}

impl StateCounts {
    fn add(&mut self, state: &str, count: i64) -> Result<(), StoreError> {
        let of = match state {
            "open" => &mut self.open,
            "snoozed" => &mut self.snoozed,
            "retrying" => &mut self.retrying,
            "resolved" => &mut self.resolved,
            "discarded" => &mut self.discarded,
            _ => return Err(StoreError::Unreadable { what: "quittance.dead_letters.state" }),
        };
        *of += count;
        Ok(())
    }
}

/// Dead letters of one cause and one type of event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Group {
    /// Name of the group, for filters.
    pub group: GroupKey,
    /// The type of event, or the topic of a notification; null if it could not be read.
    pub event_type: Option<String>,
    /// The class of the failure.
    pub class: String,
    /// The stable code of the failure.
    pub code: String,
    /// The message without ids and numbers.
    pub cause: String,
    /// Number of its dead letters that match the filter.
    pub count: i64,
    /// The same by state.
    pub states: StateCounts,
    /// When the first of them was first dead-lettered.
    #[serde(with = "time::serde::rfc3339")]
    pub first_seen: OffsetDateTime,
    /// When the last of them was dead-lettered.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen: OffsetDateTime,
    /// How many were dead-lettered in each of the last 24 hours, the current one last.
    pub hourly: Vec<i64>,
    /// The newest of them.
    pub example: DeadLetterId,
}

/// All groups of the dead letters that match a filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Groups {
    /// The largest first.
    pub groups: Vec<Group>,
    /// Number of dead letters that match the filter, in all groups.
    pub dead_letters: i64,
}

/// One count of Postgres: a group, a state, an hour.
struct Cell {
    fingerprint: String,
    event_type: Option<String>,
    state: String,
    snoozed: bool,
    hour: OffsetDateTime,
    now: OffsetDateTime,
    count: i64,
    first_seen: OffsetDateTime,
    last_seen: OffsetDateTime,
    newest: i64,
}

impl Store {
    /// Counts the dead letters that match a filter by cause and type of event, the largest group first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn dead_letter_groups(&self, filter: &Filter) -> Result<Groups, StoreError> {
        let cells = sqlx::query_as!(
            Cell,
            r#"
            SELECT d.fingerprint AS "fingerprint!", d.event_type,
                   d.state AS "state!", coalesce(d.snoozed_until > now(), false) AS "snoozed!",
                   -- Full hours back from now. What is older than a day is of one hour more.
                   date_bin('1 hour', greatest(d.died_at, now() - interval '25 hours'), now())
                       AS "hour!",
                   now() AS "now!",
                   count(*) AS "count!", min(d.created_at) AS "first_seen!",
                   max(d.died_at) AS "last_seen!", max(d.id) AS "newest!"
            FROM quittance.letters_where($1) AS d
            GROUP BY 1, 2, 3, 4, 5
            "#,
            filter.to_json(),
        )
        .fetch_all(&self.pool)
        .await?;
        let mut found: BTreeMap<GroupKey, Group> = BTreeMap::new();
        for cell in cells {
            add(&mut found, cell)?;
        }
        let mut groups: Vec<Group> = found.into_values().collect();
        self.explain(&mut groups).await?;
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| b.last_seen.cmp(&a.last_seen)));
        let dead_letters = groups.iter().map(|group| group.count).sum();
        Ok(Groups { groups, dead_letters })
    }

    /// Reads class, code and cause from one dead letter of each group.
    async fn explain(&self, groups: &mut [Group]) -> Result<(), StoreError> {
        let ids: Vec<i64> = groups.iter().map(|group| group.example.get()).collect();
        let told = sqlx::query!(
            "SELECT id, class, code, cause FROM quittance.dead_letters WHERE id = ANY ($1)",
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut told: BTreeMap<i64, _> = told.into_iter().map(|row| (row.id, row)).collect();
        for group in groups {
            // A dead letter that does not exist any more was removed by retention, or its group has changed.
            if let Some(row) = told.remove(&group.example.get()) {
                (group.class, group.code, group.cause) = (row.class, row.code, row.cause);
            }
        }
        Ok(())
    }
}

fn add(found: &mut BTreeMap<GroupKey, Group>, cell: Cell) -> Result<(), StoreError> {
    let key = GroupKey { fingerprint: cell.fingerprint, event_type: cell.event_type };
    let group = found.entry(key).or_insert_with_key(|key| Group {
        group: key.clone(),
        event_type: key.event_type.clone(),
        class: String::new(),
        code: String::new(),
        cause: String::new(),
        count: 0,
        states: StateCounts::default(),
        first_seen: cell.first_seen,
        last_seen: cell.last_seen,
        hourly: vec![0; HOURS],
        example: DeadLetterId(cell.newest),
    });
    group.count += cell.count;
    let snoozed = cell.snoozed && cell.state == "open";
    group.states.add(if snoozed { "snoozed" } else { &cell.state }, cell.count)?;
    group.first_seen = group.first_seen.min(cell.first_seen);
    group.last_seen = group.last_seen.max(cell.last_seen);
    group.example = group.example.max(DeadLetterId(cell.newest));
    // The hour that ends now started an hour ago. A fast clock causes future hours, which count as
    // this one.
    let hours_ago = usize::try_from((cell.now - cell.hour).whole_hours() - 1).unwrap_or(0);
    if let Some(hour) = HOURS.checked_sub(hours_ago + 1).and_then(|at| group.hourly.get_mut(at)) {
        *hour += cell.count;
    }
    Ok(())
}
