//! Sessions of the customer portal.
//!
//! A session changes nothing and has nothing to be recognised by, so one that may have been opened is opened
//! again. Its URL signs the customer in and is valid for minutes: it is stored nowhere, and a repeated request
//! gets a session of its own.

use serde_json::json;
use uuid::Uuid;

use super::answer::{self, CommandReply};
use super::error::{CommandError, RETRY_AFTER};
use super::problem::Problem;
use super::service::Inner;
use super::turn::TurnOutcome;
use super::view::PortalView;
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::params::NewPortalSession;
use crate::store::command::{CommandTurn, StoredAnswer, StoredCommand, TurnEnd};
use crate::stripe_api::{ClientSecret, PortalSession, WriteError, WriteRequest};

impl Inner {
    /// Closes a command whose session was opened.
    pub(super) async fn portal_opened(
        &self,
        turn: &CommandTurn,
        params: &NewPortalSession,
        session: PortalSession,
    ) -> Result<TurnOutcome, CommandError> {
        let body = json!(PortalView::of(&turn.command, params, &session));
        let end = TurnEnd::Done {
            object_id: session.id.clone(),
            answer: StoredAnswer { status: 200, body },
        };
        self.store.end_turn(turn.end(&end, session.request_id.as_deref())).await?;
        Ok(TurnOutcome::Closed(Some(session.url)))
    }

    /// The answer to a command whose session was opened: with its URL, or with that of a new session.
    pub(super) async fn reply_with_portal(
        &self,
        command: &StoredCommand,
        url: Option<ClientSecret>,
        repeated: bool,
    ) -> Result<CommandReply, CommandError> {
        let stored = command.answer.as_ref().map(|answer| answer.body.clone());
        let (mut body, url) = match (stored, url, &command.params) {
            (Some(body), Some(url), _) => (body, url),
            (_, _, CommandParams::CreatePortalSession(params)) => {
                let (id, key) = (command.id.to_string(), Uuid::new_v4().to_string());
                let target = command.target.as_deref();
                let request =
                    WriteRequest { command: &id, key: &key, params: &command.params, target };
                match self.writer.open_portal(request).await {
                    Ok(session) => (json!(PortalView::of(command, params, &session)), session.url),
                    Err(error) => return Ok(not_opened(command, error)),
                }
            }
            _ => {
                return Err(CommandError::NotFound { what: "session", id: command.id.to_string() });
            }
        };
        answer::with_secret(&mut body, Some(&url));
        Ok(CommandReply {
            status: 200,
            body,
            command: command.id,
            replayed: repeated,
            retry_after: None,
        })
    }
}

/// Whatever became of it: the next request opens another one.
fn not_opened(command: &StoredCommand, error: WriteError) -> CommandReply {
    let (problem, retry_after) = match error {
        WriteError::Refused(refusal) => (Problem::of_refusal(&refusal, command.id), None),
        WriteError::Misconfigured(error) => {
            tracing::error!(command = %command.id, %error, "Stripe opens no customer portal for us");
            let detail = "Stripe takes no commands from Quittance: its log says why.";
            (Problem::new(503, "misconfigured", detail), Some(RETRY_AFTER))
        }
        WriteError::NotSent { error, .. } | WriteError::Unknown { error, .. } => {
            tracing::warn!(command = %command.id, %error, "the customer portal could not be opened again");
            let detail = "Stripe did not answer. Repeat the request with the same key.";
            (Problem::new(503, "stripe_unavailable", detail), Some(RETRY_AFTER))
        }
    };
    let problem = Problem { command: Some(command.id), ..problem };
    let status = problem.status;
    CommandReply { status, body: json!(problem), command: command.id, replayed: false, retry_after }
}
