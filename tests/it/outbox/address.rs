//! Destinations' URLs and responses.

use std::time::Duration;

use axum::http::StatusCode;
use quittance::config;
use quittance::domain::failure::Class;
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
async fn a_private_address_is_refused_also_when_a_name_resolves_to_it() {
    let receiver = Receiver::start().await;
    // The settings refuse `localhost` by name; the channel resolves it like any other name.
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
    let receiver = Receiver::answering(|_, _| StatusCode::TEMPORARY_REDIRECT).await;
    let error = post(&receiver.url, true).await.unwrap_err();
    assert_eq!(error.failure().code, "status_307");
    assert_eq!(receiver.posts().len(), 1);
}

#[tokio::test]
async fn a_retry_after_is_a_number_of_seconds_or_a_date() {
    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (value, seconds) in [("7", 7), ("Sun, 06 Nov 1994 08:50:37 GMT", 60)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answer = (StatusCode::TOO_MANY_REQUESTS, [("date", NOW), ("retry-after", value)]);
        let app = axum::Router::new().route("/", axum::routing::post(async move || answer));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let retry_after = Some(Duration::from_secs(seconds));
        let failure = post(&url, true).await.unwrap_err().failure();
        assert_eq!(failure.class, Class::RateLimited { retry_after }, "{value}");
    }
}

#[test]
fn invalid_destination_settings_are_refused() {
    let with = |key: &str, value: &str| {
        let of = |key: &str| format!("QUITTANCE__OUTBOX__DESTINATIONS__SHOP__{key}");
        let mut env = std::collections::BTreeMap::from([
            (of("URL"), "https://shop.example/notifications".to_owned()),
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
