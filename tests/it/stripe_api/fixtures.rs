//! Objects that nobody here wrote: Stripe's own published examples.

use quittance::domain::object::Kind;
use quittance::redaction::Rules;
use quittance::stripe_api::FetchedState;
use serde_json::Value;

use super::server::{Server, answer};
use super::{client, subject};
use crate::harness::stripes_examples;

/// The examples are schematic: every id in them is `obj_123` where the generator knew none.
/// An account's id always begins with `acct_`, and ours are parsed as such.
fn with_plausible_account(it: &Value) -> Value {
    let mut it = it.clone();
    if let Some(id) = it.pointer_mut("/transfer_data/destination/id") {
        *id = "acct_123".into();
    }
    it
}

/// Stripe's example of a kind, and what the client makes of it.
pub(crate) async fn example(kind: Kind) -> (Value, FetchedState) {
    let it = with_plausible_account(&stripes_examples()["resources"][kind.as_str()]);
    let id = it["id"].as_str().unwrap_or_else(|| panic!("no example of {kind:?}"));
    let server = Server::replying([answer(200, &[], &it)]).await;
    let fetched = client(&server.base).fetch(&subject(kind, id)).await;
    let fetched = fetched.unwrap_or_else(|e| panic!("{kind:?}: {e}"));
    (it, fetched.state)
}

#[tokio::test]
async fn stripes_own_examples_are_read() {
    for kind in Kind::ALL {
        let (it, state) = example(*kind).await;
        assert!(
            matches!(state, FetchedState::Present { raw, .. } if raw == Rules::default().redact(it))
        );
    }
}
