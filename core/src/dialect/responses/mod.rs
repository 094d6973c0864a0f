//! The OpenAI Responses API: what Codex and the Responses half of the OpenAI SDKs speak.
//!
//! ```text
//! wire     the request as bytes have it      encode   deltas to server-sent events
//! decode   the request as a turn             object   the response object and its items
//! items    input items to messages           record   what is kept of a response, and lists of it
//! tools    declared tools, and back          thought  thinking sealed into reasoning items
//! echo     what an answer repeats of its request
//! ```
//!
//! It follows the public API reference and what Codex 0.169 and the OpenAI SDKs check. What it does not know it
//! accepts; fields that cannot be honoured are named in [`Turn::ignored`](crate::turn::Turn::ignored).

mod decode;
mod echo;
mod encode;
mod items;
mod object;
mod record;
mod thought;
mod tools;
mod wire;

pub use decode::{decode, input_tokens};
pub use encode::Encoder;
pub use object::body;
pub use record::{deleted, input_items, record, stored_response};

use std::sync::Arc;

use tools::Table;

use crate::dialect::Ids;

/// What is remembered of a request to tell its answer.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The model's name exactly as the client wrote it.
    pub model: String,
    /// Whether the client wants the answer kept.
    pub store: bool,
    asked: Arc<Asked>,
}

/// The part of a voice that its encoder shares.
#[derive(Debug, Default)]
struct Asked {
    /// Members of the response object that repeat the request: `,"name":value` each.
    echo: Vec<u8>,
    /// Whether thought is shown.
    summary: bool,
    /// Whether reasoning items carry their thought sealed, for the client to send back.
    sealed: bool,
    /// The declared tools and what they are called here.
    tools: Table,
    /// The earlier items and those of this request, for the record; `None` where nothing is kept or they are too
    /// large to keep.
    input: Option<record::Input>,
}

/// The id of a response.
pub(super) fn response_id(ids: &Ids) -> String {
    format!("resp_{}", ids.stem)
}
