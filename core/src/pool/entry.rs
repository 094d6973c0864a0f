//! What is known about one account beyond its configuration, as a value that merges.
//!
//! Every field is a register with a total order, and merging takes the larger side of each. So merging is
//! commutative, associative and idempotent, and it does not matter in which order instances read and write a
//! store that may answer with old bytes.

use core::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::quota::Reading;
use crate::host::Millis;
use crate::secret::Secret;

/// The stored part of an account's state.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Entry {
    pub(super) token: Option<Token>,
    pub(super) profile: Option<Profile>,
    /// Access tokens issued at this time or before were refused by the service.
    pub(super) refused: Millis,
    pub(super) throttle: Cooling,
    pub(super) quota: Cooling,
    pub(super) denied: Cooling,
    /// Refreshes that failed; `strikes` counts them since the last success.
    pub(super) renewal: Cooling,
    /// Refreshes that were rejected; only `strikes` counts.
    pub(super) rejected: Cooling,
    pub(super) suspended: Option<Parked>,
    /// The configured secret logs in no more.
    pub(super) original_dead: Option<Parked>,
    /// The rotated refresh token logs in no more.
    pub(super) rotated_dead: Option<Parked>,
    pub(super) claim: Claim,
    /// What the service last said of the quota.
    pub(super) reading: Option<Reading>,
}

impl Entry {
    /// Becomes the least upper bound of both sides; whether that is anything new.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        raise(&mut self.token, &other.token)
            | raise(&mut self.profile, &other.profile)
            | raise(&mut self.refused, &other.refused)
            | raise(&mut self.throttle, &other.throttle)
            | raise(&mut self.quota, &other.quota)
            | raise(&mut self.denied, &other.denied)
            | raise(&mut self.renewal, &other.renewal)
            | raise(&mut self.rejected, &other.rejected)
            | raise(&mut self.suspended, &other.suspended)
            | raise(&mut self.original_dead, &other.original_dead)
            | raise(&mut self.rotated_dead, &other.rotated_dead)
            | raise(&mut self.claim, &other.claim)
            | raise(&mut self.reading, &other.reading)
    }

    /// Whether it holds something that is worth a write to a store that holds `stored`.
    ///
    /// Where the store does not compare, a refresh that failed is not: whoever writes without having seen the token of
    /// another instance puts its own word in the place of that token, and a token that cannot be refreshed often is
    /// one that another instance has just rotated.
    pub(super) fn is_news(&self, stored: &Self, comparing: bool) -> bool {
        let since = |entry: &Self| entry.reading.as_ref().is_some_and(|reading| reading.at >= self.quota.at);
        Reading::is_news(self.reading.as_ref(), stored.reading.as_ref())
            // The first word since the quota was used up may end the rest: see `rest`.
            || (self.quota.counts() && since(self) && !since(stored))
            || !self.agrees(stored)
            || (comparing && !self.fails_alike(stored))
    }

    /// Whether both say the same of refreshes that failed.
    fn fails_alike(&self, other: &Self) -> bool {
        self.renewal == other.renewal
            && self.rejected == other.rejected
            && self.original_dead == other.original_dead
            && self.rotated_dead == other.rotated_dead
    }

    /// Whether both say the same of everything but the quota and failed refreshes.
    fn agrees(&self, other: &Self) -> bool {
        let Self {
            token,
            profile,
            refused,
            throttle,
            quota,
            denied,
            renewal: _,
            rejected: _,
            suspended,
            original_dead: _,
            rotated_dead: _,
            claim,
            reading: _,
        } = self;
        *token == other.token
            && *profile == other.profile
            && *refused == other.refused
            && *throttle == other.throttle
            && *quota == other.quota
            && *denied == other.denied
            && *suspended == other.suspended
            && *claim == other.claim
    }

    /// When the newest access token was issued; 0 when there is none.
    pub(super) fn issued(&self) -> Millis {
        self.token.as_ref().map_or(Millis(0), |token| token.issued)
    }

    /// When the last refresh came to anything, good or bad.
    pub(super) fn last_outcome(&self) -> Millis {
        let dead = [&self.original_dead, &self.rotated_dead].into_iter().flatten().map(|parked| parked.at);
        let failed = [self.renewal.at, self.rejected.at, self.issued().0];
        Millis(dead.chain(failed).max().unwrap_or(0))
    }
}

/// An access token and the refresh token that goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Token {
    /// When it was issued, by the clock of the instance that asked; the later one wins.
    pub(super) issued: Millis,
    /// From here on it should be refreshed.
    pub(super) due: Millis,
    /// From here on it must not be used; a little before the service's own time.
    pub(super) expires: Millis,
    pub(super) access: Secret,
    /// `None`: the configured refresh token is still the one.
    pub(super) refresh: Option<Secret>,
}

impl Token {
    fn rank(&self) -> (Millis, Millis, Millis, &str, Option<&str>) {
        let refresh = self.refresh.as_ref().map(Secret::reveal);
        (self.issued, self.expires, self.due, self.access.reveal(), refresh)
    }
}

