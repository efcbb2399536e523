//! Turns at commands: one process has a command until its lease ends, and writes what became of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::stored::{StoredAnswer, StoredCommand, StoredRow, millis, query_commands};
use crate::connect::Store;
use crate::error::StoreError;
use quittance_domain::command::CommandState;
use quittance_domain::status_word::Vocabulary as _;

/// A turn at a command: no other process sends it before the lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandTurn {
    /// The command, in the state `sent`.
    pub command: StoredCommand,
    /// Since when Stripe may have received it, before this turn.
    pub sent_before: Option<OffsetDateTime>,
    runner: Uuid,
    taken: Instant,
}

/// The end of a turn at a command.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnEnd {
    /// Stripe did it.
    Done {
        /// What was made or changed.
        object_id: String,
        /// The answer for this and each repeated request.
        answer: StoredAnswer,
    },
    /// Stripe refused it, or it was given up before it was sent.
    Refused {
        /// Why, by a stable code.
        failure: String,
        /// The payment that exists all the same, after a declined confirmation.
        object_id: Option<String>,
        /// The answer for this and each repeated request.
        answer: StoredAnswer,
    },
    /// It certainly had no effect: it may be sent after this long.
    NotSent {
        /// Why, by a stable code.
        failure: String,
        /// In words.
        detail: String,
        /// When a process may take it up.
        again_after: Duration,
    },
    /// What became of it is not known.
    Unknown {
        /// Why, by a stable code.
        failure: String,
        /// In words.
        detail: String,
        /// Whether the same key would bring no other answer.
        lookup: bool,
        /// When a process may take it up.
        again_after: Duration,
    },
    /// An operator decides.
    Dead {
        /// Why, by a stable code.
        failure: String,
        /// In words: what is known.
        detail: String,
    },
}

/// The end of a turn at a command, ready to be written: alone, or with what the answer shows of an object, as a
/// part of its [`Settlement`](crate::Settlement).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandClosing(Value);

impl CommandClosing {
    /// As a part of a settlement.
    pub(crate) fn of(self, settlement: i32) -> Value {
        let mut end = self.0;
        end["settlement"] = json!(settlement);
        end
    }
}

impl CommandTurn {
    /// The first turn at a command that was written a moment ago.
    pub(super) fn first(command: StoredCommand, runner: Uuid) -> Self {
        Self { command, sent_before: None, runner, taken: Instant::now() }
    }

    /// How long ago the command was written.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.command.age.saturating_add(self.taken.elapsed())
    }

    /// The end of this turn. `request_id` is Stripe's.
    #[must_use]
    pub fn end(&self, end: &TurnEnd, request_id: Option<&str>) -> CommandClosing {
        let mut end = of_end(self, end);
        end["id"] = json!(self.command.id);
        end["runner"] = json!(self.runner);
        end["request_id"] = json!(request_id);
        CommandClosing(end)
    }
}

