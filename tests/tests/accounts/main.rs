//! `cargo xtask accounts` as a new user runs it: the built program, a home of its own, the simulated service.
//!
//! `KIRO2API_XTASK` names the program. `KIRO2API_AWS` is an endpoint with Secrets Manager and Parameter Store on this machine,
//! and the AWS CLI is in `PATH`. Every output is searched for every secret.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod amazon;
mod checking;
mod cloudflare;
mod importing;
mod signing_in;
mod stage;
