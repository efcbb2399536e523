//! What people do with dead letters; each with a row in the audit log, in the same statement.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{DeadLetterId, DeadLetterState};
use crate::connect::Store;
use crate::error::StoreError;
use tokio::time::timeout;

/// Who does something by hand, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor<'a> {
    /// Who.
    pub name: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
}

/// What can be done with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Try again, with a fresh budget of attempts.
    Retry,
    /// Give up for good.
    Discard,
    /// Do not show it before then.
    Snooze {
        /// When it turns up again.
        until: OffsetDateTime,
    },
    /// Take a discard or a snooze back.
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

    /// Until when, of a snooze.
    #[must_use]
    pub fn until(self) -> Option<OffsetDateTime> {
        match self {
            Self::Snooze { until } => Some(until),
            Self::Retry | Self::Discard | Self::Undo => None,
        }
    }
}

/// What can be done, as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActWord {
    /// Try again.
    Retry,
    /// Give up for good.
    Discard,
    /// Do not show for a while.
    Snooze,
    /// Take a discard or a snooze back.
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

    /// From its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }
}

/// What came of it, for one letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Acted {
    /// It is done.
    Done,
    /// Of a retry: its job went into the queue, and the letter moved by itself meanwhile: settled,
    /// or given up again.
    Overtaken,
    /// There is no such letter.
    Unknown,
    /// It is in a state in which there is nothing to do.
    Is(DeadLetterState),
    /// What it is about has settled since it was discarded.
    Settled,
    /// A newer letter of the same event is open.
    Replaced,
    /// Its notification is kept no longer.
    Gone,
    /// Its body was not kept, because it was not JSON: only Stripe can send it again.
    NoPayload,
    /// Of a retry: it was taken back before it had come to an end.
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

    /// The stable word for it: `done`, `moved`, `unknown`, a letter's state, `settled`, `replaced`,
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

    /// From its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = Self::PLAIN.into_iter().find(|acted| acted.as_str() == text);
        plain.or_else(|| DeadLetterState::parse(text).map(Self::Is))
    }

    /// Whether what was asked for was done.
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

/// A letter to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActedOn {
    /// Which.
    pub id: DeadLetterId,
    /// Of a retry: its deaths when its job was made. If it has died again since, it waits for a
    /// person and not for that job.
    pub deaths: i32,
    /// Of a retry of a notification: how much later.
    pub wait: Duration,
}

impl From<DeadLetterId> for ActedOn {
    fn from(id: DeadLetterId) -> Self {
        Self { id, deaths: 0, wait: Duration::ZERO }
    }
}

/// Letters as Postgres takes them, a column each.
pub(crate) struct Columns {
    pub(crate) ids: Vec<i64>,
    pub(crate) deaths: Vec<i32>,
    pub(crate) waits: Vec<i64>,
}

impl From<&[ActedOn]> for Columns {
    fn from(letters: &[ActedOn]) -> Self {
        let wait = |on: &ActedOn| i64::try_from(on.wait.as_millis()).unwrap_or(i64::MAX);
        Self {
            ids: letters.iter().map(|on| on.id.get()).collect(),
            deaths: letters.iter().map(|on| on.deaths).collect(),
            waits: letters.iter().map(wait).collect(),
        }
    }
}

/// The word that `quittance.act` said.
pub(crate) fn acted(word: &str) -> Result<Acted, StoreError> {
    Acted::parse(word).ok_or(StoreError::Unreadable { what: "the result of quittance.act" })
}

impl Store {
    /// Whether this retry of a letter is no longer wanted: it was cancelled, or the letter discarded. Not
    /// of a letter that is there no longer.
    ///
    /// # Errors
    /// Postgres.
    pub async fn retry_is_taken_back(&self, letter: i64, retry: i32) -> Result<bool, StoreError> {
        let mut connection = self.connection().await?;
        let query = sqlx::query_scalar!(
            r#"
            SELECT state = 'discarded' OR taken_back >= $2 AS "taken_back!"
            FROM quittance.dead_letters WHERE id = $1
            "#,
            letter,
            retry,
        );
        let answer = timeout(self.patience, query.fetch_optional(&mut *connection)).await;
        Ok(self.answered(connection, answer)?.unwrap_or(false))
    }

    /// Acts on letters, each for itself, with a row in the audit log for each that it was done to.
    /// In the order of their ids; unknown ones last.
    ///
    /// A retry of an event is to be noted *after* its job is in the queue. If the job has settled or
    /// died again meanwhile, the letter already says so and stays as it is; the audit row is
    /// written all the same, because the job went out all the same.
    ///
    /// # Errors
    /// Postgres; then nothing was done.
    pub async fn act(
        &self,
        act: Act,
        letters: &[ActedOn],
        actor: Actor<'_>,
    ) -> Result<Vec<(DeadLetterId, Acted)>, StoreError> {
        let Columns { ids, deaths, waits } = letters.into();
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
