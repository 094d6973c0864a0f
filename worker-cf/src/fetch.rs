//! A request to the service, as a value that can be polled and cancels itself when dropped.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use js_sys::{Promise, Uint8Array};
use kiro2api_core::host::{Head, Outbound, Reply, TransportError, TransportFault};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, RequestInit, RequestRedirect, Response, WorkerGlobalScope};

use crate::headers;
use crate::pump::{self, Source};

/// A `fetch` under way, then the reader of its body.
pub(crate) struct Fetching {
    state: State,
    abort: Option<AbortController>,
}

enum State {
    Head(JsFuture),
    Body { source: Source, read: Option<(Promise, JsFuture)> },
    Ended,
    Failed(JsValue),
}

impl Fetching {
    pub(crate) fn start(request: &Outbound) -> Self {
        let abort = AbortController::new().ok();
        let state = match fetch(request, abort.as_ref()) {
            Ok(promise) => State::Head(JsFuture::from(promise)),
            Err(error) => State::Failed(error),
        };
        Self { state, abort }
    }

    /// The body and the read of it that is under way, for a pump that reads by itself; `None` when there is no body.
    pub(crate) fn source(&self) -> Option<(&Source, Option<&Promise>)> {
        match &self.state {
            State::Body { source, read } => Some((source, read.as_ref().map(|(promise, _)| promise))),
            _ => None,
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        if let Some(abort) = &self.abort {
            abort.abort();
        }
    }
}

impl Reply for Fetching {
    type Chunk = Vec<u8>;

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, TransportError>> {
        let result = match &mut self.state {
            State::Head(fetch) => ready!(Pin::new(fetch).poll(cx)),
            State::Failed(error) => Err(error.clone()),
            State::Body { .. } | State::Ended => Err(JsValue::from_str("the head was taken already")),
        };
        Poll::Ready(result.map_err(|error| fault(&error)).and_then(|response| {
            let response: Response = response.unchecked_into();
            let head = Head { status: response.status(), headers: headers::read(&response.headers()) };
            self.state = match response.body() {
                Some(body) => State::Body { source: pump::source(&body).map_err(|error| fault(&error))?, read: None },
                None => State::Ended,
            };
            Ok(head)
        }))
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, TransportError>> {
        let State::Body { source, read } = &mut self.state else { return Poll::Ready(Ok(None)) };
        let (_, reading) = read.get_or_insert_with(|| {
            let promise = pump::read_once(source);
            (promise.clone(), JsFuture::from(promise))
        });
        let result = ready!(Pin::new(reading).poll(cx));
        *read = None;
        Poll::Ready(match result {
            Ok(chunk) if chunk.is_undefined() => {
                self.state = State::Ended;
                Ok(None)
            }
            Ok(chunk) => Ok(Some(chunk.unchecked_into::<Uint8Array>().to_vec())),
            Err(error) => Err(TransportError { kind: TransportFault::Broke, text: text(&error) }),
        })
    }
}

fn fetch(request: &Outbound, abort: Option<&AbortController>) -> Result<Promise, JsValue> {
    let init = RequestInit::new();
    init.set_method(request.method);
    init.set_redirect(RequestRedirect::Manual);
    if let Some(abort) = abort {
        init.set_signal(Some(&abort.signal()));
    }
    let headers = headers::build(&request.headers)?;
    init.set_headers(&headers);
    if !request.body.is_empty() {
        init.set_body(&Uint8Array::from(request.body.as_slice()));
    }
    let request = web_sys::Request::new_with_str_and_init(&request.url, &init)?;
    Ok(js_sys::global().unchecked_into::<WorkerGlobalScope>().fetch_with_request(&request))
}

/// A `fetch` that failed before its head. The platform tells a lost connection from one that never stood only
/// by its words.
fn fault(error: &JsValue) -> TransportError {
    let text = text(error);
    let lost = ["connection lost", "reset", "disconnected prematurely"]
        .iter()
        .any(|words| text.to_ascii_lowercase().contains(words));
    TransportError { kind: if lost { TransportFault::Broke } else { TransportFault::Connect }, text }
}

fn text(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |error| String::from(error.message()))
}
