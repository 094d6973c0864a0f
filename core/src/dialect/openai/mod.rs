//! What the two OpenAI APIs share.
//!
//! ```text
//! error    failures as bodies and statuses, and inside a stream
//! parts    pictures and files
//! tools    declared tools and the choice among them
//! freeform a plain tool input taken out of the model's JSON
//! calls    calls in a history: arguments in JSON, free text, and what is neither
//! freeform tools whose input is plain text: their schema, and the text out of the model's JSON
//! wishes   thinking, the answer's form, limits, the session
//! ```

pub(super) mod calls;
pub(super) mod error;
pub(super) mod freeform;
pub(super) mod parts;
pub(super) mod tools;
pub(super) mod wishes;

pub use error::openai_error;
