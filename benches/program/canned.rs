//! A canned Stripe: it answers a read with a payment of the id in the request, and a write with a new object.
//! It runs in a process of its own, and costs next to nothing. It is not the simulator, whose state and
//! rendering would take more of the machine than what is measured.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quittance::stripe_api::api_version;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::events::{self, Template};
use super::stage::Child;

/// The key that it takes, as it takes any.
pub(crate) const KEY: &str = "sk_test_canned";

/// The file that holds its answer.
const ANSWER: &str = "CANNED_ANSWER";

/// Milliseconds that it takes to answer.
const DELAY: &str = "CANNED_DELAY";

/// Starts one that answers at once; returns its address, as a setting wants it.
pub(crate) async fn start(payment: &Template, dir: &std::path::Path) -> (Child, String) {
    start_slow(payment, dir, Duration::ZERO).await
}

/// Starts one that takes `delay` to answer.
pub(crate) async fn start_slow(
    payment: &Template,
    dir: &std::path::Path,
    delay: Duration,
) -> (Child, String) {
    let file = dir.join("canned.json");
    std::fs::write(&file, payment.text()).unwrap();
    let env = [
        (ANSWER.to_owned(), file.to_str().unwrap().to_owned()),
        (DELAY.to_owned(), delay.as_millis().to_string()),
    ];
    let (child, address) = Child::part("canned", &env).await;
    (child, format!("http://{address}"))
}

/// The number of the next object that is created.
static CREATED: AtomicUsize = AtomicUsize::new(0);

/// Serves until it is killed.
pub(crate) async fn serve() {
    let text = std::fs::read_to_string(std::env::var(ANSWER).unwrap()).unwrap();
    let payment = Template::new(&text);
    let delay: u16 = std::env::var(DELAY).map_or(0, |delay| delay.parse().unwrap());
    // Two that stand for one Stripe create no object of the same number.
    CREATED.store(usize::from(delay) * 1_000_000, Ordering::Relaxed);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(connection(stream, payment.clone(), Duration::from_millis(delay.into())));
    }
}

async fn connection(mut stream: TcpStream, payment: Template, delay: Duration) -> Option<()> {
    let mut request = Vec::with_capacity(4096);
    let mut answer = Vec::with_capacity(8192);
    loop {
        request.clear();
        while !is_whole(&request) {
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let head = std::str::from_utf8(&request).ok()?;
        let mut line = head.split(' ');
        let (method, path) = (line.next()?, line.next()?);
        let path = path.split('?').next()?;
        answer.clear();
        match (method, path.strip_prefix("/v1/payment_intents/pi_")) {
            (_, Some(number)) => ok(&mut answer, &payment.fill(number)),
            ("POST", None) => {
                let number = events::number(CREATED.fetch_add(1, Ordering::Relaxed));
                if path == "/v1/customers" {
                    ok(&mut answer, &customer(&number));
                } else {
                    ok(&mut answer, &payment.fill(&number));
                }
            }
            // What a worker asks at its start.
            (_, None) => ok(&mut answer, r#"{"object":"list","data":[],"has_more":false}"#),
        }
        stream.write_all(&answer).await.ok()?;
    }
}

/// Whether a request is complete, by its `Content-Length`.
fn is_whole(request: &[u8]) -> bool {
    const LENGTH: &[u8] = b"content-length: ";
    let Some(head) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return false;
    };
    let at = request[..head].windows(LENGTH.len()).position(|bytes| bytes == LENGTH);
    let digits = at.map_or(&b"0"[..], |at| &request[at + LENGTH.len()..head]);
    let digits = digits.split(|byte| !byte.is_ascii_digit()).next().unwrap_or_default();
    let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    request.len() == head + 4 + length.unwrap_or(0)
}

fn customer(number: &str) -> String {
    format!(
        r#"{{"id":"cus_{number}","object":"customer","created":1790000000,"livemode":false,"email":null,"name":null,"metadata":{{}}}}"#
    )
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
