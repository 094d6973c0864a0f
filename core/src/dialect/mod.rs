//! The clients' dialects: each decodes a body into a [`Turn`](crate::turn::Turn) and encodes
//! [`Delta`](crate::turn::Delta)s and errors. None knows the upstream.
//!
//! ```text
//! anthropic   POST /v1/messages, /v1/messages/count_tokens; GET /v1/models
//! models      GET /v1/models as OpenAI clients expect it
//! read        checked reading of raw JSON, with the path of what is wrong
//! media       pictures and files in base64
//! sse         server-sent events
//! ```

pub mod anthropic;
mod media;
mod models;
mod read;
pub mod sse;

pub use models::{openai_model, openai_models};
