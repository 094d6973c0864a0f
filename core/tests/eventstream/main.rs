//! The event-stream decoder from outside: known bytes, every cut, every flip, every lie.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod chunking;
mod faults;
mod outcome;
mod random;
mod vectors;
mod wire;
