//! The gateway as a function of bytes and time.

pub mod eventstream;
