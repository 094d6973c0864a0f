//! What a platform must give the core, and what each part may get wrong.
//!
//! No `Send` bound, no boxed future: `Send` is inferred where the host's types are concrete, so the same
//! traits serve a single-threaded isolate and a multi-threaded runtime.

mod instant;
mod payload;

use core::fmt;
use core::future::Future;
use core::ops::{Add, Sub};
use core::task::{Context, Poll};
use std::borrow::Cow;

pub use payload::Encoding;

/// A point in time (milliseconds since the Unix epoch) or a span of it. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// The end of time: a deadline that never passes.
    pub const NEVER: Self = Self(u64::MAX);

    /// A span of whole seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// A span of whole minutes.
    pub const fn mins(minutes: u64) -> Self {
        Self::secs(minutes.saturating_mul(60))
    }
}

impl Add for Millis {
    type Output = Self;
    fn add(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Millis {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

/// Header names are lower case; values are as they came.
pub type Headers = Vec<(Cow<'static, str>, String)>;

/// The first value of a header, by its lower-case name.
pub fn header<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Status and headers: of the service's reply, or of ours to the client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// HTTP status code.
    pub status: u16,
    /// Headers with lower-case names.
    pub headers: Headers,
}

/// A client's request as the platform received it.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Upper-case method.
    pub method: String,
    /// Path without the query, percent-encoding left as it is.
    pub path: String,
    /// Query without the question mark; empty when there is none.
    pub query: String,
    /// Headers with lower-case names.
    pub headers: Headers,
    /// The body, or why there is none.
    pub body: Payload,
    /// When the platform ends this request whether it is answered or not; [`Millis::NEVER`] where it does not.
    pub ends: Millis,
}

/// A request body.
#[derive(Clone, Debug)]
pub enum Payload {
    /// The bytes, decompressed; empty when the client sent none.
    Bytes(Vec<u8>),
    /// Longer than this host takes; it stopped reading.
    TooLarge {
        /// The host's limit in bytes: [`MAX_BODY`], or less where the platform takes less.
        limit: usize,
    },
    /// The client's upload broke off, or could not be decompressed: the text says which.
    Broken(&'static str),
    /// What the platform handed over is no HTTP request that a client can have sent: the text says what to do. There
    /// may be neither path nor key in it, so that it is refused before either is looked at.
    NoRequest(&'static str),
}

/// The largest request body that is read, in bytes: what the Anthropic API itself takes. It bounds the
/// memory of one request on a 128 MB isolate.
pub const MAX_BODY: usize = 32 * 1024 * 1024;

/// The body of the answer, status 500, that a host gives when an exchange ended without one: a fault of this gateway.
/// Readable as an error of both API families.
pub const NO_ANSWER: &str = r#"{"type":"error","error":{"type":"api_error","message":"the gateway ended this request without an answer; its log says why","code":null,"param":null}}"#;

/// The largest record of a kept response, in bytes before it is sealed. A record holds the whole conversation so far,
/// and each answer of a chain stores it anew: far below what the stores take (25 MiB a value on Workers KV), this
/// bounds the time and the memory that an isolate spends on one of them, and still holds the text of every window.
pub const MAX_KEPT: usize = 2 * 1024 * 1024;

/// A request to the service, or for a picture that lies elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Outbound {
    /// `POST` or `GET`.
    pub method: &'static str,
    /// Absolute URL.
    pub url: String,
    /// Headers with lower-case names. Holds the bearer token: never print it.
    pub headers: Headers,
    /// The body; empty for `GET`.
    pub body: Vec<u8>,
    /// Whether the client chose the address: a picture by URL, from a host that the operator did not name. The core
    /// has judged its spelling and cannot see where its name leads. A host that can reach private networks must refuse such a request when the name
    /// resolves to an address that is not public (see [`is_public`](crate::exchange::is_public)), and connect to the
    /// address it checked. (Workers' `fetch` reaches the public internet alone.)
    pub foreign: bool,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.method, self.url, self.body.len())
    }
}

/// Time, as the platform tells it. On Workers the clock stands still during computation.
pub trait Clock {
    /// Now. May repeat a value; never goes back by more than the platform's own corrections.
    fn now(&self) -> Millis;
    /// Completes at `until` or later; at once when that has passed. May be dropped at any time.
    fn sleep(&self, until: Millis) -> impl Future<Output = ()>;
}

/// Randomness for ids, jitter and nonces.
pub trait Entropy {
    /// Fills the buffer from the platform's secure source.
    fn fill(&self, buffer: &mut [u8]);
}

/// Bytes by key. Schema, merging, sealing and the check of a lifetime live in the core.
pub trait TokenStore {
    /// Reads a value. May be stale (Workers KV: up to a minute), so that it misses what is there since then or shows
    /// what was removed or has expired.
    fn load(&self, key: &str) -> impl Future<Output = Result<Option<Stored>, StoreError>>;
    /// Whether [`TokenStore::save`] compares. Then one instance at a time refreshes an account.
    fn compares(&self) -> bool;
    /// Compare-and-set: stores when the current version equals `expected` (`None`: no value yet). A store
    /// that cannot compare always stores and says [`Saved::Stored`].
    ///
    /// `lifetime`: it is kept at least that long and may be dropped afterwards; `None`: it is kept until it is
    /// removed. A platform may round up (Workers KV: to whole seconds, at least 60).
    fn save(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<&str>,
        lifetime: Option<Millis>,
    ) -> impl Future<Output = Result<Saved, StoreError>>;
    /// Removes a value, whatever its version. That there is none is no error.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), StoreError>>;
}

/// A stored value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// The bytes.
    pub value: Vec<u8>,
    /// The store's version of them, where it has one.
    pub version: Option<String>,
}

/// What a save came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Saved {
    /// It is stored, under this version where the store has one.
    Stored(Option<String>),
    /// Somebody else stored first: load, merge, save again.
    Conflict,
}

/// The store could not be reached or refused; the text holds no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreError(pub String);

/// Requests to the service and to others.
pub trait Transport {
    /// A reply under way.
    type Reply: Reply;
    /// Starts a request. Redirects are not followed, cookies are neither kept nor sent, and what is
    /// [`Outbound::foreign`] is not let into private networks. Dropping the reply cancels it.
    fn send(&self, request: &Outbound) -> Self::Reply;
}

/// A reply under way: first its head, then its chunks. A named value, so that racing it against a timer
/// loses nothing; dropping it cancels the request.
pub trait Reply {
    /// A piece of the body.
    type Chunk: AsRef<[u8]>;
    /// The status and headers; ready once.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, TransportError>>;
    /// The next piece of the body, `None` at its clean end. Only after the head.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Self::Chunk>, TransportError>>;
}

/// Why a request or its body failed below HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransportError {
    /// Whether the request can have reached the service at all.
    pub kind: TransportFault,
    /// The platform's words, without URL query or headers.
    pub text: String,
}

/// How far a failed request had come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransportFault {
    /// Name resolution, connection or TLS: another host may serve.
    Connect,
    /// The connection broke after the request was under way.
    Broke,
}
