//! PaymentIntent (docs.stripe.com, "The PaymentIntent object", "How PaymentIntents work").

use serde_json::{Value, json};

use super::charge::Charge;
use super::metadata::Metadata;
use super::payment_method::MethodTypes;
use super::rendering::{is_before_2022_11_15, merge};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaymentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
}

impl PaymentStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Canceled => "canceled",
            Self::Succeeded => "succeeded",
        }
    }
}

/// When the money of an authorised payment is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureMethod {
    /// At once, with its balance transaction.
    Automatic,
    /// Stripe's default: the balance transaction follows a little later, with `charge.updated`.
    AutomaticAsync,
    /// When the merchant says so.
    Manual,
}

impl CaptureMethod {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::AutomaticAsync => "automatic_async",
            Self::Manual => "manual",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Automatic, Self::AutomaticAsync, Self::Manual]
            .into_iter()
            .find(|method| method.as_str() == text)
    }
}

/// `POST /v1/payment_intents`
#[derive(Debug, Clone, Default)]
pub struct NewPayment {
    /// In the currency's smallest unit.
    pub amount: i64,
    /// `eur`, `jpy`, `kwd`, ...
    pub currency: String,
    /// A test card's name or number, or the id of a method.
    pub payment_method: Option<String>,
    /// Whether to try at once.
    pub confirm: bool,
    /// Whether the customer is away, and cannot do 3-D Secure.
    pub off_session: bool,
    /// Stripe's default is `automatic_async`.
    pub capture_method: Option<CaptureMethod>,
    /// `cus_...`
    pub customer: Option<String>,
    /// A text for people.
    pub description: Option<String>,
    /// The team's own keys and values.
    pub metadata: Metadata,
    /// Destination charges: the connected account.
    pub transfer_destination: Option<String>,
    /// Ties payments and transfers together.
    pub transfer_group: Option<String>,
    /// Destination charges: what the platform keeps.
    pub application_fee_amount: Option<i64>,
    /// The account on whose behalf the payment is made.
    pub on_behalf_of: Option<String>,
    /// Where the receipt goes.
    pub receipt_email: Option<String>,
    /// Where the customer comes back to after 3-D Secure.
    pub return_url: Option<String>,
    /// Which kinds of method it takes.
    pub methods: MethodTypes,
    /// `on_session` or `off_session`: the customer keeps the method for later payments.
    pub setup_future_usage: Option<String>,
    /// What stands on the statement of a bank account.
    pub statement_descriptor: Option<String>,
    /// What stands on the statement of a card, after the account's own prefix.
    pub statement_descriptor_suffix: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) amount_capturable: i64,
    pub(crate) amount_received: i64,
    pub(crate) application_fee_amount: Option<i64>,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) capture_method: CaptureMethod,
    pub(crate) client_secret: String,
    pub(crate) created: i64,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) description: Option<String>,
    /// The invoice that it pays.
    pub(crate) invoice: Option<String>,
    pub(crate) last_payment_error: Option<Value>,
    pub(crate) latest_charge: Option<String>,
    pub(crate) livemode: bool,
    pub(crate) metadata: Metadata,
    pub(crate) methods: MethodTypes,
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) payment_method: Option<String>,
    pub(crate) receipt_email: Option<String>,
    /// Where the customer comes back to after 3-D Secure.
    pub(crate) return_url: Option<String>,
    /// `on_session`, `off_session`
    pub(crate) setup_future_usage: Option<String>,
    pub(crate) statement_descriptor: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
    pub(crate) status: PaymentStatus,
    pub(crate) transfer_destination: Option<String>,
    pub(crate) transfer_group: Option<String>,
}

impl PaymentIntent {
    /// The object as one version of the API shows it; older ones carry the charge itself.
    pub(crate) fn render(&self, version: &str, latest_charge: Option<&Charge>) -> Value {
        let mut value = json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": self.amount_capturable,
            "amount_details": { "tip": {} },
            "amount_received": self.amount_received,
            "application": null,
            "application_fee_amount": self.application_fee_amount,
            "automatic_payment_methods": self.methods.automatic(),
            "canceled_at": self.canceled_at,
            "cancellation_reason": self.cancellation_reason,
            "capture_method": self.capture_method.as_str(),
            "client_secret": self.client_secret,
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_account": null,
            "description": self.description,
            "excluded_payment_method_types": null,
            "last_payment_error": self.last_payment_error,
            "latest_charge": self.latest_charge,
            "livemode": self.livemode,
        });
        let rest = json!({
            "metadata": self.metadata,
            "next_action": self.next_action(),
            "on_behalf_of": self.on_behalf_of,
            "payment_method": self.payment_method,
            "payment_method_configuration_details": null,
            "payment_method_options": {
                "card": {
                    "installments": null,
                    "mandate_options": null,
                    "network": null,
                    "request_three_d_secure": "automatic",
                },
            },
            "payment_method_types": self.methods.list(),
            "processing": null,
            "receipt_email": self.receipt_email,
            "review": null,
            "setup_future_usage": self.setup_future_usage,
            "shipping": null,
            "source": null,
            "statement_descriptor": self.statement_descriptor,
            "statement_descriptor_suffix": self.statement_descriptor_suffix,
            "status": self.status.as_str(),
            "transfer_data": self.transfer_destination.as_ref()
                .map(|destination| json!({ "destination": destination })),
            "transfer_group": self.transfer_group,
        });
        merge(&mut value, rest);
        if let (true, Some(fields)) = (is_before_2022_11_15(version), value.as_object_mut()) {
            fields.remove("latest_charge");
            let charges: Vec<Value> =
                latest_charge.iter().map(|charge| charge.render(version, &[])).collect();
            let list = json!({
                "object": "list",
                "data": charges,
                "has_more": false,
                "total_count": charges.len(),
                "url": format!("/v1/charges?payment_intent={}", self.id),
            });
            fields.insert("charges".to_owned(), list);
        }
        value
    }

    fn next_action(&self) -> Value {
        if self.status != PaymentStatus::RequiresAction {
            return Value::Null;
        }
        let page =
            format!("https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={}", self.id);
        match &self.return_url {
            Some(back) => json!({
                "type": "redirect_to_url",
                "redirect_to_url": { "return_url": back, "url": page },
            }),
            None => json!({
                "type": "use_stripe_sdk",
                "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": page },
            }),
        }
    }
}
