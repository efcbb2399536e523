//! Making, confirming and cancelling a payment.

use crate::error::ApiError;
use crate::objects::{
    CaptureMethod, Metadata, PaymentIntent, PaymentMethod, PaymentStatus, TestCard,
};
use crate::world::Tx;

use super::unexpected_state;

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
    /// Whether the customer is away, so that nobody can do 3-D Secure.
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
}

/// `POST /v1/payment_intents/{id}/confirm`
#[derive(Debug, Clone, Default)]
pub struct Confirm {
    /// Another method than the payment has.
    pub payment_method: Option<String>,
    /// Whether the customer is away.
    pub off_session: bool,
    /// Where the customer comes back to after 3-D Secure.
    pub return_url: Option<String>,
}

impl Tx<'_> {
    /// Makes a payment; with `confirm`, tries it too, and a declined card is an error although the
    /// payment exists from then on.
    pub(crate) fn create_payment(&mut self, new: NewPayment) -> Result<String, ApiError> {
        check(&new)?;
        let method = new.payment_method.as_deref().map(|text| self.method(text));
        let method = method.transpose()?;
        if new.confirm && method.is_none() {
            return Err(no_method());
        }
        let id = self.ids.mint("pi");
        let mut payment = PaymentIntent {
            client_secret: format!("{id}_secret_{}", self.ids.letters(25)),
            id,
            amount: new.amount,
            amount_capturable: 0,
            amount_received: 0,
            application_fee_amount: new.application_fee_amount,
            canceled_at: None,
            cancellation_reason: None,
            capture_method: new.capture_method.unwrap_or(CaptureMethod::AutomaticAsync),
            created: self.now,
            currency: new.currency,
            customer: new.customer,
            description: new.description,
            last_payment_error: None,
            latest_charge: None,
            livemode: self.scope.livemode,
            metadata: new.metadata,
            on_behalf_of: new.on_behalf_of,
            payment_method: method.clone().filter(|_| !new.confirm),
            receipt_email: new.receipt_email,
            return_url: None,
            status: PaymentStatus::RequiresPaymentMethod,
            transfer_destination: new.transfer_destination,
            transfer_group: new.transfer_group,
        };
        if payment.payment_method.is_some() {
            payment.status = PaymentStatus::RequiresConfirmation;
        }
        self.save_payment(&payment, "payment_intent.created");
        if new.confirm {
            let confirm = Confirm {
                payment_method: method,
                off_session: new.off_session,
                return_url: new.return_url,
            };
            self.confirm_payment(&payment.id, confirm)?;
        }
        Ok(payment.id)
    }

    /// Tries a payment. A declined card is an error that leaves its trace.
    pub(crate) fn confirm_payment(&mut self, id: &str, how: Confirm) -> Result<(), ApiError> {
        let mut payment = self.payment(id)?;
        let ready = matches!(
            payment.status,
            PaymentStatus::RequiresPaymentMethod
                | PaymentStatus::RequiresConfirmation
                | PaymentStatus::RequiresAction
        );
        if !ready {
            return Err(unexpected_state(&payment, "confirm"));
        }
        let method = match how.payment_method.or_else(|| payment.payment_method.clone()) {
            Some(text) => self.method(&text)?,
            None => return Err(no_method()),
        };
        payment.payment_method = Some(method);
        payment.return_url = how.return_url;
        self.attempt(payment, how.off_session)
    }

    /// Ends a payment without money. What was authorised goes back.
    pub(crate) fn cancel_payment(
        &mut self,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), ApiError> {
        const REASONS: [&str; 4] =
            ["abandoned", "duplicate", "fraudulent", "requested_by_customer"];
        if let Some(reason) = reason.as_deref().filter(|reason| !REASONS.contains(reason)) {
            let message = format!("Invalid cancellation_reason: {reason}");
            return Err(ApiError::invalid(message).param("cancellation_reason"));
        }
        let mut payment = self.payment(id)?;
        match payment.status {
            PaymentStatus::RequiresPaymentMethod
            | PaymentStatus::RequiresConfirmation
            | PaymentStatus::RequiresAction => {}
            PaymentStatus::RequiresCapture => self.release(&mut payment, 0)?,
            PaymentStatus::Processing | PaymentStatus::Canceled | PaymentStatus::Succeeded => {
                return Err(unexpected_state(&payment, "cancel"));
            }
        }
        payment.status = PaymentStatus::Canceled;
        payment.canceled_at = Some(self.now);
        payment.cancellation_reason = reason;
        self.save_payment(&payment, "payment_intent.canceled");
        Ok(())
    }

    /// The id of a method: a test card named by its token or number makes a new one, as at Stripe.
    /// Nobody has it until it is attached: to pay with it is not to keep it.
    pub(super) fn method(&mut self, text: &str) -> Result<String, ApiError> {
        if self.books.payment_methods.get(text).is_some() {
            return Ok(text.to_owned());
        }
        let card = TestCard::by_token(text).or_else(|| TestCard::by_number(text));
        let card = card.ok_or_else(|| {
            ApiError::invalid(format!("No such PaymentMethod: '{text}'"))
                .code("resource_missing")
                .param("payment_method")
        })?;
        let method = PaymentMethod {
            id: self.ids.mint("pm"),
            card,
            customer: None,
            created: self.now,
            livemode: self.scope.livemode,
            exp_year: 2034,
            announced: false,
        };
        self.books.payment_methods.put(&method.id, method.clone());
        Ok(method.id)
    }
}

fn check(new: &NewPayment) -> Result<(), ApiError> {
    if new.amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(message).code("parameter_invalid_integer").param("amount"));
    }
    if new.currency.len() != 3 || !new.currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
        let message = format!("Invalid currency: {}.", new.currency);
        return Err(ApiError::invalid(message).param("currency"));
    }
    match new.application_fee_amount {
        Some(fee) if fee < 0 || fee > new.amount => {
            Err(ApiError::invalid("Your application fee cannot be larger than the charge amount.")
                .param("application_fee_amount"))
        }
        Some(_) if new.transfer_destination.is_none() => Err(ApiError::invalid(
            "Can only apply an application_fee_amount when the PaymentIntent is attempting a \
             direct payment (using an OAuth key or Stripe-Account header) or destination payment \
             (using `transfer_data[destination]`).",
        )
        .param("application_fee_amount")),
        Some(_) | None => Ok(()),
    }
}

fn no_method() -> ApiError {
    ApiError::invalid(
        "You cannot confirm this PaymentIntent because it's missing a payment method. You can \
         either update the PaymentIntent with a payment method and then confirm it again, or \
         confirm it again directly with a payment method or ConfirmationToken.",
    )
    .code("payment_intent_unexpected_state")
}
