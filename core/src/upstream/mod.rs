//! The service behind: request bodies from a [`Turn`](crate::turn::Turn), events and faults from its
//! replies, its hosts and its logins. It knows no client dialect.

pub mod endpoint;
pub mod event;
pub mod fault;
pub mod profile;
pub mod refresh;

pub use event::Event;
pub use fault::{Fault, FaultKind};
