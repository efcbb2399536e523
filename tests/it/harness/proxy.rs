//! A stretch of network that can fall silent: connections stay open, and nothing comes through.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) struct Proxy {
    url: url::Url,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    is_silent: bool,
    /// A text from a client with which the silence begins.
    begins_at: Option<&'static str>,
}

impl Proxy {
    /// In front of the server of a URL.
    pub(crate) async fn to(url: &str) -> Self {
        let mut url = url::Url::parse(url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let state = watch::Sender::new(State::default());
        let shared = state.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server, shared.clone(), true));
                tokio::spawn(pass(from_server, to_client, shared.clone(), false));
            }
        });
        Self { url, state, accepting }
    }

    /// The server's URL by way of here.
    pub(crate) fn url(&self) -> String {
        self.url.to_string()
    }

    /// From now on nothing comes through.
    pub(crate) fn fall_silent(&self) {
        self.state.send_modify(|state| state.is_silent = true);
    }

    /// The same from the next time on that a client sends this text, which is held.
    pub(crate) fn fall_silent_at(&self, text: &'static str) {
        self.state.send_modify(|state| state.begins_at = Some(text));
    }

    /// Returns when nothing comes through.
    pub(crate) async fn has_fallen_silent(&self) {
        self.state.subscribe().wait_for(|state| state.is_silent).await.unwrap();
    }

    /// Lets through what has been held, and what comes.
    pub(crate) fn speak(&self) {
        self.state.send_replace(State::default());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: watch::Sender<State>,
    is_client: bool,
) {
    let mut heard = state.subscribe();
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let bytes = &bytes[..count];
        state.send_if_modified(|state| {
            let begins = |text: &str| bytes.windows(text.len()).any(|it| it == text.as_bytes());
            let now = is_client && state.begins_at.is_some_and(begins);
            state.is_silent |= now;
            now
        });
        if heard.wait_for(|state| !state.is_silent).await.is_err()
            || to.write_all(bytes).await.is_err()
        {
            return;
        }
    }
}
