//! Where a URL may lead.

use quittance::config;
use quittance::outbox::{HttpChannel, HttpError};
use quittance::store::outbox::Claimed;

use super::{Receiver, settings};

fn notification() -> Claimed {
    Claimed {
        id: uuid::Uuid::new_v4(),
        topic: "payment.succeeded".into(),
        body: "{}".into(),
        attempts: 0,
        claim: 1,
        due_at: time::OffsetDateTime::UNIX_EPOCH,
    }
}

async fn post(url: &str, allow_private: bool) -> Result<(), HttpError> {
    let mut destination = settings(url).outbox.destinations.remove("default").unwrap();
    destination.allow_private = allow_private;
    HttpChannel::new(&destination).unwrap().post(&notification()).await
}

#[tokio::test]
async fn a_private_address_is_refused_also_behind_a_name() {
    let receiver = Receiver::start().await;
    // The name is resolved like any other; that it is this one is known to the settings' check alone.
    let named = receiver.url.replace("127.0.0.1", "localhost");
    for url in [&receiver.url, &named, &receiver.url.replace("127.0.0.1", "[::ffff:7f00:1]")] {
        let error = post(url, false).await.unwrap_err();
        assert!(matches!(error, HttpError::Address(_)), "{url}: {error:?}");
        assert_eq!(error.failure().code, "address_refused");
    }
    assert_eq!(receiver.posts().len(), 0);
    post(&named, true).await.unwrap();
    assert_eq!(receiver.posts().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let receiver = Receiver::answering(|_, _| axum::http::StatusCode::TEMPORARY_REDIRECT).await;
    let error = post(&receiver.url, true).await.unwrap_err();
    assert_eq!(error.failure().code, "status_307");
    assert_eq!(receiver.posts().len(), 1);
}

#[test]
fn the_settings_refuse_what_cannot_be_meant() {
    let with = |key: &str, value: &str| {
        let of = |key: &str| format!("QUITTANCE__OUTBOX__DESTINATIONS__SHOP__{key}");
        let mut env = std::collections::BTreeMap::from([
            (of("URL"), "https://shop.example/told".to_owned()),
            (of("SECRETS"), super::SECRET.to_owned()),
        ]);
        env.insert(of(key), value.to_owned());
        config::load(None, env.into_iter())
    };
    assert!(with("TIMEOUT", "5s").is_ok());
    for (key, value, said) in [
        ("URL", "http://shop.example", "would be sent to unencrypted"),
        ("URL", "ftp://shop.example", "must begin with https://"),
        ("URL", "https://10.0.0.1/", "private network"),
        ("URL", "https://[::1]/", "private network"),
        ("URL", "https://localhost/", "private network"),
        ("URL", "https://u:hunter2@shop.example/", "no password"),
        ("SECRETS", "", "is empty"),
        ("SECRETS", "whsec_c2hvcnQ=", "number 1"),
        ("TIMEOUT", "26s", "plus 5s"),
    ] {
        let text = with(key, value).unwrap_err().to_string();
        assert!(text.contains(said), "{key} = {value}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
