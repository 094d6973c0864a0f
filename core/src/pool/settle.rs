//! What an account's state becomes after a request to the service.
//!
//! | outcome | the account rests | doubling to | counted for |
//! |---|---|---|---|
//! | `Throttled` | `retry-after` or 30 s | 10 min | the account |
//! | `NoCapacity` | `retry-after` or 2 s | 30 s | the model, on every account |
//! | `QuotaUsedUp` | until its quota resets, see [`super::rest`] | – | the account |
//! | `DayUsedUp` | until the next day (UTC) | – | the account |
//! | `NotAuthorized` | 1 min | 1 h | the account |
//! | `BearerRefused` | not at all: it is refreshed; twice in a row: 30 s | 10 min | the account |
//! | `Failed` | from the fifth in a row: 10 s | 2 min | the account, in this instance |
//! | `Undecided` | not at all: the request goes on | – | – |
//! | `Suspended` | until the credential changes | – | the account |
//!
//! After a rest one request at a time tries the account until one is served.

use super::entry::{Cooling, Parked};
use super::slot::Slot;
use super::{BearerKind, Capacity, Lease, MAX_MODELS, Pool};
use crate::host::Millis;

/// What a request to the service came to, as far as the account is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The service accepted it (status 200). Also right for failures that are the request's own.
    Served,
    /// Too many requests from this account.
    Throttled {
        /// The span the service named.
        retry_after: Option<Millis>,
    },
    /// The model has no capacity. The account is not punished.
    NoCapacity {
        /// The span the service named.
        retry_after: Option<Millis>,
    },
    /// The account's quota is used up.
    QuotaUsedUp {
        /// The point in time at which it begins anew, if the service said so.
        resets: Option<Millis>,
    },
    /// The account's quota of the day is used up.
    DayUsedUp,
    /// The account is locked.
    Suspended,
    /// The bearer is invalid or expired.
    BearerRefused,
    /// The account may not do this: profile, plan or host.
    NotAuthorized,
    /// A 5xx, or no answer at all.
    Failed,
    /// It failed and is tried again at once: only the last try of a request counts.
    Undecided,
}

impl Pool {
    /// Tells the pool what became of a request. Call it as soon as the service answers or fails: when the client
    /// hangs up later, nothing runs any more.
    pub fn settle(&mut self, lease: &Lease, outcome: Outcome, model: &str, now: Millis) {
        match outcome {
            Outcome::NoCapacity { retry_after } => self.no_capacity(model, retry_after, now),
            Outcome::Served => {
                self.capacity.remove(model);
            }
            _ => self.end_model_probe(model),
        }
        self.change(lease.account, |slot| slot.settle(lease.stamp, outcome, now));
    }

    /// A call that is no client's was refused for its bearer: a token is refreshed before it is used again. Nothing is
    /// counted, since that says nothing of what clients ask for, and a key stays as it is. Whether there is another
    /// bearer to come.
    pub fn bearer_doubted(&mut self, lease: &Lease) -> bool {
        let renewable = lease.kind == BearerKind::AccessToken;
        if renewable {
            self.change(lease.account, |slot| slot.entry.refused = slot.entry.refused.max(lease.stamp));
        }
        renewable
    }

    fn no_capacity(&mut self, model: &str, retry_after: Option<Millis>, now: Millis) {
        self.capacity.retain(|_, capacity| capacity.cooling.holds(now) || capacity.cooling.half_open(now));
        if self.capacity.len() >= MAX_MODELS && !self.capacity.contains_key(model) {
            return;
        }
        let named = retry_after.map(|span| span.clamp(SHORTEST, MAX_CAPACITY_WAIT));
        let capacity: &mut Capacity = self.capacity.entry(model.to_owned()).or_default();
        capacity.probe = Millis(0);
        capacity.cooling.strike(now, CAPACITY, named);
    }

    /// The probe ended without a word about the model, so the next request may try.
    fn end_model_probe(&mut self, model: &str) {
        if let Some(capacity) = self.capacity.get_mut(model) {
            capacity.probe = Millis(0);
        }
    }
}

impl Slot {
    fn settle(&mut self, stamp: Millis, outcome: Outcome, now: Millis) {
        self.probe = Millis(0);
        match outcome {
            Outcome::Served => self.tally.succeeded(),
            Outcome::NoCapacity { .. } => {}
            _ => self.tally.failed(),
        }
        match outcome {
            Outcome::Served => self.served(now),
            Outcome::Throttled { retry_after } => {
                let named = retry_after.map(|span| span.clamp(SHORTEST, MAX_THROTTLE));
                self.entry.throttle.strike(now, THROTTLE, named);
            }
            Outcome::NoCapacity { .. } | Outcome::Undecided => {}
            Outcome::QuotaUsedUp { resets } => self.month_used_up(resets, now),
            Outcome::DayUsedUp => self.day_used_up(now),
            Outcome::Suspended => {
                let parked = Parked::new(now, self.print.clone(), "suspended by the service".to_owned());
                self.entry.suspended = Some(parked).max(self.entry.suspended.take());
            }
            Outcome::BearerRefused => self.bearer_refused(stamp, now),
            Outcome::NotAuthorized => self.entry.denied.strike(now, DENIED, None),
            Outcome::Failed => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= FAILURES_BORNE {
                    self.failing.strike(now, FAILING, None);
                }
            }
        }
    }

    /// Cool-downs that are over have proved to be; one that still holds outlives a request from before it.
    fn served(&mut self, now: Millis) {
        self.failures = 0;
        self.refusals = 0;
        self.quota_served(now);
        let entry = &mut self.entry;
        for cooling in [&mut entry.throttle, &mut entry.denied, &mut self.failing] {
            clear_if_over(cooling, now);
        }
        if self.is_key() {
            self.entry.rejected.clear(now);
        }
    }

    /// The token is not used again. A key, or the token that came from refreshing, is tried more slowly.
    fn bearer_refused(&mut self, stamp: Millis, now: Millis) {
        if self.is_key() {
            self.entry.denied.strike(now, REFUSED_AGAIN, None);
            if self.entry.rejected.count(now) >= super::renew::REJECTIONS_BORNE {
                let key = self.credential.secret.clone();
                self.bury(&key, "the service refuses the API key", now);
            }
            return;
        }
        if stamp <= self.entry.refused {
            return;
        }
        self.entry.refused = stamp;
        if stamp == self.entry.issued() {
            self.refusals = self.refusals.saturating_add(1);
        }
        if self.refusals > 1 {
            self.entry.denied.strike(now, REFUSED_AGAIN, None);
        }
    }
}

fn clear_if_over(cooling: &mut Cooling, now: Millis) {
    if !cooling.holds(now) {
        cooling.clear(now);
    }
}

const THROTTLE: (Millis, Millis) = (Millis::secs(30), Millis::mins(10));
const CAPACITY: (Millis, Millis) = (Millis::secs(2), Millis::secs(30));
const DENIED: (Millis, Millis) = (Millis::mins(1), Millis::mins(60));
const REFUSED_AGAIN: (Millis, Millis) = (Millis::secs(30), Millis::mins(10));
const FAILING: (Millis, Millis) = (Millis::secs(10), Millis::mins(2));
const FAILURES_BORNE: u32 = 5;
/// A `retry-after` of nothing still means: not at once.
const SHORTEST: Millis = Millis::secs(1);
/// The service knows a "60-minute credit limit"; anything longer is taken for a mistake.
const MAX_THROTTLE: Millis = Millis::mins(60);
const MAX_CAPACITY_WAIT: Millis = Millis::mins(2);
