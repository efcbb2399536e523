//! A Stripe that knows one answer: a payment of whatever id it is asked for, and which costs next to
//! nothing to give. In a process of its own, as Stripe is. It is not the simulator, whose state and
//! rendering would take more of the machine than what is measured.

use std::io::Write as _;

use quittance::stripe_api::api_version;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::events::Template;
use super::stage::Child;

/// The key that it takes, as it takes any.
pub(crate) const KEY: &str = "sk_test_canned";

/// The file that holds its answer.
const ANSWER: &str = "CANNED_ANSWER";

/// Starts one; says its address, as a setting wants it.
pub(crate) async fn start(payment: &Template, dir: &std::path::Path) -> (Child, String) {
    let file = dir.join("canned.json");
    std::fs::write(&file, payment.text()).unwrap();
    let env = [(ANSWER.to_owned(), file.to_str().unwrap().to_owned())];
    let (child, address) = Child::part("canned", &env).await;
    (child, format!("http://{address}"))
}

/// Serves until it is killed.
pub(crate) async fn serve() {
    let text = std::fs::read_to_string(std::env::var(ANSWER).unwrap()).unwrap();
    let payment = Template::new(&text);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(connection(stream, payment.clone()));
    }
}

async fn connection(mut stream: TcpStream, payment: Template) -> Option<()> {
    let mut request = Vec::with_capacity(4096);
    let mut answer = Vec::with_capacity(8192);
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
        let head = std::str::from_utf8(&request).ok()?;
        let path = head.split(' ').nth(1)?;
        let path = path.split('?').next()?;
        answer.clear();
        match path.strip_prefix("/v1/payment_intents/pi_") {
            Some(number) => ok(&mut answer, &payment.fill(number)),
            // What a worker asks at its start.
            None => ok(&mut answer, r#"{"object":"list","data":[],"has_more":false}"#),
        }
        stream.write_all(&answer).await.ok()?;
    }
}

fn ok(answer: &mut Vec<u8>, body: &str) {
    let date = httpdate();
    let length = body.len();
    let version = api_version();
    write!(
        answer,
        "HTTP/1.1 200 OK\r\nserver: canned\r\ndate: {date}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nrequest-id: req_canned\r\nstripe-version: {version}\r\n\r\n{body}"
    )
    .unwrap();
}

/// The time, as HTTP writes it.
fn httpdate() -> String {
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    time::OffsetDateTime::now_utc().format(format).unwrap()
}
