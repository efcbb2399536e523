//! The request of a command: which form goes to which path.

use std::collections::{BTreeMap, HashMap};

use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{checkout, payment, subscription};
use quittance_domain::command::command_params::CommandParams;
use quittance_domain::command::text_limits::COMMAND_KEY;
use quittance_domain::id::url_segment;
use quittance_domain::object::Kind;

/// One request to Stripe.
#[derive(Debug, Clone, Copy)]
pub struct WriteRequest<'a> {
    /// The command's id, which goes into the metadata of what it makes.
    pub command: &'a str,
    /// Stripe's idempotency key.
    pub key: &'a str,
    /// What is asked.
    pub params: &'a CommandParams,
    /// The payment that is changed.
    pub target: Option<&'a str>,
}

/// A request as it would be sent, for people who look before they act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRequest {
    /// `POST` or `DELETE`.
    pub method: &'static str,
    /// `/v1/refunds`
    pub path: String,
    /// The fields of the form, sorted: `metadata[order]` and `42`.
    pub parameters: Vec<(String, String)>,
}

impl PlannedRequest {
    /// The request of a command that is not written yet.
    #[must_use]
    pub fn of(params: &CommandParams, target: Option<&str>) -> Self {
        let command = "<the command's id>";
        let (_, _, built) = build(&WriteRequest { command, key: "", params, target });
        let body = built.body.unwrap_or_default();
        let mut parameters: Vec<_> =
            url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        parameters.sort();
        let method = match built.method {
            StripeMethod::Get => "GET",
            StripeMethod::Post => "POST",
            StripeMethod::Delete => "DELETE",
        };
        Self { method, path: format!("/v1{}", built.path), parameters }
    }
}

