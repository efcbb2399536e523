//! A receiver of notifications that answers at once. In a process of its own, as a team's is.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::stage::Child;

/// When each notification came for the first time, in microseconds since 1970, by its id.
type Times = HashMap<String, u64>;

/// One that was started.
pub(crate) struct Receiver {
    _child: Child,
    address: String,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let (child, address) = Child::part("receiver", &[]).await;
        Self { _child: child, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many notifications came.
    pub(crate) async fn count(&self) -> usize {
        self.ask("/count").await.trim().parse().unwrap()
    }

    /// When each came.
    pub(crate) async fn times(&self) -> Times {
        let text = self.ask("/times").await;
        let line = |line: &str| {
            let (id, at) = line.split_once(' ').unwrap();
            (id.to_owned(), at.parse().unwrap())
        };
        text.lines().map(line).collect()
    }

    async fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

/// Serves until it is killed.
pub(crate) async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let times = Arc::new(Mutex::new(Times::new()));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(connection(stream, Arc::clone(&times)));
    }
}

async fn connection(mut stream: TcpStream, times: Arc<Mutex<Times>>) -> Option<()> {
    let mut request = Vec::with_capacity(8192);
    loop {
        request.clear();
        let (head, length) = loop {
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
            let end = request.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head = std::str::from_utf8(&request[..end]).ok()?.to_ascii_lowercase();
                let length =
                    header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
                break (head, end + 4 + length);
            }
        };
        while request.len() < length {
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
        if let Some(id) = header(&head, "webhook-id") {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
            let now = u64::try_from(now).unwrap();
            times.lock().unwrap().entry(id.to_owned()).or_insert(now);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.ok()?;
            continue;
        }
        let body = if head.starts_with("get /count") {
            times.lock().unwrap().len().to_string()
        } else {
            let mut body = String::new();
            for (id, at) in &*times.lock().unwrap() {
                writeln!(body, "{id} {at}").unwrap();
            }
            body
        };
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.ok()?;
        return None;
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
