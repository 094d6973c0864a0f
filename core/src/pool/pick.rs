//! Which account serves a request, and what to say when none can.

use super::choice::Rank;
use super::slot::{Cause, Slot, Standing};
use super::{Account, Pool};
use crate::error::{Error, Kind};
use crate::host::Millis;

/// What a request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask<'a> {
    /// Names the conversation, for prompt caches; any text.
    pub session: Option<&'a str>,
    /// The service's name of the model.
    pub model: &'a str,
    /// Accounts this request has given up on.
    pub tried: &'a [Account],
    /// The account the request is at. While it can be used it is not left for another one that has come back meanwhile.
    pub at: Option<Account>,
}

/// What to do for the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pick {
    /// Call the service with this account's [`super::Lease`].
    Use(Account),
    /// Claim and perform a refresh first, then pick again.
    Refresh(Account),
    /// Another request refreshes the account or tries whether it is back: pick again at this time. The caller
    /// bounds how often by its own deadline.
    Wait(Millis),
    /// As many requests as may be are under way on every account that could serve: pick again at this time, within the
    /// same bounds.
    Full(Millis),
    /// No account can serve.
    None(Refusal),
}

/// Why no account can serve. Times are points in time: the soonest an account may be back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The service asked for fewer requests.
    Throttled {
        /// When the first account is back.
        until: Millis,
    },
    /// The model has no capacity, whatever the account.
    NoCapacity {
        /// When it is tried again.
        until: Millis,
    },
    /// Every account's quota is used up, or the soonest one to be back is.
    Quota {
        /// When it begins anew.
        until: Millis,
    },
    /// The service refuses what the account may do: profile, plan or host.
    Denied {
        /// When it is tried again.
        until: Millis,
    },
    /// The service fails again and again.
    Failing {
        /// When it is tried again.
        until: Millis,
    },
    /// As many requests are under way on every account as may be.
    Busy {
        /// When it is worth trying again.
        until: Millis,
    },
    /// Refreshes fail, and no valid token is left.
    RefreshFailing {
        /// When the next refresh is tried.
        until: Millis,
    },
    /// Accounts there are, but this request has given up on every usable one: its own last failure is the answer.
    Exhausted,
    /// Some account needs a new login, and none is better off.
    NeedsLogin,
    /// The accounts are locked by the service.
    Suspended,
    /// Every account is switched off.
    Disabled,
    /// No account is configured.
    Empty,
}

impl Refusal {
    /// When it is worth trying again.
    pub fn until(&self) -> Option<Millis> {
        match *self {
            Self::Throttled { until }
            | Self::NoCapacity { until }
            | Self::Quota { until }
            | Self::Denied { until }
            | Self::Failing { until }
            | Self::Busy { until }
            | Self::RefreshFailing { until } => Some(until),
            Self::Exhausted | Self::NeedsLogin | Self::Suspended | Self::Disabled | Self::Empty => None,
        }
    }

    /// The answer to the client. The operator's side never looks like the client's own credentials.
    pub fn error(&self, now: Millis) -> Error {
        let (kind, text) = match self {
            Self::Throttled { .. } => {
                (Kind::RateLimited, "Every account is throttled by the service; try again after the given time.")
            }
            Self::NoCapacity { .. } => {
                (Kind::Overloaded, "The service has no capacity for this model right now; try again shortly.")
            }
            Self::Quota { .. } => (Kind::QuotaExhausted, "Every account has used up its quota with the service."),
            Self::Denied { .. } => (
                Kind::UpstreamRefused,
                "The service does not authorize the gateway's accounts (profile, plan or region); tell the operator.",
            ),
            Self::Failing { .. } => (Kind::UpstreamFailed, "The service keeps failing; try again shortly."),
            Self::Busy { .. } => (Kind::RateLimited, BUSY),
            Self::RefreshFailing { .. } => {
                (Kind::UpstreamFailed, "The service's login endpoint cannot be reached or fails; try again shortly.")
            }
            Self::Exhausted => (Kind::UpstreamFailed, "Every usable account was tried and failed."),
            Self::NeedsLogin => {
                (Kind::NoUsableAccount, "The gateway's accounts need a new login; the operator must renew them.")
            }
            Self::Suspended => {
                (Kind::NoUsableAccount, "The gateway's accounts are suspended by the service; tell the operator.")
            }
            Self::Disabled => (Kind::NoUsableAccount, "Every account of the gateway is switched off."),
            Self::Empty => (Kind::NotConfigured, "No account is configured: set KIRO_AUTH_TOKEN or AWS_REFRESHTOKEN."),
        };
        let error = Error::new(kind, text);
        match self.until() {
            Some(until) => error.retry_after(until - now),
            None => error,
        }
    }

