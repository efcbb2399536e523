use super::*;
use serde_json::json;

fn stripped(mut value: Value) -> Value {
    strip(&mut value);
    value
}

#[test]
fn a_client_secret_is_dropped_at_any_depth() {
    assert_eq!(
        stripped(json!({
            "id": "pi_1", "client_secret": "pi_1_secret_x",
            "list": [{"deep": {"client_secret": null, "kept": 1}}],
            "latest_invoice": {"confirmation_secret": {"client_secret": "x", "type": "y"}},
        })),
        json!({
            "id": "pi_1",
            "list": [{"deep": {"kept": 1}}],
            "latest_invoice": {"confirmation_secret": {"type": "y"}},
        })
    );
}

#[test]
fn a_secret_is_dropped_from_the_objects_that_have_one_and_from_no_other() {
    assert_eq!(
        stripped(json!([
            {"object": "ephemeral_key", "secret": "ek_1", "id": "e"},
            {"object": "payment_intent", "metadata": {"secret": "santa"}},
        ])),
        json!([
            {"object": "ephemeral_key", "id": "e"},
            {"object": "payment_intent", "metadata": {"secret": "santa"}},
        ])
    );
}

#[test]
fn a_link_that_lets_in_whoever_opens_it_is_dropped_and_one_to_pass_on_is_kept() {
    assert_eq!(
        stripped(json!([
            {"object": "identity.verification_session", "url": "x", "client_secret": "y", "id": "vs"},
            {"object": "checkout.session", "url": "x", "success_url": "y",
             "after_expiration": {"recovery": {"url": "x", "expires_at": 1}}},
            {"object": "source", "redirect": {"url": "x", "return_url": "y"}},
            {"object": "file", "url": "y", "links": {"data": [{"object": "file_link", "url": "x"}]}},
            {"object": "invoice", "hosted_invoice_url": "y", "invoice_pdf": "y"},
            {"object": "payment_link", "url": "y"},
        ])),
        json!([
            {"object": "identity.verification_session", "id": "vs"},
            {"object": "checkout.session", "success_url": "y",
             "after_expiration": {"recovery": {"expires_at": 1}}},
            {"object": "source", "redirect": {"return_url": "y"}},
            {"object": "file", "url": "y", "links": {"data": [{"object": "file_link"}]}},
            {"object": "invoice", "hosted_invoice_url": "y", "invoice_pdf": "y"},
            {"object": "payment_link", "url": "y"},
        ])
    );
}

#[test]
fn an_event_shows_no_secret_among_the_old_values_of_its_object() {
    let event = json!({"object": "event", "data": {
        "object": {"object": "payment_intent", "next_action": null},
        "previous_attributes": {"status": "requires_action", "client_secret": "x",
                                "next_action": {"type": "a", "a": {"url": "x"}}},
    }});
    let data = Rules::default().redact(event)["data"].clone();
    assert_eq!(
        data["previous_attributes"],
        json!({"status": "requires_action", "next_action": {"type": "a"}})
    );
}

#[test]
fn of_the_next_action_its_type_is_kept_and_nothing_that_is_for_the_customers_browser() {
    let action = json!({"type": "boleto_display_details",
                        "boleto_display_details": {"hosted_voucher_url": "x"}});
    for (object, kept) in [
        ("payment_intent", json!({"type": "boleto_display_details"})),
        ("setup_intent", json!({"type": "boleto_display_details"})),
        ("refund", action.clone()),
    ] {
        let it = stripped(json!({"object": object, "next_action": action}));
        assert_eq!(it["next_action"], kept, "{object}");
        let none = json!({"object": object, "next_action": null});
        assert_eq!(stripped(none.clone()), none);
    }
}

#[test]
fn a_secret_inside_a_text_is_blanked_and_the_rest_of_the_text_stays() {
    for (text, clean) in [
        (
            "https://hooks.stripe.com/redirect?client_secret=src_client_secret_a1&source=src_1",
            "https://hooks.stripe.com/redirect?client_secret=[redacted]&source=src_1",
        ),
        (
            "/return?payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_b2#end",
            "/return?payment_intent=pi_1&payment_intent_client_secret=[redacted]#end",
        ),
        (
            "/go?url=%2Fback%3Fpayment_intent_client_secret%3Dpi_1_secret_b2%26x%3D1",
            "/go?url=%2Fback%3Fpayment_intent_client_secret%3D[redacted]%26x%3D1",
        ),
        ("expected ü, got pi_1_secret_b2.", "expected ü, got [redacted]."),
        ("cs_test_a1_secret_c3", "[redacted]"),
        ("our top_secret_plan for pi_1", "our top_secret_plan for pi_1"),
        ("client_secret=", "client_secret=[redacted]"),
    ] {
        assert_eq!(stripped(json!({"a": text})), json!({"a": clean}));
    }
}

#[test]
fn a_nul_character_does_not_keep_an_object_from_being_stored() {
    assert_eq!(stripped(json!({"a\u{0}": "b\u{0}c"})), json!({"a\u{fffd}": "b\u{fffd}c"}));
}

#[test]
fn stripping_twice_is_stripping_once() {
    let once = stripped(json!({"a": "client_secret=pi_1_secret_x&y", "client_secret": 1}));
    assert_eq!(stripped(once.clone()), once);
}

fn ruled(paths: &[&str], value: Value) -> Value {
    let paths = paths.iter().map(|path| (*path).to_owned().try_into().unwrap()).collect();
    Rules::from(&Redaction { paths, ..Redaction::default() }).redact(value).into_value()
}

