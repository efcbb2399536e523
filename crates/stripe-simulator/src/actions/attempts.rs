//! One attempt to move money: what the test card says, and how it ends.

use serde_json::{Value, json};

use crate::error::{ApiError, doc_url};
use crate::objects::{
    AUTHENTICATION_REQUIRED, BANK_DEBIT_FAILED, CaptureMethod, CardBehaviour, Charge, ChargeStatus,
    Decline, PaymentIntent, PaymentMethod, PaymentStatus,
};
use crate::store::Tx;

use super::payments::unexpected_state;

impl Tx<'_> {
    pub(super) fn attempt(
        &mut self,
        mut payment: PaymentIntent,
        off_session: bool,
    ) -> Result<(), ApiError> {
        let method = self.method_of(&payment)?;
        match method.card.behaviour {
            CardBehaviour::Succeeds => {
                self.authorise(payment, &method, false);
                Ok(())
            }
            CardBehaviour::AuthenticationRequiredUntilSetUp if method.set_up => {
                self.authorise(payment, &method, false);
                Ok(())
            }
            CardBehaviour::Declines(why) | CardBehaviour::DeclinesWhenCharged(why) => {
                Err(self.declined(payment, &method, &why))
            }
            CardBehaviour::AuthenticationRequired
            | CardBehaviour::AuthenticationRequiredUntilSetUp
            | CardBehaviour::DeclinesAfterAuthentication(_)
                if off_session =>
            {
                Err(self.declined(payment, &method, &AUTHENTICATION_REQUIRED))
            }
            CardBehaviour::AuthenticationRequired
            | CardBehaviour::AuthenticationRequiredUntilSetUp
            | CardBehaviour::DeclinesAfterAuthentication(_) => {
                payment.status = PaymentStatus::RequiresAction;
                payment.last_payment_error = None;
                self.save_payment(&payment, "payment_intent.requires_action");
                Ok(())
            }
            CardBehaviour::BankDebit => {
                let charge = self.new_charge(&payment, &method, ChargeStatus::Pending, false);
                payment.status = PaymentStatus::Processing;
                payment.latest_charge = Some(charge.id.clone());
                payment.last_payment_error = None;
                self.save_charge(&charge, "charge.pending", None);
                self.save_payment(&payment, "payment_intent.processing");
                Ok(())
            }
        }
    }

    /// The customer's answer to 3-D Secure.
    pub(crate) fn finish_3ds(&mut self, id: &str, succeed: bool) -> Result<(), ApiError> {
        let mut payment = self.payment(id)?;
        if payment.status != PaymentStatus::RequiresAction {
            return Err(unexpected_state(&payment, "authenticate"));
        }
        let method = self.method_of(&payment)?;
        if let (true, CardBehaviour::DeclinesAfterAuthentication(why)) =
            (succeed, method.card.behaviour)
        {
            // The customer's own step went well; that the bank said no shows in the payment.
            self.declined(payment, &method, &why);
            return Ok(());
        }
        if succeed {
            self.authorise(payment, &method, true);
            return Ok(());
        }
        let code = "payment_intent_authentication_failure";
        payment.last_payment_error = Some(json!({
            "code": code,
            "doc_url": doc_url(code),
            "message": "The provided PaymentMethod has failed authentication. You can provide \
                payment_method_data or a new PaymentMethod to attempt to fulfill this \
                PaymentIntent again.",
            "payment_method": method.render(),
            "type": "invalid_request_error",
        }));
        self.back_to_the_start(payment);
        Ok(())
    }

    /// The bank's late answer to a debit.
    pub(crate) fn settle_debit(&mut self, id: &str, succeed: bool) -> Result<(), ApiError> {
        let mut payment = self.payment(id)?;
        let pending = payment.latest_charge.as_deref().and_then(|id| self.objects.charges.get(id));
        let (PaymentStatus::Processing, Some(mut charge)) = (payment.status, pending.cloned())
        else {
            return Err(unexpected_state(&payment, "settle"));
        };
        if succeed {
            charge.status = ChargeStatus::Succeeded;
            charge.captured = true;
            charge.amount_captured = charge.amount;
            charge.balance_transaction = Some(self.ids.mint("txn"));
            payment.status = PaymentStatus::Succeeded;
            payment.amount_received = payment.amount;
            self.save_charge(&charge, "charge.succeeded", None);
            self.save_payment(&payment, "payment_intent.succeeded");
            self.invoice_paid_by(&payment);
        } else {
            let method = self.method_of(&payment)?;
            fail(&mut charge, &BANK_DEBIT_FAILED);
            payment.last_payment_error =
                Some(last_payment_error(&BANK_DEBIT_FAILED, &charge, &method));
            self.save_charge(&charge, "charge.failed", None);
            self.back_to_the_start(payment);
        }
        Ok(())
    }

    /// The bank says yes: to the money, or with manual capture to keeping it ready.
    fn authorise(
        &mut self,
        mut payment: PaymentIntent,
        method: &PaymentMethod,
        authenticated: bool,
    ) {
        let mut charge = self.new_charge(&payment, method, ChargeStatus::Succeeded, authenticated);
        payment.latest_charge = Some(charge.id.clone());
        payment.last_payment_error = None;
        if payment.setup_future_usage.is_some() {
            self.keep_method(&method.id, payment.customer.as_deref());
        }
        if payment.capture_method == CaptureMethod::Manual {
            payment.status = PaymentStatus::RequiresCapture;
            payment.amount_capturable = payment.amount;
            self.save_charge(&charge, "charge.succeeded", None);
            self.save_payment(&payment, "payment_intent.amount_capturable_updated");
            return;
        }
        charge.captured = true;
        charge.amount_captured = charge.amount;
        if payment.transfer_destination.is_some() {
            charge.transfer = Some(self.ids.mint("tr"));
            charge.application_fee = payment.application_fee_amount.map(|_| self.ids.mint("fee"));
        }
        let transaction = Some(self.ids.mint("txn"));
        let late = payment.capture_method == CaptureMethod::AutomaticAsync;
        if !late {
            charge.balance_transaction = transaction.clone();
        }
        payment.status = PaymentStatus::Succeeded;
        payment.amount_received = payment.amount;
        self.save_charge(&charge, "charge.succeeded", None);
        self.save_payment(&payment, "payment_intent.succeeded");
        if late {
            charge.balance_transaction = transaction;
            let previous = json!({ "balance_transaction": null, "receipt_url": null });
            self.save_charge(&charge, "charge.updated", Some(previous));
        }
        self.invoice_paid_by(&payment);
    }

    /// The bank says no: the payment goes *back*, and the caller gets the 402 to show.
    fn declined(
        &mut self,
        mut payment: PaymentIntent,
        method: &PaymentMethod,
        why: &Decline,
    ) -> ApiError {
        let mut charge = self.new_charge(&payment, method, ChargeStatus::Failed, false);
        fail(&mut charge, why);
        payment.latest_charge = Some(charge.id.clone());
        payment.last_payment_error = Some(last_payment_error(why, &charge, method));
        self.save_charge(&charge, "charge.failed", None);
        let payment = self.back_to_the_start(payment);

        let mut error = why.error();
        error.body.charge = Some(charge.id);
        error.body.payment_intent = Some(self.objects.show_payment(&payment, self.version));
        error.body.payment_method = Some(method.render());
        error
    }

    fn back_to_the_start(&mut self, mut payment: PaymentIntent) -> PaymentIntent {
        payment.status = PaymentStatus::RequiresPaymentMethod;
        payment.payment_method = None;
        self.save_payment(&payment, "payment_intent.payment_failed");
        payment
    }

    fn method_of(&self, payment: &PaymentIntent) -> Result<PaymentMethod, ApiError> {
        let id = payment.payment_method.as_deref().unwrap_or_default();
        let found = self.objects.payment_methods.get(id).cloned();
        found.ok_or_else(|| ApiError::no_such("PaymentMethod", id, "payment_method"))
    }

    fn new_charge(
        &mut self,
        payment: &PaymentIntent,
        method: &PaymentMethod,
        status: ChargeStatus,
        authenticated: bool,
    ) -> Charge {
        Charge {
            id: self.ids.mint("ch"),
            amount: payment.amount,
            amount_captured: 0,
            amount_refunded: 0,
            application_fee: None,
            application_fee_amount: payment.application_fee_amount,
            balance_transaction: None,
            captured: false,
            created: self.now,
            currency: payment.currency.clone(),
            customer: payment.customer.clone(),
            description: payment.description.clone(),
            disputed: false,
            failure_code: None,
            failure_message: None,
            decline_reason: None,
            livemode: payment.livemode,
            metadata: payment.metadata.clone(),
            on_behalf_of: payment.on_behalf_of.clone(),
            payment_intent: payment.id.clone(),
            payment_method: method.id.clone(),
            payment_method_details: method.details(payment.amount, authenticated),
            receipt_email: payment.receipt_email.clone(),
            refunds: Vec::new(),
            status,
            transfer: None,
            transfer_destination: payment.transfer_destination.clone(),
            transfer_group: payment.transfer_group.clone(),
        }
    }
}

fn fail(charge: &mut Charge, why: &Decline) {
    charge.status = ChargeStatus::Failed;
    charge.failure_code = Some(why.code.to_owned());
    charge.failure_message = Some(why.message.to_owned());
    charge.decline_reason = Some(why.decline_code.unwrap_or(why.code).to_owned());
}

fn last_payment_error(why: &Decline, charge: &Charge, method: &PaymentMethod) -> Value {
    let mut error = json!({
        "charge": charge.id,
        "code": why.code,
        "doc_url": doc_url(why.code),
        "message": why.message,
        "payment_method": method.render(),
        "type": "card_error",
    });
    if let Some(decline_code) = why.decline_code {
        error["decline_code"] = json!(decline_code);
    }
    error
}
