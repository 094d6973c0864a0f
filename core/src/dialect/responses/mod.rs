//! The OpenAI Responses API: what Codex and the Responses half of the OpenAI SDKs speak.
//!
//! ```text
//! decode   the request as a turn             encode   deltas to server-sent events
//! items    input items to messages           object   the response object and its items
//! tools    declared tools, and back          record   what is kept of a response, and lists of it
//! echo     what an answer repeats            events   the frames of events
//!                                            thought  thinking sealed into reasoning items
//! ```
//!
//! It follows the public API reference and what Codex 0.169 and the OpenAI SDKs check. What it does not know it
//! accepts; fields that cannot be honoured are named in [`Turn::ignored`](crate::turn::Turn::ignored).

mod decode;
mod echo;
mod encode;
mod events;
mod items;
mod object;
mod record;
mod thought;
mod tools;

pub use decode::{decode, input_tokens};
pub use encode::Encoder;
pub use object::body;
pub use record::{deleted, input_items, record, stored_response};

use std::sync::Arc;

use tools::Table;

use crate::dialect::{Ids, openai};
use crate::error::{Error, Kind};

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
    /// What names the client's session.
    session: Option<String>,
    /// The earlier items and those of this request, for the record; `None` where nothing is kept or they are too
    /// large to keep.
    input: Option<record::Input>,
}

/// The id of a response.
pub(super) fn response_id(ids: &Ids) -> String {
    format!("resp_{}", ids.stem)
}

/// The code and text of a failure inside a stream. Codex acts on the code, and waits as long as the text says.
fn failure(error: &Error) -> (&'static str, String) {
    let mut text = openai::error::message(error);
    let code = match error.kind() {
        Kind::Invalid => "invalid_prompt",
        // For `server_is_overloaded` Codex gives up at once and asks for another model; this one it tries again.
        Kind::Overloaded => "slow_down",
        _ => openai::error::code(error).unwrap_or("server_error"),
    };
    if let Some(wait) = error.wait().filter(|_| error.kind() == Kind::RateLimited) {
        text.push_str(&format!(" Please try again in {}s.", wait.0.div_ceil(1000)));
    }
    (code, text)
}
