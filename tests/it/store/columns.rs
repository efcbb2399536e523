//! The struct of each kind and its table say the same.

use std::collections::BTreeSet;

use quittance::domain::object::{Kind, Observed};
use serde_json::{Map, Value};

use super::given::*;
use crate::decode::fields::own_examples;
use crate::harness::TestDatabase;

/// What is written of every row and is no field of an object.
const OF_EVERY_ROW: &[&str] = &["id", "account", "livemode", "version", "observed_at"];

/// The columns of subscriptions that have a table of their own.
const ITEMS: &str = "items";

/// What is written of an object with every field.
fn written(db: &TestDatabase, kind: Kind) -> Map<String, Value> {
    let observed = Observed::read(kind, &own_examples()[kind.as_str()]).unwrap();
    db.store.would_write(first("obj_1", 100, observed)).columns.unwrap()
}

fn names<'a>(columns: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let own = |name: &&String| !OF_EVERY_ROW.contains(&name.as_str());
    columns.into_iter().filter(own).cloned().collect()
}

/// The columns of a kind's table that its writer is to fill.
async fn in_the_table(db: &TestDatabase, kind: &str) -> BTreeSet<String> {
    let query = format!(
        "SELECT to_jsonb(a.attname) #>> '{{}}' AS name
         FROM quittance.kinds AS k JOIN pg_attribute AS a ON a.attrelid = k.app_table
         WHERE k.kind = '{kind}' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
           AND a.attname <> k.id_column AND a.attname <> ALL (k.computed)
           AND a.attname <> ALL ('{{id, stripe_account, livemode, version, observed_at, deleted,
                                   created_at, updated_at}}')"
    );
    let rows = db.rows(&query).await;
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_columns_of_each_table_are_the_fields_of_the_struct_of_its_kind() {
    let db = TestDatabase::migrated().await;
    let mut differences = Vec::new();
    let mut compare = |kind: &str, fields: &BTreeSet<String>, columns: &BTreeSet<String>| {
        for name in fields.difference(columns) {
            differences.push(format!("{kind}: the field `{name}` has no column"));
        }
        for name in columns.difference(fields) {
            differences.push(format!("{kind}: the column `{name}` has no field"));
        }
    };
    for &kind in Kind::ALL {
        let mut written = written(&db, kind);
        let items = written.remove(ITEMS);
        let columns = in_the_table(&db, kind.as_str()).await;
        assert!(columns.len() > 5, "{kind:?}: {columns:?}");
        compare(kind.as_str(), &names(written.keys()), &columns);
        if kind == Kind::Subscription {
            let items = items.unwrap();
            let mut fields = names(items[0].as_object().unwrap().keys());
            fields.insert("subscription".to_owned());
            compare("subscription_item", &fields, &in_the_table(&db, "subscription_item").await);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test]
async fn the_writer_of_each_table_was_made_from_the_table_as_it_is() {
    let db = TestDatabase::migrated().await;
    let writers =
        "SELECT kind, pg_get_functiondef(writer) AS text FROM quittance.kinds ORDER BY kind";
    let before = db.rows(writers).await;
    assert_eq!(before.len(), Kind::ALL.len() + 1, "one of each kind, and the items");
    db.execute("SELECT quittance.make_writer(kind) FROM quittance.kinds").await;
    for (before, after) in before.iter().zip(db.rows(writers).await) {
        let kind = &before["kind"];
        assert!(
            before["text"] == after["text"],
            "a migration that changes the table of {kind} calls quittance.make_writer()"
        );
    }
}

#[tokio::test]
async fn every_fact_of_a_notification_is_a_column_or_what_the_rules_remember() {
    let db = TestDatabase::migrated().await;
    for &kind in Kind::ALL {
        let columns = names(written(&db, kind).keys());
        for fact in kind.spec().unwrap().facts {
            assert!(columns.contains(*fact), "{kind:?} has no `{fact}`");
        }
    }
}
