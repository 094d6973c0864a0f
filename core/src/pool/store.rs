//! The pool and its store: loading, merging, saving, and going on without.
//!
//! Entries of accounts this deployment does not know are kept byte for byte as the store last held them, up to
//! [`MAX_FOREIGN`]: they belong to another deployment on the same store, or to an account that was taken out and
//! may come back. What is beyond that bound is dropped at the next save, and reported.

use core::fmt;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Pool;
use super::credential::Credential;
use super::entry::{Claim, Entry};
use super::ledger::{Ledger, Misread};
use super::slot::{Filed, Slot};
use crate::host::Millis;
use crate::json::RawValue;
use crate::seal::{Opened, Own, Sealing};

/// What this instance knows about the store.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Loads tried, with or without success.
    loads: u64,
    loaded_at: Option<Millis>,
    version: Option<String>,
    comparing: bool,
    /// Counts changes; what is stored is a prefix of them.
    revision: u64,
    stored: u64,
    ticks: u64,
    foreign: BTreeMap<String, Box<RawValue>>,
    /// The store was out of reach, and when it is worth another try.
    outage: Option<Millis>,
    /// Written by a later version: keep off.
    frozen: bool,
    troubles: Vec<Trouble>,
}

impl Shelf {
    pub(super) fn loads(&self) -> u64 {
        self.loads
    }

    /// See [`Pool::reads_first`].
    pub(super) fn reads_first(&self) -> bool {
        !self.comparing
    }

    /// The store is read before the next pick.
    pub(super) fn expire(&mut self) {
        self.loaded_at = None;
    }

    /// The stored entry of an account that was not known so far.
    pub(super) fn take_foreign(&mut self, id: &str) -> Option<Box<RawValue>> {
        self.foreign.remove(id)
    }

    pub(super) fn touch(&mut self) {
        self.revision = self.revision.saturating_add(1);
    }

    pub(super) fn next_tick(&mut self) -> u64 {
        self.ticks = self.ticks.saturating_add(1);
        self.ticks
    }
}

/// What a load came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Absorbed {
    /// Whether anything new was learnt.
    pub changed: bool,
    /// Whether the store was out of reach before: to be logged once.
    pub recovered: bool,
    /// What is wrong with the stored bytes and was not reported by the load before: to be logged.
    pub troubles: Vec<Trouble>,
}

/// What can be wrong with stored bytes. None of it stops the pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// They are no ledger; the next save replaces them.
    Unreadable,
    /// A later version of this program wrote them: they are left alone, and this instance keeps its tokens in
    /// memory only.
    Newer(u64),
    /// No key opens the entry of the account with this label, or it was damaged: it starts from its configuration.
    Sealed(String),
    /// More entries of unknown accounts than are kept; so many are dropped.
    Crowded(usize),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("the token store holds no ledger; the next save replaces it"),
            Self::Newer(v) => write!(
                f,
                "the token store was written by a later version (v{v}); it is left alone, tokens stay in memory"
            ),
            Self::Sealed(label) => write!(
                f,
                "no key opens the stored entry of account {label}; was TOKEN_STORE_KEY changed without keeping \
                 the old key behind a comma?"
            ),
            Self::Crowded(dropped) => {
                write!(f, "the token store holds too many unknown accounts; {dropped} of them will be dropped")
            }
        }
    }
}

/// Bytes to store, and which changes they hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The sealed ledger.
    pub bytes: Vec<u8>,
    revision: u64,
    tick: u64,
}

impl Pool {
    /// Whether the store should be read before the next pick: never read, or not for [`RELOAD_AFTER`]; sooner
    /// while another instance refreshes an account; later after an outage.
    pub fn needs_load(&self, now: Millis) -> bool {
        if let Some(retry) = self.shelf.outage {
            return now >= retry;
        }
        let Some(loaded) = self.shelf.loaded_at else { return true };
        let elsewhere = self.slots.iter().any(|slot| slot.foreign_claim(now).is_some());
        now - loaded >= if elsewhere { FOLLOW_AFTER } else { RELOAD_AFTER }
    }