/// The kind of what is made or changed, the endpoint's name for limiter and metrics, and the request.
pub(super) fn build(request: &WriteRequest<'_>) -> (Kind, &'static str, RequestBuilder) {
    let target = url_segment(request.target.unwrap_or_default());
    let metadata = |given: &BTreeMap<String, String>| {
        let mut all: HashMap<String, String> =
            given.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        all.insert(COMMAND_KEY.to_owned(), request.command.to_owned());
        all
    };
    match request.params {
        CommandParams::CreatePayment(params) => {
            let form = payment::new_payment(params, metadata(&params.metadata));
            (Kind::PaymentIntent, "create_payment_intent", form)
        }
        CommandParams::ConfirmPayment(params) => {
            let form = payment::confirm_payment(target, params);
            (Kind::PaymentIntent, "confirm_payment_intent", form)
        }
        CommandParams::CapturePayment(params) => {
            let form = payment::capture_payment(target, params);
            (Kind::PaymentIntent, "capture_payment_intent", form)
        }
        CommandParams::CancelPayment(params) => {
            let form = payment::cancel_payment(target, params);
            (Kind::PaymentIntent, "cancel_payment_intent", form)
        }
        CommandParams::CreateRefund(params) => {
            let form = payment::new_refund(params, metadata(&params.metadata));
            (Kind::Refund, "create_refund", form)
        }
        CommandParams::CreateCustomer(params) => {
            let form = payment::new_customer(params, metadata(&params.metadata));
            (Kind::Customer, "create_customer", form)
        }
        CommandParams::CreateSetup(params) => {
            let form = payment::new_setup(params, metadata(&params.metadata));
            (Kind::SetupIntent, "create_setup_intent", form)
        }
        CommandParams::CreateCheckout(params) => {
            let form = checkout::new_checkout(params, &metadata(&params.metadata));
            (Kind::CheckoutSession, "create_checkout_session", form)
        }
        CommandParams::ExpireCheckout(_) => {
            let form = checkout::expire_checkout(target);
            (Kind::CheckoutSession, "expire_checkout_session", form)
        }
        CommandParams::CreateSubscription(params) => {
            let form = subscription::new_subscription(params, metadata(&params.metadata));
            (Kind::Subscription, "create_subscription", form)
        }
        CommandParams::UpdateSubscription(params) => {
            let form = subscription::update_subscription(target, params, request.command);
            (Kind::Subscription, "update_subscription", form)
        }
        CommandParams::CancelSubscription(params) => {
            let form = subscription::cancel_subscription(target, params);
            (Kind::Subscription, "cancel_subscription", form)
        }
        CommandParams::CreatePortalSession(params) => {
            (Kind::Customer, "create_portal_session", subscription::portal_session(params))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use quittance_domain::command::CommandKind;

    #[test]
    fn a_planned_request_is_what_would_be_sent_field_by_field() {
        let params = json!({"payment_intent": "pi_1", "amount": 500, "metadata": {"order": "4 2"}});
        let params = CommandParams::read(CommandKind::CreateRefund, params).unwrap();
        let planned = PlannedRequest::of(&params, Some("pi_1"));
        assert_eq!((planned.method, &*planned.path), ("POST", "/v1/refunds"));
        let shown: Vec<_> =
            planned.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "amount=500",
            "metadata[order]=4 2",
            "metadata[quittance_command]=<the command's id>",
            "payment_intent=pi_1",
        ];
        assert_eq!(shown, expected);
        let capture = CommandParams::read(CommandKind::CapturePayment, json!({})).unwrap();
        let planned = PlannedRequest::of(&capture, Some("pi_1"));
        assert_eq!(planned.path, "/v1/payment_intents/pi_1/capture");
        let cancel = CommandParams::read(CommandKind::CancelSubscription, json!({})).unwrap();
        let planned = PlannedRequest::of(&cancel, Some("sub_1"));
        assert_eq!((planned.method, &*planned.path), ("DELETE", "/v1/subscriptions/sub_1"));
    }

    fn body(kind: CommandKind, params: Value, target: Option<&str>) -> (String, String) {
        let params = CommandParams::read(kind, params).unwrap();
        let request = WriteRequest { command: "c0", key: "k", params: &params, target };
        let (_, _, built) = build(&request);
        let mut parts: Vec<_> =
            built.body.unwrap_or_default().split('&').map(str::to_owned).collect();
        parts.sort();
        (built.path, parts.join("&"))
    }

    #[test]
    fn a_payment_becomes_stripes_form() {
        let params = json!({
            "amount": 2000, "currency": "eur", "reference": "order-42",
            "transfer_data": {"destination": "acct_1"}, "application_fee_amount": 100,
            "capture_method": "manual", "metadata": {"order": "42"},
        });
        let (path, form) = body(CommandKind::CreatePayment, params, None);
        assert_eq!(path, "/payment_intents");
        assert_eq!(
            form,
            "amount=2000&application_fee_amount=100&automatic_payment_methods[enabled]=true\
             &capture_method=manual&currency=eur&metadata[order]=42&metadata[quittance_command]=c0\
             &transfer_data[destination]=acct_1"
        );
    }

    #[test]
    fn a_saved_card_is_charged_while_the_customer_is_away() {
        let params = json!({
            "amount": 2000, "currency": "eur", "customer": "cus_1", "payment_method": "pm_1",
            "confirm": true, "off_session": true, "allowed_payment_method_types": ["card"],
        });
        let (_, form) = body(CommandKind::CreatePayment, params, None);
        assert_eq!(
            form,
            "allowed_payment_method_types[0]=card&amount=2000&confirm=true&currency=eur\
             &customer=cus_1&metadata[quittance_command]=c0&off_session=true&payment_method=pm_1"
        );
    }

    #[test]
    fn a_change_of_a_payment_leaves_its_metadata_alone() {
        let capture = json!({"amount_to_capture": 500});
        let (path, form) = body(CommandKind::CapturePayment, capture, Some("pi_1"));
        assert_eq!((&*path, &*form), ("/payment_intents/pi_1/capture", "amount_to_capture=500"));
        let cancel = json!({"cancellation_reason": "abandoned"});
        let (path, form) = body(CommandKind::CancelPayment, cancel, Some("pi_1"));
        assert_eq!(
            (&*path, &*form),
            ("/payment_intents/pi_1/cancel", "cancellation_reason=abandoned")
        );
    }

    #[test]
    fn a_session_and_what_it_makes_carry_the_commands_metadata() {
        let params = json!({
            "mode": "payment", "success_url": "https://shop.example/?a=1&b=2", "reference": "order-42",
            "payment_method_types": ["card"],
            "line_items": [{"price_data": {"currency": "eur", "unit_amount": 500, "product": "prod_1"},
                            "quantity": 4}],
            "payment_intent_data": {"transfer_data": {"destination": "acct_1"},
                                    "application_fee_amount": 100},
        });
        let (path, form) = body(CommandKind::CreateCheckout, params, None);
        assert_eq!(path, "/checkout/sessions");
        assert_eq!(
            form,
            "allowed_payment_method_types[0]=card&client_reference_id=order-42\
             &line_items[0][price_data][currency]=eur\
             &line_items[0][price_data][product]=prod_1&line_items[0][price_data][unit_amount]=500\
             &line_items[0][quantity]=4&metadata[quittance_command]=c0&mode=payment\
             &payment_intent_data[application_fee_amount]=100\
             &payment_intent_data[metadata][quittance_command]=c0\
             &payment_intent_data[transfer_data][destination]=acct_1\
             &success_url=https://shop.example/?a%3D1%26b%3D2"
        );
        let (path, form) = body(CommandKind::ExpireCheckout, json!({}), Some("cs_1"));
        assert_eq!((&*path, &*form), ("/checkout/sessions/cs_1/expire", ""));
    }

    #[test]
    fn the_older_name_of_the_methods_is_sent_under_the_one_that_stripe_takes() {
        let params = json!({"customer": "cus_1", "payment_method_types": ["card"]});
        let (path, form) = body(CommandKind::CreateSetup, params, None);
        assert_eq!(path, "/setup_intents");
        assert_eq!(
            form,
            "allowed_payment_method_types[0]=card&customer=cus_1&metadata[quittance_command]=c0"
        );
    }
}
