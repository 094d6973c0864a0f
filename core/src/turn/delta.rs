//! What the model says, piece by piece:  `Start (Open (Piece | Sign)* Close)* Finish`.
//!
//! [`flow`](super::flow) enforces that grammar; every encoder and the fold rely on it.

use crate::json::Lit;
use crate::turn::usage::{Count, Usage};

/// A step of an answer.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Delta<'a> {
    /// The answer begins; what is known of the input by now.
    Start {
        /// Input tokens, normally an estimate.
        input: Count,
    },
    /// A block begins. Blocks never nest or interleave.
    Open(Open<'a>),
    /// More of the open block: text, thought, or a fragment of a tool's input JSON (the *decoded* literal
    /// is the JSON fragment). Never empty.
    Piece(Lit<'a>),
    /// The service's signature of the open thinking block.
    Sign(Lit<'a>),
    /// The open block is complete.
    Close,
    /// The answer is complete. Nothing follows.
    Finish {
        /// Why it ended.
        stop: Stop<'a>,
        /// What it used.
        usage: Usage,
    },
}

/// The kind of block that begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Open<'a> {
    /// Text for the reader.
    Text,
    /// Thought.
    Thinking,
    /// Thought that the service encrypted: complete with its opening, no pieces follow.
    Redacted(Lit<'a>),
    /// Why the answer could not be given in the form the client asked for; text for the reader.
    Refusal,
    /// A call of a client tool.
    Tool {
        /// The id of the call.
        id: &'a str,
        /// The client's own name of the tool.
        name: &'a str,
    },
}

/// Why an answer ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop<'a> {
    /// The model had nothing more to say.
    EndTurn,
    /// The model waits for results of its calls.
    ToolUse,
    /// Cut: by the limit, or because the service's stream ended without its tail.
    MaxTokens,
    /// One of the client's stop sequences came.
    Sequence(&'a str),
    /// The model's window is full.
    ContextWindow,
    /// The service filtered the answer.
    Refusal,
}
