//! Requests to the service: hyper with its pool of connections, rustls, HTTP/2 where the other side speaks it.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::borrow::Cow;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use kiro2api_core::host::{Head, Outbound, Reply, TransportError, TransportFault};
use lambda_http::http::Request;

/// The connections of one environment.
pub(crate) struct Network {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Network {
    pub(crate) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let https = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions();
        Self { client: Client::builder(TokioExecutor::new()).build(https.wrap_connector(tcp)) }
    }

    pub(crate) fn send(&self, request: &Outbound) -> Calling {
        let mut built = Request::builder().method(request.method).uri(&request.url);
        for (name, value) in &request.headers {
            built = built.header(name.as_ref(), value);
        }
        Calling(match built.body(Full::from(request.body.clone())) {
            Ok(request) => State::Head(Box::pin(self.client.request(request))),
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
    Head(Pin<Box<ResponseFuture>>),
    Body(Incoming),
    Failed(String),
}

impl Reply for Calling {
    type Chunk = Bytes;

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, TransportError>> {
        let response = match &mut self.0 {
            State::Head(call) => ready!(call.as_mut().poll(cx)),
            State::Body(_) => return Poll::Ready(Err(broke("the head was taken already"))),
            State::Failed(text) => return Poll::Ready(Err(broke(text))),
        };
        Poll::Ready(match response {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                self.0 = State::Body(body);
                let headers = parts.headers.iter();
                let headers = headers.map(|(name, value)| {
                    (Cow::Owned(name.as_str().to_owned()), String::from_utf8_lossy(value.as_bytes()).into_owned())
                });
                Ok(Head { status: parts.status.as_u16(), headers: headers.collect() })
            }
            Err(error) => {
                let kind = if error.is_connect() { TransportFault::Connect } else { TransportFault::Broke };
                Err(TransportError { kind, text: error.to_string() })
            }
        })
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, TransportError>> {
        let State::Body(body) = &mut self.0 else { return Poll::Ready(Ok(None)) };
        loop {
            match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                None => return Poll::Ready(Ok(None)),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Ok(Some(bytes)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(broke(&error.to_string()))),
            }
        }
    }
}

fn broke(text: &str) -> TransportError {
    TransportError { kind: TransportFault::Broke, text: text.to_owned() }
}
