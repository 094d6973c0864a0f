//! The clients' dialects: each decodes a body into a [`Turn`](crate::turn::Turn) and encodes
//! [`Delta`](crate::turn::Delta)s and errors. None knows the upstream.
//!
//! ```text
//! anthropic   POST /v1/messages, /v1/messages/count_tokens; GET /v1/models
//! models      GET /v1/models as OpenAI clients expect it
//! openai      failures as OpenAI clients expect them
//! read        checked reading of raw JSON, with the path of what is wrong
//! media       pictures and files in base64
//! sse         server-sent events
//! ```

pub mod anthropic;
mod media;
mod models;
mod openai;
mod read;
pub mod sse;

pub use models::{openai_model, openai_models};
pub use openai::openai_error;

use crate::error::Error;
use crate::turn::Delta;

/// The streaming voice of a dialect.
#[derive(Debug)]
pub enum Encoder {
    /// Anthropic Messages.
    Anthropic(anthropic::Encoder),
}

impl Encoder {
    /// Appends a delta as the dialect's events.
    pub fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Anthropic(encoder) => encoder.delta(delta, out),
        }
    }

    /// Appends what keeps a silent connection alive.
    pub fn ping(&self, out: &mut Vec<u8>) {
        match self {
            Self::Anthropic(encoder) => encoder.ping(out),
        }
    }

    /// Appends an error in the middle of a stream; nothing may follow it.
    pub fn fault(&mut self, error: &Error, request_id: &str, out: &mut Vec<u8>) {
        match self {
            Self::Anthropic(encoder) => encoder.fault(error, request_id, out),
        }
    }
}