impl Ord for Token {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Token {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A profile the service named, and when.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Profile {
    at: u64,
    pub(super) arn: String,
}

impl Profile {
    pub(super) fn new(at: Millis, arn: String) -> Self {
        Self { at: at.0, arn }
    }
}

/// A state that ends only when what it is bound to changes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Parked {
    at: u64,
    /// Digest of the credential it holds for; any other credential is free of it.
    pub(super) print: String,
    pub(super) reason: String,
}

impl Parked {
    pub(super) fn new(at: Millis, print: String, reason: String) -> Self {
        Self { at: at.0, print, reason }
    }

    /// Whether it was found out at `time` or later.
    pub(super) fn since(&self, time: Millis) -> bool {
        self.at >= time.0
    }
}

/// A cool-down, and how many came in a row.
///
/// The order of the fields is the order of merging: within one epoch the later end wins; a success begins the
/// next epoch, which outranks everything before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
pub(super) struct Cooling {
    epoch: u64,
    until: u64,
    strikes: u32,
    at: u64,
}

impl Cooling {
    pub(super) fn until(&self) -> Millis {
        Millis(self.until)
    }

    /// When it last began, or was last counted.
    pub(super) fn at(&self) -> Millis {
        Millis(self.at)
    }

    /// How many failures were counted since the last success.
    pub(super) fn strikes(&self) -> u32 {
        self.strikes
    }

    /// Whether it holds now.
    pub(super) fn holds(&self, now: Millis) -> bool {
        now.0 < self.until
    }

    /// Whether it is over but no success has been seen since, and not for so long that it is forgotten.
    pub(super) fn half_open(&self, now: Millis) -> bool {
        self.strikes > 0 && !self.holds(now) && now < self.until() + FORGET_AFTER
    }

    /// One more failure: the first cool-down lasts `span.0`, each next one doubles up to `span.1`; a span the
    /// service named wins. Failures of requests that were under way together count once.
    pub(super) fn strike(&mut self, now: Millis, span: (Millis, Millis), named: Option<Millis>) {
        let counts = !self.holds(now);
        let past = if now < self.until() + FORGET_AFTER { self.strikes } else { 0 };
        let doubled = span.0.0.saturating_mul(1 << past.min(20)).min(span.1.0);
        if !counts && named.is_none() {
            return;
        }
        let until = now + named.unwrap_or(Millis(doubled));
        self.advance(Self {
            epoch: self.epoch,
            until: until.0,
            strikes: if counts { past.saturating_add(1) } else { self.strikes },
            at: now.0,
        });
    }

    /// Holds until `until`, whatever was before: an earlier end than the last one begins an epoch.
    pub(super) fn hold(&mut self, now: Millis, until: Millis) {
        let shorter = until < self.until();
        let epoch = if shorter { now.0.max(self.epoch.saturating_add(1)) } else { self.epoch };
        let past = if now < self.until() + FORGET_AFTER { self.strikes } else { 0 };
        self.advance(Self { epoch, until: until.0, strikes: past.saturating_add(1), at: now.0 });
    }

    /// Counts without cooling down; returns the count.
    pub(super) fn count(&mut self, now: Millis) -> u32 {
        self.advance(Self { strikes: self.strikes.saturating_add(1), at: now.0, ..*self });
        self.strikes
    }

    /// Whether a failure has been counted since the last success.
    pub(super) fn counts(&self) -> bool {
        self.strikes > 0
    }

    /// A success: nothing before it counts any more. Returns whether anything did.
    pub(super) fn clear(&mut self, now: Millis) -> bool {
        let counted = self.counts();
        if counted {
            *self = Self { epoch: now.0.max(self.epoch.saturating_add(1)), ..Self::default() };
        }
        counted
    }

    fn advance(&mut self, next: Self) {
        *self = (*self).max(next);
    }
}

/// Somebody is refreshing. Over at `until`, or as soon as an outcome at `at` or later is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) at: u64,
    pub(super) until: u64,
}

impl Claim {
    /// The end of this claim, given back without an outcome: it holds for nobody.
    pub(super) fn given_back(self) -> Self {
        Self { at: self.at.saturating_add(1), until: RELEASED }
    }

    pub(super) fn is_given_back(self) -> bool {
        self.until == RELEASED
    }

    /// Whether this is the end of a claim that was made after the other one, so that it says nothing about that.
    pub(super) fn gives_back_another_than(self, other: Self) -> bool {
        self.is_given_back() && other.given_back() < self
    }
}

fn raise<T: Ord + Clone>(mine: &mut T, theirs: &T) -> bool {
    let newer = *theirs > *mine;
    if newer {
        mine.clone_from(theirs);
    }
    newer
}

/// The end of a claim that was given back.
const RELEASED: u64 = 0;
/// After a cool-down has been over for this long, its count starts anew and no probe is asked for.
pub(super) const FORGET_AFTER: Millis = Millis::mins(30);

#[cfg(test)]
mod tests;
