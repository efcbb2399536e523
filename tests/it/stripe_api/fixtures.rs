//! Objects that nobody here wrote: Stripe's own published examples.

use std::path::Path;

use quittance::domain::object::Kind;
use quittance::stripe_api::FetchedState;
use serde_json::Value;

use super::server::{Server, answer};
use super::{client, subject};

/// The examples are schematic: every id in them is `obj_123` where the generator knew none.
/// An account's id always begins with `acct_`, and ours are parsed as such.
fn with_plausible_account(it: &Value) -> Value {
    let mut it = it.clone();
    if let Some(id) = it.pointer_mut("/transfer_data/destination/id") {
        *id = "acct_123".into();
    }
    it
}

#[tokio::test]
async fn stripes_own_examples_are_read() {
    let Some(dir) = std::env::var_os("QUITTANCE_FIXTURES") else {
        eprintln!("skipped: QUITTANCE_FIXTURES names no directory with stripe-objects.json");
        return;
    };
    let path = Path::new(&dir).join("stripe-objects.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    let all: Value = serde_json::from_str(&text).unwrap();
    for kind in Kind::ALL {
        let it = with_plausible_account(&all["resources"][kind.as_str()]);
        let id = it["id"].as_str().unwrap_or_else(|| panic!("no example of {kind:?}"));
        let server = Server::replying([answer(200, &[], &it)]).await;
        let fetched = client(&server.base)
            .fetch(&subject(*kind, id))
            .await
            .unwrap_or_else(|e| panic!("{kind:?}: {e}"));
        assert!(matches!(fetched.state, FetchedState::Present { raw, .. } if raw == it));
    }
}
