//! An exchange driven by hand, without futures: for tests that need very many runs, or the relay itself.
//!
//! The store is empty and takes everything, time stands still unless a step asks for it, and every request to the service
//! gets the next of the given replies.

use kiro2api_core::Millis;
use kiro2api_core::config::Config;
use kiro2api_core::exchange::relay::{End, Flow, Relay};
use kiro2api_core::exchange::{Exchange, Fresh, Gateway, Input, Step};
use kiro2api_core::host::{Head, Incoming, Saved};

use super::answer::{Answer, Piece};
use super::ask::CLIENT_KEY;
use super::clock::START;

/// A gateway with an API key for an account, so that nothing but the turn itself is sent.
pub fn gateway() -> Gateway {
    let tokens = super::login::key();
    Gateway::new(Config::read(&|name: &str| match name {
        "KIRO_CLIENT_TOKEN" => Some(CLIENT_KEY.to_owned()),
        "KIRO_AUTH_TOKEN" => Some(tokens.clone()),
        _ => None,
    }))
}

/// What came of an exchange.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// The status; 0 when there was none.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Runs an exchange whose service gives these replies, the last one again and again.
pub fn run(gateway: &mut Gateway, incoming: Incoming, seed: [u8; 32], replies: &[Answer]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut walk = Walk::begin(gateway, incoming, seed, replies);
    while !walk.step(gateway, &mut outcome) {}
    if let Some(mut relay) = walk.exchange.take_relay() {
        let mut out = Vec::new();
        let now = walk.now;
        while relay_on(&mut relay, walk.pieces.next(), now, &mut out) == Flow::More {}
        outcome.body.extend(out);
        walk.exchange.give_back(relay);
        walk.exchange.on(gateway, Input::Relayed, now);
        while !walk.step(gateway, &mut outcome) {}
    }
    outcome
}

/// Runs an exchange up to its relay, and gives that together with what the client got before.
///
/// # Panics
/// When the exchange ends without one.
pub fn relay(gateway: &mut Gateway, incoming: Incoming, first: Vec<u8>) -> (Relay, Vec<u8>) {
    let mut outcome = Outcome::default();
    let reply = Answer::stream(vec![Piece::Bytes(first), Piece::Stall]);
    let mut walk = Walk::begin(gateway, incoming, [7; 32], std::slice::from_ref(&reply));
    while !walk.step(gateway, &mut outcome) {}
    (walk.exchange.take_relay().expect("the exchange comes to a relay"), outcome.body)
}

fn relay_on(relay: &mut Relay, piece: Option<Piece>, now: Millis, out: &mut Vec<u8>) -> Flow {
    match piece {
        Some(Piece::Bytes(bytes)) => relay.push(&bytes, now, out),
        Some(Piece::Wait(_)) => Flow::More,
        Some(Piece::Stall | Piece::Break) => {
            let kind = kiro2api_core::host::TransportFault::Broke;
            let text = "simulated reset".to_owned();
            relay.finish(&End::Broke(kiro2api_core::host::TransportError { kind, text }), out);
            Flow::Done
        }
        None => {
            relay.finish(&End::Clean, out);
            Flow::Done
        }
    }
}

struct Walk<'r> {
    exchange: Exchange,
    now: Millis,
    replies: &'r [Answer],
    sent: usize,
    head: Option<Head>,
    pieces: std::vec::IntoIter<Piece>,
}

impl<'r> Walk<'r> {
    fn begin(gateway: &mut Gateway, incoming: Incoming, seed: [u8; 32], replies: &'r [Answer]) -> Self {
        let exchange = Exchange::begin(gateway, incoming, START, seed);
        Self { exchange, now: START, replies, sent: 0, head: None, pieces: Vec::new().into_iter() }
    }

    /// One step; whether the exchange is at its relay or over.
    fn step(&mut self, gateway: &mut Gateway, outcome: &mut Outcome) -> bool {
        let now = self.now;
        let exchange = &mut self.exchange;
        let input = match exchange.step() {
            Step::Done | Step::Relay | Step::Choices => return true,
            Step::Load { .. } => Input::Loaded(Ok(None)),
            Step::Save { .. } => Input::Saved(Ok(Saved::Stored(None))),
            Step::Remove { .. } => Input::Removed(Ok(())),
            Step::Settings => Input::Settings(Fresh::Fixed),
            Step::Send(_) => {
                let reply = self.replies.get(self.sent).or_else(|| self.replies.last()).expect("a reply").clone();
                self.sent += 1;
                self.head = Some(reply.head.expect("a reply with a head"));
                self.pieces = reply.pieces.into_iter();
                Input::Sent
            }
            Step::Await { until, .. } => return self.hear(gateway, until),
            Step::Sleep { until } => {
                self.now = self.now.max(until);
                exchange.on(gateway, Input::Woke, self.now);
                return false;
            }
            Step::Open(head) => {
                outcome.status = head.status;
                Input::Written
            }
            Step::Write(bytes) => {
                outcome.body.extend_from_slice(bytes);
                Input::Written
            }
            Step::Answer(head, body) => {
                outcome.status = head.status;
                outcome.body.extend_from_slice(body);
                Input::Written
            }
        };
        exchange.on(gateway, input, now);
        false
    }

    fn hear(&mut self, gateway: &mut Gateway, until: Millis) -> bool {
        let now = self.now;
        if let Some(head) = self.head.take() {
            self.exchange.on(gateway, Input::Head(&head), now);
            return false;
        }
        match self.pieces.next() {
            Some(Piece::Bytes(bytes)) => self.exchange.on(gateway, Input::Chunk(&bytes), now),
            Some(Piece::Wait(_)) => {}
            Some(Piece::Stall) => {
                self.now = until;
                self.exchange.on(gateway, Input::Woke, until);
            }
            Some(Piece::Break) => {
                let kind = kiro2api_core::host::TransportFault::Broke;
                let error = kiro2api_core::host::TransportError { kind, text: "simulated reset".to_owned() };
                self.exchange.on(gateway, Input::Broke(&error), now);
            }
            None => self.exchange.on(gateway, Input::End, now),
        }
        false
    }
}
