//! The OpenAI Chat Completions API.
//!
//! ```text
//! fields    top-level fields: refused, without effect     encode   deltas to chunks
//! decode    the request as a turn                         answer   whole answers as one body; usage
//! history   messages of every role                        tools    tools, functions, and the choice
//! ```
//!
//! What would change the answer's shape and cannot be honoured (`logprobs`, `audio`) is refused by name; what only
//! shades it (`temperature`, `seed`) is named in [`Turn::ignored`](crate::turn::Turn::ignored).
//!
//! `completion_tokens_details` is never given: the service counts the tokens of thought as output and does not say
//! how many there were.

mod answer;
mod decode;
mod encode;
mod fields;
mod history;
mod tools;

pub use answer::{body, finale};
pub use decode::decode;
pub use encode::Encoder;

/// What is remembered of a request to tell its answer.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The model's name exactly as the client wrote it.
    pub model: String,
    /// How many answers the client wants: 1 to 8.
    pub choices: u32,
    /// Whether a stream ends with a chunk of usage.
    pub include_usage: bool,
    /// Whether the client declared `functions`, the form before tools: calls are told as `function_call`.
    pub functions: bool,
    /// Names of declared tools whose input is plain text.
    pub custom: Vec<String>,
}
