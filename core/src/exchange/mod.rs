//! One request of a client, as a conversation of steps: the exchange says what it needs next
//! ([`Exchange::step`]) and is told what happened ([`Exchange::on`]).
//!
//! ```text
//! begin ─▶ (Send for pictures) ─▶ Load ─▶ pick ─▶ (Send refresh ─▶ Save) ─▶ (Send profile) ─▶ Send ─▶ Await head
//!                   ▲                                                      │
//!                   └──────── plan: retry, refresh, fail over ◀── refused ─┤
//!                                                                          ▼
//!                    Answer / Open, Write, Relay ◀── first meaningful frame, Await chunks
//! ```
//!
//! Until something meaningful has come from the service nothing is committed: a fault still becomes a proper
//! status or another try. After [`Step::Relay`] only bytes, silence and the end are left.

mod account;
mod address;
mod admit;
mod asking;
mod attempt;
mod call;
mod choices;
pub mod deadlines;
mod ending;
mod fetch;
mod gateway;
mod hold;
mod inspect;
mod intake;
pub mod kept;
mod listing;
mod look;
mod pipe;
pub mod plan;
pub mod relay;
mod reply;
mod scale;
mod settings;
mod step;
mod told;
mod upkeep;

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

pub use address::is_public;
pub use choices::Joined;
pub use gateway::Gateway;
pub use listing::LISTS_KEY;
pub use step::{Fresh, Input, Step};

use crate::dialect::Ids;
use crate::error::Error;
use crate::exchange::call::Call;
use crate::exchange::deadlines::Term;
use crate::exchange::fetch::Fetch;
use crate::exchange::inspect::Inspection;
use crate::exchange::kept::{Keeping, Owner, Recall, Removal};
use crate::exchange::listing::Shelf;
use crate::exchange::relay::Relay;
use crate::exchange::reply::Common;
use crate::exchange::upkeep::Upkeep;
use crate::host::{Head, Incoming, Millis, Outbound};
use crate::pool::{RefreshFault, Renewal, Snapshot};
use crate::route::Dialect;
use crate::summary::Summary;

/// One request of a client.
#[derive(Debug)]
pub struct Exchange {
    id: String,
    seed: [u8; 32],
    draws: u32,
    begun: Millis,
    term: Term,
    dialect: Dialect,
    common: Common,
    state: State,
    outbox: VecDeque<Say>,
    opened: bool,
    /// The client has hung up; only what must not be lost is still done.
    left: bool,
    call: Option<Box<Call>>,
    /// A check of accounts, for the operator.
    inspection: Option<Box<Inspection>>,
    /// A token refresh under way.
    renewal: Option<Renewal>,
    /// Why it was refused, while the store is read again.
    refused: Option<RefreshFault>,
    /// What it ended with when it failed.
    fault: Option<Error>,
    /// What is done for later requests.
    upkeep: Option<Upkeep>,
    /// Whether everything is said.
    closed: bool,
    /// When the client had all of it, or was gone.
    told: Option<Millis>,
    /// Whose responses are looked for and kept.
    owner: Option<Owner>,
    /// The models its client may use, by the names the operator gave; `None`: every one.
    models: Option<Vec<String>>,
    /// Whether its client may see the accounts' addresses.
    sees_addresses: bool,
    lines: Vec<String>,
    summary: Summary,
}

/// What an exchange waits for.
#[derive(Debug)]
pub(crate) enum State {
    Load(Next),
    Save(Saving),
    /// The platform reads its settings again; the request that was not let in before.
    Settings(Option<Box<Incoming>>),
    /// Another exchange waits for them.
    Queue(Millis, Box<Incoming>),
    /// A kept response is read, written, removed.
    Recall(Box<Recall>),
    Keep(Box<Keeping>),
    Remove(Box<Removal>),
    /// Pictures are on their way; there is no call yet.
    Fetch(Box<Fetch>),
    Send(Box<Outbound>, Purpose),
    Await(Purpose, Reading),
    /// The lists of models are read or stored.
    Lists(Shelf),
    /// The service's 200: chunks go to the call's relay.
    Read,
    Sleep(Millis),
    Relay,
    Choices,
    Answer(Head, Vec<u8>),
    /// Everything is said, and the client has not got all of it yet.
    Told,
    Done,
}

/// A save of the pool's ledger.
#[derive(Debug)]
pub(crate) struct Saving {
    pub(crate) snapshot: Snapshot,
    pub(crate) expected: Option<String>,
    pub(crate) tries: u8,
    pub(crate) then: Then,
}

/// What to do once the store has answered a load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// Go on with this.
    Then(Then),
    /// Others may have stored something, or a save has met it: merge and save. How often that was.
    SaveAgain(u8, Then),
    /// A refresh was refused: somebody may have renewed the login.
    Reconsider,
}