#[test]
fn a_path_drops_its_field_at_any_depth_and_nothing_else() {
    let charge = json!({
        "object": "charge", "name": "own", "email": "a",
        "billing_details": {"name": "Joe", "address": {"city": "x"}, "email": "b"},
        "list": [{"billing_details": {"address": 1, "phone": 2}, "email": null}],
        "address": "kept",
    });
    assert_eq!(
        ruled(&["email", "billing_details.address", "*.name"], charge),
        json!({
            "object": "charge", "name": "own", "billing_details": {},
            "list": [{"billing_details": {"phone": 2}}], "address": "kept",
        })
    );
}

#[test]
fn a_path_of_one_kind_leaves_the_others_alone_and_holds_for_their_old_values_too() {
    let event = json!({
        "object": "event",
        "data": {
            "object": {"object": "customer", "name": "x", "phone": 1, "product": {"object": "product", "name": "p"}},
            "previous_attributes": {"name": "y", "phone": 2},
        },
    });
    assert_eq!(
        ruled(&["customer:name"], event),
        json!({
            "object": "event",
            "data": {
                "object": {"object": "customer", "phone": 1, "product": {"object": "product", "name": "p"}},
                "previous_attributes": {"phone": 2},
            },
        })
    );
}

#[test]
fn a_path_drops_nothing_of_what_is_around_the_object_of_an_event() {
    let thin =
        json!({"object": "v2.core.event", "type": "x", "related_object": {"type": "person"}});
    assert_eq!(ruled(&["*.type", "context"], thin.clone()), thin);
    let event = |object: Value| json!({"object": "event", "type": "x", "data": {"object": object}});
    assert_eq!(
        ruled(&["*.name"], event(json!({"object": "coupon", "name": 1, "x": {"name": 2}}))),
        event(json!({"object": "coupon", "name": 1, "x": {}})),
        "the event is not the thing that the name is within"
    );
}

#[test]
fn a_list_is_passed_through() {
    let it = json!({"items": {"data": [{"nickname": 1, "x": 2}, {"x": 3}]}});
    assert_eq!(
        ruled(&["items.data.nickname"], it),
        json!({"items": {"data": [{"x": 2}, {"x": 3}]}})
    );
}

/// Whether a field of this name occurs at any depth.
fn holds(value: &Value, name: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.contains_key(name) || fields.values().any(|value| holds(value, name))
        }
        Value::Array(items) => items.iter().any(|item| holds(item, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// One object of each kind, from Stripe's published examples.
fn fixtures() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/stripe-objects.json")).unwrap()
}

#[test]
fn no_fixture_keeps_what_the_settings_drop() {
    let fixtures = fixtures();
    let dropped = ["email", "address", "name", "phone", "client_secret"];
    let mut seen = [false; 5];
    for (kind, object) in fixtures["resources"].as_object().unwrap() {
        for (name, seen) in dropped.iter().zip(&mut seen) {
            *seen |= holds(object, name);
        }
        let clean = ruled(&dropped[..4], object.clone());
        for name in dropped {
            assert!(!holds(&clean, name), "{kind} keeps {name}");
        }
        assert_eq!(clean["id"], object["id"], "{kind}");
    }
    assert_eq!(seen, [true; 5], "the fixtures prove nothing");
}

#[test]
fn no_fixture_keeps_a_client_secret() {
    let mut fixtures = fixtures();
    let before = fixtures["resources"].as_object().unwrap().len();
    assert!(fixtures.to_string().contains("\"client_secret\""), "the fixtures prove nothing");
    strip(&mut fixtures);
    assert!(!fixtures.to_string().contains("\"client_secret\""));
    let after = fixtures["resources"].as_object().unwrap();
    assert_eq!(after.len(), before);
    assert!(after["payment_intent"]["id"].is_string());
}

#[test]
fn a_card_number_is_blanked_in_the_texts_of_people_and_in_nothing_that_names_an_object() {
    let rules = Rules::from(&Redaction {
        card_data_exempt: vec!["metadata.order".to_owned()],
        ..Redaction::default()
    });
    let event = json!({
        "object": "event", "id": "evt_1",
        "data": {
            "object": {
                "object": "customer", "id": "4242424242424242", "name": "Jane 4242-4242-4242-4242",
                "description": "called at 14:30",
                "metadata": {"note": "5555 5555 5555 4444", "order": "4242424242424242", "cvc": "123",
                             "4242424242424242": "x", "uuid": "019ac1d2-7b3c-7abc-8123-456789012340"},
            },
            "previous_attributes": {"metadata": {"note": "4242424242424242"}},
        },
    });
    assert_eq!(
        rules.redact(event).into_value()["data"],
        json!({
            "object": {
                "object": "customer", "id": "4242424242424242", "name": "[redacted]",
                "description": "called at 14:30",
                "metadata": {"note": "[redacted]", "order": "4242424242424242", "cvc": "[redacted]",
                             "[redacted]": "[redacted]", "uuid": "019ac1d2-7b3c-7abc-8123-456789012340"},
            },
            "previous_attributes": {"metadata": {"note": "[redacted]"}},
        })
    );
}

#[test]
fn a_message_keeps_its_words_and_loses_its_card_number() {
    for (message, kept) in [
        (
            "invalid type: string \"4242 4242 4242 4242\", expected i64",
            "invalid type: string \"[redacted]\", expected i64",
        ),
        ("no such order: 4711", "no such order: 4711"),
    ] {
        assert_eq!(strip_text(message.to_owned()), kept);
    }
}
