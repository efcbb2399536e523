//! Invoices: drafted, finalised, tried, paid, or not.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::{NewPayment, PaymentIntent, PaymentStatus, Snapshot, text};
use crate::store::Tx;

use super::documents::expect;

/// Until Stripe tries again.
const RETRY_AFTER_SECONDS: i64 = 3 * 24 * 3600;

impl Tx<'_> {
    /// A draft by hand.
    pub(crate) fn draft_invoice(
        &mut self,
        customer: &str,
        amount: i64,
        currency: &str,
    ) -> Result<Value, ApiError> {
        Ok(self.new_invoice(customer, None, amount, currency, "manual"))
    }

    pub(super) fn new_invoice(
        &mut self,
        customer: &str,
        subscription: Option<&str>,
        amount: i64,
        currency: &str,
        reason: &str,
    ) -> Value {
        let id = self.ids.mint("in");
        // One by hand has as many lines as a time sheet.
        let lines: Vec<_> = (0..if subscription.is_none() { 25 } else { 1 })
            .map(|n| self.new_line(n, &id, currency))
            .collect();
        let mut invoice = json!({
            "id": id,
            "object": "invoice",
            "account_country": "DE",
            "amount_due": amount,
            "amount_overpaid": 0,
            "amount_paid": 0,
            "amount_paid_off_stripe": 0,
            "amount_remaining": amount,
            "amount_shipping": 0,
            "attempt_count": 0,
            "attempted": false,
            "auto_advance": true,
            "automatic_tax": { "enabled": false, "liability": null, "status": null },
            "billing_reason": reason,
            "collection_method": "charge_automatically",
            "confirmation_secret": null,
            "created": self.now,
            "currency": currency,
            "customer": customer,
            "customer_email": "jenny.rosén@example.com",
            "default_tax_rates": [],
            "description": null,
            "discounts": [],
            "due_date": null,
            "issuer": { "type": "self" },
            "lines": {
                "object": "list", "data": lines, "has_more": false,
                "url": format!("/v1/invoices/{id}/lines"),
            },
            "livemode": self.scope.livemode,
        });
        let rest = json!({
            "metadata": { "order_id": id },
            "next_payment_attempt": self.now + 3600,
            "number": null,
            "parent": subscription.map(|id| json!({
                "quote_details": null,
                "subscription_details": { "metadata": {}, "subscription": id },
                "type": "subscription_details",
            })),
            "payment_settings": { "payment_method_types": null },
            "payments": {
                "object": "list", "data": [], "has_more": false,
                "url": format!("/v1/invoice_payments?invoice={id}"),
            },
            "period_end": self.now,
            "period_start": self.now,
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "starting_balance": 0,
            "status": "draft",
            "status_transitions": {
                "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null,
                "voided_at": null,
            },
            "subtotal": amount,
            "total": amount,
        });
        if let (Value::Object(fields), Value::Object(rest)) = (&mut invoice, rest) {
            fields.extend(rest);
        }
        self.save_document(&invoice, &["invoice.created"]);
        invoice
    }

    fn new_line(&mut self, number: usize, invoice: &str, currency: &str) -> Value {
        json!({
            "id": self.ids.mint("il"),
            "object": "line_item",
            "amount": 0,
            "currency": currency,
            "description": format!("Line {}", number + 1),
            "discount_amounts": [],
            "discountable": true,
            "discounts": [],
            "invoice": invoice,
            "livemode": self.scope.livemode,
            "metadata": {},
            "period": { "end": self.now, "start": self.now },
            "quantity": 1,
            "subtotal": 0,
        })
    }

    pub(crate) fn delete_draft(&mut self, id: &str) -> Result<Value, ApiError> {
        expect(&self.document("invoice", id)?, &["draft"], "delete")?;
        self.delete_document("invoice", id, "invoice.deleted")
    }

    pub(crate) fn finalize_invoice(&mut self, id: &str) -> Result<Value, ApiError> {
        let mut invoice = self.document("invoice", id)?;
        expect(&invoice, &["draft"], "finalize")?;
        invoice["status"] = json!("open");
        invoice["number"] = json!(self.ids.letters(8).to_uppercase());
        invoice["status_transitions"]["finalized_at"] = json!(self.now);
        self.save_document(&invoice, &["invoice.finalized", "invoice.updated"]);
        Ok(invoice)
    }

    /// Tries to pay with a test card. A decline shows in events, and is no error.
    pub(crate) fn pay_invoice(&mut self, id: &str, card: &str) -> Result<Value, ApiError> {
        let mut invoice = self.document("invoice", id)?;
        expect(&invoice, &["open", "uncollectible"], "pay")?;
        let amount = invoice["amount_remaining"].as_i64().unwrap_or(0);
        let status = if amount == 0 {
            "succeeded".to_owned()
        } else {
            self.try_payment(&mut invoice, amount, card)?
        };
        if status == "succeeded" {
            self.settle_invoice(&mut invoice, 0);
            let paid = ["invoice.paid", "invoice.payment_succeeded", "invoice.updated"];
            self.save_document(&invoice, &paid);
            return Ok(invoice);
        }
        let attempts = invoice["attempt_count"].as_u64().unwrap_or(0) + 1;
        invoice["attempt_count"] = json!(attempts);
        invoice["attempted"] = json!(true);
        invoice["next_payment_attempt"] = json!(self.now + RETRY_AFTER_SECONDS);
        let mut types = vec!["invoice.payment_failed", "invoice.updated"];
        if status == "requires_action" {
            types.insert(0, "invoice.payment_action_required");
        }
        self.save_document(&invoice, &types);
        Ok(invoice)
    }

    /// The payment's status after the try.
    fn try_payment(
        &mut self,
        invoice: &mut Value,
        amount: i64,
        card: &str,
    ) -> Result<String, ApiError> {
        let made = self.create_payment(NewPayment {
            amount,
            currency: text(invoice, "currency").to_owned(),
            payment_method: Some(card.to_owned()),
            confirm: true,
            customer: Some(text(invoice, "customer").to_owned()),
            ..NewPayment::default()
        });
        let payment = match made {
            Ok(id) => self.payment(&id)?,
            // A declined card leaves its payment behind.
            Err(refusal) if refusal.status == 402 => {
                self.objects.payment_intents.all().last().cloned().ok_or(refusal)?
            }
            Err(refusal) => return Err(refusal),
        };
        let status = payment.status.as_str().to_owned();
        self.add_invoice_payment(invoice, payment, amount);
        Ok(status)
    }

    /// Ties a payment to the invoice that it pays, or is to pay. The caller writes the invoice.
    pub(super) fn add_invoice_payment(
        &mut self,
        invoice: &mut Value,
        mut payment: PaymentIntent,
        amount: i64,
    ) {
        let paid = payment.status == PaymentStatus::Succeeded;
        invoice["confirmation_secret"] = match paid {
            true => Value::Null,
            false => json!({ "client_secret": payment.client_secret, "type": "payment_intent" }),
        };
        let entry = json!({
            "id": self.ids.mint("inpay"),
            "object": "invoice_payment",
            "amount_paid": paid.then_some(amount),
            "amount_requested": amount,
            "created": self.now,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": true,
            "livemode": self.scope.livemode,
            "payment": { "payment_intent": payment.id, "type": "payment_intent" },
            "status": if paid { "paid" } else { "open" },
            "status_transitions": { "canceled_at": null, "paid_at": paid.then_some(self.now) },
        });
        if let Some(all) = invoice.pointer_mut("/payments/data").and_then(Value::as_array_mut) {
            for older in all.iter_mut() {
                older["is_default"] = json!(false);
                older["status"] = json!("canceled");
            }
            all.push(entry);
        }
        // This has no event: neither object shows it.
        payment.invoice = Some(text(invoice, "id").to_owned());
        self.objects.payment_intents.put(&payment.id.clone(), payment);
    }

    /// A payment came through after its first try: its invoice is paid, and a subscription that waited
    /// for that goes on.
    pub(in crate::actions) fn invoice_paid_by(&mut self, payment: &PaymentIntent) {
        let invoice = payment.invoice.as_deref().map(|id| self.document("invoice", id));
        let Some(Ok(mut invoice)) = invoice else { return };
        if expect(&invoice, &["open", "uncollectible"], "pay").is_err() {
            return;
        }
        let entries = invoice.pointer_mut("/payments/data").and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten() {
            let is_it = entry["payment"]["payment_intent"] == payment.id.as_str();
            entry["status"] = json!(if is_it { "paid" } else { "canceled" });
            if is_it {
                entry["amount_paid"] = json!(payment.amount_received);
                entry["status_transitions"]["paid_at"] = json!(self.now);
            }
        }
        invoice["confirmation_secret"] = Value::Null;
        self.settle_invoice(&mut invoice, 0);
        let paid = ["invoice.paid", "invoice.payment_succeeded", "invoice.updated"];
        self.save_document(&invoice, &paid);
        let parent = invoice.pointer("/parent/subscription_details/subscription");
        if let Some(subscription) = parent.and_then(Value::as_str) {
            self.subscription_paid(subscription, payment.payment_method.as_deref());
        }
    }

    /// The team got the money by a way of its own.
    pub(crate) fn pay_out_of_band(&mut self, id: &str) -> Result<Value, ApiError> {
        let mut invoice = self.document("invoice", id)?;
        expect(&invoice, &["open", "uncollectible"], "pay")?;
        let amount = invoice["amount_remaining"].as_i64().unwrap_or(0);
        self.settle_invoice(&mut invoice, amount);
        // No payment was made, so there is no `invoice.payment_succeeded`.
        self.save_document(&invoice, &["invoice.paid", "invoice.updated"]);
        Ok(invoice)
    }

    fn settle_invoice(&self, invoice: &mut Value, off_stripe: i64) {
        invoice["status"] = json!("paid");
        invoice["amount_paid"] = invoice["amount_due"].clone();
        invoice["amount_remaining"] = json!(0);
        invoice["amount_paid_off_stripe"] = json!(off_stripe);
        invoice["attempted"] = json!(true);
        invoice["next_payment_attempt"] = Value::Null;
        invoice["status_transitions"]["paid_at"] = json!(self.now);
    }

    pub(crate) fn void_invoice(&mut self, id: &str) -> Result<Value, ApiError> {
        let mut invoice = self.document("invoice", id)?;
        expect(&invoice, &["open", "uncollectible"], "void")?;
        invoice["status"] = json!("void");
        invoice["next_payment_attempt"] = Value::Null;
        invoice["status_transitions"]["voided_at"] = json!(self.now);
        invoice["confirmation_secret"] = Value::Null;
        self.save_document(&invoice, &["invoice.voided", "invoice.updated"]);
        self.cancel_payments_of(id)?;
        Ok(invoice)
    }

    /// Cancels what was to pay an invoice and can still be cancelled.
    fn cancel_payments_of(&mut self, invoice: &str) -> Result<(), ApiError> {
        let open = |payment: &&PaymentIntent| {
            payment.invoice.as_deref() == Some(invoice)
                && matches!(
                    payment.status,
                    PaymentStatus::RequiresPaymentMethod
                        | PaymentStatus::RequiresConfirmation
                        | PaymentStatus::RequiresAction
                )
        };
        let ids: Vec<_> = self.objects.payment_intents.all().iter().filter(open).collect();
        let ids: Vec<_> = ids.into_iter().map(|payment| payment.id.clone()).collect();
        ids.iter().try_for_each(|id| self.cancel_payment(id, None))
    }

    pub(crate) fn write_off_invoice(&mut self, id: &str) -> Result<Value, ApiError> {
        let mut invoice = self.document("invoice", id)?;
        expect(&invoice, &["open"], "mark as uncollectible")?;
        invoice["status"] = json!("uncollectible");
        invoice["next_payment_attempt"] = Value::Null;
        invoice["status_transitions"]["marked_uncollectible_at"] = json!(self.now);
        self.save_document(&invoice, &["invoice.marked_uncollectible", "invoice.updated"]);
        Ok(invoice)
    }

    /// Announces the next invoice: it has no id yet, and cannot be read.
    pub(crate) fn announce_renewal(&mut self, subscription: &str) -> Result<Value, ApiError> {
        let subscription = self.document("subscription", subscription)?;
        let preview = json!({
            "object": "invoice",
            "amount_due": 900,
            "billing_reason": "upcoming",
            "currency": subscription["currency"],
            "customer": subscription["customer"],
            "livemode": self.scope.livemode,
            "status": null,
        });
        self.emit("invoice.upcoming", Snapshot::Other(preview.clone()), None);
        Ok(preview)
    }
}
