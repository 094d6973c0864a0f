//! The function's program under the emulated Runtime API, with the simulated service behind it.
//!
//! `KIRO2API_BOOTSTRAP` names the built program. `KIRO2API_AWS` is an endpoint with DynamoDB on this machine, for the test of
//! two environments.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod answers;
mod departures;
mod events;
mod life;
mod shared_table;
mod stage;
