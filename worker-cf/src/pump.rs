//! The JavaScript that moves streamed bytes, and its bridge to the relay.

use std::cell::RefCell;

use js_sys::{Promise, Uint8Array};
use kiro2api_core::drive::Gone;
use kiro2api_core::exchange::relay::{End, Flow, Relay};
use kiro2api_core::host::{Clock, Millis, TransportError, TransportFault};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{ScopedClosure, wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, Response};

#[wasm_bindgen(module = "/src/pump.js")]
extern "C" {
    /// A streamed answer under way.
    pub(crate) type Stream;
    /// The body of a reply of the service.
    pub(crate) type Source;

    pub(crate) fn departure(request: &web_sys::Request) -> Promise;
    #[wasm_bindgen(js_name = open_stream, catch)]
    pub(crate) fn open(status: u16, headers: &web_sys::Headers) -> Result<Stream, JsValue>;
    #[wasm_bindgen(js_name = response_of)]
    pub(crate) fn response(stream: &Stream) -> Response;
    pub(crate) fn left(stream: &Stream) -> Promise;
    pub(crate) fn write(stream: &Stream, bytes: &Uint8Array) -> Promise;
    pub(crate) fn close(stream: &Stream) -> Promise;
    #[wasm_bindgen(js_name = source_of, catch)]
    pub(crate) fn source(body: &ReadableStream) -> Result<Source, JsValue>;
    pub(crate) fn read_once(source: &Source) -> Promise;
    pub(crate) fn drain(body: &ReadableStream) -> Promise;
    pub(crate) fn read_all(body: &ReadableStream, encoding: Option<&str>, limit: u32) -> Promise;

    #[wasm_bindgen(js_name = pump)]
    fn run(
        source: &Source,
        pending: Option<&Promise>,
        stream: &Stream,
        push: &ScopedClosure<'_, dyn Fn(Uint8Array) -> Option<Uint8Array>>,
        tick: &ScopedClosure<'_, dyn Fn() -> Option<Uint8Array>>,
        end: &ScopedClosure<'_, dyn Fn(Option<String>) -> Option<Uint8Array>>,
        wait: &ScopedClosure<'_, dyn Fn() -> f64>,
        wanted: &ScopedClosure<'_, dyn Fn() -> usize>,
    ) -> Promise;
}

/// Moves the rest of an answer, and gives the relay back. The closures borrow the relay: when this future ends or
/// is dropped they are invalidated first, so JavaScript can never reach a relay that is gone.
pub(crate) async fn pump(
    clock: &impl Clock,
    stream: &Stream,
    source: &Source,
    pending: Option<&Promise>,
    relay: Relay,
) -> (Relay, Result<(), Gone>) {
    let bridge = RefCell::new(Bridge { relay, over: false, chunk: Vec::new(), out: Vec::new() });
    let result = {
        let push = |bytes: Uint8Array| bridge.borrow_mut().push(&bytes, clock.now());
        let tick = || bridge.borrow_mut().tick(clock.now());
        let end = |broke: Option<String>| bridge.borrow_mut().end(broke);
        let wait = || bridge.borrow().wait(clock.now());
        let wanted = || bridge.borrow().relay.wanted();
        let push = ScopedClosure::borrow_aborting(&push);
        let tick = ScopedClosure::borrow_aborting(&tick);
        let end = ScopedClosure::borrow_aborting(&end);
        let wait = ScopedClosure::borrow_aborting(&wait);
        let wanted = ScopedClosure::borrow_aborting(&wanted);
        JsFuture::from(run(source, pending, stream, &push, &tick, &end, &wait, &wanted)).await
    };
    let there = result.is_ok_and(|there| there.is_truthy());
    let relay = bridge.into_inner().relay;
    if there && !relay.has_more() {
        // At once: what is still to be saved is no business of the client.
        let _ = close(stream);
    }
    (relay, if there { Ok(()) } else { Err(Gone) })
}

/// What the closures share while JavaScript moves the bytes.
struct Bridge {
    relay: Relay,
    over: bool,
    chunk: Vec<u8>,
    out: Vec<u8>,
}

impl Bridge {
    fn push(&mut self, bytes: &Uint8Array, now: Millis) -> Option<Uint8Array> {
        self.chunk.resize(bytes.length() as usize, 0);
        bytes.copy_to(&mut self.chunk);
        let flow = self.relay.push(&self.chunk, now, &mut self.out);
        self.say(flow)
    }

    fn tick(&mut self, now: Millis) -> Option<Uint8Array> {
        let flow = self.relay.tick(now, &mut self.out);
        self.say(flow)
    }

    fn end(&mut self, broke: Option<String>) -> Option<Uint8Array> {
        let end = broke.map_or(End::Clean, |text| End::Broke(TransportError { kind: TransportFault::Broke, text }));
        self.relay.finish(&end, &mut self.out);
        self.say(Flow::Done)
    }

    /// Milliseconds until the next tick; negative when the answer is over.
    #[expect(clippy::cast_precision_loss, reason = "a span that a timer takes is far below 2^53 milliseconds")]
    fn wait(&self, now: Millis) -> f64 {
        if self.over { -1.0 } else { (self.relay.next_tick() - now).0.min(LONGEST_WAIT.0) as f64 }
    }

    fn say(&mut self, flow: Flow) -> Option<Uint8Array> {
        self.over |= flow == Flow::Done;
        let bytes = (!self.out.is_empty()).then(|| Uint8Array::from(self.out.as_slice()));
        self.out.clear();
        bytes
    }
}

/// The timer looks again after this long: longer spans overflow the platform's 32 bits.
const LONGEST_WAIT: Millis = Millis::mins(60);
