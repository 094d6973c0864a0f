//! What is left of an account's quota: as the service last said, less what its answers have cost since.
//!
//! ```text
//! look_up ─▶ the exchange asks the service ─┬─ quota_found     a reading; the metering begins anew
//!                                           └─ quota_unknown   asked again later, ever more slowly
//! metered ─▶ each answer's price, until the next reading
//! ```
//!
//! Readings are stored with the ledger whenever it is saved anyway. By themselves they are saved only when others
//! should know (see [`Reading::is_news`]): a store that takes one write a second has better things to keep.

use serde::{Deserialize, Serialize};

use super::forecast::Rate;
use super::slot::{Cause, Slot, Standing};
use super::{Account, Pool};
use crate::host::Millis;

/// An amount of the service's unit, in millionths. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
pub struct Credits(pub u64);

impl Credits {
    /// Whole units and their fraction; what is negative or no number is nothing.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such casts saturate")]
    pub fn of(units: f64) -> Self {
        Self((units * MILLION).round() as u64)
    }

    /// For humans, and for JSON.
    #[expect(clippy::cast_precision_loss, reason = "no quota has so many digits")]
    pub fn units(self) -> f64 {
        self.0 as f64 / MILLION
    }

    pub(super) fn plus(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }

    pub(super) fn minus(self, less: Self) -> Self {
        Self(self.0.saturating_sub(less.0))
    }
}

/// What the service says of an account's quota.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Quota {
    /// All of it: the plan, the trial and the bonuses that are active.
    pub limit: Credits,
    /// How much of that is used.
    pub used: Credits,
    /// What is left of it.
    pub remaining: Credits,
    /// Whether the account goes on when nothing is left.
    pub overage: bool,
    /// When it begins anew.
    pub resets: Option<Millis>,
    /// The plan's name.
    pub plan: Option<String>,
    /// The account's address, where it was asked for.
    pub email: Option<String>,
}

/// A [`Quota`] as it is remembered. The later one wins.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Reading {
    pub(super) at: u64,
    pub(super) limit: Credits,
    pub(super) used: Credits,
    pub(super) remaining: Credits,
    pub(super) overage: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resets: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<String>,
    /// How fast it was used up to this reading.
    #[serde(default)]
    pub(super) rate: Rate,
}

impl Reading {
    /// Whether others should know this one: they know none, or one that is old or says something else.
    pub(super) fn is_news(mine: Option<&Self>, theirs: Option<&Self>) -> bool {
        match (mine, theirs) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(mine), Some(theirs)) => {
                let other = mine.is_empty() != theirs.is_empty() || mine.resets != theirs.resets;
                mine > theirs && (other || mine.at >= theirs.at.saturating_add(NEWS_AFTER.0))
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.remaining == Credits::default()
    }

    /// The rate up to the next reading: it goes on through the end of a period, of which a reading tells only a part.
    fn rate_with(&self, next: &Quota, now: Millis) -> Rate {
        let same = next.used >= self.used && now < self.ends();
        if same { self.rate.after(next.used.minus(self.used), now - Millis(self.at)) } else { self.rate }
    }
}

/// What this instance knows beyond the reading.
#[derive(Clone, Debug, Default)]
pub(super) struct Metering {
    /// What answers have cost since the reading.
    spent: Credits,
    /// The reading that counts from.
    since: u64,
    /// Not asked again before this.
    next: Millis,
    /// Looks in a row that brought nothing.
    failed: u32,
    /// Never stored.
    pub(super) email: Option<String>,
}

impl Pool {
    /// The account whose quota is worth asking for; it is taken as asked. First those the service has just refused for
    /// their quota: whether that is true, and until when, is in the answer. None that rests for another cause, and none
    /// whose token would have to be refreshed first: a rest of those is tried once a day instead.
    pub fn look_up(&mut self, now: Millis) -> Option<Account> {
        let wanted = |slot: &Slot| !slot.retired && slot.wants_look(now);
        let unheard = self.slots.iter().position(|slot| slot.quota_unheard(now) && wanted(slot));
        let at = unheard.or_else(|| self.slots.iter().position(wanted))?;
        let slot = self.slots.get_mut(at)?;
        slot.metering.next = now + ASKED_FOR;
        Some(slot.account)
    }

