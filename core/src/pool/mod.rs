//! The account pool: which account serves next, which one must log in anew, and what is remembered about each.
//!
//! Pure policy. It reads no clock, draws no randomness and knows no HTTP: it says *that* an account needs a
//! refresh and what with, others build the request and tell it what came back.
//!
//! ```text
//!            needs_load ──▶ absorb                        (any time; merging never loses the newer side)
//! pick ─┬─ Use ──────▶ lease, begin ─▶ the request ─▶ settle ─▶ pick again after a failure
//!       ├─ Refresh ──▶ claim_refresh ─▶ refreshed      ─▶ snapshot, save, saved ─▶ pick again
//!       │                            └▶ refresh_failed ─▶ ReloadFirst: absorb and ask again; else pick again
//!       ├─ Wait, Full ▶ sleep ─▶ pick again
//!       └─ None ─────▶ Refusal::error
//! ```
//!
//! What is known about an account is one entry of registers that merge commutatively, so stale reads
//! and lost writes of the store cost time, not tokens. It is stored sealed (see [`Sealing`]).
//! Stickiness, probes, model capacity, 5xx counts, requests under way and what was served are worth nothing to others
//! and stay in memory: they are those of one instance, and begin anew with it.

mod calendar;
mod check;
mod choice;
mod configure;
mod credential;
mod entry;
mod forecast;
mod ledger;
mod pick;
mod quota;
mod renew;
mod rest;
mod settle;
mod slot;
mod state;
mod sticky;
mod store;
mod tally;

use core::fmt;
use std::collections::BTreeMap;

pub use check::Readiness;
pub use choice::Strategy;
pub use configure::Changes;
pub use credential::{Credential, Login, MAX_LABEL, Parsed, parse};
pub use pick::{Ask, Pick, Refusal};
pub use quota::{Credits, Quota};
pub use renew::{AfterRefreshFault, Grant, RefreshFault, Renewal};
pub use settle::Outcome;
pub use state::{AccountState, QuotaState, Seen};
pub use store::{Absorbed, MAX_FOREIGN, RELOAD_AFTER, RETRY_STORE_AFTER, Snapshot, Trouble};
pub use tally::Ticket;

use crate::host::Millis;
use crate::seal::Sealing;
use crate::secret::Secret;
use entry::Cooling;
use slot::Slot;
use sticky::Sticky;

/// The accounts of one deployment and what this instance knows about them. `Debug` shows no secret.
#[derive(Debug)]
pub struct Pool {
    /// As configured; behind them the retired ones.
    slots: Vec<Slot>,
    strategy: Strategy,
    /// How many requests may be under way on one account.
    most_under_way: Option<u32>,
    /// Counts the requests of this instance.
    turns: u64,
    sealing: Sealing,
    sticky: Sticky,
    /// Models without capacity, by name; at most [`MAX_MODELS`].
    capacity: BTreeMap<String, Capacity>,
    shelf: store::Shelf,
}

/// One account of a [`Pool`], for as long as the pool is there: no other account takes its number, however often the
/// pool is configured. Means nothing in another pool.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Account(usize);

/// What one request to the service needs from its account. Also says later which token was used: keep it for
/// [`Pool::settle`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// Whose it is.
    pub account: Account,
    /// Goes into `Authorization: Bearer`.
    pub bearer: Secret,
    /// What the bearer is.
    pub kind: BearerKind,
    /// The account's region, when it is configured.
    pub region: Option<String>,
    /// The profile to call with: configured, else the last one the service named.
    pub profile_arn: Option<String>,
    /// The account's name for logs.
    pub label: String,
    /// When the bearer was issued.
    stamp: Millis,
}

/// What a bearer is, since the service wants an extra header for keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BearerKind {
    /// An access token from a refresh.
    AccessToken,
    /// An API key.
    ApiKey,
}

#[derive(Debug, Default)]
struct Capacity {
    cooling: Cooling,
    probe: Millis,
}

impl Pool {
    /// A pool that has not been loaded yet.
    pub fn new(credentials: Vec<Credential>, strategy: Strategy, sealing: Sealing) -> Self {
        let mut pool = Self {
            slots: Vec::new(),
            strategy,
            most_under_way: None,
            turns: 0,
            sealing: Sealing::default(),
            sticky: Sticky::default(),
            capacity: BTreeMap::new(),
            shelf: store::Shelf::default(),
        };
        pool.configure(credentials, strategy, sealing);
        pool
    }

    /// How many accounts are configured, usable or not.
    pub fn len(&self) -> usize {
        self.configured().count()
    }

    /// Whether no account is configured.
    pub fn is_empty(&self) -> bool {
        self.configured().next().is_none()
    }

    /// Every account, in the order of the configuration.
    pub fn accounts(&self) -> impl Iterator<Item = Account> + use<> {
        let accounts: Vec<_> = self.configured().map(|slot| slot.account).collect();
        accounts.into_iter()
    }

    /// The id of an account, under which things about it are stored: not secret, and the same on every instance.
    pub fn id(&self, account: Account) -> Option<&str> {
        self.slot(account).map(|slot| slot.credential.id.as_str())
    }

    /// The ids of all accounts, in the order of the configuration.
    pub fn ids(&self) -> Vec<&str> {
        self.configured().map(|slot| slot.credential.id.as_str()).collect()
    }

    /// The strategy it was made with.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// What a request with this account needs; `None` while the account has no token, which cannot be right
    /// after [`Pick::Use`].
    pub fn lease(&self, account: Account) -> Option<Lease> {
        let slot = self.slot(account)?;
        let (bearer, stamp, kind) = match (&slot.credential.login, &slot.entry.token) {
            (Login::ApiKey, _) => (slot.credential.secret.clone(), Millis(0), BearerKind::ApiKey),
            (_, Some(token)) => (token.access.clone(), token.issued, BearerKind::AccessToken),
            (_, None) => return None,
        };
        Some(Lease {
            account,
            bearer,
            kind,
            region: slot.credential.region.clone(),
            profile_arn: slot.profile_arn().map(str::to_owned),
            label: slot.credential.label.clone(),
            stamp,
        })
    }

    /// The service named the account's profile outside a refresh. Accounts it had refused for the wrong
    /// profile are free again.
    ///
    /// An ARN of another form than [`crate::place::is_profile_arn`] takes is left out: it would only bring a refusal.
    pub fn profile_found(&mut self, account: Account, arn: &str, now: Millis) {
        self.change(account, |slot| slot.learn_profile(arn, now));
    }

    fn slot(&self, account: Account) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.account == account)
    }

    fn slot_mut(&mut self, account: Account) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.account == account)
    }

    fn configured(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| !slot.retired)
    }

    /// Every change to what is stored goes through here, so that none is forgotten at the next save.
    fn change<T: Default>(&mut self, account: Account, act: impl FnOnce(&mut Slot) -> T) -> T {
        let comparing = !self.shelf.reads_first();
        let Some(slot) = self.slot_mut(account) else { return T::default() };
        let before = slot.entry.clone();
        let outcome = act(slot);
        if slot.entry.is_news(&before, comparing) {
            self.shelf.touch();
        }
        outcome
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// How many models are remembered as being without capacity. Model names come from clients.
const MAX_MODELS: usize = 64;
