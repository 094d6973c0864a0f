//! The JavaScript that moves streamed bytes, and its bridge to the relay.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use kiro2api_core::drive::Gone;
use kiro2api_core::exchange::relay::{End, Relay};
use kiro2api_core::host::{Clock, Head, Headers, TransportError, TransportFault};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamByobReader, Response};

use crate::host::Isolate;

#[wasm_bindgen(module = "/src/pump.js")]
extern "C" {
    /// A streamed answer under way.
    pub(crate) type Stream;

    #[wasm_bindgen(js_name = open_stream)]
    pub(crate) fn open(status: u16, headers: &web_sys::Headers) -> Stream;
    #[wasm_bindgen(js_name = response_of)]
    pub(crate) fn response(stream: &Stream) -> Response;
    pub(crate) fn write(stream: &Stream, bytes: &Uint8Array) -> Promise;
    pub(crate) fn close(stream: &Stream) -> Promise;
    #[wasm_bindgen(catch)]
    pub(crate) fn byob_reader(body: &ReadableStream) -> Result<ReadableStreamByobReader, JsValue>;
    pub(crate) fn read_once(reader: &ReadableStreamByobReader) -> Promise;
    pub(crate) fn read_all(body: &ReadableStream, limit: usize) -> Promise;

    #[wasm_bindgen(js_name = pump)]
    fn run(
        reader: &ReadableStreamByobReader,
        stream: &Stream,
        push: &Closure<dyn FnMut(Uint8Array) -> Option<Uint8Array>>,
        tick: &Closure<dyn FnMut() -> Option<Uint8Array>>,
        end: &Closure<dyn FnMut(Option<String>) -> Option<Uint8Array>>,
        done: &Closure<dyn FnMut() -> bool>,
        wait: &Closure<dyn FnMut() -> f64>,
    ) -> Promise;
}

/// What the closures share while JavaScript moves the bytes.
struct Bridge {
    host: Rc<Isolate>,
    relay: Relay,
    chunk: Vec<u8>,
    out: Vec<u8>,
}
