//! What a frame of the service's stream means. Borrows from the frame: text, thought and tool fragments
//! stay escaped JSON literals and are never decoded.
//!
//! An event that carries the answer is read or is a fault, never skipped: what cannot be read may have
//! been text. An event that carries none is named and skipped, whatever it holds.

mod flat;
mod wire;

use std::borrow::Cow;

use super::fault::Fault;
use crate::eventstream::Frame;
use crate::json::{Lit, RawValue};

/// One event of the stream.
#[derive(Clone, PartialEq, Debug)]
pub enum Event<'a> {
    /// More text; may be empty.
    Text(Lit<'a>),
    /// More native thought; each part may be absent or empty.
    Reasoning {
        /// Thought to show.
        text: Option<Lit<'a>>,
        /// The service's signature over the whole thought, normally in its last event.
        signature: Option<Lit<'a>>,
        /// Thought the service encrypted, base64.
        redacted: Option<Lit<'a>>,
    },
    /// A piece of a tool call.
    Tool {
        /// The id of the call, never empty.
        id: Cow<'a, str>,
        /// The tool's name as it was sent to the service; empty when the event does not repeat it.
        name: Cow<'a, str>,
        /// More of the input.
        input: ToolInput<'a>,
        /// Whether the call is complete.
        stop: bool,
    },
    /// Why the answer ended and what it used. Neither is promised.
    Metadata {
        /// `END_TURN`, `MAX_TOKENS`, ….
        stop_reason: Option<Cow<'a, str>>,
        /// The service's own count.
        tokens: Option<Tokens>,
    },
    /// How full the model's window is.
    Context {
        /// 0 and up; 100 is full.
        percent: f64,
    },
    /// What the request cost.
    Metering {
        /// Price in the service's credits.
        credits: f64,
        /// Tokens read from the service's cache, where it says (seen by one peer).
        cache_read: Option<u64>,
        /// Tokens written to it.
        cache_write: Option<u64>,
    },
    /// The service's ids of the conversation and the answer, for the log.
    Ids {
        /// `conversationId`.
        conversation: Option<Cow<'a, str>>,
        /// `utteranceId`.
        utterance: Option<Cow<'a, str>>,
    },
    /// A known event without a part of the answer: skip and count it.
    Other(Aside),
    /// An event nobody knows, by its type: skip, count and log it.
    Unknown(&'a str),
    /// The stream failed: an exception, an error, or an event that cannot be read. Nothing after it counts.
    Fault(Fault),
}

/// What an event adds to a tool's input.
#[derive(Clone, Copy, Debug)]
pub enum ToolInput<'a> {
    /// Nothing.
    None,
    /// A fragment of its JSON, cut anywhere: the decoded literal is the fragment. Never empty.
    Fragment(Lit<'a>),
    /// All of it as an object; may hold newlines.
    Object(&'a RawValue),
}

impl PartialEq for ToolInput<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Fragment(one), Self::Fragment(two)) => one == two,
            (Self::Object(one), Self::Object(two)) => one.get() == two.get(),
            _ => false,
        }
    }
}

/// The service's own token count.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Tokens {
    /// Input tokens that were not read from the cache.
    pub uncached_input: u64,
    /// Output tokens.
    pub output: u64,
    /// All of them; the sum of the others where the service left it out.
    pub total: u64,
    /// Input tokens read from the cache.
    pub cache_read: u64,
    /// Input tokens written to the cache.
    pub cache_write: u64,
    /// How full the window is, in percent.
    pub context_percent: Option<f64>,
}

/// Known events without a part of the answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Aside {
    /// `initial-response`.
    Initial,
    /// `toolResultEvent`: the result of a tool the service runs.
    ToolResult,
    /// `codeReferenceEvent`.
    CodeReference,
    /// `supplementaryWebLinksEvent`.
    WebLinks,
    /// `followupPromptEvent`.
    Followup,
    /// `intentsEvent`.
    Intents,
    /// `interactionComponentsEvent`.
    InteractionComponents,
    /// `citationEvent`.
    Citation,
    /// `documentCitationEvent`.
    DocumentCitation,
    /// `dryRunSucceedEvent`.
    DryRun,
    /// A `contextUsageEvent` without a usable number.
    Context,
    /// A `meteringEvent` without a usable number, or in another unit than credits.
    Metering,
    /// A `messageMetadataEvent` that cannot be read.
    Ids,
}

