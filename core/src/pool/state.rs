//! Where every account stands, for the operator.

use super::Pool;
use super::quota::Credits;
use super::slot::{Cause, Slot, Standing};
use crate::host::Millis;

/// One account's state. Holds no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountState {
    /// The account's stable id.
    pub id: String,
    /// The operator's name for it.
    pub label: String,
    /// `social`, `idc` or `apikey`.
    pub login: &'static str,
    /// One word: `ready`, `needs-refresh`, `refreshing`, `probing`, `throttled`, `quota`, `denied`, `failing`,
    /// `refresh-failing`, `needs-login`, `suspended`, `disabled`.
    pub state: &'static str,
    /// When that changes by itself; for `ready`, when the token expires.
    pub until: Option<Millis>,
    /// Why, where there is more to say.
    pub reason: Option<String>,
    /// Lower numbers serve first.
    pub priority: i32,
    /// What is left of its quota; `None`: never read.
    pub quota: Option<QuotaState>,
    /// What this one instance has seen of it since it started.
    pub seen: Seen,
}

/// What one instance has seen of an account since it started. Never stored.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Requests under way.
    pub under_way: usize,
    /// Requests the service has accepted, or refused for something other than the account.
    pub served: u64,
    /// Tries that failed, and how many of them since the last that was served. A model without capacity is no failure of
    /// the account.
    pub failed: u64,
    /// See `failed`.
    pub failed_in_a_row: u32,
    /// When a request was last begun with it.
    pub last_used: Option<Millis>,
    /// Answers that read some of their input from the service's prompt cache.
    pub cache_hits: u64,
    /// How many tokens those read from it.
    pub cached_tokens: u64,
    /// The account's address, once the service has named it: for administrators alone.
    pub email: Option<String>,
}

/// What is left of an account's quota.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaState {
    /// What is left by the last reading and what answers have cost since.
    pub remaining: Credits,
    /// What is used, in the same way.
    pub used: Credits,
    /// The plan, the trial and the bonuses that are active.
    pub limit: Credits,
    /// Whether the account goes on when nothing is left.
    pub overage: bool,
    /// The plan's name.
    pub plan: Option<String>,
    /// When it begins anew, where the service has said so. In the past: the period is over and it was not read since.
    pub resets: Option<Millis>,
    /// When what is left will be used up if it goes on like this: by the mean of the last hours. `None`: not before the
    /// quota begins anew, or too little is known; also when nothing is left.
    pub exhausted_at: Option<Millis>,
    /// When the service was last asked.
    pub read_at: Millis,
}

impl Pool {
    /// Whether an account may serve again only when the operator gives it another login: it is over, or has been
    /// refused since it last worked.
    pub fn wants_login(&self, now: Millis) -> bool {
        self.configured().any(|slot| match slot.standing(now) {
            Standing::NeedsLogin | Standing::Suspended => true,
            Standing::Disabled => false,
            _ => slot.entry.rejected.counts(),
        })
    }

    /// Every account's state, in the order of the configuration.
    pub fn states(&self, now: Millis) -> Vec<AccountState> {
        self.configured().map(|slot| slot.state(now)).collect()
    }
}

impl Slot {
    fn state(&self, now: Millis) -> AccountState {
        let expires = self.entry.token.as_ref().map(|token| token.expires);
        let (state, until) = match self.standing(now) {
            Standing::Ready { .. } => ("ready", expires),
            Standing::NeedsRefresh => ("needs-refresh", None),
            Standing::Refreshing(until) => ("refreshing", Some(until)),
            Standing::Probing(until) => ("probing", Some(until)),
            Standing::Cooling(cause, until) => (word(cause), Some(until)),
            Standing::NeedsLogin => ("needs-login", None),
            Standing::Suspended => ("suspended", None),
            Standing::Disabled => ("disabled", None),
        };
        AccountState {
            id: self.credential.id.clone(),
            label: self.credential.label.clone(),
            login: self.credential.login.word(),
            state,
            until,
            reason: self.reason(),
            priority: self.credential.priority,
            quota: self.quota(now),
            seen: self.seen(now),
        }
    }

    fn seen(&self, now: Millis) -> Seen {
        let tally = &self.tally;
        Seen {
            under_way: tally.under_way(now),
            served: tally.served,
            failed: tally.failed,
            failed_in_a_row: tally.failed_in_a_row,
            last_used: tally.last_used,
            cache_hits: tally.cache_hits,
            cached_tokens: tally.cached_tokens,
            email: self.metering.email.clone(),
        }
    }

    fn quota(&self, now: Millis) -> Option<QuotaState> {
        let reading = self.entry.reading.as_ref()?;
        let (spent, remaining) = (self.metering.spent_since(reading), self.metering.left(reading));
        let rate = reading.rate.after(spent, now - Millis(reading.at));
        let exhausted_at = rate.lasts(remaining).map(|span| now + span).filter(|at| *at < reading.ends());
        Some(QuotaState {
            remaining,
            used: reading.used.plus(spent),
            limit: reading.limit,
            overage: reading.overage,
            plan: reading.plan.clone(),
            resets: reading.resets.map(Millis),
            exhausted_at: exhausted_at.filter(|_| remaining > Credits::default()),
            read_at: Millis(reading.at),
        })
    }

    /// A lock first, then the death of what logs in: worth knowing while the last token still serves.
    fn reason(&self) -> Option<String> {
        let death = || {
            let rotated = self.entry.token.as_ref().and_then(|token| token.refresh.as_ref());
            let dead = || rotated.and_then(|secret| self.death(secret)).or_else(|| self.death(&self.credential.secret));
            if self.refresh().is_none() { dead() } else { None }
        };
        self.suspension().or_else(death).map(|parked| parked.reason.clone())
    }
}

pub(super) fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::Throttle => "throttled",
        Cause::Quota => "quota",
        Cause::Denied => "denied",
        Cause::Failing => "failing",
        Cause::Renewal => "refresh-failing",
    }
}
