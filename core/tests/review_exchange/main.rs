//! Exchanges played step by step: what must hold when clients leave, accounts fail and answers break.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod accounts;
mod broken;
mod gone;
mod log;
mod profiles;
mod waiting;
mod world;
