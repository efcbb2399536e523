//! All types of event that async-stripe knows, with what is done about each.
//!
//! The objects of a row are Stripe's `object` of what the event carries. Whether such an object has
//! a state machine or is mirrored is not said here: see [`super::object::Kind::parse`].

use Way::{Deleted, Kept, Object, Owner};

/// The handling of an event type. The snapshot is never stored, whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its object is fetched.
    Object,
    /// Its object is fetched, too; and where Stripe then says that there is none, that is no
    /// fault but the news: it gets a tombstone.
    Deleted,
    /// Its object cannot be fetched by itself; the one that it belongs to is.
    Owner,
    /// There is nothing to fetch, for this reason. It is kept in the ledger as ignored, and what it
    /// tells by itself is told.
    Kept(&'static str),
}

/// Access to an account, not an object; to a connected one: see [`super::access`].
const ACCESS: &str = "tells who may read one's own account; there is no object to fetch";
/// Objects without a place in the API.
const NO_PATH: &str = "the API has no path that retrieves it";
/// A preview.
const NOT_YET: &str =
    "a preview of an invoice that does not exist yet; the invoice has its own events";

/// Objects, way, event types.
pub(super) type Row = (&'static [&'static str], Way, &'static [&'static str]);

/// The catalogue. A test holds it against async-stripe's list.
#[rustfmt::skip]
pub(super) const CATALOGUE: &[Row] = &[
    (&["application"], Kept(ACCESS), &["account.application.authorized", "account.application.deauthorized"]),
    (&["bank_account", "card"], Object, &["account.external_account.created", "account.external_account.updated"]),
    (&["bank_account", "card"], Deleted, &["account.external_account.deleted"]),
    (&["account"], Object, &["account.updated"]),
    (&["application_fee"], Object, &["application_fee.created", "application_fee.refunded"]),
    (&["fee_refund"], Object, &["application_fee.refund.updated"]),
    (&["apps.install"], Kept(NO_PATH), &["apps.install.created", "apps.install.deleted", "apps.install.updated"]),
    (&["balance"], Object, &["balance.available"]),
    (&["balance_settings"], Object, &["balance_settings.updated"]),
    (&["billing.alert_triggered"], Owner, &["billing.alert.triggered"]),
    (&["billing.credit_balance_transaction"], Object, &["billing.credit_balance_transaction.created"]),
    (&["billing.credit_grant"], Object, &["billing.credit_grant.created", "billing.credit_grant.updated"]),
    (&["billing.meter"], Object, &["billing.meter.created", "billing.meter.deactivated", "billing.meter.reactivated", "billing.meter.updated"]),
    (&["billing_portal.configuration"], Object, &["billing_portal.configuration.created", "billing_portal.configuration.updated"]),
    (&["billing_portal.session"], Kept(NO_PATH), &["billing_portal.session.created"]),
    (&["capability"], Object, &["capability.updated"]),
    (&["cash_balance"], Object, &["cash_balance.funds_available"]),
    (&["charge"], Object, &["charge.captured", "charge.expired", "charge.failed", "charge.pending", "charge.refunded", "charge.succeeded", "charge.updated"]),
    (&["dispute"], Object, &["charge.dispute.closed", "charge.dispute.created", "charge.dispute.funds_reinstated", "charge.dispute.funds_withdrawn", "charge.dispute.updated"]),
    (&["refund"], Object, &["charge.refund.updated", "refund.created", "refund.failed", "refund.updated"]),
    (&["checkout.session"], Object, &["checkout.session.async_payment_failed", "checkout.session.async_payment_succeeded", "checkout.session.completed", "checkout.session.expired"]),
    (&["climate.order"], Object, &["climate.order.canceled", "climate.order.created", "climate.order.delayed", "climate.order.delivered", "climate.order.product_substituted"]),
    (&["climate.product"], Object, &["climate.product.created", "climate.product.pricing_updated"]),
    (&["coupon"], Object, &["coupon.created", "coupon.updated"]),
    (&["coupon"], Deleted, &["coupon.deleted"]),
    (&["credit_note"], Object, &["credit_note.created", "credit_note.updated", "credit_note.voided"]),
    (&["customer"], Object, &["customer.created", "customer.updated"]),
    (&["customer"], Deleted, &["customer.deleted"]),
    (&["discount"], Owner, &["customer.discount.created", "customer.discount.deleted", "customer.discount.updated"]),
    (&["source", "bank_account", "card"], Object, &["customer.source.created", "customer.source.expiring", "customer.source.updated"]),
    (&["source", "bank_account", "card"], Deleted, &["customer.source.deleted"]),
    (&["subscription"], Object, &["customer.subscription.created", "customer.subscription.deleted", "customer.subscription.paused", "customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired", "customer.subscription.resumed", "customer.subscription.trial_will_end", "customer.subscription.updated"]),
    (&["tax_id"], Object, &["customer.tax_id.created", "customer.tax_id.updated"]),
    (&["tax_id"], Deleted, &["customer.tax_id.deleted"]),
    (&["customer_cash_balance_transaction"], Object, &["customer_cash_balance_transaction.created"]),
    (&["entitlements.active_entitlement_summary"], Object, &["entitlements.active_entitlement_summary.updated"]),
    (&["file"], Object, &["file.created"]),
    (&["financial_connections.account"], Object, &["financial_connections.account.account_numbers_updated", "financial_connections.account.created", "financial_connections.account.deactivated", "financial_connections.account.disconnected", "financial_connections.account.expected_deactivation_date_updated", "financial_connections.account.reactivated", "financial_connections.account.refreshed_balance", "financial_connections.account.refreshed_ownership", "financial_connections.account.refreshed_transactions", "financial_connections.account.supported_payment_method_types_updated", "financial_connections.account.upcoming_account_number_expiry", "financial_connections.account.upcoming_deactivation"]),
    (&["financial_connections.authorization"], Object, &["financial_connections.authorization.expected_deactivation_date_updated", "financial_connections.authorization.upcoming_deactivation"]),
    (&["identity.verification_session"], Object, &["identity.verification_session.canceled", "identity.verification_session.created", "identity.verification_session.processing", "identity.verification_session.redacted", "identity.verification_session.requires_input", "identity.verification_session.verified"]),
    (&["invoice"], Object, &["invoice.created", "invoice.finalization_failed", "invoice.finalized", "invoice.marked_uncollectible", "invoice.overdue", "invoice.overpaid", "invoice.paid", "invoice.payment_action_required", "invoice.payment_attempt_required", "invoice.payment_failed", "invoice.payment_succeeded", "invoice.sent", "invoice.updated", "invoice.voided", "invoice.will_be_due"]),
    (&["invoice"], Deleted, &["invoice.deleted"]),
    (&["invoice"], Kept(NOT_YET), &["invoice.upcoming"]),
    (&["invoice_payment"], Object, &["invoice_payment.paid"]),
    (&["invoiceitem"], Object, &["invoiceitem.created"]),
    (&["invoiceitem"], Deleted, &["invoiceitem.deleted"]),
    (&["issuing.authorization"], Object, &["issuing_authorization.created", "issuing_authorization.request", "issuing_authorization.updated"]),
    (&["issuing.card"], Object, &["issuing_card.created", "issuing_card.updated"]),
    (&["issuing.cardholder"], Object, &["issuing_cardholder.created", "issuing_cardholder.updated"]),
    (&["issuing.dispute"], Object, &["issuing_dispute.closed", "issuing_dispute.created", "issuing_dispute.funds_reinstated", "issuing_dispute.funds_rescinded", "issuing_dispute.submitted", "issuing_dispute.updated"]),
    (&["issuing.personalization_design"], Object, &["issuing_personalization_design.activated", "issuing_personalization_design.deactivated", "issuing_personalization_design.rejected", "issuing_personalization_design.updated"]),
    (&["issuing.token"], Object, &["issuing_token.created", "issuing_token.updated"]),
    (&["issuing.transaction"], Object, &["issuing_transaction.created", "issuing_transaction.purchase_details_receipt_updated", "issuing_transaction.updated"]),
    (&["mandate"], Object, &["mandate.updated"]),
    (&["payment_intent"], Object, &["payment_intent.amount_capturable_updated", "payment_intent.canceled", "payment_intent.created", "payment_intent.partially_funded", "payment_intent.payment_failed", "payment_intent.processing", "payment_intent.requires_action", "payment_intent.succeeded"]),
    (&["payment_link"], Object, &["payment_link.created", "payment_link.updated"]),
    (&["payment_method"], Object, &["payment_method.attached", "payment_method.automatically_updated", "payment_method.detached", "payment_method.updated"]),
    (&["payout"], Object, &["payout.canceled", "payout.created", "payout.failed", "payout.paid", "payout.reconciliation_completed", "payout.updated"]),
    (&["person"], Object, &["person.created", "person.updated"]),
    (&["person"], Deleted, &["person.deleted"]),
    (&["plan"], Object, &["plan.created", "plan.updated"]),
    (&["plan"], Deleted, &["plan.deleted"]),
    (&["price"], Object, &["price.created", "price.updated"]),
    (&["price"], Deleted, &["price.deleted"]),
    (&["product"], Object, &["product.created", "product.updated"]),
    (&["product"], Deleted, &["product.deleted"]),
    (&["promotion_code"], Object, &["promotion_code.created", "promotion_code.updated"]),
    (&["quote"], Object, &["quote.accepted", "quote.canceled", "quote.created", "quote.finalized"]),
    (&["radar.early_fraud_warning"], Object, &["radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"]),
    (&["reporting.report_run"], Object, &["reporting.report_run.failed", "reporting.report_run.succeeded"]),
    (&["reporting.report_type"], Object, &["reporting.report_type.updated"]),
    (&["reserve.hold"], Object, &["reserve.hold.created", "reserve.hold.updated"]),
    (&["reserve.plan"], Object, &["reserve.plan.created", "reserve.plan.disabled", "reserve.plan.expired", "reserve.plan.updated"]),
    (&["reserve.release"], Object, &["reserve.release.created"]),
    (&["review"], Object, &["review.closed", "review.opened"]),
    (&["setup_intent"], Object, &["setup_intent.canceled", "setup_intent.created", "setup_intent.requires_action", "setup_intent.setup_failed", "setup_intent.succeeded"]),
    (&["scheduled_query_run"], Object, &["sigma.scheduled_query_run.created"]),
    (&["source"], Object, &["source.canceled", "source.chargeable", "source.failed", "source.refund_attributes_required"]),
    (&["source_mandate_notification"], Object, &["source.mandate_notification"]),
    (&["source_transaction"], Object, &["source.transaction.created", "source.transaction.updated"]),
    (&["subscription_schedule"], Object, &["subscription_schedule.aborted", "subscription_schedule.canceled", "subscription_schedule.completed", "subscription_schedule.created", "subscription_schedule.expiring", "subscription_schedule.released", "subscription_schedule.updated"]),
    (&["tax.settings"], Object, &["tax.settings.updated"]),
    (&["tax_rate"], Object, &["tax_rate.created", "tax_rate.updated"]),
    (&["terminal.reader"], Object, &["terminal.reader.action_failed", "terminal.reader.action_succeeded", "terminal.reader.action_updated"]),
    (&["test_helpers.test_clock"], Object, &["test_helpers.test_clock.advancing", "test_helpers.test_clock.created", "test_helpers.test_clock.internal_failure", "test_helpers.test_clock.ready"]),
    (&["test_helpers.test_clock"], Deleted, &["test_helpers.test_clock.deleted"]),
    (&["topup"], Object, &["topup.canceled", "topup.created", "topup.failed", "topup.reversed", "topup.succeeded"]),
    (&["transfer"], Object, &["transfer.created", "transfer.reversed", "transfer.updated"]),
    (&["treasury.credit_reversal"], Object, &["treasury.credit_reversal.created", "treasury.credit_reversal.posted"]),
    (&["treasury.debit_reversal"], Object, &["treasury.debit_reversal.completed", "treasury.debit_reversal.created", "treasury.debit_reversal.initial_credit_granted"]),
    (&["treasury.financial_account"], Object, &["treasury.financial_account.closed", "treasury.financial_account.created", "treasury.financial_account.features_status_updated"]),
    (&["treasury.inbound_transfer"], Object, &["treasury.inbound_transfer.canceled", "treasury.inbound_transfer.created", "treasury.inbound_transfer.failed", "treasury.inbound_transfer.succeeded"]),
    (&["treasury.outbound_payment"], Object, &["treasury.outbound_payment.canceled", "treasury.outbound_payment.created", "treasury.outbound_payment.expected_arrival_date_updated", "treasury.outbound_payment.failed", "treasury.outbound_payment.posted", "treasury.outbound_payment.returned", "treasury.outbound_payment.tracking_details_updated"]),
    (&["treasury.outbound_transfer"], Object, &["treasury.outbound_transfer.canceled", "treasury.outbound_transfer.created", "treasury.outbound_transfer.expected_arrival_date_updated", "treasury.outbound_transfer.failed", "treasury.outbound_transfer.posted", "treasury.outbound_transfer.returned", "treasury.outbound_transfer.tracking_details_updated"]),
    (&["treasury.received_credit"], Object, &["treasury.received_credit.created", "treasury.received_credit.failed", "treasury.received_credit.succeeded"]),
    (&["treasury.received_debit"], Object, &["treasury.received_debit.created"]),
];
