//! Shutdown of the ingress.

use quittance::http::Ended;
use tokio::net::TcpStream;

use super::app::SECRET;
use super::{App, Webhook};
use crate::harness::webhook::event;

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_end() {
    let app = App::start().await;
    let webhook = Webhook::signed(event("evt_1", false), SECRET);
    let mut idle = app.client().await;
    assert_eq!(idle.get("/livez").await.status, 200);
    let mut busy = app.client().await;
    busy.begin(&webhook).await;
    app.shutdown.cancel();
    assert_eq!(idle.closed().await, "", "an idle connection is closed at once");
    busy.write(&webhook.body).await;
    let answer = busy.answer().await;
    assert_eq!(answer.status, 200);
    assert_eq!(app.bodies().await.len(), 1);
    let address = app.address;
    assert_eq!(app.server.await.unwrap(), Ended { cut_off: 0 });
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_after_the_grace() {
    let app = App::with("[ingress]\ngrace = \"50ms\"").await;
    let mut busy = app.client().await;
    busy.begin(&Webhook::signed(event("evt_1", false), SECRET)).await;
    app.shutdown.cancel();
    assert_eq!(app.server.await.unwrap(), Ended { cut_off: 1 });
    assert_eq!(busy.closed().await, "");
}
