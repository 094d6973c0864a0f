//! What is done for later requests once the client has its whole answer: what is left of an account's quota is asked
//! for when that is worth knowing. Nothing here changes the answer, and nothing here can fail it.

use crate::exchange::listing::Fetch;
use crate::exchange::{Exchange, Gateway, Purpose, Reading, State, Then};
use crate::host::Millis;
use crate::pool::{Account, BearerKind, Credits, Quota};
use crate::upstream::{endpoint, quota};

/// A look for later requests under way.
#[derive(Debug)]
pub(crate) struct Upkeep {
    pub(crate) task: Task,
    /// When it is given up.
    pub(crate) until: Millis,
}

/// What is looked for.
#[derive(Debug)]
pub(crate) enum Task {
    /// What is left of this account's quota.
    Quota(Account),
    /// The models that an account is offered.
    Models(Fetch),
    /// Nothing any more.
    Done,
}

impl Exchange {
    /// The client has its answer: looks after one thing if that is due, then saves what was learnt.
    pub(crate) fn look_after(&mut self, gateway: &mut Gateway, now: Millis) {
        let served = self.summary.status == 200 && self.call.as_ref().is_some_and(|call| !call.is_choice());
        let timely = now + WITHIN < self.term.answered();
        let may = served && timely && !self.left;
        if may && self.upkeep.is_none() && self.ask_quota(gateway, now) {
            return;
        }
        if may && self.tend_lists(gateway, now) {
            return;
        }
        self.look_after_rest(gateway, now);
    }

    /// Saves what was learnt.
    pub(crate) fn look_after_rest(&mut self, gateway: &mut Gateway, now: Millis) {
        self.state = self.saving(gateway, Then::End, now).unwrap_or(State::Done);
    }

    /// Whether a look is under way: the client has its answer, and only its own deadline counts.
    pub(crate) fn is_tending(&self) -> bool {
        self.upkeep.is_some() && matches!(self.state, State::Send(..) | State::Await(..))
    }

    /// What the answer cost is taken off its account's quota.
    pub(crate) fn meter(&mut self, gateway: &mut Gateway) {
        let Some(call) = &self.call else { return };
        let (Some(account), Some(relay)) = (call.account(), &call.relay) else { return };
        if let Some(price) = relay.pipe().used().credits {
            gateway.pool_mut().metered(account, Credits::of(price));
        }
    }

    fn ask_quota(&mut self, gateway: &mut Gateway, now: Millis) -> bool {
        let Some(account) = gateway.pool_mut().look_up(now) else { return false };
        let Some(lease) = gateway.pool().lease(account) else { return false };
        let hosts =
            endpoint::quota_hosts(&gateway.config().bases, lease.region.as_deref(), lease.profile_arn.as_deref());
        let Some(host) = hosts.first() else { return false };
        let key = lease.kind == BearerKind::ApiKey;
        let request = quota::request(host, &lease.bearer, key, lease.profile_arn.as_deref());
        self.upkeep = Some(Upkeep { task: Task::Quota(account), until: now + WITHIN });
        self.state = State::Send(Box::new(request), Purpose::Quota);
        true
    }

    /// The look is over, with an answer or without.
    pub(crate) fn tended(&mut self, gateway: &mut Gateway, reading: Option<&Reading>, now: Millis) {
        let account = match self.upkeep.take() {
            Some(Upkeep { task: Task::Models(fetch), until }) => {
                self.upkeep = Some(Upkeep { task: Task::Done, until });
                return self.models_answered(gateway, fetch, until, reading, now);
            }
            Some(Upkeep { task: Task::Quota(account), until }) => {
                self.upkeep = Some(Upkeep { task: Task::Done, until });
                account
            }
            done => return self.upkeep = done,
        };
        let answer = reading.and_then(|reading| Some(quota::read(reading.head.as_ref()?, &reading.body, now)));
        match answer {
            Some(Ok(quota)) => gateway.pool_mut().quota_found(account, quota.into(), now),
            Some(Err(fault)) => {
                self.summary.verdicts.push(format!("quota: {fault}"));
                gateway.pool_mut().quota_unknown(account, now);
            }
            None => gateway.pool_mut().quota_unknown(account, now),
        }
        self.look_after(gateway, now);
    }
}

impl From<quota::Limits> for Quota {
    fn from(limits: quota::Limits) -> Self {
        let quota::Limits { limit, used, remaining, overage, resets, plan, email } = limits;
        let (limit, used, remaining) = (Credits::of(limit), Credits::of(used), Credits::of(remaining));
        Self { limit, used, remaining, overage, resets, plan, email }
    }
}

/// How long a look may take: the connection of a client that waits for its end stays open for so long.
pub(crate) const WITHIN: Millis = Millis::secs(3);