    /// When several accounts are out for different causes: the one that is back first tells, then the one
    /// the operator can do most about.
    fn rank(&self) -> (u8, Millis) {
        match self {
            Self::Exhausted => (0, Millis(0)),
            Self::NeedsLogin => (2, Millis(0)),
            Self::Suspended => (3, Millis(0)),
            Self::Disabled => (4, Millis(0)),
            Self::Empty => (5, Millis(0)),
            other => (1, other.until().unwrap_or(Millis::NEVER)),
        }
    }
}

/// What a look at every account came to.
struct Survey {
    /// The first that serves, and whether its token is to be refreshed first.
    first: Option<(Rank, Account, bool)>,
    /// The first of those that only fail.
    failing: Option<(Rank, Account)>,
    /// Somebody refreshes one of them, or tries whether it is back.
    waiting: bool,
    /// One could serve if fewer requests were under way on it.
    full: bool,
    /// The session's own is one of those.
    home_full: bool,
    /// The session's own is being refreshed.
    home_refreshing: bool,
    refusal: Refusal,
}

impl Pool {
    /// The account for a request: the one it is at, else the session's, else the first usable one, see [`super::choice`].
    ///
    /// A token that is due but still valid is refreshed by the first request that comes and used by the
    /// others. A session waits for its own account's refresh; other requests take another account that is ready. When
    /// too many requests are under way on its account a session is a guest elsewhere, and comes back.
    pub fn pick(&mut self, ask: &Ask<'_>, now: Millis) -> Pick {
        let survey = self.survey(ask, now);
        let stays = !survey.home_full;
        let arrived = survey.first.is_some_and(|(rank, ..)| rank.is_at());
        match (survey.first, survey.failing) {
            _ if survey.home_refreshing && !arrived => Pick::Wait(now + LOOK_AGAIN),
            (Some((_, account, true)), _) => self.seated(ask, account, stays, Pick::Refresh(account)),
            (Some((_, account, false)), _) => self.use_now(ask, account, stays, now),
            _ if survey.full => Pick::Full(now + LOOK_AGAIN),
            _ if survey.waiting => Pick::Wait(now + LOOK_AGAIN),
            // An account that only fails is better than none: what failed is the service, and it may have recovered.
            (None, Some((_, account))) => self.use_now(ask, account, stays, now),
            (None, None) => Pick::None(survey.refusal),
        }
    }

    /// The account that a request without a session would get, or would wait for; nothing is taken by asking.
    pub fn next_up(&self, now: Millis) -> Option<Account> {
        let survey = self.survey(&Ask { session: None, model: "", tried: &[], at: None }, now);
        let first = survey.first.map(|(_, account, _)| account);
        let refreshed = || self.usable(now).into_iter().next();
        first.or_else(refreshed).or_else(|| survey.failing.map(|(_, account)| account))
    }

    /// One look at each account, and nothing from the heap: this is done for every request.
    fn survey(&self, ask: &Ask<'_>, now: Millis) -> Survey {
        let seat = ask.session.and_then(|session| self.sticky.seat(session));
        let mut survey = Survey {
            first: None,
            failing: None,
            waiting: false,
            full: false,
            home_full: false,
            home_refreshing: false,
            refusal: Refusal::Empty,
        };
        for (place, slot) in self.slots.iter().enumerate().filter(|(_, slot)| !slot.retired) {
            let home = Some(slot.account) == seat;
            let standing = slot.standing(now);
            let refusal = refusal_of(&standing);
            if refusal.rank() < survey.refusal.rank() {
                survey.refusal = refusal;
            }
            if !ask.tried.contains(&slot.account) {
                let rank = Rank::of(slot, place, (ask.at == Some(slot.account), home), self.strategy, now);
                survey.take(slot.account, rank, standing, home, self.is_full(slot, now));
            }
        }
        survey
    }

