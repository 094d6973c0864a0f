//! The one error of the core: what went wrong, who has to act, and a text that says what to do.

use core::fmt;
use std::borrow::Cow;

use crate::host::Millis;

/// What a request ended with when it did not end with an answer.
///
/// Opaque: [`Error::kind`] decides the status and the dialect's error type (each dialect holds one
/// exhaustive `match`), [`Error::text`] is for a human. Neither ever holds a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    kind: Kind,
    text: Cow<'static, str>,
    path: Option<String>,
    retry_after: Option<Millis>,
}

/// Kinds of failure, grouped by who has to act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Kind {
    // The client's request.
    /// A field is missing, of the wrong type or out of range; `path` names it. 400.
    Invalid,
    /// The conversation is larger than the model's window: N tokens against a maximum. 400.
    TooLong {
        /// Tokens the request holds, in the client's scale; always more than `maximum`.
        tokens: u64,
        /// Tokens the client believes the window to be.
        maximum: u64,
    },
    /// Message threads are asked for and no store holds them; the SDKs then go on without. 400.
    ThreadsUnsupported,
    /// The response to be continued is not there: never kept, expired, deleted, or another client's. 400.
    PreviousMissing,
    /// The body is larger than this deployment takes. 413.
    BodyTooLarge,
    /// No client key, or one that is not configured. 401.
    Unauthenticated,
    /// A valid key without the scope. 403.
    Forbidden,
    /// No such endpoint. 404.
    NoSuchRoute,
    /// The endpoint exists, the method does not. 405; the text names the allowed ones.
    MethodNotAllowed {
        /// The `Allow` header's value.
        allow: &'static str,
    },
    /// No such kept response. 404.
    NoSuchResponse,
    /// No such model, or the account's plan or region lacks it. 404.
    UnknownModel,

    // The operator.
    /// No client key or no account is configured, or a value cannot be read. 503.
    NotConfigured,
    /// Every account waits for a new login, is suspended or switched off. 503.
    NoUsableAccount,

    /// The store cannot be reached, and without it the request cannot be served. 503.
    StoreUnreachable,

    // The service behind.
    /// Every account is throttled. 429 with `retry-after`.
    RateLimited,
    /// Every account has used up its quota. 429.
    QuotaExhausted,
    /// The model has no capacity, or answered nothing at all after retries. 529.
    Overloaded,
    /// The service refused the gateway itself (login, profile, plan). 503.
    UpstreamRefused,
    /// The service is out of reach or answered with an error that is not the client's. 502.
    UpstreamFailed,
    /// The answer broke off in the middle: a cut, a bad checksum, an exception frame. 502.
    UpstreamBroke,
    /// A deadline passed: first byte, idle or total. 504.
    TimedOut,

    // Us.
    /// The gateway broke one of its own rules. 500.
    Internal,
}

impl Kind {
    /// Whether the same request fails the same way until somebody acts or a quota is renewed, although its status is
    /// one that clients try again.
    pub fn is_lasting(self) -> bool {
        matches!(self, Self::NotConfigured | Self::NoUsableAccount | Self::UpstreamRefused | Self::QuotaExhausted)
    }
}

impl Error {
    /// An error of this kind with a text that says what was wrong and what to do.
    pub fn new(kind: Kind, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, text: text.into(), path: None, retry_after: None }
    }

    /// A field of the client's request that cannot be used; `path` is its JSON path (`messages[3].content`).
    pub fn invalid(path: impl Into<String>, text: impl Into<Cow<'static, str>>) -> Self {
        Self::at(Kind::Invalid, path, text)
    }

    /// An error of this kind that a field of the client's request brought about; `path` is its JSON path.
    pub fn at(kind: Kind, path: impl Into<String>, text: impl Into<Cow<'static, str>>) -> Self {
        Self { path: Some(path.into()), ..Self::new(kind, text) }
    }

    /// Sets how long the client should wait before it tries again.
    #[must_use]
    pub fn retry_after(mut self, wait: Millis) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// What went wrong, for `match`.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What went wrong and what to do, without the path.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The JSON path of the field at fault.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// How long to wait before another try, where the service said so or a cool-down is known.
    pub fn wait(&self) -> Option<Millis> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{path}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl core::error::Error for Error {}
