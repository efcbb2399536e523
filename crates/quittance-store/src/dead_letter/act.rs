//! Actions of operators on dead letters; each adds a row to the audit log, in the same statement.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::id::DeadLetterId;
use super::state::DeadLetterState;
use crate::audit::Actor;
use crate::connect::Store;
use crate::error::StoreError;
use tokio::time::timeout;

/// An action on a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Enqueue it again, with a new budget of attempts.
    Retry,
    /// Close it without processing.
    Discard,
    /// Hide it until a time.
    Snooze {
        /// When it is open again.
        until: OffsetDateTime,
    },
    /// Undo a discard or a snooze.
    Undo,
}

impl Act {
    /// Its word.
    #[must_use]
    pub fn word(self) -> ActWord {
        match self {
            Self::Retry => ActWord::Retry,
            Self::Discard => ActWord::Discard,
            Self::Snooze { .. } => ActWord::Snooze,
            Self::Undo => ActWord::Undo,
        }
    }

    /// End of a snooze.
    #[must_use]
    pub fn until(self) -> Option<OffsetDateTime> {
        match self {
            Self::Snooze { until } => Some(until),
            Self::Retry | Self::Discard | Self::Undo => None,
        }
    }
}

/// Name of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActWord {
    /// Enqueue it again.
    Retry,
    /// Close it without processing.
    Discard,
    /// Hide it for a while.
    Snooze,
    /// Undo a discard or a snooze.
    Undo,
}

impl ActWord {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Retry, Self::Discard, Self::Snooze, Self::Undo];

    /// `retry`, `discard`, `snooze`, `undo`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Discard => "discard",
            Self::Snooze => "snooze",
            Self::Undo => "undo",
        }
    }

    /// Parses the name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }
}

/// Result of an action on one dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Acted {
    /// Done.
    Done,
    /// For a retry: its job was enqueued, and the dead letter was resolved or dead-lettered again in the meantime.
    Overtaken,
    /// There is no such dead letter.
    Unknown,
    /// It is in a state without anything to do.
    Is(DeadLetterState),
    /// Its event was processed since it was discarded.
    Settled,
    /// A newer dead letter of the same event is open.
    Replaced,
    /// Its notification was pruned.
    Gone,
    /// Its body was not stored, because it was not JSON: only Stripe can send it again.
    NoPayload,
    /// For a retry: it was taken back before it was processed.
    TakenBack,
}

impl Acted {
    const PLAIN: [Self; 8] = [
        Self::Done,
        Self::Overtaken,
        Self::Unknown,
        Self::Settled,
        Self::Replaced,
        Self::Gone,
        Self::NoPayload,
        Self::TakenBack,
    ];

    /// The stable name: `done`, `moved`, `unknown`, a dead letter's state, `settled`, `replaced`,
    /// `gone`, `no_payload`, `taken_back`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Overtaken => "moved",
            Self::Unknown => "unknown",
            Self::Is(state) => state.as_str(),
            Self::Settled => "settled",
            Self::Replaced => "replaced",
            Self::Gone => "gone",
            Self::NoPayload => "no_payload",
            Self::TakenBack => "taken_back",
        }
    }

    /// Parses the name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = Self::PLAIN.into_iter().find(|acted| acted.as_str() == text);
        plain.or_else(|| DeadLetterState::parse(text).map(Self::Is))
    }

    /// Whether the action was done.
    #[must_use]
    pub fn is_ok(self) -> bool {
        match self {
            Self::Done | Self::Overtaken => true,
            Self::Unknown
            | Self::Is(_)
            | Self::Settled
            | Self::Replaced
            | Self::Gone
            | Self::NoPayload
            | Self::TakenBack => false,
        }
    }
}

/// A dead letter to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActedOn {
    /// Its number.
    pub id: DeadLetterId,
    /// For a retry: how often it had been dead-lettered when its job was made. If that has changed since, the
    /// dead letter is open, and does not wait for that job.
    pub deaths: i32,
    /// For a retry of a notification: its delay.
    pub wait: Duration,
}

