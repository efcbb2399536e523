//! SetupIntent (docs.stripe.com, "The SetupIntent object").

use serde_json::{Value, json};

use super::metadata::Metadata;
use super::payment_method::MethodTypes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetupStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Canceled,
    Succeeded,
}

impl SetupStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Canceled => "canceled",
            Self::Succeeded => "succeeded",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct SetupIntent {
    pub(crate) id: String,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) client_secret: String,
    pub(crate) created: i64,
    pub(crate) customer: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) last_setup_error: Option<Value>,
    pub(crate) livemode: bool,
    pub(crate) metadata: Metadata,
    pub(crate) methods: MethodTypes,
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) payment_method: Option<String>,
    /// Where the customer comes back to after 3-D Secure.
    pub(crate) return_url: Option<String>,
    pub(crate) status: SetupStatus,
    /// The subscription whose later payments the method is for.
    pub(crate) subscription: Option<String>,
    /// `on_session`, `off_session`
    pub(crate) usage: String,
}

impl SetupIntent {
    pub(crate) fn render(&self) -> Value {
        let waits = self.status == SetupStatus::RequiresAction;
        let page = format!("https://hooks.stripe.com/3d_secure_2/hosted?setup_intent={}", self.id);
        let action = match &self.return_url {
            Some(back) => json!({
                "type": "redirect_to_url",
                "redirect_to_url": { "return_url": back, "url": page },
            }),
            None => json!({
                "type": "use_stripe_sdk",
                "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": page },
            }),
        };
        json!({
            "id": self.id,
            "object": "setup_intent",
            "application": null,
            "automatic_payment_methods": self.methods.automatic(),
            "cancellation_reason": self.cancellation_reason,
            "client_secret": self.client_secret,
            "created": self.created,
            "customer": self.customer,
            "customer_account": null,
            "description": self.description,
            "excluded_payment_method_types": null,
            "flow_directions": null,
            "last_setup_error": self.last_setup_error,
            "latest_attempt": null,
            "livemode": self.livemode,
            "mandate": null,
            "metadata": self.metadata,
            "next_action": waits.then_some(action),
            "on_behalf_of": self.on_behalf_of,
            "payment_method": self.payment_method,
            "payment_method_configuration_details": null,
            "payment_method_options": { "card": { "mandate_options": null, "network": null,
                                                  "request_three_d_secure": "automatic" } },
            "payment_method_types": self.methods.list(),
            "single_use_mandate": null,
            "status": self.status.as_str(),
            "usage": self.usage,
        })
    }
}
