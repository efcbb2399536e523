//! Connected accounts in their table: every field in its column, every status allowed.

use quittance::domain::id::{AccountId, Mode, Scope};
use quittance::domain::kinds::account::{
    AccountKnown, AccountObserved, AccountRecorded, AccountSeen, AccountStatus, Capabilities,
    Capability, CapabilityStatus, Requirements,
};
use quittance::domain::object::{Kind, Observed, Recorded, Row, Subject, decide};
use quittance::domain::transition::StatusWord;
use quittance::store::{Applied, Change, NewState};
use serde_json::{Value, json};

use super::given::*;
use crate::harness::TestDatabase;

fn subject() -> Subject {
    let scope = Scope { account: Some(AccountId::parse("acct_1").unwrap()), mode: Mode::Live };
    Subject { scope, kind: Kind::Account, id: oid("acct_1"), owner: None }
}

fn blank() -> AccountSeen {
    AccountSeen {
        charges_enabled: false,
        payouts_enabled: false,
        details_submitted: false,
        requirements: Requirements::default(),
        capabilities: Capabilities::default(),
        account_type: None,
        country: None,
        default_currency: None,
        metadata: vec![],
        created: None,
    }
}

fn full() -> AccountSeen {
    let capability = |status, current_deadline| {
        let requirements = Requirements { current_deadline, ..Requirements::default() };
        Some(Capability { status: StatusWord::Known(status), requirements })
    };
    AccountSeen {
        charges_enabled: true,
        payouts_enabled: true,
        details_submitted: true,
        requirements: Requirements {
            currently_due: vec!["b".into()],
            past_due: vec!["a".into()],
            disabled_reason: Some("other".into()),
            current_deadline: Some(1_700_000_030),
        },
        capabilities: Capabilities {
            card_payments: capability(CapabilityStatus::Pending, Some(1_700_000_010)),
            transfers: capability(CapabilityStatus::Active, None),
        },
        account_type: Some("express".into()),
        country: Some("DE".into()),
        default_currency: Some("eur".into()),
        metadata: vec![("shop".into(), "7".into())],
        created: Some(1_700_000_020),
    }
}

async fn write(db: &TestDatabase, version: i64, observed: AccountObserved, raw: Value) {
    let observed = Observed::Account(Box::new(observed));
    let (transition, _) = decide(None, &observed).unwrap();
    let change = Change {
        subject: subject(),
        expected_version: version,
        observed_at: 1_700_000_100,
        seen_by: 1_700_000_101,
        state: NewState::Present { observed, transition, notifications: vec![], raw: kept(raw) },
        cause: None,
        publishing: quittance::store::Publishing::Publish,
    };
    assert_eq!(apply(&db.store, settlement(change, vec![])).await, Applied::Done);
}

async fn row(db: &TestDatabase) -> Value {
    let mut json = db.json("app.connected_accounts", "true").await;
    for unknowable in ["id", "created_at", "updated_at"] {
        assert!(json.as_object_mut().unwrap().remove(unknowable).unwrap().is_string());
    }
    json
}

#[tokio::test]
async fn every_field_of_an_account_reaches_its_column_and_outlives_our_access() {
    let db = TestDatabase::migrated().await;
    write(&db, 0, AccountObserved::Seen(Box::new(blank())), json!({"country": null})).await;
    write(&db, 1, AccountObserved::Seen(Box::new(full())), json!({"country": "DE"})).await;
    let mut expected = json!({
        "stripe_account_id": "acct_1", "stripe_account": "acct_1", "livemode": true,
        "status": "restricted", "can_charge": false, "can_receive_payouts": true,
        "can_receive_payments": true, "why_not": "other: a; card_payments is pending",
        "why_no_payments": null, "deadline": "2023-11-14T22:13:30+00:00",
        "charges_enabled": true, "payouts_enabled": true, "details_submitted": true,
        "currently_due": ["b"], "past_due": ["a"], "disabled_reason": "other",
        "current_deadline": "2023-11-14T22:13:50+00:00", "card_payments": "pending",
        "transfers": "active", "account_type": "express", "country": "DE",
        "default_currency": "eur", "metadata": {"shop": "7"},
        "stripe_created": "2023-11-14T22:13:40+00:00", "deauthorized_at": null,
        "deleted": false, "version": 2, "observed_at": "2023-11-14T22:15:00+00:00",
    });
    assert_eq!(row(&db).await, expected);
    let known = AccountKnown {
        charges_enabled: true,
        payouts_enabled: true,
        due: vec!["a".into(), "b".into()],
    };
    let before = AccountRecorded { status: AccountStatus::Restricted.into(), known: known.clone() };
    let loaded = db.store.load(&[], &[subject()]).await.unwrap();
    assert_eq!(loaded.access_ended, [None]);
    let recorded = Some(Recorded::Account(before.clone()));
    let version_2 = Row {
        version: 2,
        observed_at: 1_700_000_100,
        seen_by: 1_700_000_101,
        deleted: false,
        recorded,
    };
    assert_eq!(loaded.rows, [Some(version_2)]);

    write(&db, 2, AccountObserved::deauthorized(Some(&before)), Value::Null).await;
    let why = "deauthorized: the account took our access back";
    for (key, value) in [
        ("status", json!("deauthorized")),
        ("can_receive_payouts", json!(false)),
        ("can_receive_payments", json!(false)),
        ("why_not", json!(why)),
        ("why_no_payments", json!(why)),
        ("deadline", json!(null)),
        ("deauthorized_at", json!("2023-11-14T22:15:00+00:00")),
        ("version", json!(3)),
    ] {
        expected[key] = value;
    }
    assert_eq!(row(&db).await, expected, "the rest is what was last seen");
    assert_eq!(db.json("quittance.objects", "true").await["data"], json!({"country": "DE"}));
    let other = Subject { kind: Kind::Charge, id: oid("ch_1"), ..subject() };
    let own = super::given::subject(Kind::Charge, "ch_1");
    let loaded = db.store.load(&[], &[subject(), other, own]).await.unwrap();
    let ended = Some(1_700_000_100);
    assert_eq!(loaded.access_ended, [ended, ended, None], "it goes for all that is in the account");
    let recorded = loaded.rows[0].as_ref().unwrap().recorded.clone();
    let expected = AccountRecorded { status: AccountStatus::Deauthorized.into(), known };
    assert_eq!(recorded, Some(Recorded::Account(expected)));
}

#[tokio::test]
async fn every_status_of_an_account_is_accepted_by_its_table() {
    let db = TestDatabase::migrated().await;
    let rejected =
        Requirements { disabled_reason: Some("rejected.fraud".into()), ..Requirements::default() };
    let mut enabled = full();
    enabled.capabilities.card_payments = None;
    let all = [
        (AccountStatus::Onboarding, AccountObserved::Seen(Box::new(blank()))),
        (AccountStatus::Restricted, AccountObserved::Seen(Box::new(full()))),
        (AccountStatus::Enabled, AccountObserved::Seen(Box::new(enabled))),
        (
            AccountStatus::Rejected,
            AccountObserved::Seen(Box::new(AccountSeen { requirements: rejected, ..blank() })),
        ),
        (AccountStatus::Deauthorized, AccountObserved::deauthorized(None)),
    ];
    for (version, (status, observed)) in (0..).zip(all) {
        assert_eq!(observed.standing().status, status);
        write(&db, version, observed, json!({})).await;
    }
}