    /// Merges what the store holds (`None`: nothing yet) into what is known. The newer side of everything wins,
    /// so old bytes do no harm; where the store lags behind, the pool becomes [`Pool::dirty`].
    pub fn absorb(&mut self, stored: Option<&[u8]>, version: Option<String>, now: Millis) -> Absorbed {
        let shelf = &mut self.shelf;
        shelf.loads = shelf.loads.saturating_add(1);
        shelf.loaded_at = Some(now);
        shelf.version = version;
        let mut absorbed = Absorbed { recovered: shelf.outage.take().is_some(), ..Absorbed::default() };
        let read = stored.map_or_else(|| Ok(Ledger::new(BTreeMap::new())), Ledger::read);
        shelf.frozen = matches!(read, Err(Misread::Newer(_)));
        let mut troubles = Vec::new();
        match read {
            Ok(ledger) => absorbed.changed = self.merge(ledger, &mut troubles, now),
            Err(Misread::Newer(v)) => troubles.push(Trouble::Newer(v)),
            Err(Misread::Broken) => {
                troubles.push(Trouble::Unreadable);
                self.shelf.touch();
            }
        }
        absorbed.troubles = troubles.iter().filter(|trouble| !self.shelf.troubles.contains(trouble)).cloned().collect();
        self.shelf.troubles = troubles;
        absorbed
    }

    fn merge(&mut self, mut ledger: Ledger, troubles: &mut Vec<Trouble>, now: Millis) -> bool {
        let (mut changed, mut behind) = (false, false);
        for slot in &mut self.slots {
            let filed = slot.filed.take();
            let Some(raw) = ledger.accounts.remove(&slot.credential.id) else {
                slot.unopened = None;
                behind |= slot.entry != Entry::default();
                continue;
            };
            let known = filed.filter(|filed| filed.raw.get() == raw.get()).map(|filed| (filed.entry, true));
            let Some((theirs, current)) = known.or_else(|| read(&self.sealing, &slot.credential, &raw)) else {
                troubles.push(Trouble::Sealed(slot.credential.label.clone()));
                slot.unopened = Some(raw);
                behind |= slot.entry != Entry::default();
                continue;
            };
            slot.unopened = None;
            changed |= slot.merge(&theirs, now);
            behind |= slot.entry.is_news(&theirs, self.shelf.comparing) || !current;
            slot.filed = current.then_some(Filed { raw, entry: theirs });
        }
        self.shelf.keep_foreign(ledger.accounts, troubles);
        if behind {
            self.shelf.touch();
        } else {
            self.shelf.stored = self.shelf.revision;
        }
        changed
    }

    /// The store could not be reached, for loading or saving. The pool goes on from memory and asks again after
    /// [`RETRY_STORE_AFTER`]. Returns whether to log it: once per outage.
    pub fn store_failed(&mut self, now: Millis) -> bool {
        self.shelf.loads = self.shelf.loads.saturating_add(1);
        self.shelf.outage.replace(now + RETRY_STORE_AFTER).is_none()
    }

    /// The bytes to store: sealed, and the same for the same entropy. Accounts about which nothing is known
    /// take no place.
    pub fn snapshot(&self, entropy: &[u8; 32]) -> Snapshot {
        let mut accounts = self.shelf.foreign.clone();
        for slot in &self.slots {
            let entry = slot.with_claim();
            let known = if slot.unopened.is_some() { &slot.entry } else { &entry };
            let filed = slot.filed.as_ref().filter(|filed| filed.entry == entry).map(|filed| filed.raw.clone());
            let sealed = filed.or_else(|| {
                (*known != Entry::default())
                    .then(|| seal(&self.sealing, &slot.credential, &entry.encode(), entropy))
                    .flatten()
                    .and_then(|sealed| RawValue::from_string(format!("\"{sealed}\"")).ok())
            });
            if let Some(raw) = sealed.or_else(|| slot.unopened.clone()) {
                accounts.insert(slot.credential.id.clone(), raw);
            }
        }
        let bytes = Ledger::new(accounts).encode();
        Snapshot { bytes, revision: self.shelf.revision, tick: self.shelf.ticks }
    }

    /// The version to save against: what the last load or save named.
    pub fn version(&self) -> Option<&str> {
        self.shelf.version.as_deref()
    }

    /// Tells whether the store compares versions. It does not until that is said: a claim would cost a store that
    /// takes one write a second that write.
    pub fn store_compares(&mut self, compares: bool) {
        self.shelf.comparing = compares;
    }

    /// Whether a claim saved in the store now keeps other instances off: it compares, and is not out of reach.
    pub fn compares(&self, now: Millis) -> bool {
        self.shelf.comparing && !self.shelf.frozen && self.shelf.outage.is_none_or(|retry| now >= retry)
    }

    /// Whether something is known that the store does not hold. Never while a later version owns the store.
    pub fn dirty(&self) -> bool {
        !self.shelf.frozen && self.shelf.revision > self.shelf.stored
    }

