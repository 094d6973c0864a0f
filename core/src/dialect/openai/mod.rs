//! What the two OpenAI APIs share: failures, content parts, declared tools, wishes.

mod error;

pub use error::openai_error;
