//! A server that says exactly what a test tells it to, byte for byte, misbehaviour included.
//!
//! It is not the simulator, and no real HTTP server, because these tests are about the transport: they
//! need answers without a `Date` and lines and bodies that are cut off, which an HTTP library does not
//! send, and they count connections and read the request line as it was sent.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(super) const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
pub(super) const DATE_UNIX: i64 = 784_111_777;

/// Reply of the server to one request.
pub(super) enum Reply {
    /// Says this, and keeps the connection.
    Say(String),
    /// Says this and closes.
    SayAndClose(String),
    /// Says nothing, for ever.
    Hang,
}

/// An answer with a `Date`, a `Request-Id` and these headers.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: impl ToString) -> Reply {
    let date = ("Date", DATE);
    undated(status, &[&[date], headers].concat(), body)
}

/// An answer without a `Date`.
pub(super) fn undated(status: u16, headers: &[(&str, &str)], body: impl ToString) -> Reply {
    let body = body.to_string();
    let mut head = format!("HTTP/1.1 {status} X\r\nRequest-Id: req_test\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    Reply::Say(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// A request as it came in: the request line, then the headers with names in lower case.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Script {
    replies: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
}

pub(super) struct Server {
    pub(super) base: String,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers one request after the other as listed, on however many connections they come.
    pub(super) async fn replying(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let replies = Mutex::new(replies.into_iter().collect());
        let script = Arc::new(Script { replies, ..Script::default() });
        let for_task = Arc::clone(&script);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                for_task.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(talk(stream, Arc::clone(&for_task)));
            }
        });
        Self { base, script, task }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.script.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(mut stream: TcpStream, script: Arc<Script>) {
    while let Some(seen) = read_head(&mut stream).await {
        script.seen.lock().unwrap().push(seen);
        let reply = script.replies.lock().unwrap().pop_front();
        match reply {
            Some(Reply::Say(text)) => {
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            Some(Reply::SayAndClose(text)) => {
                let _ = stream.write_all(text.as_bytes()).await;
                return;
            }
            Some(Reply::Hang) => std::future::pending().await,
            // A request that no test expects fails as a lost connection does.
            None => return,
        }
    }
}

/// None when the other side closed, or does not speak HTTP (a TLS greeting).
async fn read_head(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
        if !bytes[0].is_ascii_uppercase() {
            return None;
        }
    }
    let text = String::from_utf8(bytes).unwrap();
    let mut lines = text.lines();
    let line = lines.next()?.to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Some(Seen { line, headers })
}
