//! The clock and the randomness of the machine, as plain functions: a test gives its own.

use std::time::{SystemTime, UNIX_EPOCH};

use kiro2api_core::Millis;

/// Where time and randomness come from.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Milliseconds since the Unix epoch.
    pub now: fn() -> Millis,
    /// Fills the buffer with bytes nobody can guess.
    pub fill: fn(&mut [u8]),
}

impl Machine {
    /// The system's own.
    pub const SYSTEM: Self = Self { now: system_time, fill: system_randomness };
}

fn system_time() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn system_randomness(buffer: &mut [u8]) {
    // Cannot fail on this platform; ids that collide must not pass unseen.
    if getrandom::fill(buffer).is_err() {
        std::process::abort();
    }
}
