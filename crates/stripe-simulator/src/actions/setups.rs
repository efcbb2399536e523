//! Keeping a method for later (docs.stripe.com, "Save payment details", "The Setup Intents API").

use serde_json::json;

use crate::error::{ApiError, doc_url};
use crate::objects::{CardBehaviour, Metadata, PaymentMethod, SetupIntent, SetupStatus, Snapshot};
use crate::world::Tx;

/// `POST /v1/setup_intents`
#[derive(Debug, Clone, Default)]
pub struct NewSetup {
    /// Who shall have the method.
    pub customer: Option<String>,
    /// A test card's name or number, or the id of a method.
    pub payment_method: Option<String>,
    /// The team's own keys and values.
    pub metadata: Metadata,
}

impl Tx<'_> {
    pub(crate) fn create_setup(&mut self, new: NewSetup) -> Result<String, ApiError> {
        let customer = new.customer.as_deref().map(|id| self.customer(id)).transpose()?;
        let method = new.payment_method.as_deref().map(|text| self.method(text)).transpose()?;
        let id = self.ids.mint("seti");
        let setup = SetupIntent {
            client_secret: format!("{id}_secret_{}", self.ids.letters(25)),
            id,
            cancellation_reason: None,
            created: self.now,
            customer: customer.map(|customer| customer.id),
            last_setup_error: None,
            livemode: self.scope.livemode,
            metadata: new.metadata,
            status: match method {
                Some(_) => SetupStatus::RequiresConfirmation,
                None => SetupStatus::RequiresPaymentMethod,
            },
            payment_method: method,
        };
        self.save_setup(&setup, "setup_intent.created");
        Ok(setup.id)
    }

    /// Tries a method. A declined card is an error that leaves its trace.
    pub(crate) fn confirm_setup(&mut self, id: &str, method: Option<&str>) -> Result<(), ApiError> {
        let mut setup = self.setup(id)?;
        if matches!(setup.status, SetupStatus::Canceled | SetupStatus::Succeeded) {
            return Err(unexpected_state(&setup, "confirm"));
        }
        let method = match method.or(setup.payment_method.as_deref()) {
            Some(text) => self.method(text)?,
            None => return Err(unexpected_state(&setup, "confirm")),
        };
        let method = self.payment_method(&method)?;
        setup.payment_method = Some(method.id.clone());
        match method.card.behaviour {
            CardBehaviour::Succeeds | CardBehaviour::BankDebit => self.keep(setup, &method),
            CardBehaviour::AuthenticationRequired => {
                setup.status = SetupStatus::RequiresAction;
                setup.last_setup_error = None;
                self.save_setup(&setup, "setup_intent.requires_action");
                Ok(())
            }
            CardBehaviour::Declines(why) => {
                setup.last_setup_error = Some(json!({
                    "code": why.code,
                    "decline_code": why.decline_code,
                    "doc_url": doc_url(why.code),
                    "message": why.message,
                    "payment_method": method.render(),
                    "type": "card_error",
                }));
                self.setup_failed(setup);
                let mut error = ApiError::new(402, "card_error", why.message).code(why.code);
                error.body.decline_code = why.decline_code.map(str::to_owned);
                Err(error)
            }
        }
    }

    /// The customer's answer to 3-D Secure.
    pub(crate) fn finish_setup_3ds(&mut self, id: &str, succeed: bool) -> Result<(), ApiError> {
        let mut setup = self.setup(id)?;
        if setup.status != SetupStatus::RequiresAction {
            return Err(unexpected_state(&setup, "authenticate"));
        }
        let method = self.payment_method(setup.payment_method.as_deref().unwrap_or_default())?;
        if succeed {
            return self.keep(setup, &method);
        }
        let code = "setup_intent_authentication_failure";
        setup.last_setup_error = Some(json!({
            "code": code,
            "doc_url": doc_url(code),
            "message": "The latest attempt to set up the payment method has failed because \
                authentication failed.",
            "payment_method": method.render(),
            "type": "invalid_request_error",
        }));
        self.setup_failed(setup);
        Ok(())
    }

    pub(crate) fn cancel_setup(&mut self, id: &str) -> Result<(), ApiError> {
        let mut setup = self.setup(id)?;
        if matches!(setup.status, SetupStatus::Canceled | SetupStatus::Succeeded) {
            return Err(unexpected_state(&setup, "cancel"));
        }
        setup.status = SetupStatus::Canceled;
        setup.cancellation_reason = Some("abandoned".to_owned());
        self.save_setup(&setup, "setup_intent.canceled");
        Ok(())
    }

    pub(crate) fn setup(&self, id: &str) -> Result<SetupIntent, ApiError> {
        let found = self.books.setup_intents.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("setupintent", id, "intent"))
    }

    fn keep(&mut self, mut setup: SetupIntent, method: &PaymentMethod) -> Result<(), ApiError> {
        if let Some(customer) = setup.customer.as_deref().filter(|_| method.customer.is_none()) {
            self.attach_method(&method.id, customer)?;
        }
        setup.status = SetupStatus::Succeeded;
        setup.last_setup_error = None;
        self.save_setup(&setup, "setup_intent.succeeded");
        Ok(())
    }

    fn setup_failed(&mut self, mut setup: SetupIntent) {
        setup.status = SetupStatus::RequiresPaymentMethod;
        setup.payment_method = None;
        self.save_setup(&setup, "setup_intent.setup_failed");
    }

    fn save_setup(&mut self, setup: &SetupIntent, kind: &str) {
        self.books.setup_intents.put(&setup.id, setup.clone());
        self.emit(kind, Snapshot::Other(setup.render()), None);
    }
}

fn unexpected_state(setup: &SetupIntent, verb: &str) -> ApiError {
    let status = setup.status.as_str();
    ApiError::invalid(format!(
        "You cannot {verb} this SetupIntent because it has a status of {status}."
    ))
    .code("setup_intent_unexpected_state")
}
