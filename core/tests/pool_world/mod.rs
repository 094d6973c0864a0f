//! Pools in virtual time, for the tests.
#![allow(dead_code, reason = "every test file takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a fixture that cannot be made fails the test")]

use kiro2api_core::host::Millis;
use kiro2api_core::pool::{Account, Ask, Credential, Grant, Lease, Outcome, Pick, Pool, Renewal, Strategy, parse};
use kiro2api_core::seal::Sealing;
use kiro2api_core::secret::Secret;

/// 2026-11-21T18:00:00Z.
pub(crate) const NOW: Millis = Millis(1_795_284_000_000);
pub(crate) const MODEL: &str = "claude-sonnet-4.5";
pub(crate) const HOUR: Millis = Millis::mins(60);

pub(crate) fn after(span: Millis) -> Millis {
    NOW + span
}

/// Social accounts with long refresh tokens that differ.
pub(crate) fn credentials(count: usize) -> Vec<Credential> {
    let tokens: Vec<String> = (0..count).map(|n| format!("configured-refresh-token-{n}")).collect();
    parse(None, Some(&tokens.join(","))).credentials
}

pub(crate) fn from_json(json: &str) -> Vec<Credential> {
    parse(Some(json), None).credentials
}

/// A pool whose store is still empty, and no token yet.
pub(crate) fn cold(credentials: Vec<Credential>) -> Pool {
    let mut pool = Pool::new(credentials, Strategy::Sequential, Sealing::default());
    pool.absorb(None, None, NOW);
    pool
}

/// A pool whose accounts have just been refreshed, for an hour.
pub(crate) fn warm(count: usize) -> Pool {
    let mut pool = cold(credentials(count));
    for account in pool.accounts() {
        renew(&mut pool, account, &format!("access-token-{account}"), NOW);
    }
    pool
}

pub(crate) fn claim(pool: &mut Pool, account: Account, now: Millis) -> Renewal {
    pool.claim_refresh(account, now, now + Millis::secs(10)).unwrap()
}

pub(crate) fn grant(access: &str, refresh: Option<&str>) -> Grant {
    Grant { access: Secret::new(access), expires_in: HOUR, refresh: refresh.map(Secret::new), profile_arn: None }
}

pub(crate) fn renew(pool: &mut Pool, account: Account, access: &str, now: Millis) {
    let renewal = claim(pool, account, now);
    pool.refreshed(&renewal, grant(access, None), now, 0);
}

pub(crate) fn ask<'a>(tried: &'a [Account]) -> Ask<'a> {
    Ask { session: None, model: MODEL, tried, at: None }
}

pub(crate) fn pick(pool: &mut Pool, now: Millis) -> Pick {
    pool.pick(&ask(&[]), now)
}

pub(crate) fn nth(pool: &Pool, at: usize) -> Account {
    pool.accounts().nth(at).unwrap()
}

pub(crate) fn lease(pool: &Pool, account: Account) -> Lease {
    pool.lease(account).unwrap()
}

/// One request with this account came to this.
pub(crate) fn settle(pool: &mut Pool, account: Account, outcome: Outcome, now: Millis) {
    let lease = lease(pool, account);
    pool.settle(&lease, outcome, MODEL, now);
}

pub(crate) fn word(pool: &Pool, at: usize, now: Millis) -> &'static str {
    pool.states(now).get(at).unwrap().state
}

/// A key-value store that keeps what was written last and may be read late.
#[derive(Default)]
pub(crate) struct Kv {
    pub(crate) history: Vec<Vec<u8>>,
}

impl Kv {
    /// What a reader sees that is `behind` writes late.
    pub(crate) fn read(&self, behind: usize) -> Option<&[u8]> {
        let at = self.history.len().checked_sub(1 + behind)?;
        self.history.get(at).map(Vec::as_slice)
    }

    pub(crate) fn save(&mut self, pool: &mut Pool, seed: u8) {
        let snapshot = pool.snapshot(&[seed; 32]);
        self.history.push(snapshot.bytes.clone());
        pool.saved(&snapshot, None);
    }
}

/// A table that compares versions.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) version: u64,
}

impl Table {
    pub(crate) fn version(&self) -> Option<String> {
        self.value.as_ref().map(|_| self.version.to_string())
    }

    pub(crate) fn load(&self, pool: &mut Pool, now: Millis) {
        pool.absorb(self.value.as_deref(), self.version(), now);
    }

    /// Whether it was stored; if not, somebody else was first.
    pub(crate) fn save(&mut self, pool: &mut Pool, seed: u8) -> bool {
        if pool.version() != self.version().as_deref() {
            return false;
        }
        let snapshot = pool.snapshot(&[seed; 32]);
        self.value = Some(snapshot.bytes.clone());
        self.version += 1;
        pool.saved(&snapshot, self.version());
        true
    }
}
