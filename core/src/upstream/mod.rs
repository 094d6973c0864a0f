//! The service behind: request bodies from a [`Turn`](crate::turn::Turn), events and faults from its
//! replies, its hosts and its logins. It knows no client dialect.

pub mod catalogue;
pub mod check;
pub mod endpoint;
pub mod event;
pub mod fault;
pub mod profile;
pub mod quota;
pub mod refresh;

mod effort;
mod encode;
mod history;
mod ids;
mod input;
mod media;
mod names;
mod node;
mod results;
mod root;
mod schema;
mod strict;
mod tools;
mod wire;

pub use encode::{Encoded, Wishes, encode};
pub use event::Event;
pub use fault::{Fault, FaultKind};
pub use names::Names;
