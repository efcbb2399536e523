//! Sessions of the customer portal.
//!
//! A session changes nothing and has nothing to be recognised by, so one that may have been opened is opened
//! again. Its URL signs the customer in and is valid for minutes: it is stored nowhere, and a repeated request
//! gets a session of its own.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{self, CommandReply, Problem};
use super::error::{CommandError, RETRY_AFTER};
use super::service::Inner;
use super::turn::TurnOutcome;
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::portal::NewPortalSession;
use crate::store::command::{CommandTurn, StoredAnswer, StoredCommand, TurnEnd};
use crate::stripe_api::{ClientSecret, PortalSession, WriteError, WriteRequest};

/// A session of the customer portal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PortalView {
    /// `bps_...`
    pub id: String,
    /// `billing_portal.session`
    pub object: &'static str,
    /// `cus_...`
    pub customer: String,
    /// Where the customer comes back to.
    pub return_url: Option<String>,
    /// When Stripe made it, in seconds since 1970.
    pub created: i64,
    /// Whether it is in live mode.
    pub livemode: bool,
    /// The command that this answers.
    pub command: Uuid,
    /// Where to send the customer: whoever has it is signed in. In no table and no log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

fn view(command: &StoredCommand, params: &NewPortalSession, session: &PortalSession) -> Value {
    json!(PortalView {
        id: session.id.clone(),
        object: "billing_portal.session",
        customer: params.customer.clone(),
        return_url: params.return_url.clone(),
        created: session.created,
        livemode: command.livemode,
        command: command.id,
        url: None,
    })
}

impl Inner {
    /// Closes a command whose session was opened.
    pub(super) async fn portal_opened(
        &self,
        turn: &CommandTurn,
        params: &NewPortalSession,
        session: PortalSession,
    ) -> Result<TurnOutcome, CommandError> {
        let body = view(&turn.command, params, &session);
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
                    Ok(session) => (view(command, params, &session), session.url),
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
