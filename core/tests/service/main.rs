//! What the service says and is asked: events, faults, logins, hosts, profiles and models.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod catalogue;
mod events;
mod faults;
mod hostile;
mod logins;
mod models;
mod places;
mod profiles;
mod quota;
#[path = "../eventstream/wire.rs"]
#[allow(dead_code, reason = "shared with the decoder's tests; not all of it is needed here")]
mod wire;

use kiro2api_core::host::{Head, Headers, Outbound, header};

/// A reply's head.
fn head(status: u16, headers: &[(&'static str, &str)]) -> Head {
    Head { status, headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect() }
}

/// Header names in order, for what must not be sent.
fn names(headers: &Headers) -> Vec<&str> {
    headers.iter().map(|(name, _)| name.as_ref()).collect()
}

fn sent<'r>(request: &'r Outbound, name: &str) -> Option<&'r str> {
    header(&request.headers, name)
}

fn body(request: &Outbound) -> &str {
    core::str::from_utf8(&request.body).unwrap()
}