impl From<DeadLetterId> for ActedOn {
    fn from(id: DeadLetterId) -> Self {
        Self { id, deaths: 0, wait: Duration::ZERO }
    }
}

/// Dead letters as arrays for Postgres, one for each column.
pub(crate) struct Columns {
    pub(crate) ids: Vec<i64>,
    pub(crate) deaths: Vec<i32>,
    pub(crate) waits: Vec<i64>,
}

impl From<&[ActedOn]> for Columns {
    fn from(dead_letters: &[ActedOn]) -> Self {
        let wait = |on: &ActedOn| i64::try_from(on.wait.as_millis()).unwrap_or(i64::MAX);
        Self {
            ids: dead_letters.iter().map(|on| on.id.get()).collect(),
            deaths: dead_letters.iter().map(|on| on.deaths).collect(),
            waits: dead_letters.iter().map(wait).collect(),
        }
    }
}

/// Parses the result of `quittance.act`.
pub(crate) fn acted(word: &str) -> Result<Acted, StoreError> {
    Acted::parse(word).ok_or(StoreError::Unreadable { what: "the result of quittance.act" })
}

impl Store {
    /// Whether this retry of a dead letter was cancelled, or the dead letter was discarded. False for one that does
    /// not exist.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn retry_is_taken_back(
        &self,
        dead_letter: i64,
        retry: i32,
    ) -> Result<bool, StoreError> {
        let mut connection = self.connection().await?;
        let query = sqlx::query_scalar!(
            r#"
            SELECT state = 'discarded' OR taken_back >= $2 AS "taken_back!"
            FROM quittance.dead_letters WHERE id = $1
            "#,
            dead_letter,
            retry,
        );
        let answer = timeout(self.patience, query.fetch_optional(connection.get()?)).await;
        Ok(self.answered(connection, answer)?.unwrap_or(false))
    }

    /// Applies an action to each of several dead letters, with a row in the audit log for each success. The
    /// results are in the order of the ids; unknown ones are last.
    ///
    /// A retry of an event must be recorded *after* its job was enqueued. If the job was processed or dead-lettered
    /// again in the meantime, the dead letter stays unchanged; the row in the audit log is written all the same,
    /// because the job was enqueued.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; nothing is done then.
    pub async fn act(
        &self,
        act: Act,
        dead_letters: &[ActedOn],
        actor: Actor<'_>,
    ) -> Result<Vec<(DeadLetterId, Acted)>, StoreError> {
        let Columns { ids, deaths, waits } = dead_letters.into();
        let rows = sqlx::query!(
            r#"
            WITH acted AS MATERIALIZED (
                SELECT * FROM quittance.act($1, $2, $3, $4, $5, $6, $7)
            ),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, details)
                SELECT $6, 'dead_letter.' || $1, 'dead_letter:' || a.letter, $7,
                       jsonb_strip_nulls(jsonb_build_object(
                           'event', a.event, 'until', $5::timestamptz))
                FROM acted AS a
                WHERE a.result IN ('done', 'moved')
                ORDER BY a.letter
            )
            SELECT letter AS "letter!", result AS "result!" FROM acted
            "#,
            act.word().as_str(),
            &ids,
            &deaths,
            &waits,
            act.until(),
            actor.name,
            actor.reason,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Ok((DeadLetterId(row.letter), acted(&row.result)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_comes_back_from_its_word() {
        let states = DeadLetterState::ALL.iter().map(|state| Acted::Is(*state));
        for acted in Acted::PLAIN.into_iter().chain(states) {
            assert_eq!(Acted::parse(acted.as_str()), Some(acted));
        }
        for word in ActWord::ALL {
            assert_eq!(ActWord::parse(word.as_str()), Some(word));
        }
        assert_eq!(Acted::parse("?"), None);
    }
}
