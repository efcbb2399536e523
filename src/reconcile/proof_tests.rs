//! Which answers are asked for again, and when that ends.

use serde_json::json;

use super::*;

const READ_LAG: Duration = Duration::from_secs(60);

fn objection(proved: bool, age: u64) -> Objection {
    Objection { field: "status", proved, age: Duration::from_secs(age) }
}

fn wait(objections: &[Objection]) -> Option<u64> {
    verdict(objections.iter().copied(), READ_LAG).map(|(_, after)| after.as_secs())
}

#[test]
fn a_proof_is_asked_about_until_its_event_is_old_and_a_doubt_once_more() {
    assert_eq!(wait(&[]), None);
    assert_eq!(wait(&[objection(true, 4)]), Some(4));
    assert_eq!(wait(&[objection(true, 59)]), Some(1));
    assert_eq!(wait(&[objection(true, 60)]), None);
    assert_eq!(wait(&[objection(false, 1)]), Some(4));
    assert_eq!(wait(&[objection(false, 5)]), None);
}

#[test]
fn one_that_was_asked_about_long_enough_ends_it_for_all() {
    assert_eq!(wait(&[objection(true, 60), objection(true, 1)]), None);
    assert_eq!(wait(&[objection(false, 5), objection(false, 1)]), None);
    assert_eq!(wait(&[objection(false, 5), objection(true, 1)]), Some(1));
}

#[test]
fn a_setting_of_zero_believes_the_first_answer() {
    let all = [objection(true, 0), objection(false, 0)];
    assert_eq!(verdict(all.iter().copied(), Duration::ZERO), None);
}

#[test]
fn what_an_event_says_has_changed_must_not_be_what_it_was() {
    let object = json!({"status": "active", "items": {"count": 2}, "name": "a"});
    let previous = json!({"status": "past_due", "items": {"count": 1}});
    let before = |answer| shows_before(&previous, &object, &answer);
    assert!(before(json!({"status": "past_due", "items": {"count": 2}})));
    assert!(before(json!({"status": "active", "items": {"count": 1}})));
    assert!(!before(json!({"status": "active", "items": {"count": 2}})));
    assert!(!before(json!({"status": "canceled", "items": {"count": 3}})), "something else again");
    assert!(!before(json!({"name": "b"})), "nothing that the event speaks of");
}

#[test]
fn a_field_is_read_by_its_path_and_an_expanded_object_by_its_id() {
    let json = json!({"a": {"b": null, "c": 5}, "charge": {"id": "ch_1", "object": "charge"}});
    let it = Json(&json);
    assert_eq!(it.field("a.b"), FieldValue::Null);
    assert_eq!(it.field("a.c"), FieldValue::Number(5));
    assert_eq!(it.field("a.d"), FieldValue::Absent);
    assert_eq!(it.field("a.b.c"), FieldValue::Absent);
    assert_eq!(it.field("charge"), FieldValue::Text("ch_1".into()));
}
