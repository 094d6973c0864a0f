//! A world without sockets and without waiting: the gateway's core between a recorded client and a scripted service.
//!
//! ```text
//! Ask ─▶ Instance (drive, Gateway) ─▶ Service (scripts, tokens, strict checker)
//! Got ◀─      │      ▲                 │ delays, breaks, stalls
//!             ▼      │ now, sleep      ▼
//!           Store    Clock ◀── the executor moves it when nobody can go on
//! ```
//!
//! Time is virtual: [`World::run`] polls everything that was woken, and only when nobody can go on moves the clock to the
//! nearest timer. A world in which nobody can go on and no timer is left has hung; that is a panic which says who waits.
//! Several [`Instance`]s may share one world, as isolates of one deployment do.
//!
//! When a world is dropped it looks for every secret it knows in all that clients got and all that was logged, and it
//! fails if a chat body broke a rule of the strict checker (unless [`World::tolerate_violations`]).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a harness: a broken promise of the tested code is a panic, and a panic is the failed test"
)]

mod answer;
mod ask;
pub mod cases;
mod clock;
mod got;
mod instance;
pub mod login;
mod running;
mod secrets;
mod sent;
mod service;
pub mod steps;
mod store;
mod wire;

pub use answer::{Answer, Piece};
pub use ask::{Ask, CLIENT_KEY};
pub use clock::{Clock, START};
pub use got::{Event, Got, Kind, Write};
pub use instance::{Instance, Patience, Vault};
pub use running::{Pending, World};
pub use sent::{Operation, Sent};
pub use service::Service;
pub use store::{Entry, Outage, Store, StoreKind};