/// What to do when the ledger is saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Then {
    /// Pick an account and go on.
    Pick,
    /// Send the refresh whose claim was saved, if it still holds.
    Renew,
    /// Nothing is left.
    End,
}

/// What a request to the service is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    Refresh,
    Profile,
    Generate,
    /// What is left of a quota.
    Quota,
    /// The models that an account is offered.
    Models,
}

/// A reply that is read whole: control plane answers and refusals.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) head: Option<Head>,
    pub(crate) body: Vec<u8>,
}

/// Something for a client whose answer is streamed.
#[derive(Debug)]
enum Say {
    Open(Head),
    Write(Vec<u8>),
    /// A whole answer, although something is still under way.
    Answer(Head, Vec<u8>),
}

impl Exchange {
    /// Takes a request in. Bad input, health and lists are answered without the service.
    pub fn begin(gateway: &mut Gateway, incoming: Incoming, now: Millis, seed: [u8; 32]) -> Self {
        let id = format!("req_{}", hex(seed.get(..12).unwrap_or_default()));
        let dialect = crate::route::dialect(&incoming.path, &incoming.headers);
        let mut exchange = Self {
            common: Common::of(gateway.config(), &incoming.headers, dialect, &id),
            dialect,
            summary: Summary::new(&id),
            state: State::Done,
            outbox: VecDeque::new(),
            opened: false,
            left: false,
            call: None,
            inspection: None,
            renewal: None,
            refused: None,
            fault: None,
            upkeep: None,
            closed: false,
            told: None,
            owner: None,
            models: None,
            sees_addresses: false,
            lines: Vec::new(),
            draws: 0,
            begun: now,
            term: Term::new(now, incoming.ends),
            seed,
            id,
        };
        exchange.take_in(gateway, incoming, now);
        exchange
    }

