//! The shop of `quittance dev` without a browser: who it answers, and what a page may load.

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use quittance::dev::shop::{self, CardForm};
use stripe_simulator::Kind;
use tokio::net::TcpListener;

use crate::commands::app::ApiApp;

/// An answer to a browser.
struct Page {
    status: u16,
    policy: String,
    leads: String,
    text: String,
}

/// A shop beside the API. Its host and port.
async fn open(api: &ApiApp, card_form: CardForm) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let parts = shop::Parts {
        api: format!("http://{}", api.address),
        token: "none: this API has no tokens".to_owned(),
        store: api.app.db.store.clone(),
        card_form,
        sellers: None,
        plan: None,
    };
    shop::serve(listener, parts);
    address
}

async fn send(shop: &str, headers: &[(&str, &str)], path: &str, form: Option<&str>) -> Page {
    let mut request = Request::builder()
        .method(if form.is_some() { "POST" } else { "GET" })
        .uri(format!("http://{shop}{path}"))
        .header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Full::new(bytes::Bytes::from(form.unwrap_or_default().to_owned()));
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request.body(body).unwrap()).await.unwrap();
    let header = |name: &str| {
        answer.headers().get(name).map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let (status, policy, leads) =
        (answer.status().as_u16(), header("content-security-policy"), header("location"));
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    Page { status, policy, leads, text: String::from_utf8(text.to_vec()).unwrap() }
}

const ORDER: &str = "wish=book&order=00c0ffee0001";

#[tokio::test]
async fn an_order_that_is_sent_twice_is_one_payment_whose_card_form_is_the_simulators() {
    let api = ApiApp::start().await;
    let base = api.app.stripe().base_url().to_owned();
    let shop = open(&api, CardForm::Simulator { base: base.clone() }).await;
    let (one, other) = tokio::join!(
        send(&shop, &[], "/orders", Some(ORDER)),
        send(&shop, &[], "/orders", Some(ORDER))
    );
    for page in [one, other] {
        assert_eq!((page.status, page.leads.as_str()), (303, "/orders/00c0ffee0001"));
    }
    let page = send(&shop, &[], "/orders/00c0ffee0001", None).await;
    assert!(page.text.contains(&format!("<iframe src=\"{base}/simulator/card?client_secret=pi_")));
    assert!(page.policy.contains(&format!("frame-src {base}")), "{}", page.policy);
    assert!(page.policy.contains("script-src 'self';"), "{}", page.policy);
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);
    assert_eq!(api.stored().await.len(), 1, "one command");
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn with_real_keys_the_card_form_is_stripes_own() {
    let api = ApiApp::start().await;
    let shop = open(&api, CardForm::Stripe { publishable_key: "pk_test_shop".to_owned() }).await;
    send(&shop, &[], "/orders", Some(ORDER)).await;
    let page = send(&shop, &[], "/orders/00c0ffee0001", None).await;
    for part in ["https://js.stripe.com/v3/", "data-key=\"pk_test_shop\"", "data-secret=\"pi_"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains("<iframe"));
    for source in
        ["script-src 'self' https://js.stripe.com", "connect-src 'self' https://api.stripe.com"]
    {
        assert!(page.policy.contains(source), "{}", page.policy);
    }
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn another_sites_page_cannot_order_and_another_name_of_this_machine_is_refused() {
    let api = ApiApp::start().await;
    let base = api.app.stripe().base_url().to_owned();
    let shop = open(&api, CardForm::Simulator { base }).await;
    for header in [
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("host", "shop.evil.example"),
    ] {
        let page = send(&shop, &[header], "/orders", Some(ORDER)).await;
        assert_eq!(page.status, 403, "{header:?}");
    }
    assert_eq!(send(&shop, &[("host", "evil.example")], "/", None).await.status, 403);
    for form in [
        "wish=none&order=00c0ffee0001",
        "wish=book&order=4242424242424242",
        // There is no plan here, and no customer who has saved this card.
        "wish=plan&order=00c0ffee0001",
        "wish=book&order=00c0ffee0001&card=pm_card_visa",
    ] {
        assert_eq!(send(&shop, &[], "/orders", Some(form)).await.status, 404, "{form}");
    }
    assert_eq!(send(&shop, &[], "/orders/00c0ffee0001", None).await.status, 404);
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 0);
    api.stop().await;
}
