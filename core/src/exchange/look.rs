//! One look at what is left of an account's quota: the ways to ask are tried until one answers.

use crate::exchange::{Gateway, Purpose, Reading, State};
use crate::host::{Millis, TransportError};
use crate::pool::{Account, BearerKind, Credits, Lease, Quota};
use crate::upstream::fault::{Fault, FaultKind};
use crate::upstream::quota::{self, Limits, Way};

/// Asks what is left of one account's quota.
#[derive(Debug)]
pub(crate) struct QuotaLook {
    lease: Lease,
    /// Every way there is, the one that answered last first.
    ways: Vec<Way>,
    /// Where that one stands in the order of the service.
    first: usize,
    /// The way under way.
    at: usize,
}

/// What came of a request that is read whole.
#[derive(Clone, Copy)]
pub(crate) enum Heard<'h> {
    /// All of it.
    Whole(&'h Reading),
    /// The connection failed.
    Broke(&'h TransportError),
    /// It took too long.
    Late,
}

impl<'h> Heard<'h> {
    /// All of it, or nothing.
    pub(crate) fn whole(self) -> Option<&'h Reading> {
        match self {
            Self::Whole(reading) => Some(reading),
            Self::Broke(_) | Self::Late => None,
        }
    }
}

/// What became of a look.
pub(crate) enum Seen {
    /// The pool knows what is left.
    Limits,
    /// It has turned to another way: ask again.
    Elsewhere,
    /// It is not to be had, and why; the kind of the fault where there is one. The pool knows that.
    Unknown(String, Option<FaultKind>),
}

impl QuotaLook {
    /// A look at an account that has a token.
    pub(crate) fn of(gateway: &Gateway, account: Account) -> Option<Self> {
        let lease = gateway.pool().lease(account)?;
        let mut ways = quota::ways(&gateway.config().bases, lease.region.as_deref(), lease.profile_arn.as_deref());
        let first = gateway.quota_way() % ways.len().max(1);
        ways.rotate_left(first);
        Some(Self { lease, ways, first, at: 0 })
    }

    /// The label of the account.
    pub(crate) fn label(&self) -> &str {
        &self.lease.label
    }

    /// What it asks with.
    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The next request.
    pub(crate) fn ask(&self) -> Option<State> {
        let Lease { bearer, kind, profile_arn, .. } = &self.lease;
        let request =
            quota::request(self.ways.get(self.at)?, bearer, *kind == BearerKind::ApiKey, profile_arn.as_deref());
        Some(State::Send(Box::new(request), Purpose::Quota))
    }

    /// Takes what came of it.
    pub(crate) fn hear(&mut self, gateway: &mut Gateway, heard: Heard<'_>, now: Millis) -> Seen {
        let answer = match heard {
            Heard::Whole(Reading { head: Some(head), body }) => quota::read(head, body, now),
            Heard::Broke(error) => Err(Fault::transport(error)),
            Heard::Whole(_) | Heard::Late => return self.unknown(gateway, "no answer in time".to_owned(), None, now),
        };
        match answer {
            Ok(limits) => {
                gateway.quota_answered((self.first + self.at) % self.ways.len().max(1));
                gateway.pool_mut().quota_found(self.lease.account, limits.into(), now);
                Seen::Limits
            }
            Err(fault) => match quota::next_way(&self.ways, self.at, fault.kind) {
                Some(next) => {
                    self.at = next;
                    Seen::Elsewhere
                }
                None => self.unknown(gateway, fault.to_string(), Some(fault.kind), now),
            },
        }
    }

    fn unknown(&self, gateway: &mut Gateway, why: String, kind: Option<FaultKind>, now: Millis) -> Seen {
        gateway.pool_mut().quota_unknown(self.lease.account, now);
        Seen::Unknown(why, kind)
    }
}

impl From<Limits> for Quota {
    fn from(limits: Limits) -> Self {
        let Limits { limit, used, remaining, overage, resets, plan, email } = limits;
        let (limit, used, remaining) = (Credits::of(limit), Credits::of(used), Credits::of(remaining));
        Self { limit, used, remaining, overage, resets, plan, email }
    }
}
