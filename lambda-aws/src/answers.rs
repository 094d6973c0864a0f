//! Answers out to the platform's Runtime API.
//!
//! The runtime's own way is not taken: its connection waits for acknowledgements before it sends the next small piece
//! of a stream (no TCP_NODELAY), it hears that a connection broke at the next write only, and a broken one ends the
//! process.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderValue, Method, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::connect::HttpConnector;
use lambda_runtime::Error;
use lambda_runtime_api_client::{PooledClient, body, build_request};
use serde::Serialize;

use crate::caller::Body;
use crate::event::Delivery;

/// Where answers go.
#[derive(Debug)]
pub(crate) struct Answers(PooledClient);

/// Which invocation an answer is for.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The platform's name of the request.
    pub(crate) request_id: String,
    /// Repeated with the answer, so that one that comes too late is told from that of a later try.
    pub(crate) invocation_id: Option<HeaderValue>,
}

impl Answers {
    /// To the Runtime API that the platform names in the environment.
    pub(crate) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        Self(PooledClient::builder().with_connector(tcp).build())
    }

    /// Sends an answer to its end.
    ///
    /// # Errors
    /// The platform does not take it: the client or the invocation is gone.
    pub(crate) async fn send(&self, ticket: Ticket, answer: Response<Body>, delivery: Delivery) -> Result<(), Error> {
        let path = format!("/2018-06-01/runtime/invocation/{}/response", ticket.request_id);
        let mut request = build_request().method(Method::POST).uri(path);
        if let Some(id) = ticket.invocation_id {
            request = request.header(INVOCATION_ID, id);
        }
        let request = match delivery {
            Delivery::Streamed => streamed(request, answer)?,
            Delivery::Whole => whole(request, answer).await?,
        };
        let response = self.0.call(request).await?;
        let status = response.status();
        // Read to its end, so that the connection serves the next answer too.
        response.into_body().collect().await?;
        if status.is_success() { Ok(()) } else { Err(format!("the Runtime API says {status}").into()) }
    }
}

/// The head as JSON, eight zero bytes, and then the body as it comes.
fn streamed(request: http::request::Builder, answer: Response<Body>) -> Result<Request<body::Body>, Error> {
    let (parts, body) = answer.into_parts();
    let head = serde_json::to_vec(&Told::of(&parts, None))?;
    let request = request
        .header("lambda-runtime-function-response-mode", "streaming")
        .header(http::header::CONTENT_TYPE, "application/vnd.awslambda.http-integration-response");
    Ok(request
        .body(body::Body::new(Headed { head: [Bytes::from(head), Bytes::from_static(&[0; 8])].into_iter(), body }))?)
}

/// One piece of JSON. What this gateway answers with is text.
async fn whole(request: http::request::Builder, answer: Response<Body>) -> Result<Request<body::Body>, Error> {
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let told = Told::of(&parts, Some(String::from_utf8_lossy(&bytes)));
    let request = request.header(http::header::CONTENT_TYPE, "application/json");
    Ok(request.body(serde_json::to_vec(&told)?.into())?)
}

/// An answer as the platform reads it, without its body where that is streamed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    status_code: u16,
    headers: BTreeMap<&'a str, String>,
    /// Always none, and yet written: the emulator refuses a head without the list.
    cookies: [&'a str; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
}

impl<'a> Told<'a> {
    /// The format has one value for a name, so that those of a repeated header are joined as HTTP allows. (The one
    /// header that it does not allow it for, `set-cookie`, is never sent.)
    fn of(parts: &'a Parts, body: Option<Cow<'a, str>>) -> Self {
        let mut headers = BTreeMap::<_, String>::new();
        for (name, value) in &parts.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let joined = headers
                .get(name.as_str())
                .map_or_else(|| value.clone().into_owned(), |first| format!("{first}, {value}"));
            headers.insert(name.as_str(), joined);
        }
        Self { status_code: parts.status.as_u16(), headers, cookies: [], body }
    }
}

/// A body behind its head.
struct Headed {
    /// Piece by piece: the emulator takes the first one for the whole head.
    head: std::array::IntoIter<Bytes, 2>,
    body: Body,
}

impl http_body::Body for Headed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.head.next() {
            Some(head) => Poll::Ready(Some(Ok(Frame::data(head)))),
            None => Pin::new(&mut self.body).poll_frame(cx),
        }
    }
}

/// The header that names the invocation, towards us and back.
pub(crate) const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_header_keeps_all_of_its_values() {
        let answer = Response::builder().status(204).header("vary", "a").header("x", "y").header("vary", "b");
        let parts = answer.body(()).unwrap().into_parts().0;
        let told = serde_json::to_string(&Told::of(&parts, None)).unwrap();
        assert_eq!(told, r#"{"statusCode":204,"headers":{"vary":"a, b","x":"y"},"cookies":[]}"#);
    }
}