    /// Whether to save now: [`Pool::dirty`], and not in the pause after an outage.
    pub fn needs_save(&self, now: Millis) -> bool {
        self.dirty() && self.shelf.outage.is_none_or(|retry| now >= retry)
    }

    /// Whether the store is to be read right before each save: it does not compare, so that what others have stored
    /// since the last read would be overwritten by what this instance knows.
    pub fn reads_first(&self) -> bool {
        self.shelf.reads_first()
    }

    /// The store has taken a snapshot, under this version where it has one. Changes made since are still to be saved.
    pub fn saved(&mut self, snapshot: &Snapshot, version: Option<String>) {
        let shelf = &mut self.shelf;
        shelf.stored = shelf.stored.max(snapshot.revision);
        shelf.version = version;
        shelf.outage = None;
        for flight in self.slots.iter_mut().filter_map(|slot| slot.flight.as_mut()) {
            flight.confirmed |= flight.tick <= snapshot.tick;
        }
    }
}

impl Shelf {
    fn keep_foreign(&mut self, mut accounts: BTreeMap<String, Box<RawValue>>, troubles: &mut Vec<Trouble>) {
        let before = accounts.len();
        accounts.retain(|id, raw| id.len() <= MAX_ID && raw.get().len() <= MAX_ENTRY);
        while accounts.len() > MAX_FOREIGN {
            accounts.pop_last();
        }
        if accounts.len() < before {
            troubles.push(Trouble::Crowded(before - accounts.len()));
        }
        self.foreign = accounts;
    }
}

impl Slot {
    /// Returns whether anything new was learnt. A claim of another instance that the store took first ends ours.
    fn merge(&mut self, theirs: &Entry, now: Millis) -> bool {
        let mut changed = self.entry.merge(theirs);
        let outcome = self.entry.last_outcome().0;
        let live = now.0 < theirs.claim.until && theirs.claim.at > outcome;
        if live && self.entry.claim.gives_back_another_than(theirs.claim) {
            // Ours came too late and was given back before that was known: theirs was never ours to end.
            self.entry.claim = theirs.claim;
            changed = true;
        }
        if self.flight.is_some_and(|flight| !flight.confirmed && (live || outcome >= flight.claim.at)) {
            // Even if it looks like ours: ours has not been stored. Or they have come to an outcome already.
            self.flight = None;
            self.last_claim = Claim::default();
        }
        changed
    }

    /// The entry, with this instance's own claim for others to see.
    fn with_claim(&self) -> Entry {
        let mut entry = self.entry.clone();
        if let Some(flight) = self.flight {
            entry.claim = entry.claim.max(flight.claim);
        }
        entry
    }
}

/// Seals one account's record, as base64.
fn seal(sealing: &Sealing, credential: &Credential, plain: &[u8], entropy: &[u8; 32]) -> Option<String> {
    let sealed = sealing.seal(&own(credential), &place(credential), plain, entropy)?;
    Some(STANDARD.encode(sealed))
}

/// Reads one account's stored entry; and whether it is sealed as it would be sealed again. `None`: no key opens it.
fn read(sealing: &Sealing, credential: &Credential, raw: &RawValue) -> Option<(Entry, bool)> {
    let opened = open(sealing, credential, serde_json::from_str(raw.get()).ok()?)?;
    Some((Entry::read(&opened.plain)?, opened.current))
}

/// Opens one account's record.
fn open(sealing: &Sealing, credential: &Credential, sealed: &str) -> Option<Opened> {
    sealing.open(&own(credential), &place(credential), &STANDARD.decode(sealed).ok()?)
}

fn own(credential: &Credential) -> Own {
    Own::of("kiro2api account key v1", credential.secret.reveal())
}

/// An entry must not serve for another account, nor be taken for another version of the format.
fn place(credential: &Credential) -> String {
    format!("kiro2api ledger v1 account {}", credential.id)
}

/// How old the last load may be.
pub const RELOAD_AFTER: Millis = Millis::secs(30);
/// How long a store that failed is left alone.
pub const RETRY_STORE_AFTER: Millis = Millis::secs(10);
/// How old the last load may be while another instance refreshes an account.
const FOLLOW_AFTER: Millis = Millis::secs(1);
/// How many entries of unknown accounts are kept.
pub const MAX_FOREIGN: usize = 64;
const MAX_ID: usize = 64;
const MAX_ENTRY: usize = 16 * 1024;
