//! The client's side: its request in, the answer out.

use futures_channel::oneshot::Sender;
use js_sys::Uint8Array;
use kiro2api_core::drive::{self, Client, Gone};
use kiro2api_core::exchange::relay::Relay;
use kiro2api_core::host::{Head, Incoming, MAX_BODY, Payload};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Response, ResponseInit};

use crate::fetch::Fetching;
use crate::host::Isolate;
use crate::pump::{self, Stream};

/// The client of one request.
pub(crate) struct Caller {
    answer: Option<Sender<Response>>,
    stream: Option<Stream>,
}

impl Caller {
    /// `answer` takes the response object once its head is known.
    pub(crate) fn new(answer: Sender<Response>) -> Self {
        Self { answer: Some(answer), stream: None }
    }

    /// Ends the body of a streamed answer.
    pub(crate) async fn close(self) {
        if let Some(stream) = &self.stream {
            let _ = JsFuture::from(pump::close(stream)).await;
        }
    }

    fn respond(&mut self, response: Result<Response, JsValue>) -> Result<(), Gone> {
        let response = response.map_err(|_| Gone)?;
        self.answer.take().ok_or(Gone)?.send(response).map_err(|_| Gone)
    }
}

impl Client<Isolate> for Caller {
    async fn answer(&mut self, head: &Head, body: &[u8]) -> Result<(), Gone> {
        let response = pump::headers(head).and_then(|headers| {
            let init = ResponseInit::new();
            init.set_status(head.status);
            init.set_headers(&headers);
            let body = (!body.is_empty()).then(|| Uint8Array::from(body));
            Response::new_with_opt_js_u8_array_and_init(body.as_ref(), &init)
        });
        self.respond(response)
    }

    async fn open(&mut self, head: &Head) -> Result<(), Gone> {
        let stream = pump::headers(head).map(|headers| pump::open(head.status, &headers)).map_err(|_| Gone)?;
        let response = pump::response(&stream);
        self.stream = Some(stream);
        self.respond(Ok(response))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let stream = self.stream.as_ref().ok_or(Gone)?;
        JsFuture::from(pump::write(stream, &Uint8Array::from(bytes))).await.map(drop).map_err(|_| Gone)
    }

    async fn pump(&mut self, host: &Isolate, relay: Relay, reply: Fetching) -> (Relay, Result<(), Gone>) {
        match (&self.stream, reply.reader()) {
            (Some(stream), Some(reader)) => pump::pump(host, stream, reader, relay).await,
            (Some(_), None) => drive::pump(host, self, relay, reply).await,
            (None, _) => (relay, Err(Gone)),
        }
    }
}

/// Reads the request, its body up to the limit.
pub(crate) async fn incoming(request: &web_sys::Request) -> Incoming {
    let url = web_sys::Url::new(&request.url());
    let (path, query) = url.map_or_else(|_| (String::from("/"), String::new()), |url| (url.pathname(), url.search()));
    Incoming {
        method: request.method(),
        path,
        query: query.trim_start_matches('?').to_owned(),
        headers: pump::entries(&request.headers()),
        body: payload(request).await,
    }
}

async fn payload(request: &web_sys::Request) -> Payload {
    let Some(body) = request.body() else { return Payload::Bytes(Vec::new()) };
    let declared =
        request.headers().get("content-length").ok().flatten().and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > MAX_BODY) {
        let _ = body.cancel();
        return Payload::TooLarge;
    }
    match JsFuture::from(pump::read_all(&body, MAX_BODY)).await {
        Ok(bytes) if bytes.is_undefined() => Payload::TooLarge,
        Ok(bytes) => Payload::Bytes(bytes.unchecked_into::<Uint8Array>().to_vec()),
        Err(_) => Payload::Broken("the request body broke off before its end: send it again"),
    }
}
