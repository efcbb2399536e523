//! Keeping a method for later (docs.stripe.com, "Save payment details", "The Setup Intents API").

use serde_json::json;

use crate::error::{ApiError, doc_url};
use crate::objects::{
    CardBehaviour, Metadata, MethodTypes, PaymentMethod, SetupIntent, SetupStatus, Snapshot,
};
use crate::store::Tx;

use super::payments::check_confirm;

/// `POST /v1/setup_intents`
#[derive(Debug, Clone, Default)]
pub struct NewSetup {
    /// Who shall have the method.
    pub customer: Option<String>,
    /// A test card's name or number, or the id of a method.
    pub payment_method: Option<String>,
    /// The team's own keys and values.
    pub metadata: Metadata,
    /// A text for people.
    pub description: Option<String>,
    /// Which kinds of method it takes.
    pub methods: MethodTypes,
    /// The account on whose behalf it is made.
    pub on_behalf_of: Option<String>,
    /// `on_session` or `off_session`; none: `off_session`.
    pub usage: Option<String>,
    /// Whether to try at once.
    pub confirm: bool,
    /// Where the customer comes back to after 3-D Secure.
    pub return_url: Option<String>,
}

impl Tx<'_> {
    pub(crate) fn create_setup(&mut self, new: NewSetup) -> Result<String, ApiError> {
        let customer = new.customer.as_deref().map(|id| self.customer(id)).transpose()?;
        let method = new.payment_method.as_deref().map(|text| self.method(text)).transpose()?;
        if let Some(method) = &method {
            let owner = customer.as_ref().map(|customer| customer.id.as_str());
            self.check_method(method, &new.methods, owner)?;
        }
        if new.confirm {
            if method.is_none() {
                return Err(no_method());
            }
            check_confirm(&new.methods, new.return_url.as_deref())?;
        }
        let id = self.ids.mint("seti");
        let setup = SetupIntent {
            client_secret: format!("{id}_secret_{}", self.ids.letters(25)),
            id,
            cancellation_reason: None,
            created: self.now,
            customer: customer.map(|customer| customer.id),
            description: new.description,
            last_setup_error: None,
            livemode: self.scope.livemode,
            metadata: new.metadata,
            methods: new.methods,
            on_behalf_of: new.on_behalf_of,
            return_url: None,
            subscription: None,
            usage: new.usage.unwrap_or_else(|| "off_session".to_owned()),
            status: match method {
                Some(_) => SetupStatus::RequiresConfirmation,
                None => SetupStatus::RequiresPaymentMethod,
            },
            payment_method: method,
        };
        self.save_setup(&setup, "setup_intent.created");
        if new.confirm {
            self.confirm_setup(&setup.id, None, new.return_url)?;
        }
        Ok(setup.id)
    }

    /// Tries a method. A declined card is an error that leaves its trace.
    pub(crate) fn confirm_setup(
        &mut self,
        id: &str,
        method: Option<&str>,
        return_url: Option<String>,
    ) -> Result<(), ApiError> {
        let mut setup = self.setup(id)?;
        if matches!(setup.status, SetupStatus::Canceled | SetupStatus::Succeeded) {
            return Err(unexpected_state(&setup, "confirm"));
        }
        let method = match method.or(setup.payment_method.as_deref()) {
            Some(text) => self.method(text)?,
            None => return Err(no_method()),
        };
        self.check_method(&method, &setup.methods, setup.customer.as_deref())?;
        check_confirm(&setup.methods, return_url.as_deref())?;
        setup.return_url = return_url;
        let method = self.payment_method(&method)?;
        setup.payment_method = Some(method.id.clone());
        match method.card.behaviour {
            CardBehaviour::Succeeds
            | CardBehaviour::BankDebit
            | CardBehaviour::DeclinesWhenCharged(_) => self.keep(setup, &method),
            CardBehaviour::AuthenticationRequired
            | CardBehaviour::AuthenticationRequiredUntilSetUp
            | CardBehaviour::DeclinesAfterAuthentication(_) => {
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
                let setup = self.setup_failed(setup);
                let mut error = why.error();
                error.body.setup_intent = Some(setup.render());
                error.body.payment_method = Some(method.render());
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

    pub(crate) fn cancel_setup(&mut self, id: &str, reason: Option<&str>) -> Result<(), ApiError> {
        const REASONS: [&str; 3] = ["abandoned", "duplicate", "requested_by_customer"];
        if let Some(reason) = reason.filter(|reason| !REASONS.contains(reason)) {
            let message = format!("Invalid cancellation_reason: {reason}");
            return Err(ApiError::invalid(message).param("cancellation_reason"));
        }
        let mut setup = self.setup(id)?;
        if matches!(setup.status, SetupStatus::Canceled | SetupStatus::Succeeded) {
            return Err(unexpected_state(&setup, "cancel"));
        }
        setup.status = SetupStatus::Canceled;
        setup.cancellation_reason = reason.map(str::to_owned);
        self.save_setup(&setup, "setup_intent.canceled");
        Ok(())
    }

    pub(crate) fn setup(&self, id: &str) -> Result<SetupIntent, ApiError> {
        let found = self.objects.setup_intents.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("setupintent", id, "intent"))
    }

    fn keep(&mut self, mut setup: SetupIntent, method: &PaymentMethod) -> Result<(), ApiError> {
        if let Some(customer) = setup.customer.as_deref().filter(|_| method.customer.is_none()) {
            self.attach_method(&method.id, customer)?;
        }
        self.keep_method(&method.id, None);
        setup.status = SetupStatus::Succeeded;
        setup.last_setup_error = None;
        self.save_setup(&setup, "setup_intent.succeeded");
        match &setup.subscription {
            Some(subscription) => self.subscription_set_up(subscription, &method.id),
            None => Ok(()),
        }
    }

    fn setup_failed(&mut self, mut setup: SetupIntent) -> SetupIntent {
        setup.status = SetupStatus::RequiresPaymentMethod;
        setup.payment_method = None;
        self.save_setup(&setup, "setup_intent.setup_failed");
        setup
    }

    pub(super) fn save_setup(&mut self, setup: &SetupIntent, kind: &str) {
        self.objects.setup_intents.put(&setup.id, setup.clone());
        self.emit(kind, Snapshot::Other(setup.render()), None);
    }
}

fn no_method() -> ApiError {
    ApiError::invalid(
        "You cannot confirm this SetupIntent because it's missing a payment method. You can either \
         update the SetupIntent with a payment method and then confirm it again, or confirm it again \
         directly with a payment method.",
    )
    .code("setup_intent_unexpected_state")
}

fn unexpected_state(setup: &SetupIntent, verb: &str) -> ApiError {
    let status = setup.status.as_str();
    ApiError::invalid(format!(
        "You cannot {verb} this SetupIntent because it has a status of {status}."
    ))
    .code("setup_intent_unexpected_state")
}