    /// The service has said what is left.
    pub fn quota_found(&mut self, account: Account, quota: Quota, now: Millis) {
        self.change(account, |slot| slot.quota_found(quota, now));
    }

    /// It has not said so.
    pub fn quota_unknown(&mut self, account: Account, now: Millis) {
        let Some(slot) = self.slot_mut(account) else { return };
        let metering = &mut slot.metering;
        let pause = RETRY.0.0.saturating_mul(1 << metering.failed.min(8)).min(RETRY.1.0);
        metering.failed = metering.failed.saturating_add(1);
        metering.next = now + Millis(pause);
    }

    /// An answer of this account cost so much, where the service said so, and read so many tokens of its input from the
    /// service's cache.
    pub fn metered(&mut self, account: Account, price: Option<Credits>, cached: u64) {
        let Some(slot) = self.slot_mut(account) else { return };
        slot.metering.follow(slot.entry.reading.as_ref());
        slot.metering.spent = slot.metering.spent.plus(price.unwrap_or_default());
        slot.tally.read_from_cache(cached);
    }

    /// What is left by the last reading and the metering since; `None`: never read.
    pub fn remaining(&self, account: Account) -> Option<Credits> {
        self.slot(account)?.remaining()
    }
}

impl Metering {
    /// A reading from elsewhere begins the metering anew as well.
    fn follow(&mut self, reading: Option<&Reading>) {
        let at = reading.map_or(0, |reading| reading.at);
        if self.since != at {
            (self.since, self.spent) = (at, Credits::default());
        }
    }

    /// What answers have cost since this reading.
    pub(super) fn spent_since(&self, reading: &Reading) -> Credits {
        if self.since == reading.at { self.spent } else { Credits::default() }
    }

    /// What is left of it.
    pub(super) fn left(&self, reading: &Reading) -> Credits {
        reading.remaining.minus(self.spent_since(reading))
    }

    /// Whether the last look brought nothing.
    pub(super) fn is_unreadable(&self) -> bool {
        self.failed > 0
    }
}

impl Slot {
    pub(super) fn remaining(&self) -> Option<Credits> {
        self.entry.reading.as_ref().map(|reading| self.metering.left(reading))
    }

    fn wants_look(&self, now: Millis) -> bool {
        let standing = self.standing(now);
        let resting = matches!(standing, Standing::Cooling(Cause::Quota, _));
        let ready = matches!(standing, Standing::Ready { .. });
        if now < self.metering.next || !(ready || resting) || !self.usable(now) {
            return false;
        }
        let Some(reading) = &self.entry.reading else { return true };
        let age = now - Millis(reading.at);
        let much = self.metering.spent_since(reading).0 > reading.remaining.0 / 10;
        let soon = resting || much || now >= reading.ends();
        self.quota_unheard(now) || age >= if soon { SOON_FRESH } else { FRESH }
    }

    fn quota_found(&mut self, quota: Quota, now: Millis) {
        let rate = self.entry.reading.as_ref().map_or_else(Rate::default, |before| before.rate_with(&quota, now));
        let Quota { limit, used, remaining, overage, resets, plan, email } = quota;
        let resets = resets.map(|at| at.0);
        let reading = Reading { at: now.0, limit, used, remaining, overage, resets, plan, rate };
        self.entry.reading = Some(reading).max(self.entry.reading.take());
        let metering = &mut self.metering;
        metering.follow(self.entry.reading.as_ref());
        (metering.next, metering.failed) = (Millis(0), 0);
        metering.email = email.or_else(|| metering.email.take());
    }
}

const MILLION: f64 = 1e6;
/// How old a reading others know may be.
const NEWS_AFTER: Millis = Millis::mins(6 * 60);
/// How old a reading may be, and how old at least before it is asked for anew when much has been spent, when its period
/// is over, or to learn whether a quota that was used up is back.
const FRESH: Millis = Millis::mins(15);
const SOON_FRESH: Millis = Millis::mins(5);
/// How long the one who asks is waited for.
const ASKED_FOR: Millis = Millis::mins(1);
/// Pauses after looks that brought nothing.
const RETRY: (Millis, Millis) = (Millis::mins(2), Millis::mins(6 * 60));
