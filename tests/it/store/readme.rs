//! The queries of the README, of docs/tables.md and of docs/receiving-notifications.md, run.

use std::path::Path;

use quittance::domain::kinds::payment;
use serde_json::json;

use super::given::*;
use crate::harness::{TestDatabase, eventually, settings};

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The blocks of a page in one language, those within lists, too.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        let text = line.trim();
        if inside && text == "```" {
            inside = false;
        } else if text == format!("```{language}") {
            inside = true;
            blocks.push(String::new());
        } else if inside && let Some(block) = blocks.last_mut() {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

#[tokio::test]
async fn every_query_about_the_tables_runs() {
    let db = TestDatabase::migrated().await;
    db.execute("CREATE TABLE orders (id bigint)").await;
    let readme = blocks(&page("README.md"), "sql");
    let tables = blocks(&page("docs/tables.md"), "sql");
    assert!(!readme.is_empty() && tables.len() >= 3, "{readme:?} {tables:?}");
    for block in readme.into_iter().chain(tables) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(block.clone()))
            .execute(&db.pool)
            .await
            .unwrap_or_else(|error| panic!("{error}:\n{block}"));
    }
}

#[tokio::test]
async fn every_query_about_notifications_runs() {
    let db = TestDatabase::migrated().await;
    let blocks = blocks(&page("docs/receiving-notifications.md"), "sql");
    assert!(!blocks.is_empty());
    for block in blocks {
        sqlx::raw_sql(sqlx::AssertSqlSafe(block.clone()))
            .execute(&db.pool)
            .await
            .unwrap_or_else(|error| panic!("{error}:\n{block}"));
    }
}

/// One of the statements of docs/tables.md, by a word that only it has.
fn query(word: &str) -> String {
    let blocks = blocks(&page("docs/tables.md"), "sql");
    // Comments have semicolons, too.
    let without_comments =
        blocks[0].lines().map(|line| line.split("--").next().unwrap_or_default());
    let statements = without_comments.collect::<Vec<_>>().join("\n");
    let found = statements.split(';').find(|statement| statement.contains(word));
    found.unwrap_or_else(|| panic!("no query with {word}")).trim().to_owned()
}

#[tokio::test]
async fn the_queries_about_the_tables_answer_what_they_say() {
    let db = TestDatabase::migrated().await;
    db.execute("CREATE TABLE orders (id bigint)").await;
    db.execute("INSERT INTO orders VALUES (42), (43)").await;
    observe(&db.store, "pi_1", 100, payment(payment::PaymentStatus::Succeeded)).await;
    // Of a connected account, and of a sandbox: neither is counted.
    observe(&db.store, "pi_2", 100, payment(payment::PaymentStatus::Succeeded)).await;
    observe(&db.store, "pi_3", 100, payment(payment::PaymentStatus::Succeeded)).await;
    observe(&db.store, "ch_1", 100, charge("pi_1", 1000, 300)).await;
    observe(&db.store, "ch_2", 100, charge("pi_1", 1000, 0)).await;
    db.execute(
        "UPDATE app.payments SET amount_received = 1000, amount_refunded = 300,
             metadata = '{\"order_id\": \"42\"}', livemode = stripe_payment_intent_id <> 'pi_3',
             stripe_account = CASE stripe_payment_intent_id WHEN 'pi_2' THEN 'acct_1' ELSE '' END",
    )
    .await;
    // The payment came through with its other attempt.
    db.execute(
        "UPDATE app.charges SET livemode = true, stripe_created = now(), status = 'failed',
             failure_code = 'card_declined', failure_decline_code = 'lost_card'
         WHERE stripe_charge_id = 'ch_2'",
    )
    .await;
    let orders = db.rows(&query("FROM orders")).await;
    let expected = json!({"id": 42, "status": "succeeded", "amount_received": 1000,
                          "amount_refunded": 300, "currency": "eur"});
    assert_eq!(orders, [expected]);
    let declines = db.rows(&query("AS reason")).await;
    assert_eq!(declines, [json!({"reason": "lost_card", "count": 1})]);
    let kept = db.rows(&query("AS kept")).await;
    assert_eq!(kept, [json!({"day": "2023-11-14", "currency": "eur", "kept": 700})]);
}

#[tokio::test]
async fn an_index_serves_the_join_by_metadata() {
    let db = TestDatabase::migrated().await;
    db.execute("CREATE TABLE orders (id bigint)").await;
    let mut connection = db.connect().await;
    // The tables are empty: left to itself, Postgres reads them whole.
    sqlx::raw_sql("SET enable_seqscan = off").execute(&mut connection).await.unwrap();
    let explain = format!("EXPLAIN {}", query("FROM orders"));
    let plan: Vec<String> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(explain)).fetch_all(&mut connection).await.unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("payments_metadata_idx"), "{plan}");
}

#[tokio::test]
async fn every_table_with_metadata_has_an_index_for_it() {
    let db = TestDatabase::migrated().await;
    let without = db
        .rows(
            "SELECT c.table_name FROM information_schema.columns AS c
             WHERE c.table_schema = 'app' AND c.column_name = 'metadata'
               AND c.table_name NOT IN (
                   SELECT i.tablename FROM pg_indexes AS i
                   WHERE i.schemaname = 'app' AND i.indexdef LIKE '%gin (metadata jsonb_path_ops)%')",
        )
        .await;
    assert_eq!(without, [] as [serde_json::Value; 0]);
}

#[test]
fn the_redaction_that_the_docs_show_is_accepted() {
    let blocks = blocks(&page("docs/tables.md"), "toml");
    let example = blocks.iter().find(|block| block.contains("[redaction]")).unwrap();
    let paths: Vec<_> = example.split('"').skip(1).step_by(2).collect();
    assert!(paths.len() > 3, "{example}");
    let list = paths.join(",");
    let settings = settings(&[("QUITTANCE__REDACTION__PATHS", &list)]);
    assert_eq!(settings.redaction.paths.len(), paths.len());
}

/// The statements of a reader by SQL, in the order of a page.
fn recipe(name: &str) -> Vec<String> {
    let blocks = blocks(&page(name), "sql");
    let block = blocks.iter().find(|block| block.contains("UPDATE my_cursor")).unwrap();
    let without_comments = block.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text = without_comments.collect::<Vec<_>>().join("\n");
    let statements = text.split(';').map(|statement| statement.trim().to_owned());
    statements.filter(|statement| !statement.is_empty()).collect()
}

#[tokio::test]
async fn a_reader_that_is_slow_with_its_work_holds_no_other_reader_back() {
    let db = TestDatabase::migrated().await;
    let recipe = recipe("docs/receiving-notifications.md");
    // It has read, and works: it has come as far as what it writes in the end.
    let mut slow = db.connect().await;
    let writes = recipe.iter().position(|it| it.starts_with("UPDATE my_cursor")).unwrap();
    for statement in &recipe[..writes] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(&mut slow).await.unwrap();
    }
    observe(&db.store, "pi_1", 100, payment(payment::PaymentStatus::Succeeded)).await;
    let read = "SELECT count(*) FROM quittance.outbox_after('', 100)";
    eventually("another reader sees it", async || db.number(read).await == 1).await;
    for statement in &recipe[writes..] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(&mut slow).await.unwrap();
    }
}
