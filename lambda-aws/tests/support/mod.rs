//! What the tests on emulated services share.
#![allow(dead_code, unused_imports, reason = "each test program uses its part")]
#![allow(unreachable_pub, reason = "a module of test programs")]

pub mod aws;
pub mod gate;
pub mod host;
pub mod service;

pub use gate::{Act, Gate, Held};
pub use host::{Logged, environment};
