//! The simulated upstream: a faithful stand-in for the Kiro streaming service on loopback.
//!
//! Written from the protocol's description alone: it shares no code with the gateway, so that a mistake in one is seen by the other.
//! [`Upstream::start`] serves in a thread of its own, [`script::render`] gives frames without any network, [`check::inspect`] judges
//! a body. `tests/SIMULATOR.md` is the guide.
//!
//! [`runtime_api`] is what AWS Lambda is to the function's program: it starts the program and invokes it.
//!
//! [`world`] is the other half: the gateway's core in virtual time. It alone knows the core; a test holds the rest to that.
#![allow(clippy::result_large_err, reason = "a refusal is built at most once per request of a test server")]

pub mod accounts;
pub mod catalogue;
pub mod check;
pub mod config;
pub mod devices;
mod endpoint;
pub mod frame;
pub mod record;
pub mod refusal;
pub mod runtime_api;
pub mod script;
pub mod server;
pub mod tokens;
pub mod world;

pub use config::{Config, Fault};
pub use record::{Outcome, Record, Verdict};
pub use refusal::Refusal;
pub use server::Upstream;
