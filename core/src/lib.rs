//! The gateway between Anthropic and OpenAI clients and the Kiro streaming service, as a function of
//! bytes and time: it never awaits, never reads a clock, never draws randomness and never touches a
//! socket, a file or the environment. [`drive`] is the one module that performs its steps on a platform.
//!
//! ```text
//! client bytes ─▶ dialect::decode ─▶ turn::Turn ─▶ upstream::encode ─▶ service
//! client bytes ◀─ dialect::encode ◀─ turn::Delta ◀─ turn::flow ◀─ upstream::event ◀─ eventstream
//!                        exchange: what to do next · pool: which account · drive: doing it
//! ```
//!
//! The layer rule (held by a test): dialects and upstream never name each other; `turn` knows neither;
//! `eventstream`, `json`, `error`, `place`, `seal` and `secret` know nothing but themselves.

pub mod auth;
pub mod config;
pub mod dialect;
pub mod drive;
pub mod error;
pub mod eventstream;
pub mod exchange;
pub mod host;
pub mod json;
pub mod models;
pub mod place;
pub mod pool;
pub mod route;
pub mod seal;
pub mod secret;
pub mod summary;
pub mod turn;
pub mod upstream;

pub use error::{Error, Kind};
pub use host::Millis;