    /// What is needed next.
    pub fn step(&self) -> Step<'_> {
        match self.outbox.front() {
            Some(Say::Open(head)) => return Step::Open(head),
            Some(Say::Write(bytes)) => return Step::Write(bytes),
            Some(Say::Answer(head, body)) => return Step::Answer(head, body),
            None => {}
        }
        match &self.state {
            State::Load(_) => Step::Load { key: STORE_KEY },
            State::Save(saving) => Step::Save {
                key: STORE_KEY,
                value: &saving.snapshot.bytes,
                expected: saving.expected.as_deref(),
                lifetime: None,
            },
            State::Settings(_) => Step::Settings,
            State::Queue(until, _) => Step::Sleep { until: *until },
            State::Recall(recall) => Step::Load { key: &recall.key },
            State::Keep(keeping) => Step::Save {
                key: &keeping.key,
                value: &keeping.sealed,
                expected: None,
                lifetime: Some(keeping.lifetime),
            },
            State::Remove(removal) => Step::Remove { key: &removal.key },
            State::Lists(Shelf::Load(_)) => Step::Load { key: LISTS_KEY },
            State::Lists(Shelf::Save(storing)) => Step::Save {
                key: LISTS_KEY,
                value: &storing.snapshot.bytes,
                expected: storing.expected.as_deref(),
                lifetime: None,
            },
            State::Fetch(fetch) => fetch.step(),
            State::Send(request, _) => Step::Send(request),
            State::Await(..) | State::Read => Step::Await { until: self.wake() },
            State::Sleep(_) => Step::Sleep { until: self.wake() },
            State::Relay => Step::Relay,
            State::Choices => Step::Choices,
            State::Answer(head, body) => Step::Answer(head, body),
            State::Told | State::Done => Step::Done,
        }
    }

    /// Takes in what happened.
    pub fn on(&mut self, gateway: &mut Gateway, input: Input<'_>, now: Millis) {
        match input {
            Input::Written => self.written(gateway, now),
            // It has its answer.
            Input::Gone if self.is_tending() => {}
            Input::Gone => self.gone(gateway, now),
            input if matches!(self.state, State::Fetch(_)) => self.fetch_heard(gateway, &input, now),
            Input::Loaded(result) if matches!(self.state, State::Recall(_)) => self.recalled(gateway, result, now),
            Input::Loaded(result) if matches!(self.state, State::Lists(_)) => self.lists_loaded(gateway, result, now),
            Input::Loaded(result) => self.loaded(gateway, result, now),
            Input::Saved(result) if matches!(self.state, State::Keep(_)) => self.kept(gateway, result, now),
            Input::Saved(result) if matches!(self.state, State::Lists(_)) => self.lists_saved(gateway, result, now),
            Input::Saved(result) => self.saved(gateway, result, now),
            Input::Settings(fresh) => self.renewed(gateway, fresh, now),
            Input::Removed(result) => self.removed(gateway, result, now),
            Input::Sent => self.sent(now),
            Input::Head(head) => self.head(gateway, head, now),
            Input::Chunk(bytes) => self.chunk(gateway, bytes, now),
            Input::End => self.end(gateway, None, now),
            Input::Broke(error) => self.end(gateway, Some(error), now),
            Input::Woke if matches!(self.state, State::Queue(..)) => self.called(gateway, now),
            Input::Woke => self.woke(gateway, now),
            Input::Relayed if matches!(self.state, State::Relay) => self.relayed(gateway, now),
            Input::Relayed => {}
        }
    }

    /// The answer under way, for [`Step::Relay`].
    pub fn take_relay(&mut self) -> Option<Relay> {
        self.call.as_mut()?.relay.take()
    }

    /// The relay that [`Exchange::take_relay`] lent, once it has ended or the client is gone.
    pub fn give_back(&mut self, relay: Relay) {
        if let Some(call) = &mut self.call {
            call.relay = Some(relay);
        }
    }

    /// The log lines of this exchange, once it is over: JSON, without newlines.
    pub fn log(mut self, now: Millis) -> Vec<String> {
        self.lines.push(self.summary.line(self.begun, self.told.unwrap_or(now)));
        self.lines
    }

    fn written(&mut self, gateway: &mut Gateway, now: Millis) {
        let whole = self.outbox.pop_front().is_none();
        match self.state {
            State::Answer(..) if whole => self.close(gateway, now),
            State::Told if self.outbox.is_empty() => self.look_after(gateway, now),
            _ => {}
        }
    }

    /// When to wake from a wait, whatever comes.
    fn wake(&self) -> Millis {
        if let Some(upkeep) = self.upkeep.as_ref().filter(|_| self.is_tending()) {
            return upkeep.until;
        }
        if let Some(inspection) = &self.inspection {
            return self.inspection_wake(inspection);
        }
        let Some(call) = &self.call else { return Millis::NEVER };
        let due = match &self.state {
            State::Await(purpose, reading) => call.deadline(*purpose, reading.head.is_some()),
            State::Read => call.relay.as_ref().map_or(Millis(0), Relay::next_tick),
            State::Sleep(until) => *until,
            _ => Millis::NEVER,
        };
        let ping = if self.left { Millis::NEVER } else { call.ping_at() };
        // A refresh has a deadline of its own and outlives the request: see `gone`. Its client does not wait for it
        // longer than the platform lets it.
        let total = match () {
            () if !self.is_refreshing() => call.total().at,
            () if self.left => Millis::NEVER,
            () => self.term.answered(),
        };
        due.min(ping).min(total)
    }

    /// Until when the store, or the platform's settings, are waited for: an outage must not stop the answer.
    pub fn patience(&self, now: Millis) -> Millis {
        if matches!(&self.state, State::Lists(shelf) if shelf.is_told()) {
            return self.term.saved().min(now + upkeep::WITHIN);
        }
        let told = match &self.state {
            State::Save(saving) => self.left || saving.then == Then::End,
            State::Load(next) => self.left || matches!(next, Next::SaveAgain(_, Then::End)),
            _ => self.left,
        };
        let end = if told { self.term.saved() } else { self.term.answered() };
        end.min(now + WITHIN)
    }

    /// Whether the client has all it will get: its answer, or nothing more because it is gone. What is still done does
    /// not concern it.
    pub fn is_told(&self) -> bool {
        self.outbox.is_empty() && (self.told.is_some() || self.left)
    }

    /// Until when a client that takes nothing is waited for.
    pub fn client_patience(&self) -> Millis {
        self.term.saved()
    }

    /// Whether the platform's end is so near that the client must have its answer.
    pub(crate) fn is_out(&self, now: Millis) -> bool {
        now >= self.term.answered()
    }

    /// Whether the answer to a token refresh is waited for.
    pub(crate) fn is_refreshing(&self) -> bool {
        matches!(self.state, State::Await(Purpose::Refresh, _) | State::Send(_, Purpose::Refresh))
    }

    /// What the names in the answer are made of.
    pub(crate) fn ids(&self) -> Ids {
        let stem = hex(self.seed.get(12..24).unwrap_or_default());
        Ids { stem, created: self.begun.0 / 1000, choice: None }
    }

    /// 32 fresh bytes that differ with every draw.
    fn draw(&mut self) -> [u8; 32] {
        self.draws += 1;
        Sha256::new().chain_update(self.seed).chain_update(self.draws.to_be_bytes()).finalize().into()
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// How long the store, or the platform's settings, may take.
pub(crate) const WITHIN: Millis = Millis::secs(5);
/// The ledger of the pool.
pub const STORE_KEY: &str = "pool";
