//! The HTTP client for all requests that Quittance sends: to Stripe, to the destinations of notifications
//! and to the collector of traces.
//!
//! It knows neither settings nor what a request means. It follows no redirect and retries nothing. (The
//! pool does send a request again over a new connection when a pooled one turned out to be closed before a
//! byte of the request was written.)

mod date;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};

pub use date::{parse_http_date, retry_after};

/// The `User-Agent` of all requests.
pub const USER_AGENT: &str = concat!("quittance/", env!("CARGO_PKG_VERSION"));

/// A pool of HTTP/1.1 connections, with or without TLS. `R` resolves the names of hosts.
pub type HttpClient<R = GaiResolver> = Client<HttpsConnector<HttpConnector<R>>, Full<Bytes>>;

/// Options in which the clients differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpClientOptions {
    /// How long the caller waits for a whole request. Connecting gets half of it, for all addresses of the
    /// host together: a host that drops packets then fails as one that cannot be connected to, and not as
    /// one that answers slowly. The client itself does not end a request: the caller does.
    pub request_timeout: Duration,
    /// Most idle connections to one host that are kept open.
    pub idle_connections: usize,
    /// Whether URLs may be `http://`. With `false`, such a request fails before a connection is opened.
    pub allow_plain_http: bool,
}

impl HttpClientOptions {
    /// Creates a client that resolves names as the system does. Opens no connection.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn client(self) -> Result<HttpClient, rustls::Error> {
        self.client_with_resolver(GaiResolver::new())
    }

    /// Creates a client that resolves names with `resolver`. A URL that names an address is not resolved.
    /// Opens no connection.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn client_with_resolver<R>(self, resolver: R) -> Result<HttpClient<R>, rustls::Error>
    where
        HttpsConnector<HttpConnector<R>>: Connect + Clone,
    {
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        // TLS is the business of the connector around this one.
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(self.request_timeout / 2));
        // Requests are small, and written at once.
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?;
        let tls = if self.allow_plain_http { tls.https_or_http() } else { tls.https_only() };
        Ok(Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(self.idle_connections)
            .build(tls.enable_http1().wrap_connector(tcp)))
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;
    use tokio::net::{TcpSocket, TcpStream};

    use super::*;

    fn get(url: &str) -> Request<Full<Bytes>> {
        Request::builder().uri(url).body(Full::default()).unwrap()
    }

    #[tokio::test]
    async fn a_host_that_drops_packets_cannot_be_connected_to() {
        // The kernel drops what asks for a connection once the listener's backlog is full.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut backlog = Vec::new();
        while let Ok(opened) =
            tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address)).await
        {
            backlog.push(opened.unwrap());
        }
        let options = HttpClientOptions {
            request_timeout: Duration::from_millis(200),
            idle_connections: 1,
            allow_plain_http: true,
        };
        let request = options.client().unwrap().request(get(&format!("http://{address}/")));
        // Without a limit, the kernel goes on for two minutes.
        let answer = tokio::time::timeout(Duration::from_secs(30), request).await;
        assert!(answer.expect("connecting has a limit").unwrap_err().is_connect());
    }

    #[tokio::test]
    async fn plain_http_is_refused_before_connecting_where_it_is_not_allowed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let options = HttpClientOptions {
            request_timeout: Duration::from_secs(60),
            idle_connections: 1,
            allow_plain_http: false,
        };
        let error = options.client().unwrap().request(get(&url)).await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}
