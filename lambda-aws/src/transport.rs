//! Requests to the service and to others: hyper with its pools of connections, rustls, HTTP/2 where the other side
//! speaks it. No redirect is followed, no cookie kept, no proxy taken from the environment.

mod pools;
mod public;

use core::fmt;
use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use kiro2api_core::host::{Head, Millis, Outbound, Reply, TransportError, TransportFault};
use rustls::crypto::ring;

use pools::Lease;
pub(crate) use pools::Pools;
use public::PublicOnly;

/// The connections of one environment.
pub(crate) struct Network {
    pools: Arc<Pools>,
    /// For addresses that a client chose: where their names lead is checked, and nothing is kept.
    foreign: Client<Secured<PublicOnly>, Full<Bytes>>,
}

/// Connections by TCP, found by `R`, under TLS where the scheme says so.
pub(crate) type Secured<R> = HttpsConnector<HttpConnector<R>>;

impl Network {
    /// `now` tells the time of the wall: others go by it when they close what lay idle, whatever the environment slept.
    pub(crate) fn new(now: fn() -> Millis) -> Self {
        // Said once: with more than one in a build, rustls would not choose. An error says that it was said before.
        let _ = ring::default_provider().install_default();
        let foreign = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(secured(HttpConnector::new_with_resolver(PublicOnly::default())));
        Self { pools: Arc::new(Pools::new(secured(HttpConnector::new()), now)), foreign }
    }

    /// The connections that are kept, for other clients of the same environment.
    pub(crate) fn pools(&self) -> Arc<Pools> {
        Arc::clone(&self.pools)
    }

    pub(crate) fn send(&self, request: &Outbound) -> Calling {
        let mut built = Request::builder().method(request.method).uri(&request.url);
        for (name, value) in &request.headers {
            built = built.header(name.as_ref(), value);
        }
        // The exchange keeps its own, for another try.
        let body = Full::from(Bytes::copy_from_slice(&request.body));
        Calling(match built.body(body) {
            Ok(built) if request.foreign => State::Head(Box::pin(self.foreign.request(built)), None),
            Ok(built) => {
                let lease = self.pools.lease(built.uri());
                State::Head(Box::pin(lease.client().request(built)), Some(lease))
            }
            Err(error) => State::Failed(error.to_string()),
        })
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

/// A request under way, then its body. Dropping it closes the connection or resets the stream.
pub struct Calling(State);

enum State {
    Head(Pin<Box<ResponseFuture>>, Option<Lease>),
    Body(Incoming, #[expect(dead_code, reason = "its end is when the connection was used last")] Option<Lease>),
    Failed(String),
    Ended,
}

impl Reply for Calling {
    type Chunk = Bytes;

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, TransportError>> {
        let (result, lease) = match &mut self.0 {
            State::Head(call, lease) => (ready!(call.as_mut().poll(cx)), lease.take()),
            State::Failed(text) => {
                return Poll::Ready(Err(TransportError { kind: TransportFault::Connect, text: core::mem::take(text) }));
            }
            State::Body(..) | State::Ended => return Poll::Ready(Err(broke("the head was taken already".to_owned()))),
        };
        self.0 = State::Ended;
        Poll::Ready(result.map_err(|error| fault(&error)).map(|response| {
            let (parts, body) = response.into_parts();
            self.0 = State::Body(body, lease);
            let headers = parts.headers.iter().map(|(name, value)| {
                (Cow::Owned(name.as_str().to_owned()), String::from_utf8_lossy(value.as_bytes()).into_owned())
            });
            Head { status: parts.status.as_u16(), headers: headers.collect() }
        }))
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, TransportError>> {
        loop {
            let State::Body(body, _) = &mut self.0 else { return Poll::Ready(Ok(None)) };
            let end = match ready!(Pin::new(body).poll_frame(cx)) {
                None => Ok(None),
                Some(Err(error)) => Err(broke(chain(&error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Poll::Ready(Ok(Some(bytes))),
                    // Trailers say nothing here.
                    Err(_) => continue,
                },
            };
            self.0 = State::Ended;
            return Poll::Ready(end);
        }
    }
}

/// What became of a request that has no answer. One that a kept connection did not take any more is sent again on
/// another by hyper itself; what ends here may have been read by the service.
fn fault(error: &legacy::Error) -> TransportError {
    let kind = if error.is_connect() { TransportFault::Connect } else { TransportFault::Broke };
    TransportError { kind, text: chain(error) }
}

fn broke(text: String) -> TransportError {
    TransportError { kind: TransportFault::Broke, text }
}

/// An error with its causes. None of them names the URL.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn secured<R>(mut tcp: HttpConnector<R>) -> Secured<R> {
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_WITHIN));
    HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions().wrap_connector(tcp)
}

/// How long the addresses of a name may take to accept a connection, all together.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