impl Store {
    /// Takes a turn at a command. None: another process is at it, or it is closed or dead.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn take_command(
        &self,
        id: Uuid,
        lease: Duration,
    ) -> Result<Option<CommandTurn>, StoreError> {
        let taken = self.take(Some(id), lease, 1).await?;
        Ok(taken.into_iter().next())
    }

    /// Takes turns at commands that are due: those whose process died, and those that wait for another
    /// look. Oldest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn take_due_commands(
        &self,
        lease: Duration,
        most: u32,
    ) -> Result<Vec<CommandTurn>, StoreError> {
        self.take(None, lease, most).await
    }

    async fn take(
        &self,
        id: Option<Uuid>,
        lease: Duration,
        most: u32,
    ) -> Result<Vec<CommandTurn>, StoreError> {
        let runner = Uuid::new_v4();
        let rows = query_commands!(
            r#"
            WITH free AS (
                SELECT c.id AS free_id, c.sent_at AS sent_before
                FROM quittance.commands AS c
                WHERE c.state IN ('accepted', 'sent', 'unknown')
                  AND ($1::uuid IS NULL OR c.id = $1)
                  -- A client that repeats its request need not wait for a delay to end; a lease it must
                  -- respect.
                  AND (c.due_at <= clock_timestamp() OR ($1 IS NOT NULL AND c.state = 'accepted'))
                ORDER BY c.due_at
                LIMIT $3
                FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE quittance.commands AS c
            SET state        = 'sent',
                runner       = $2,
                attempts     = c.attempts + 1,
                sent_at      = coalesce(c.sent_at, clock_timestamp()),
                last_sent_at = CASE WHEN c.lookup THEN c.last_sent_at ELSE clock_timestamp() END,
                due_at       = clock_timestamp() + make_interval(secs => $4),
                updated_at   = clock_timestamp()
            FROM free AS f
            WHERE c.id = f.free_id
            RETURNING"#,
            "sent_before",
            id,
            runner,
            i64::from(most),
            lease.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        let taken = Instant::now();
        let turn = |row: StoredRow| {
            let sent_before = row.sent_before;
            Ok(CommandTurn { command: row.try_into()?, sent_before, runner, taken })
        };
        rows.into_iter().map(turn).collect()
    }

    /// Ends a turn whose answer shows nothing of an object. One that another process has taken over meanwhile
    /// is left to it.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; nothing is written then.
    pub async fn end_turn(&self, closing: CommandClosing) -> Result<(), StoreError> {
        sqlx::query_scalar!(
            r#"SELECT quittance.end_turns($1, '{}') AS "ended!""#,
            json!([closing.of(0)]),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(())
    }

    /// Has a command sent anew, with another key: it was proved that it had no effect. False: another
    /// process has taken it over.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn renew_command(
        &self,
        turn: &CommandTurn,
        stripe_key: &str,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            r#"
            UPDATE quittance.commands
            SET state = 'accepted', failure = 'absent', stripe_key = $3, sent_at = NULL, lookup = false, runner = NULL,
                due_at = clock_timestamp(), updated_at = clock_timestamp()
            WHERE id = $1 AND runner = $2 AND state = 'sent'
            "#,
            turn.command.id,
            turn.runner,
            stripe_key,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}

fn of_end(turn: &CommandTurn, end: &TurnEnd) -> Value {
    let answered = |state: CommandState,
                    failure: Option<&str>,
                    object_id: Option<&str>,
                    answer: &StoredAnswer| {
        json!({
            "state": state.word(),
            "object_id": object_id,
            "failure": failure,
            "failure_detail": null,
            "answer_status": answer.status,
            "answer": answer.body,
            // What exists has the reference; what was never made gives it back.
            "holds_reference": object_id.is_some(),
            "lookup": false,
            "forget_sent": false,
            "due_in_ms": 0,
        })
    };
    let open = |state: CommandState, failure: &str, detail: &str| {
        json!({
            "state": state.word(),
            "failure": failure,
            "failure_detail": detail,
            "holds_reference": true,
            "lookup": turn.command.lookup,
            "forget_sent": false,
            "due_in_ms": 0,
        })
    };
    match end {
        TurnEnd::Done { object_id, answer } => {
            answered(CommandState::Done, None, Some(object_id), answer)
        }
        TurnEnd::Refused { failure, object_id, answer } => {
            answered(CommandState::Refused, Some(failure), object_id.as_deref(), answer)
        }
        TurnEnd::NotSent { failure, detail, again_after } => {
            // An earlier turn may have had an effect, whatever became of this one.
            let certain = turn.sent_before.is_none();
            let state = if certain { CommandState::Accepted } else { CommandState::Unknown };
            let mut value = open(state, failure, detail);
            value["forget_sent"] = json!(certain);
            value["due_in_ms"] = json!(millis(*again_after));
            value
        }
        TurnEnd::Unknown { failure, detail, lookup, again_after } => {
            let mut value = open(CommandState::Unknown, failure, detail);
            value["lookup"] = json!(*lookup || turn.command.lookup);
            value["due_in_ms"] = json!(millis(*again_after));
            value
        }
        TurnEnd::Dead { failure, detail } => open(CommandState::Dead, failure, detail),
    }
}
