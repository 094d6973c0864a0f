//! The client's side: its request in, the answer out.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_channel::oneshot::Sender;
use js_sys::Uint8Array;
use kiro2api_core::drive::{self, Client, Gone};
use kiro2api_core::exchange::relay::Relay;
use kiro2api_core::host::{Encoding, Head, Incoming, MAX_BODY, Millis, NO_ANSWER, Payload, header};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response, ResponseInit};

use crate::fetch::Fetching;
use crate::headers;
use crate::host::Isolate;
use crate::pump::{self, Stream};

/// The client of one request.
pub(crate) struct Caller {
    answer: Option<Sender<Response>>,
    stream: Option<Stream>,
    /// Completes when the client hangs up.
    departure: JsFuture,
    /// A `HEAD` request wants the answer's head alone.
    head_only: bool,
}

impl Caller {
    /// `answer` takes the response object once its head is known.
    pub(crate) fn new(request: &Request, answer: Sender<Response>) -> Self {
        let departure = JsFuture::from(pump::departure(request));
        Self { answer: Some(answer), stream: None, departure, head_only: request.method() == "HEAD" }
    }

    fn respond(&mut self, response: Response) -> Result<(), Gone> {
        self.answer.take().ok_or(Gone)?.send(response).map_err(|_| Gone)
    }
}

impl Client<Isolate> for Caller {
    async fn answer(&mut self, head: &Head, body: &[u8]) -> Result<(), Gone> {
        let body = (!body.is_empty() && !self.head_only).then(|| Uint8Array::from(body));
        self.respond(response(head, body.as_ref()).map_err(|error| lost(&error))?)
    }

    async fn open(&mut self, head: &Head) -> Result<(), Gone> {
        let stream = headers::build(&head.headers).and_then(|headers| pump::open(head.status, &headers));
        let stream = stream.map_err(|error| lost(&error))?;
        let response = pump::response(&stream);
        self.departure = JsFuture::from(pump::left(&stream));
        self.stream = Some(stream);
        self.respond(response)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let stream = self.stream.as_ref().ok_or(Gone)?;
        JsFuture::from(pump::write(stream, &Uint8Array::from(bytes))).await.map(drop).map_err(|_| Gone)
    }

    async fn end(&mut self) {
        if let Some(stream) = self.stream.take() {
            let _ = JsFuture::from(pump::close(&stream)).await;
        }
    }

    async fn pump(&mut self, host: &Isolate, relay: Relay, reply: Fetching) -> (Relay, Result<(), Gone>) {
        match (&self.stream, reply.source()) {
            (Some(stream), Some((source, pending))) => pump::pump(host, stream, source, pending, relay).await,
            _ => drive::pump(host, self, relay, reply).await,
        }
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        Pin::new(&mut self.departure).poll(cx).map(|_| Gone)
    }
}

/// Reads the request, its body up to the limit.
pub(crate) async fn incoming(request: &Request) -> Incoming {
    let (path, query) = match web_sys::Url::new(&request.url()) {
        Ok(url) => (url.pathname(), url.search()),
        Err(_) => (String::from("/"), String::new()),
    };
    let headers = headers::read(&request.headers());
    let declared = header(&headers, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let body = match request.body() {
        None => Payload::Bytes(Vec::new()),
        Some(body) if declared > MAX_BODY => {
            let _ = JsFuture::from(pump::drain(&body)).await;
            Payload::TooLarge { limit: MAX_BODY }
        }
        Some(body) => payload(&body, Encoding::of(&headers)).await,
    };
    Incoming {
        method: request.method(),
        path,
        query: query.trim_start_matches('?').to_owned(),
        headers,
        body,
        ends: Millis::NEVER,
    }
}

async fn payload(body: &web_sys::ReadableStream, encoding: Result<Encoding, Payload>) -> Payload {
    let encoding = match encoding {
        Ok(Encoding::Identity) => None,
        Ok(Encoding::Gzip) => Some("gzip"),
        Ok(Encoding::Deflate) => Some("deflate"),
        Err(refused) => {
            let _ = body.cancel();
            return refused;
        }
    };
    let limit = u32::try_from(MAX_BODY).unwrap_or(u32::MAX);
    match JsFuture::from(pump::read_all(body, encoding, limit)).await {
        Ok(bytes) if bytes.is_undefined() => Payload::TooLarge { limit: MAX_BODY },
        Ok(bytes) => Payload::Bytes(bytes.unchecked_into::<Uint8Array>().to_vec()),
        Err(_) if encoding.is_some() => Payload::MISPACKED,
        Err(_) => Payload::CUT,
    }
}

/// What the event says when the exchange ended without an answer: a fault of this gateway, whatever the dialect.
pub(crate) fn no_answer() -> Result<Response, JsValue> {
    let head = Head { status: 500, headers: vec![("content-type".into(), "application/json".into())] };
    response(&head, Some(&Uint8Array::from(NO_ANSWER.as_bytes())))
}

fn response(head: &Head, body: Option<&Uint8Array>) -> Result<Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(head.status);
    let headers = headers::build(&head.headers)?;
    init.set_headers(&headers);
    Response::new_with_opt_js_u8_array_and_init(body, &init)
}

/// An answer that the platform does not take reaches nobody: the event answers 500 then, and this line says why.
fn lost(error: &JsValue) -> Gone {
    worker::console_error!("the platform refused the answer: {error:?}");
    Gone
}
