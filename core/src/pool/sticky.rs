//! Which account served a session last. In memory only: losing it costs a cold prompt cache, nothing else.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Account;

/// Sessions and their accounts, the longest unused one leaving first.
#[derive(Debug, Default)]
pub(super) struct Sticky {
    seats: BTreeMap<u64, Seat>,
    /// Session by last use.
    uses: BTreeMap<u64, u64>,
    clock: u64,
}

#[derive(Debug)]
struct Seat {
    account: Account,
    used: u64,
}

impl Sticky {
    /// The session's account.
    pub(super) fn seat(&self, session: &str) -> Option<Account> {
        self.seats.get(&key(session)).map(|seat| seat.account)
    }

    /// Seats the session, and makes it the most recently used one.
    pub(super) fn take_seat(&mut self, session: &str, account: Account) {
        let key = key(session);
        self.clock = self.clock.saturating_add(1);
        if let Some(old) = self.seats.insert(key, Seat { account, used: self.clock }) {
            self.uses.remove(&old.used);
        }
        self.uses.insert(self.clock, key);
        while self.seats.len() > MAX_SESSIONS {
            let Some((_, oldest)) = self.uses.pop_first() else { return };
            self.seats.remove(&oldest);
        }
    }
}

/// Clients choose their session ids: a digest bounds their size, and nobody can aim at another's.
fn key(session: &str) -> u64 {
    Sha256::digest(session.as_bytes()).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// How many sessions keep their account.
pub(super) const MAX_SESSIONS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_session_leaves_first() {
        let mut sticky = Sticky::default();
        for session in 0..MAX_SESSIONS {
            sticky.take_seat(&session.to_string(), Account(session));
        }
        sticky.take_seat("0", Account(7));
        sticky.take_seat("one more", Account(8));
        assert_eq!(sticky.seat("0"), Some(Account(7)));
        assert_eq!(sticky.seat("1"), None);
        assert_eq!(sticky.seat("2"), Some(Account(2)));
        assert_eq!((sticky.seats.len(), sticky.uses.len()), (MAX_SESSIONS, MAX_SESSIONS));
    }
}
