//! Making, confirming and cancelling a payment.

use crate::error::ApiError;
use crate::objects::{
    CaptureMethod, MethodTypes, NewPayment, PaymentIntent, PaymentMethod, PaymentStatus, TestCard,
};
use crate::store::Tx;

/// `POST /v1/payment_intents/{id}/confirm`
#[derive(Debug, Clone, Default)]
pub struct Confirm {
    /// Another method than the payment has.
    pub payment_method: Option<String>,
    /// Whether the customer is away.
    pub off_session: bool,
    /// Where the customer comes back to after 3-D Secure.
    pub return_url: Option<String>,
    /// As of a new payment, in the place of what it was made with.
    pub setup_future_usage: Option<String>,
    /// Where the receipt goes, in the place of what it was made with.
    pub receipt_email: Option<String>,
}

impl Tx<'_> {
    /// Makes a payment; with `confirm`, tries it too, and a declined card is an error although the
    /// payment exists from then on.
    pub(crate) fn create_payment(&mut self, new: NewPayment) -> Result<String, ApiError> {
        check(&new)?;
        let method = new.payment_method.as_deref().map(|text| self.method(text));
        let method = method.transpose()?;
        if let Some(method) = &method {
            self.check_method(method, &new.methods, new.customer.as_deref())?;
        }
        if new.confirm {
            if method.is_none() {
                return Err(no_method());
            }
            check_confirm(&new.methods, new.return_url.as_deref())?;
            check_absence(new.off_session, new.setup_future_usage.as_deref())?;
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
            invoice: None,
            last_payment_error: None,
            latest_charge: None,
            livemode: self.scope.livemode,
            metadata: new.metadata,
            methods: new.methods,
            on_behalf_of: new.on_behalf_of,
            payment_method: method.clone().filter(|_| !new.confirm),
            receipt_email: new.receipt_email,
            return_url: None,
            setup_future_usage: new.setup_future_usage,
            statement_descriptor: new.statement_descriptor,
            statement_descriptor_suffix: new.statement_descriptor_suffix,
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
                ..Confirm::default()
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
        self.check_method(&method, &payment.methods, payment.customer.as_deref())?;
        let usage = how.setup_future_usage.or_else(|| payment.setup_future_usage.clone());
        check_confirm(&payment.methods, how.return_url.as_deref())?;
        check_absence(how.off_session, usage.as_deref())?;
        payment.payment_method = Some(method);
        payment.return_url = how.return_url;
        payment.setup_future_usage = usage;
        payment.receipt_email = how.receipt_email.or_else(|| payment.receipt_email.clone());
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

    /// Refuses a method of a kind that is not taken, or of another customer.
    pub(super) fn check_method(
        &self,
        id: &str,
        taken: &MethodTypes,
        customer: Option<&str>,
    ) -> Result<(), ApiError> {
        let method = self.payment_method(id)?;
        let (kind, types) = (method.kind(), taken.list());
        if !types.iter().any(|taken| taken == kind) {
            let message = format!(
                "The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. Please \
                 attach a PaymentMethod of one of the following types: {}.",
                types.join(", ")
            );
            return Err(ApiError::invalid(message).param("payment_method"));
        }
        let message = match (method.customer.as_deref(), customer) {
            (Some(owner), Some(customer)) if owner != customer => format!(
                "The PaymentMethod {id} does not belong to the Customer you supplied {customer}. \
                 Please use this PaymentMethod with the Customer that it belongs to instead."
            ),
            (Some(_), None) => format!(
                "The payment method {id} belongs to a Customer. Please include the Customer in the \
                 `customer` parameter on the PaymentIntent."
            ),
            (Some(_) | None, _) => return Ok(()),
        };
        Err(ApiError::invalid(message).param("payment_method"))
    }

    /// The id of a method: a test card named by its token or number makes a new one, as at Stripe.
    /// It has no customer until it is attached: to pay with it is not to keep it.
    pub(super) fn method(&mut self, text: &str) -> Result<String, ApiError> {
        if self.objects.payment_methods.get(text).is_some() {
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
            set_up: false,
        };
        self.objects.payment_methods.put(&method.id, method.clone());
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

/// Whether a payment or setup knows where to send the customer, if one of its methods may need to.
pub(super) fn check_confirm(
    methods: &MethodTypes,
    return_url: Option<&str>,
) -> Result<(), ApiError> {
    if return_url.is_some() || !methods.needs_return_url() {
        return Ok(());
    }
    Err(ApiError::invalid(
        "A `return_url` must be specified because this Payment Intent is configured to automatically \
         accept the payment methods enabled in the Dashboard, some of which may require a full page \
         redirect to succeed. If you do not want to accept redirect-based payment methods, set \
         `automatic_payment_methods[enabled]` to `true` and \
         `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and \
         Payment Intents.",
    )
    .param("return_url"))
}

/// A customer who is away cannot agree to later payments.
fn check_absence(off_session: bool, usage: Option<&str>) -> Result<(), ApiError> {
    if !off_session || usage.is_none() {
        return Ok(());
    }
    let message = "You cannot confirm with `off_session=true` when `setup_future_usage` is also set on \
        the PaymentIntent. The customer needs to be on-session to perform the steps which may be \
        required to set up the PaymentMethod for future usage. Please confirm this PaymentIntent with \
        your customer on-session.";
    Err(ApiError::invalid(message).param("off_session"))
}

fn no_method() -> ApiError {
    ApiError::invalid(
        "You cannot confirm this PaymentIntent because it's missing a payment method. You can \
         either update the PaymentIntent with a payment method and then confirm it again, or \
         confirm it again directly with a payment method or ConfirmationToken.",
    )
    .code("payment_intent_unexpected_state")
}

/// Stripe's refusal of a step that the payment's status does not allow.
pub(super) fn unexpected_state(payment: &PaymentIntent, verb: &str) -> ApiError {
    let status = payment.status.as_str();
    ApiError::invalid(format!(
        "You cannot {verb} this PaymentIntent because it has a status of {status}."
    ))
    .code("payment_intent_unexpected_state")
}
