//! What a client wants, whichever dialect it spoke. Borrows from the client's body.

use std::borrow::Cow;
use std::sync::Arc;

use crate::json::RawValue;
use crate::models::Model;

/// A whole conversation and the wishes for its next turn.
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    /// The model, already resolved.
    pub model: &'a Arc<Model>,
    /// System texts in order, without blocks that change from request to request.
    pub system: Vec<Cow<'a, str>>,
    /// The conversation as the client sent it: any roles in any order. The upstream side normalises.
    pub messages: Vec<Message<'a>>,
    /// Declared tools, server tools included.
    pub tools: Vec<Tool<'a>>,
    /// Which of them may or must be called.
    pub tool_choice: ToolChoice<'a>,
    /// Whether more than one call in an answer is welcome.
    pub parallel_tools: bool,
    /// Whether and how hard to think.
    pub thinking: Thinking,
    /// The most output tokens wanted.
    pub max_tokens: Option<u32>,
    /// Texts that end the answer.
    pub stop_sequences: Vec<Cow<'a, str>>,
    /// What names the client's session (stickiness, conversation ids); the same string every turn.
    pub session: Option<Cow<'a, str>>,
    /// The form the answer's text must have, which the gateway verifies.
    pub format: Option<Format<'a>>,
    /// Whether the oldest turns may be dropped when the conversation is larger than the model's window.
    pub truncate: bool,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Names of request fields that are accepted and have no effect, for the response header.
    pub ignored: Vec<&'static str>,
}

/// Who speaks. Dialects fold `system`, `developer` and `tool` into [`Role::User`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The person, and everything the client adds.
    User,
    /// The model.
    Assistant,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Who speaks.
    pub role: Role,
    /// Its parts in order; may be empty.
    pub parts: Vec<Part<'a>>,
}

/// A part of a message.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    /// Plain text; may be empty.
    Text(Cow<'a, str>),
    /// A picture.
    Image(Image<'a>),
    /// A document the service takes as a file.
    Document {
        /// File name without its extension; any characters.
        name: Cow<'a, str>,
        /// Lower-case format as the client declared it: `pdf`, `csv`, `docx`, ….
        format: Cow<'a, str>,
        /// Base64 of the file.
        base64: Cow<'a, str>,
    },
    /// A call the model made earlier.
    ToolUse {
        /// The client's id of the call.
        id: Cow<'a, str>,
        /// The client's name of the tool.
        name: Cow<'a, str>,
        /// The input as the client sent it: usually an object. Owned where the client wrote it as a text in JSON.
        input: Cow<'a, RawValue>,
    },
    /// What a call came to.
    ToolResult {
        /// The id of the call it answers.
        id: Cow<'a, str>,
        /// Whether the tool failed.
        error: bool,
        /// Texts, images and documents in order; may be empty.
        parts: Vec<Part<'a>>,
    },
    /// Thinking that came back in history.
    Thinking {
        /// The thought.
        text: Cow<'a, str>,
        /// The service's own signature; `None` for a marker of ours or none at all.
        signature: Option<Cow<'a, str>>,
    },
    /// Thinking the service encrypted.
    Redacted(Cow<'a, str>),
}

/// A picture in base64.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// `png`, `jpeg`, `gif` or `webp`, by its magic bytes.
    pub format: &'static str,
    /// Standard base64 with padding, checked.
    pub base64: Cow<'a, str>,
    /// Width and height in pixels, where the header could be read.
    pub size: Option<(u32, u32)>,
}

/// A tool the client declares.
#[derive(Clone, Debug)]
pub struct Tool<'a> {
    /// The client's name for it: any length and characters.
    pub name: Cow<'a, str>,
    /// What it does; may be empty or very long.
    pub description: Cow<'a, str>,
    /// Who runs it.
    pub kind: ToolKind<'a>,
}

/// Who runs a tool.
#[derive(Clone, Debug)]
pub enum ToolKind<'a> {
    /// The client; the schema of its input as sent (any JSON, or none).
    Client(Option<&'a RawValue>),
    /// The vendor's server, by its declared type (`web_search_20250305`): not forwarded as a tool.
    Server(Cow<'a, str>),
}

/// Which tools may or must be called.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ToolChoice<'a> {
    /// The model decides.
    #[default]
    Auto,
    /// At least one.
    Any,
    /// This one.
    Tool(Cow<'a, str>),
    /// None of them.
    None,
}

/// The form an answer's text must have.
#[derive(Clone, Copy, Debug)]
pub enum Format<'a> {
    /// One JSON object.
    Object,
    /// One JSON value that is valid under this schema.
    Schema(&'a RawValue),
    /// The same, as far as the schema can be verified: it holds more than that, and the client asks for no guarantee.
    Loose(&'a RawValue),
}

/// Whether and how hard to think.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Thinking {
    /// The client did not ask: nothing of the kind is shown.
    #[default]
    Off,
    /// The client asked for it.
    On {
        /// How hard.
        effort: Effort,
        /// The budget in tokens where the client named one.
        budget: Option<u32>,
    },
}

/// One effort scale for every dialect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Effort {
    /// Up to about 4,000 tokens of thought.
    Low,
    /// Up to about 16,000.
    Medium,
    /// Up to about 64,000.
    High,
    /// More.
    XHigh,
    /// As much as the model can.
    Max,
}
