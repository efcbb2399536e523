//! What a table cannot be without is what the settings refuse to drop.

use quittance::config::RedactedPath;

use crate::harness::TestDatabase;

#[tokio::test]
async fn a_column_that_must_not_be_empty_cannot_be_redacted() {
    let db = TestDatabase::migrated().await;
    let columns = db
        .rows(
            "SELECT DISTINCT c.column_name AS name
             FROM information_schema.columns AS c
             WHERE c.table_schema = 'app' AND c.is_nullable = 'NO' AND c.column_default IS NULL
               AND c.column_name NOT LIKE 'stripe\\_%' AND c.table_name <> 'transitions'
             ORDER BY 1",
        )
        .await;
    assert!(columns.len() > 20, "{columns:?}");
    // Ours, and not Stripe's: no path of the settings reaches them.
    let made = ["observed_at", "can_charge", "can_receive_payments", "can_receive_payouts"];
    for column in columns {
        let name = column["name"].as_str().unwrap();
        let refused = RedactedPath::try_from(name.to_owned()).is_err();
        assert!(refused || made.contains(&name), "redaction.paths takes `{name}`");
    }
}