impl Aside {
    /// The event's type on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial-response",
            Self::ToolResult => "toolResultEvent",
            Self::CodeReference => "codeReferenceEvent",
            Self::WebLinks => "supplementaryWebLinksEvent",
            Self::Followup => "followupPromptEvent",
            Self::Intents => "intentsEvent",
            Self::InteractionComponents => "interactionComponentsEvent",
            Self::Citation => "citationEvent",
            Self::DocumentCitation => "documentCitationEvent",
            Self::DryRun => "dryRunSucceedEvent",
            Self::Context => "contextUsageEvent",
            Self::Metering => "meteringEvent",
            Self::Ids => "messageMetadataEvent",
        }
    }
}

/// What the headers of a frame say of its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Labels<'a> {
    /// `:message-type`.
    pub message_type: Option<&'a str>,
    /// `:event-type`.
    pub event_type: Option<&'a str>,
    /// `:exception-type`.
    pub exception_type: Option<&'a str>,
    /// `:error-code`.
    pub error_code: Option<&'a str>,
    /// `:error-message`.
    pub error_message: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// Reads a frame. Allocates nothing for text, thought and tool events whose ids hold no escapes.
    pub fn read(frame: &Frame<'a>) -> Self {
        match (frame.message_type(), frame.event_type()) {
            (Some("event"), Some(kind)) => Self::of(kind, frame.payload()),
            (message_type, event_type) => {
                let labels = Labels {
                    message_type,
                    event_type,
                    exception_type: frame.exception_type(),
                    error_code: frame.error_code(),
                    error_message: frame.error_message(),
                };
                Self::labelled(labels, frame.payload())
            }
        }
    }

    /// Reads a payload by its labels. Without a message type the other labels decide.
    pub fn labelled(labels: Labels<'a>, payload: &'a [u8]) -> Self {
        let exception = || Self::Fault(Fault::from_exception(labels.exception_type, payload));
        match (labels.message_type, labels.event_type) {
            (Some("event") | None, Some(kind)) => Self::of(kind, payload),
            (Some("exception"), _) => exception(),
            (None, None) if labels.exception_type.is_some() => exception(),
            (Some("error"), _) => Self::Fault(error_frame(labels, payload)),
            (None, None) if labels.error_code.is_some() => Self::Fault(error_frame(labels, payload)),
            (Some("event") | None, None) => Self::Fault(Fault::malformed("an event without a type")),
            (Some(other), _) => Self::Fault(Fault::malformed(&format!("a frame of the unknown message type {other}"))),
        }
    }

    fn of(kind: &'a str, payload: &'a [u8]) -> Self {
        if let Some(event) = flat::read(kind, payload) {
            return event;
        }
        match kind {
            "assistantResponseEvent" => Self::content(kind, payload, wire::text),
            "toolUseEvent" => Self::content(kind, payload, wire::tool),
            "reasoningContentEvent" => Self::content(kind, payload, wire::reasoning),
            "codeEvent" => Self::content(kind, payload, wire::text),
            "metadataEvent" => Self::content(kind, payload, wire::metadata),
            "contextUsageEvent" => Self::side(kind, payload, Aside::Context, wire::context),
            "meteringEvent" => Self::side(kind, payload, Aside::Metering, wire::metering),
            "messageMetadataEvent" => Self::side(kind, payload, Aside::Ids, wire::ids),
            "invalidStateEvent" | "error" => Self::Fault(Fault::from_exception(Some(kind), payload)),
            _ => aside(kind).map_or(Self::Unknown(kind), Self::Other),
        }
    }

    /// An event that carries the answer: read, or a fault.
    fn content(kind: &'a str, payload: &'a [u8], read: wire::Reader<'a>) -> Self {
        let payload = wire::unwrapped(kind, payload);
        read(payload).unwrap_or_else(|error| Self::Fault(Fault::malformed(&format!("{kind}: {error}"))))
    }

    /// An event that is good to have: read, or an aside.
    fn side(kind: &'a str, payload: &'a [u8], aside: Aside, read: wire::Reader<'a>) -> Self {
        read(wire::unwrapped(kind, payload)).unwrap_or(Self::Other(aside))
    }
}

fn error_frame(labels: Labels<'_>, payload: &[u8]) -> Fault {
    match (labels.error_message, payload) {
        (None, [_, ..]) => Fault::from_exception(labels.error_code, payload),
        _ => Fault::from_error_frame(labels.error_code, labels.error_message),
    }
}

fn aside(kind: &str) -> Option<Aside> {
    CONTENTLESS.iter().copied().find(|aside| aside.name() == kind)
}

const CONTENTLESS: &[Aside] = &[
    Aside::Initial,
    Aside::ToolResult,
    Aside::CodeReference,
    Aside::WebLinks,
    Aside::Followup,
    Aside::Intents,
    Aside::InteractionComponents,
    Aside::Citation,
    Aside::DocumentCitation,
    Aside::DryRun,
];
