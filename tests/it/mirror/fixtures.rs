//! Objects that nobody here wrote: Stripe's own published examples.

use quittance::domain::mirror;
use quittance::domain::object::Kind;
use quittance::store::Outcome;
use serde_json::{Value, json};

use super::app::{App, event};
use crate::harness::stripes_examples;

/// Stripe's example of each mirrored kind that has one, and the paths by which it is asked for.
pub(crate) fn mirrored_examples() -> Vec<(Kind, Value, Vec<String>)> {
    let all = stripes_examples();
    let example = |kind: Kind| {
        let mirror = kind.mirror()?;
        // Not every kind has an example, and a list is made of others.
        let mut object = all["resources"][kind.as_str()].clone();
        if object.is_null() || mirror.answers() != kind.as_str() {
            return None;
        }
        if let Some(owner) = mirror::owners(kind.as_str()).last()
            && object[owner.field()].as_str().is_none()
        {
            let id = [
                ("customer", "cus_1"),
                ("account", "acct_1"),
                ("fee", "fee_1"),
                ("source", "src_1"),
            ]
            .into_iter()
            .find_map(|(field, id)| (field == owner.field()).then_some(id));
            object[owner.field()] = json!(id);
        }
        let id = object["id"].as_str().unwrap_or(kind.as_str()).to_owned();
        // Where the generator knew no id it says obj_123.
        if !mirror.is_single() && !id.starts_with("obj_") {
            assert!(id.starts_with(mirror.prefix()) || kind.as_str() == "plan", "{kind:?}: {id}");
        }
        if object["livemode"] == json!(true) {
            object["livemode"] = json!(false);
        }
        let path = |place: &str| {
            let mut path = place.replace("{id}", &id);
            for owner in mirror::owners(kind.as_str()) {
                let owner_id = object[owner.field()].as_str().unwrap_or_default();
                path = path.replace(&format!("{{{}}}", owner.field()), owner_id);
            }
            path
        };
        let paths = mirror.paths().map(path).collect();
        Some((kind, object, paths))
    };
    Kind::every().filter_map(example).collect()
}

#[tokio::test]
async fn every_example_of_a_mirrored_kind_is_kept_without_its_secrets() {
    let app = App::start().await;
    let examples = mirrored_examples();
    for (kind, object, paths) in &examples {
        for path in paths {
            app.stripe.put(path, object.clone());
        }
        let event = event("a.type.of.tomorrow", object);
        assert_eq!(app.outcome(&event).await, Outcome::Applied, "{kind:?}");
    }
    assert!(examples.len() > 50, "{}", examples.len());
    let kept = i64::try_from(examples.len()).unwrap();
    assert_eq!(app.db.count("quittance.objects").await, kept);
    assert!(!app.db.everything().await.contains("\"client_secret\""));
}
