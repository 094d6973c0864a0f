//! How long an account rests once the service has said that its quota is used up.
//!
//! | what is known | the rest ends |
//! |---|---|
//! | the quota of a day is used up | at the next midnight (UTC), whatever a reading says: readings count months |
//! | a reading since says that nothing is left | at the reading's reset date |
//! | a reading since says that something is left, or that overage is on | at once; if that was wrong before, a little later each time, up to a day |
//! | nothing since | at the reset date of the reading before, else with the month (UTC) |
//!
//! A rest that is not confirmed by a reading of the last day is interrupted: one request at a time tries the account.
//! So no rest outlives the truth by more than a day, even where the account's access token has expired, which keeps its
//! quota from being asked for: the request that tries the account refreshes the token first.
//!
//! All of it follows from the two registers `quota` and `reading`, so it is the same on every instance that knows them.

use super::calendar::{next_day, next_month};
use super::entry::FORGET_AFTER;
use super::quota::Reading;
use super::slot::Slot;
use crate::host::Millis;

impl Slot {
    /// Until when the account rests for its quota; `None`: it does not.
    pub(super) fn quota_rest(&self, now: Millis) -> Option<Millis> {
        let ends = self.quota_ends();
        (now < ends && !self.quota_on_trial(now)).then_some(ends)
    }

    /// Whether the account is back from such a rest, or is to be tried in the middle of one, and no success is known.
    pub(super) fn quota_half_open(&self, now: Millis) -> bool {
        let ends = self.quota_ends();
        let back = self.entry.quota.counts() && now >= ends && now < ends + FORGET_AFTER;
        back || self.quota_on_trial(now)
    }

    /// Whether it is time to look whether the rest still has its reason.
    pub(super) fn quota_on_trial(&self, now: Millis) -> bool {
        let since = self.entry.quota.at();
        let said = self.reading_since().map_or(since, |reading| Millis(reading.at));
        now < self.quota_ends() && !self.rests_for_the_day() && now >= said + TRIED_AFTER
    }

    /// Whether nothing has been heard of the quota since the rest began.
    pub(super) fn quota_unheard(&self, now: Millis) -> bool {
        self.quota_rest(now).is_some() && self.reading_since().is_none()
    }

    /// The service has refused a request for the quota of the month.
    pub(super) fn month_used_up(&mut self, resets: Option<Millis>, now: Millis) {
        let named = resets.filter(|reset| *reset > now && *reset < now + LONGEST_PERIOD);
        let read = self.entry.reading.as_ref().map(Reading::ends).filter(|ends| *ends > now);
        self.rest_for_quota(named.or(read).unwrap_or_else(|| next_month(now)), now);
    }

    /// The same for the quota of the day.
    pub(super) fn day_used_up(&mut self, now: Millis) {
        self.rest_for_quota(next_day(now), now);
    }

    fn rest_for_quota(&mut self, until: Millis, now: Millis) {
        // Requests that were under way together say it once.
        if self.quota_rest(now).is_none_or(|ends| until > ends) {
            // After every reading at hand, so that none of them is taken for a word about this refusal.
            let known = self.entry.reading.as_ref().map_or(0, |reading| reading.at.saturating_add(1));
            self.entry.quota.hold(now.max(Millis(known)), until);
        }
    }

    /// The service has accepted a request.
    pub(super) fn quota_served(&mut self, now: Millis) {
        if self.quota_rest(now).is_none() {
            self.entry.quota.clear(now);
        }
    }

    fn quota_ends(&self) -> Millis {
        let quota = &self.entry.quota;
        match self.reading_since() {
            _ if !quota.counts() => Millis(0),
            Some(_) if self.rests_for_the_day() => quota.until(),
            Some(reading) if reading.serves() => Millis(reading.at).max(quota.at() + disbelief(quota.strikes())),
            Some(reading) => reading.named_end().unwrap_or_else(|| quota.until()),
            None => quota.until(),
        }
    }

    fn rests_for_the_day(&self) -> bool {
        self.entry.quota.until() == next_day(self.entry.quota.at())
    }

    fn reading_since(&self) -> Option<&Reading> {
        self.entry.reading.as_ref().filter(|reading| reading.at >= self.entry.quota.at().0)
    }
}

impl Reading {
    /// Whether the account can serve by what it says.
    pub(super) fn serves(&self) -> bool {
        self.overage || !self.is_empty()
    }

    /// When it says nothing any more: at its reset date, else with its month.
    pub(super) fn ends(&self) -> Millis {
        self.named_end().unwrap_or_else(|| next_month(Millis(self.at)))
    }

    fn named_end(&self) -> Option<Millis> {
        let at = Millis(self.at);
        self.resets.map(Millis).filter(|reset| *reset > at && *reset < at + LONGEST_PERIOD)
    }
}

/// How long a reading that something is left is not believed, when the service has refused so many requests in a row.
fn disbelief(strikes: u32) -> Millis {
    match strikes.checked_sub(2) {
        None => Millis(0),
        Some(more) => Millis(DOUBTED.0.saturating_mul(1 << more.min(20))).min(TRIED_AFTER),
    }
}

/// How long a rest goes on without a word about the quota before a request tries the account.
const TRIED_AFTER: Millis = Millis::mins(24 * 60);
const DOUBTED: Millis = Millis::mins(5);
/// Quotas are monthly: a reset further away than two months is taken for a mistake.
const LONGEST_PERIOD: Millis = Millis::mins(62 * 24 * 60);
