//! Names that lead to public addresses alone.

use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use kiro2api_core::exchange::is_public;
use tower_service::Service;

/// Resolves a name as the system does, and refuses it when any of its addresses is private or reserved: the connection
/// is made to the very addresses that were judged. (A host that is an address already was judged by the core.)
#[derive(Clone)]
pub(super) struct PublicOnly(GaiResolver);

impl Default for PublicOnly {
    fn default() -> Self {
        Self(GaiResolver::new())
    }
}

impl Service<Name> for PublicOnly {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.0.call(name);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = found.await?.collect();
            if addresses.iter().all(|address| is_public(address.ip())) {
                Ok(addresses.into_iter())
            } else {
                Err(io::Error::other("the name leads to a private or reserved address"))
            }
        })
    }
}
