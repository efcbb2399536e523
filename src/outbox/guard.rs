//! Refuses destinations in private networks. The check is made on resolved addresses, because a name may
//! resolve to anything, and on the very addresses that are connected to, because it may resolve to something
//! else the next time.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use crate::config::public_address::is_public;

/// An address is not public, and the destination does not allow that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host is an address of this machine or of a private network, which is not allowed")]
pub(super) struct AddressRefused;

/// A resolver that refuses addresses that are not public, unless `allow_private`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    pub(super) allow_private: bool,
}

impl Guard {
    /// Checks all addresses of a host. One that is not public refuses the host: a name that mixes them is an
    /// attack or a mistake.
    pub(super) fn check(self, addresses: &[SocketAddr]) -> Result<(), AddressRefused> {
        let passes = |address: &SocketAddr| self.allow_private || is_public(address.ip());
        if addresses.iter().all(passes) { Ok(()) } else { Err(AddressRefused) }
    }
}

impl Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = *self;
        Box::pin(async move {
            let addresses: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            guard.check(&addresses)?;
            Ok(addresses.into_iter())
        })
    }
}
