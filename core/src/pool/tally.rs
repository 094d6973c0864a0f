//! What this instance counts about an account: the requests under way, and what the others came to. In memory only.

use std::sync::{Arc, Weak};

use super::{Account, Pool};
use crate::host::Millis;

/// What one instance has seen of one account since it started.
#[derive(Debug, Default)]
pub(super) struct Tally {
    under_way: Vec<Way>,
    /// Its place in the sequence of all requests of the instance when it was last used.
    pub(super) turn: u64,
    pub(super) last_used: Option<Millis>,
    pub(super) served: u64,
    pub(super) failed: u64,
    pub(super) failed_in_a_row: u32,
    /// Answers that read some of their input from the service's cache, and how many tokens that was.
    pub(super) cache_hits: u64,
    pub(super) cached_tokens: u64,
}

#[derive(Debug)]
struct Way {
    ticket: Weak<()>,
    until: Millis,
}

/// A request under way on an account, until it is dropped. One that never is, as when a platform forgets a request whose
/// client has hung up, counts until the time it was begun with.
#[derive(Debug)]
pub struct Ticket {
    account: Account,
    _way: Arc<()>,
}

impl Ticket {
    /// Whose request it is.
    pub fn account(&self) -> Account {
        self.account
    }
}

impl Pool {
    /// How many requests may be under way on one account; `None`: as many as come.
    pub fn limit_concurrency(&mut self, most: Option<u32>) {
        self.most_under_way = most;
    }

    /// A request with this account begins, and is over by `until` at the latest. `None`: there is no such account.
    pub fn begin(&mut self, account: Account, until: Millis, now: Millis) -> Option<Ticket> {
        self.turns = self.turns.saturating_add(1);
        let turn = self.turns;
        let tally = &mut self.slot_mut(account)?.tally;
        let way = Arc::new(());
        tally.under_way.retain(|way| way.lasts(now));
        tally.under_way.push(Way { ticket: Arc::downgrade(&way), until });
        (tally.turn, tally.last_used) = (turn, Some(now));
        Some(Ticket { account, _way: way })
    }
}

impl Tally {
    /// How many requests are under way.
    pub(super) fn under_way(&self, now: Millis) -> usize {
        self.under_way.iter().filter(|way| way.lasts(now)).count()
    }

    pub(super) fn succeeded(&mut self) {
        self.served = self.served.saturating_add(1);
        self.failed_in_a_row = 0;
    }

    pub(super) fn failed(&mut self) {
        self.failed = self.failed.saturating_add(1);
        self.failed_in_a_row = self.failed_in_a_row.saturating_add(1);
    }

    pub(super) fn read_from_cache(&mut self, tokens: u64) {
        self.cache_hits = self.cache_hits.saturating_add(u64::from(tokens > 0));
        self.cached_tokens = self.cached_tokens.saturating_add(tokens);
    }
}

impl Way {
    fn lasts(&self, now: Millis) -> bool {
        now < self.until && self.ticket.strong_count() > 0
    }
}
