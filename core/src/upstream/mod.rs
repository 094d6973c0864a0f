//! The service behind: request bodies from a [`Turn`](crate::turn::Turn), events and faults from its
//! replies, its hosts and its logins. It knows no client dialect.

pub mod check;
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
pub use names::Names;
