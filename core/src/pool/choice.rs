//! In which order accounts serve.
//!
//! The account that a request is at comes first for its next try, then its session's own, then the tiers of `priority`, lower numbers first, under every strategy. Within
//! a tier:
//!
//! | strategy | first | then |
//! |---|---|---|
//! | `sequential` | as configured | |
//! | `balanced` | fewest requests under way | least recently used, as configured |
//! | `optimal` | the most remaining quota | fewest requests under way, as configured |
//!
//! What remains is the last reading less what answers have cost since. An account that was never asked, whose period is
//! over, or that is tried in the middle of a rest counts as full, so that it becomes known. Behind those with something
//! left come the ones whose quota cannot be read, then those that go on with overage, then those with nothing left: they
//! are still used, since only the service's refusal is the truth.

use core::cmp::Reverse;

use super::quota::Credits;
use super::slot::Slot;
use crate::host::Millis;

/// Which account serves first. A session stays with its account under every strategy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Strategy {
    /// The most remaining quota first.
    #[default]
    Optimal,
    /// All accounts evenly.
    Balanced,
    /// The first usable one in the order of the configuration.
    Sequential,
}

impl Strategy {
    /// Reads `TOKEN_SELECTION_STRATEGY`; nothing set means [`Strategy::Optimal`].
    ///
    /// # Errors
    /// Names the variable and the words it may hold.
    pub fn parse(text: Option<&str>) -> Result<Self, String> {
        match text.unwrap_or("").trim().to_ascii_lowercase().as_str() {
            "" | "optimal" => Ok(Self::Optimal),
            "balanced" => Ok(Self::Balanced),
            "sequential" => Ok(Self::Sequential),
            _ => Err("TOKEN_SELECTION_STRATEGY: expected optimal, balanced or sequential".to_owned()),
        }
    }
}

/// An account's place in the order: the smallest serves. The order of the fields is the order of what counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Rank {
    /// Not the one the request is at, between two tries.
    elsewhere: bool,
    /// Not the session's own.
    away: bool,
    priority: i32,
    stock: Stock,
    remaining: Reverse<Credits>,
    under_way: usize,
    turn: u64,
    place: usize,
}

/// What an account has left, in kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stock {
    Some,
    /// Its quota was asked for and could not be read.
    Unread,
    /// Nothing, and it goes on.
    Overage,
    Nothing,
}

impl Rank {
    /// The rank of the account at this place of the configuration; whether the request is at it, and its session.
    pub(super) fn of(slot: &Slot, place: usize, (at, home): (bool, bool), strategy: Strategy, now: Millis) -> Self {
        let (stock, remaining) = match strategy {
            Strategy::Optimal => slot.stock(now),
            Strategy::Balanced | Strategy::Sequential => (Stock::Some, Credits::default()),
        };
        let (under_way, turn) = match strategy {
            Strategy::Sequential => (0, 0),
            Strategy::Optimal => (slot.tally.under_way(now), 0),
            Strategy::Balanced => (slot.tally.under_way(now), slot.tally.turn),
        };
        let priority = slot.credential.priority;
        Self { elsewhere: !at, away: !home, priority, stock, remaining: Reverse(remaining), under_way, turn, place }
    }
}

impl Rank {
    /// Whether it is that of the account the request is at.
    pub(super) fn is_at(&self) -> bool {
        !self.elsewhere
    }
}

impl Slot {
    fn stock(&self, now: Millis) -> (Stock, Credits) {
        let full = (Stock::Some, Credits(u64::MAX));
        if self.quota_on_trial(now) {
            return full;
        }
        match &self.entry.reading {
            None if self.metering.is_unreadable() => (Stock::Unread, Credits::default()),
            None => full,
            Some(reading) if now >= reading.ends() => full,
            Some(reading) => match self.metering.left(reading) {
                Credits(0) if reading.overage => (Stock::Overage, Credits(0)),
                Credits(0) => (Stock::Nothing, Credits(0)),
                left => (Stock::Some, left),
            },
        }
    }
}
