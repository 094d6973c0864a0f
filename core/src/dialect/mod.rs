//! The clients' dialects: each decodes a body into a [`Turn`](crate::turn::Turn) and encodes
//! [`Delta`](crate::turn::Delta)s and errors. None knows the upstream.
//!
//! ```text
//! anthropic   POST /v1/messages, /v1/messages/count_tokens; GET /v1/models
//! chat        POST /v1/chat/completions
//! responses   POST /v1/responses and what is kept of it
//! openai      what the two OpenAI APIs share: failures, parts, tools, wishes
//! models      GET /v1/models as OpenAI clients expect it
//! given       what a decoder knows beside the body, and what it still needs
//! elsewhere  pictures by URL: lent when fetched, needed when not
//! voice       how an answer is told: the encoders and bodies of all dialects
//! limits      what every dialect limits the same way
//! read        checked reading of raw JSON, with the path of what is wrong
//! media       pictures and files in base64
//! sse         server-sent events
//! ```

pub mod anthropic;
pub mod chat;
mod elsewhere;
mod given;
mod limits;
mod media;
mod models;
mod openai;
mod read;
pub mod responses;
pub mod sse;
mod voice;

pub use given::{Decoded, Fetched, Given, Need};
pub use models::{openai_model, openai_models};
pub use openai::openai_error;
pub use voice::{Encoder, Ids, Voice};

use std::borrow::Cow;

use crate::error::{Error, Kind};
use crate::host::Headers;

/// The API of a request that the model answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Api {
    /// Anthropic Messages.
    #[default]
    Messages,
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
}

/// Reads a request's body. Lone surrogates must be mended already (`json::mend_surrogates`).
///
/// # Errors
/// [`Kind::Invalid`](crate::Kind::Invalid) with the JSON path of the field at fault,
/// [`Kind::UnknownModel`](crate::Kind::UnknownModel),
/// [`Kind::ThreadsUnsupported`](crate::Kind::ThreadsUnsupported).
pub fn decode<'a>(api: Api, body: &'a [u8], given: &Given<'a>) -> Result<Decoded<'a>, Error> {
    match api {
        Api::Messages => anthropic::decoded(body, given),
        Api::Chat => chat::decode(body, given),
        Api::Responses => responses::decode(body, given),
    }
}

/// The headers of a failure, the same in every dialect. `x-should-retry: false` tells the SDKs and Claude Code not to
/// try again what only the operator or time can mend.
fn failure_headers(error: &Error) -> Headers {
    let mut headers: Headers = Vec::with_capacity(4);
    let mut set = |name: &'static str, value: String| headers.push((Cow::Borrowed(name), value));
    set("content-type", "application/json".to_owned());
    if let Some(wait) = error.wait() {
        set("retry-after", wait.0.div_ceil(1000).to_string());
    }
    if let Kind::MethodNotAllowed { allow } = error.kind() {
        set("allow", allow.to_owned());
    }
    if error.kind().is_lasting() {
        set("x-should-retry", "false".to_owned());
    }
    headers
}
