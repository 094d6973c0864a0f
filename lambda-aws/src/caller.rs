//! The client's side: the answer out.

use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use kiro2api_core::drive::{self, Client, Gone};
use kiro2api_core::exchange::relay::Relay;
use kiro2api_core::host::Head;
use lambda_http::Response;
use tokio::sync::{mpsc, oneshot};

use crate::environment::Environment;
use crate::transport::Calling;

/// The client of one invocation.
#[derive(Debug)]
pub(crate) struct Caller {
    answer: Option<oneshot::Sender<Response<Body>>>,
    /// Where the body's bytes go.
    stream: Option<mpsc::Sender<Bytes>>,
    /// A `HEAD` request wants the answer's head alone.
    head_only: bool,
}

/// The body of an answer. It ends when the exchange is over; dropping it tells the exchange that the client is gone.
#[derive(Debug)]
pub(crate) struct Body(mpsc::Receiver<Bytes>);

impl Caller {
    /// A caller and where its response appears.
    pub(crate) fn new(head_only: bool) -> (Self, oneshot::Receiver<Response<Body>>) {
        let (answer, answered) = oneshot::channel();
        (Self { answer: Some(answer), stream: None, head_only }, answered)
    }

    fn respond(&mut self, head: &Head) -> Result<(), Gone> {
        let (sender, receiver) = mpsc::channel(1);
        let mut response = Response::builder().status(head.status);
        for (name, value) in &head.headers {
            response = response.header(name.as_ref(), value);
        }
        let response = response.body(Body(receiver)).map_err(|_| Gone)?;
        self.answer.take().ok_or(Gone)?.send(response).map_err(|_| Gone)?;
        self.stream = Some(sender);
        Ok(())
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let stream = self.stream.as_ref().ok_or(Gone)?;
        stream.send(Bytes::copy_from_slice(bytes)).await.map_err(|_| Gone)
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

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        let Some(stream) = &self.stream else { return Poll::Pending };
        let mut closed = core::pin::pin!(stream.closed());
        closed.as_mut().poll(cx).map(|()| Gone)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = core::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// What an invocation says when its exchange ended without an answer: a fault of this gateway, whatever the dialect.
pub(crate) fn no_answer() -> Response<Body> {
    let (sender, receiver) = mpsc::channel(1);
    let _ = sender.try_send(Bytes::from_static(NO_ANSWER.as_bytes()));
    let mut response = Response::new(Body(receiver));
    *response.status_mut() = lambda_http::http::StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Readable as an error of both API families.
const NO_ANSWER: &str = r#"{"type":"error","error":{"type":"api_error","message":"the gateway ended this request without an answer; its log says why","code":null,"param":null}}"#;