    fn is_full(&self, slot: &Slot, now: Millis) -> bool {
        let most = self.most_under_way.and_then(|most| usize::try_from(most).ok());
        most.is_some_and(|most| slot.tally.under_way(now) >= most)
    }

    fn use_now(&mut self, ask: &Ask<'_>, account: Account, stays: bool, now: Millis) -> Pick {
        if let Some(capacity) = self.capacity.get_mut(ask.model) {
            if capacity.cooling.holds(now) {
                return Pick::None(Refusal::NoCapacity { until: capacity.cooling.until() });
            }
            if capacity.cooling.half_open(now) {
                if now < capacity.probe {
                    return Pick::Wait(now + LOOK_AGAIN);
                }
                capacity.probe = now + PROBE_FOR;
            }
        }
        if let Some(slot) = self.slot_mut(account)
            && slot.half_open(now)
        {
            slot.probe = now + PROBE_FOR;
        }
        self.seated(ask, account, stays, Pick::Use(account))
    }

    fn seated(&mut self, ask: &Ask<'_>, account: Account, stays: bool, pick: Pick) -> Pick {
        if let Some(session) = ask.session.filter(|_| stays) {
            self.sticky.take_seat(session, account);
        }
        pick
    }
}

impl Survey {
    fn take(&mut self, account: Account, rank: Rank, standing: Standing, home: bool, full: bool) {
        match standing {
            Standing::Ready { .. } | Standing::NeedsRefresh if full => {
                self.full = true;
                self.home_full |= home;
            }
            Standing::Ready { due } => self.offer(rank, account, due),
            Standing::NeedsRefresh => self.offer(rank, account, true),
            Standing::Refreshing(_) if home => self.home_refreshing = true,
            Standing::Refreshing(_) | Standing::Probing(_) => self.waiting = true,
            Standing::Cooling(Cause::Failing, _) if full => self.full = true,
            Standing::Cooling(Cause::Failing, _) if self.failing.is_none_or(|(first, _)| rank < first) => {
                self.failing = Some((rank, account));
            }
            _ => {}
        }
    }

    fn offer(&mut self, rank: Rank, account: Account, refresh: bool) {
        if self.first.is_none_or(|(first, ..)| rank < first) {
            self.first = Some((rank, account, refresh));
        }
    }
}

fn refusal_of(standing: &Standing) -> Refusal {
    match *standing {
        Standing::Cooling(Cause::Throttle, until) => Refusal::Throttled { until },
        Standing::Cooling(Cause::Quota, until) => Refusal::Quota { until },
        Standing::Cooling(Cause::Denied, until) => Refusal::Denied { until },
        Standing::Cooling(Cause::Failing, until) => Refusal::Failing { until },
        Standing::Cooling(Cause::Renewal, until) => Refusal::RefreshFailing { until },
        Standing::NeedsLogin => Refusal::NeedsLogin,
        Standing::Suspended => Refusal::Suspended,
        Standing::Disabled => Refusal::Disabled,
        // Usable, only not for this request any more.
        Standing::Ready { .. } | Standing::NeedsRefresh | Standing::Refreshing(_) | Standing::Probing(_) => {
            Refusal::Exhausted
        }
    }
}

const BUSY: &str = "As many requests as may be are under way on every account of the gateway (ACCOUNT_MAX_CONCURRENT); \
                    try again after the given time.";
/// How long a waiting request sleeps before it looks again. A refresh takes some hundred milliseconds.
const LOOK_AGAIN: Millis = Millis(150);
/// How long a probe may go without an outcome before another request tries.
const PROBE_FOR: Millis = Millis::secs(15);
