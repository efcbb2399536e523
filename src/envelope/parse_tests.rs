//! Tests of `parse`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn event() -> Value {
    json!({
        "object": "event", "id": "evt_1", "type": "refund.updated", "created": 1_700_000_000,
        "livemode": false, "api_version": "2026-01-28", "data": { "object": {
            "object": "refund", "id": "re_1", "charge": "ch_1", "payment_intent": "pi_1",
        }},
    })
}

fn read(value: &Value) -> Result<Event, Undecodable> {
    parse(value.to_string().as_bytes())
}

fn with(pointer: &str, value: Value) -> Value {
    let mut event = event();
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

fn id(text: &str) -> Option<ObjectId> {
    Some(ObjectId::parse(text).unwrap())
}

#[test]
fn a_snapshot_event_is_read() {
    let event = read(&event()).unwrap();
    assert_eq!(event.id.as_str(), "evt_1");
    assert_eq!(&*event.event_type, "refund.updated");
    assert_eq!(event.created, 1_700_000_000);
    assert_eq!(event.scope, Scope { account: None, mode: Mode::Test });
    assert_eq!(event.api_version.as_deref(), Some("2026-01-28"));
    assert_eq!(
        event.about,
        Some(About {
            object: "refund".into(),
            id: id("re_1"),
            charge: id("ch_1"),
            payment_intent: id("pi_1"),
            owner: None,
            failure: None,
            by_test_clock: false,
            shown: None,
        })
    );
}

#[test]
fn an_expanded_object_names_itself_as_its_id_would() {
    let event = with("/data/object/charge", json!({ "amount": 5, "id": "ch_2", "x": [{}] }));
    assert_eq!(read(&event).unwrap().about.unwrap().charge, id("ch_2"));
}

#[test]
fn a_reference_of_any_other_type_is_none() {
    for odd in [json!(null), json!(true), json!(-7), json!(7), json!(0.5), json!([1]), json!({})] {
        let event = with("/data/object/charge", odd);
        assert_eq!(read(&event).unwrap().about.unwrap().charge, None);
    }
}

#[test]
fn what_is_odd_and_not_needed_is_left_out() {
    let odd = [
        json!(null),
        json!(true),
        json!(-7),
        json!(1e300),
        json!(""),
        json!([1]),
        json!({}),
        json!({ "code": 5, "id": 5 }),
        json!("a\0b"),
        json!("x".repeat(10_000)),
    ];
    let fields = [
        "last_payment_error",
        "last_setup_error",
        "charge",
        "payment_intent",
        "customer",
        "account",
        "fee",
        "source",
        "subscription",
        "alert",
        "test_clock",
    ];
    for value in &odd {
        for field in fields {
            let mut event = event();
            event["type"] = json!("payment_intent.payment_failed");
            event["data"]["object"][field] = value.clone();
            let read = read(&event).unwrap_or_else(|e| panic!("{field} {value}: {e}"));
            assert_eq!(read.about.unwrap().id, id("re_1"));
        }
        let mut event = event();
        event["api_version"] = value.clone();
        let version = read(&event).unwrap().api_version;
        assert_eq!(version.as_deref(), value.as_str().filter(|text| text.is_empty()));
    }
}

#[test]
fn of_an_odd_error_all_that_can_be_read_is_kept() {
    let mut event = event();
    event["data"]["object"]["last_payment_error"] = json!({"code": 5, "message": "HALF"});
    event["data"]["object"]["last_setup_error"] = json!({"code": "other"});
    let body = event.to_string().replace("HALF", "a\\ud83d");
    let (event, raw) = parse_with_object(body.as_bytes()).unwrap();
    let mut about = event.about.unwrap();
    crate::envelope::show(&mut about, &raw.decode().unwrap().object);
    let failure = about.failure.unwrap();
    assert_eq!(failure.code, None);
    assert_eq!(failure.message.as_deref(), Some("a\u{fffd}"));
}

#[test]
fn a_time_that_nothing_can_hold_is_named() {
    for created in [json!(i64::MAX), json!(u64::MAX), json!(1e30), json!(253_402_300_800_i64)] {
        let error = read(&with("/created", created)).unwrap_err();
        assert_eq!(error.to_string(), "`created` is outside of the years 1 to 9999");
    }
    assert_eq!(
        read(&with("/created", json!(253_402_300_799_i64))).unwrap().created,
        253_402_300_799
    );
}

#[test]
fn the_account_of_a_connected_account_is_kept() {
    let mut event = event();
    event["account"] = json!("acct_1");
    assert_eq!(read(&event).unwrap().account().unwrap().as_str(), "acct_1");
}

#[test]
fn a_thin_event_is_read() {
    let thin = |context: Value| {
        read(&json!({
            "object": "v2.core.event", "id": "evt_1", "type": "v1.billing.meter.error_report",
            "created": "2026-01-02T03:04:05.678Z", "livemode": true, "context": context,
            "related_object": { "id": "mtr_1", "type": "billing.meter", "url": "/v1/x" },
        }))
        .unwrap()
    };
    let event = thin(json!(null));
    assert_eq!(event.created, 1_767_323_045);
    assert_eq!(event.api_version, None);
    assert_eq!(event.account(), None);
    let about = event.about.unwrap();
    assert_eq!((&*about.object, about.id), ("billing.meter", id("mtr_1")));
    for context in ["acct_1", "org_1/acct_1"] {
        assert_eq!(thin(json!(context)).account().unwrap().as_str(), "acct_1");
    }
    assert_eq!(thin(json!("org_1")).account(), None);
}

#[test]
fn an_object_that_has_no_id_is_still_an_event() {
    let event = with("/data/object", json!({ "object": "balance" }));
    assert_eq!(read(&event).unwrap().about.unwrap().id, None);
}

#[test]
fn an_odd_id_undoes_only_the_events_of_kinds_that_we_handle() {
    let error = read(&with("/data/object/id", json!("re_ 1"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`data.object.id`: object id holds a character that no Stripe id has"
    );
    let of =
        |object: &str, id: &str| read(&with("/data/object", json!({ "object": object, "id": id })));
    // People choose a coupon's id.
    let id = of("coupon", "Summer Sale 50%").unwrap().about.unwrap().id.unwrap();
    assert_eq!(id.as_str(), "Summer Sale 50%");
    assert!(of("coupon", "Summer\nSale").is_err());
    assert_eq!(of("gizmo", "Summer\nSale").unwrap().about.unwrap().id, None);
}

#[test]
fn an_oversized_id_is_refused() {
    let error = read(&with("/id", json!(format!("evt_{}", "x".repeat(300))))).unwrap_err();
    assert_eq!(error.to_string(), "`id`: event id is longer than 255 bytes");
}

#[test]
fn what_is_missing_is_named() {
    for field in ["object", "id", "type", "created", "livemode", "data"] {
        let mut event = event();
        event.as_object_mut().unwrap().remove(field);
        assert_eq!(read(&event).unwrap_err().to_string(), format!("`{field}` is missing"));
    }
    let error = read(&with("/data", json!({}))).unwrap_err();
    assert_eq!(error.to_string(), "`data.object` is missing");
}

#[test]
fn a_fault_is_placed_and_never_quoted() {
    for (body, place) in [
        (
            &br#"{"object":"event","id":"evt_1","livemode":"hunter2"}"#[..],
            "`livemode` holds a value of another type, or is there twice (line 1, column 51)",
        ),
        (
            br#"{"data":{"object":"hunter2"}}"#,
            "`data.object` holds a value of another type, or is there twice (line 1, column 27)",
        ),
        (
            b"{\"data\":\n {\"object\": {\"object\":5}}}",
            "`data.object.object` holds a value of another type, or is there twice (line 2, column 23)",
        ),
        (
            br#"{"created":"hunter2"}"#,
            "`created` holds a value of another type, or is there twice (line 1, column 20)",
        ),
        (
            br#"{"id":"evt_1","id":"hunter2"}"#,
            "`.` holds a value of another type, or is there twice (line 1, column 18)",
        ),
        (br#"{"id":"hunter2"#, "not JSON: it ends too early at line 1, column 14"),
        (b"hunter2", "not JSON: a syntax error at line 1, column 1"),
        (b"{} hunter2", "not JSON: a syntax error at line 1, column 4"),
    ] {
        assert_eq!(parse(body).unwrap_err().to_string(), place);
    }
    assert_eq!(parse(br#"{"object":"charge"}"#), Err(Undecodable::NotAnEvent));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_damage_to_an_event_makes_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = event().to_string().into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = parse(&body);
    }

    #[test]
    fn whatever_parses_also_peeks(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = event().to_string().into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(event) = parse(&body) {
            let peek = crate::envelope::peek(&body).unwrap();
            prop_assert_eq!(event.id.as_str(), &*peek.id);
            prop_assert_eq!(event.mode(), peek.mode);
        }
    }
}

#[test]
fn an_object_names_what_it_belongs_to_if_its_kind_belongs_to_anything() {
    let owner = |object| {
        let event = with("/data/object", object);
        read(&event).unwrap().about.unwrap().owner.map(|owner| owner.id.to_string())
    };
    let customer = json!({ "id": "cus_1", "object": "customer" });
    let tax_id = json!({ "object": "tax_id", "id": "txi_1", "customer": customer });
    assert_eq!(owner(tax_id).as_deref(), Some("cus_1"));
    let person = json!({ "object": "person", "id": "person_1", "account": "acct_1" });
    assert_eq!(owner(person).as_deref(), Some("acct_1"));
    // A field of that name, and something else in it.
    let card = json!({ "object": "card", "id": "card_1", "account": "x", "customer": "cus_1" });
    assert_eq!(owner(card).as_deref(), Some("cus_1"));
    let charge = json!({ "object": "charge", "id": "ch_1", "customer": "cus_1" });
    assert_eq!(owner(charge), None);
}
