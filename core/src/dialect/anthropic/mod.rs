//! The Anthropic Messages API: what Claude Code and the Anthropic SDKs speak.
//!
//! ```text
//! wire     the request as bytes have it, borrowed, one pass     encode   deltas to server-sent events
//! decode   the request as a turn                                answer   a whole answer as one body
//! content  blocks to parts      served   server tools' history  error    failures as bodies and statuses
//! tools    declared tools       wishes   thinking, limits, …    models   the model list
//! edits    context_management
//! ```
//!
//! It follows the public API reference of `anthropic-version: 2023-06-01` and accepts what it does not know.
//! Fields that cannot be honoured are named in [`Turn::ignored`](crate::turn::Turn::ignored).

mod answer;
mod content;
mod decode;
mod edits;
mod encode;
mod error;
mod models;
mod served;
mod tools;
mod wire;
mod wishes;

pub use answer::body;
pub use decode::{decode, requested_model};
pub use encode::Encoder;
pub use error::error;
pub use models::{model, models};

use crate::dialect::{self, Decoded, Given, Ids};
use crate::error::Error;
use crate::models::Model;
use crate::turn::estimate;

/// What is remembered of a request to tell its answer.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The model's name exactly as the client wrote it.
    pub model: String,
}

/// The request with what its answer needs.
pub(super) fn decoded<'a>(body: &'a [u8], given: &Given<'a>) -> Result<Decoded<'a>, Error> {
    let (turn, needs) = decode::whole(body, given)?;
    let model = requested_model(body).unwrap_or_default().into_owned();
    Ok(Decoded { turn, voice: dialect::Voice::Messages(Voice { model }), needs })
}

/// The id of a message.
pub(super) fn message_id(ids: &Ids) -> String {
    format!("msg_{}", ids.stem)
}

/// What stands as the signature of thinking that the service did not sign: clients want one and send it
/// back, where it is recognised and dropped. It is no signature and claims to be none.
pub const UNSIGNED: &str = "a2lybzJhcGkudW5zaWduZWQ=";

/// The body of `POST /v1/messages/count_tokens`: an estimate, made here. Lone surrogates must be mended
/// already. `max_tokens` may be absent. A picture by URL is not fetched for it and counts as a large one. `scale` brings the estimate to what the client counts in.
///
/// # Errors
/// As [`decode`].
pub fn count_tokens(body: &[u8], given: &Given<'_>, scale: impl FnOnce(&Model, u64) -> u64) -> Result<Vec<u8>, Error> {
    let (turn, _) = decode::turn(body, given)?;
    let tokens = scale(turn.model, estimate::turn(&turn));
    Ok(format!("{{\"input_tokens\":{tokens}}}").into_bytes())
}
