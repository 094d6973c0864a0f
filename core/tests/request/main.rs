//! From a client's turn to a body the service takes: goldens, one case per rule, random conversations.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod checker;
mod golden;
mod media;
mod random;
mod rules;
mod schemas;
mod talk;
mod thinking;
mod tools;
