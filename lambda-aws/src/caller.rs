//! The client's side: the answer out.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::Frame;
use kiro2api_core::drive::{self, Client, Gone};
use kiro2api_core::exchange::relay::Relay;
use kiro2api_core::host::{Head, NO_ANSWER};
use tokio::sync::{mpsc, oneshot};

use crate::environment::Environment;
use crate::transport::Calling;

/// The client of one invocation. Dropping it ends the answer's body: not before everything is saved and logged, because
/// the platform may stop the environment as soon as the body has ended.
#[derive(Debug)]
pub(crate) struct Caller {
    answer: Option<oneshot::Sender<Response<Body>>>,
    stream: Option<Stream>,
    /// A `HEAD` request wants the answer's head alone.
    head_only: bool,
}

/// The near end of a body.
#[derive(Debug)]
struct Stream {
    bytes: mpsc::Sender<Bytes>,
    /// Closed with the body. (The other channel tells it to a future alone, which would have to be kept somewhere.)
    departure: oneshot::Sender<Infallible>,
}

/// The body of an answer. It ends when the exchange is over; dropping it tells the exchange that the client is gone.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: mpsc::Receiver<Bytes>,
    _presence: oneshot::Receiver<Infallible>,
}

impl Caller {
    /// A caller and where its response appears.
    pub(crate) fn new(head_only: bool) -> (Self, oneshot::Receiver<Response<Body>>) {
        let (answer, answered) = oneshot::channel();
        (Self { answer: Some(answer), stream: None, head_only }, answered)
    }

    fn respond(&mut self, head: &Head) -> Result<(), Gone> {
        let (stream, body) = Body::new();
        let response = response(head, body).ok_or(Gone)?;
        self.answer.take().ok_or(Gone)?.send(response).map_err(|_| Gone)?;
        self.stream = Some(stream);
        Ok(())
    }

    /// Completes when there is room for the next.
    async fn say(&self, bytes: &[u8]) -> Result<(), Gone> {
        let stream = self.stream.as_ref().ok_or(Gone)?;
        stream.bytes.send(Bytes::copy_from_slice(bytes)).await.map_err(|_| Gone)
    }
}

impl Client<Environment> for Caller {
    async fn answer(&mut self, head: &Head, body: &[u8]) -> Result<(), Gone> {
        self.respond(head)?;
        if body.is_empty() || self.head_only { Ok(()) } else { self.say(body).await }
    }

    async fn open(&mut self, head: &Head) -> Result<(), Gone> {
        self.respond(head)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.say(bytes).await
    }

    async fn pump(&mut self, host: &Environment, relay: Relay, reply: Calling) -> (Relay, Result<(), Gone>) {
        drive::pump(host, self, relay, reply).await
    }

    /// Before its head is committed the platform does not tell that a client has left.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        match &mut self.stream {
            Some(stream) => stream.departure.poll_closed(cx).map(|()| Gone),
            None => Poll::Pending,
        }
    }
}

impl Body {
    fn new() -> (Stream, Self) {
        let ((sender, receiver), (departure, presence)) = (mpsc::channel(1), oneshot::channel());
        (Stream { bytes: sender, departure }, Self { bytes: receiver, _presence: presence })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.bytes.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// What an invocation answers when its exchange ended without an answer.
pub(crate) fn no_answer() -> Response<Body> {
    let (stream, body) = Body::new();
    // There is room for one.
    let _ = stream.bytes.try_send(Bytes::from_static(NO_ANSWER.as_bytes()));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `None` when a name or a value can be no header.
fn response(head: &Head, body: Body) -> Option<Response<Body>> {
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    for (name, value) in &head.headers {
        headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
    }
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(head.status).ok()?;
    *response.headers_mut() = headers;
    Some(response)
}

#[cfg(test)]
mod tests;
