//! The Lambda Runtime API on loopback: what the platform is to a function's program.
//!
//! [`Environment`] starts a program as the platform starts `bootstrap`, [`Request`] becomes the event of a function URL or of an HTTP
//! API, [`Environment::invoke`] hands an event to the program and gives an [`Answering`], with which the caller reads the answer
//! as it comes, stops reading, or leaves. [`Usage`] tells what the process has cost.
//!
//! ```text
//! Request ─▶ event ─▶ Invocation ─▶ GET …/invocation/next ─▶ the program
//!                     Answering ◀── POST …/{id}/response ◀──┘     anything the platform would refuse is an offence
//! ```
//!
//! Each environment has an endpoint of its own, as on the platform. Written from the API's description; shares no code with the
//! gateway or its runtime.

mod answer;
mod environment;
mod event;
mod invocation;
mod server;
mod shape;
mod usage;

pub use answer::{Answer, Answering, End, Leave, Piece};
pub use environment::{Environment, Plan};
pub use event::Request;
pub use invocation::Invocation;
pub use server::RuntimeApi;
pub use shape::Head;
pub use usage::Usage;

use std::time::Duration;

/// Why something of the emulator could not be done: a text for whoever runs the test.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Whatever takes longer than this hangs.
const GUARD: Duration = Duration::from_secs(60);
