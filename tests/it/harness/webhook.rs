//! Stripe, as far as the wire goes: signs, posts, reads the answer, byte by byte.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

pub(crate) fn sign(secret: &str, t: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{t}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

pub(crate) fn event(id: &str, livemode: bool) -> Vec<u8> {
    format!(
        r#"{{"id":"{id}","object":"event","type":"payment_intent.succeeded","created":1,"livemode":{livemode},"data":{{"object":{{"object":"payment_intent","id":"pi_1"}}}}}}"#
    )
    .into_bytes()
}

/// A request in the making.
#[derive(Clone)]
pub(crate) struct Webhook {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Webhook {
    pub(crate) fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { path: "/webhooks/stripe".into(), headers: Vec::new(), body: body.into() }
    }

    /// Signed now with a secret.
    pub(crate) fn signed(body: impl Into<Vec<u8>>, secret: &str) -> Self {
        let webhook = Self::new(body);
        let signature = format!("t={},v1={}", now(), sign(secret, now(), &webhook.body));
        webhook.header("Stripe-Signature", &signature)
    }

    pub(crate) fn to(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn head(&self) -> String {
        let mut head = format!("POST {} HTTP/1.1\r\nHost: q\r\n", self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        head
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// One connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends what it can: the server may refuse, and hang up, before it has read it all.
    pub(crate) async fn try_write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    pub(crate) async fn post(&mut self, webhook: &Webhook) -> Answer {
        self.write([webhook.head().as_bytes(), &webhook.body].concat()).await;
        self.answer().await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path).await
    }

    pub(crate) async fn request(&mut self, method: &str, path: &str) -> Answer {
        self.write(format!("{method} {path} HTTP/1.1\r\nHost: q\r\n\r\n")).await;
        self.answer().await
    }

    /// Sends the head and waits until the server asks for the body, so that it is known to have
    /// taken the request on.
    pub(crate) async fn begin(&mut self, webhook: &Webhook) {
        self.write(webhook.clone().header("Expect", "100-continue").head()).await;
        let asked = self.answer().await;
        assert_eq!(asked.status, 100);
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.0.read_line(&mut head).await.unwrap();
            assert!(read > 0, "the connection was closed after {head:?}");
        }
        let head = head.to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            body: String::from_utf8(body).unwrap(),
            headers: head,
        }
    }

    /// Waits for the server to hang up, and says what it said before that.
    pub(crate) async fn closed(&mut self) -> String {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = self.0.read_to_end(&mut rest).await;
        String::from_utf8(rest).unwrap()
    }
}
