//! Refreshing an account: one at a time, and never giving up a login that somebody else has just renewed.

use super::credential::Login;
use super::entry::{Claim, Token};
use super::slot::{Flight, Slot};
use super::{Account, Pool};
use crate::host::Millis;
use crate::secret::Secret;

/// What a refresh request needs. Keep it for [`Pool::refreshed`] or [`Pool::refresh_failed`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renewal {
    /// Whose token it is.
    pub account: Account,
    /// Which endpoint, and with which client registration.
    pub login: Login,
    /// The refresh token to send.
    pub refresh: Secret,
    /// The account's region, when it is configured.
    pub region: Option<String>,
    /// The account's name for logs.
    pub label: String,
    claim: Claim,
    /// Digest of the credential as it was.
    print: String,
}

impl Renewal {
    /// Whether the claim keeps others off until then. One that took long to save may not: then claim anew.
    pub fn lasts(&self, until: Millis) -> bool {
        until.0 <= self.claim.until
    }
}

/// What a successful refresh brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The access token.
    pub access: Secret,
    /// How long it is valid.
    pub expires_in: Millis,
    /// The rotated refresh token, if one came.
    pub refresh: Option<Secret>,
    /// The profile, if one came.
    pub profile_arn: Option<String>,
}

/// Why a refresh brought nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefreshFault {
    /// The service says this login is over, in these words.
    Dead(String),
    /// Another 400, 401 or 403: three in a row mean the same.
    Rejected,
    /// Throttled, 5xx or no connection; the span the service named, if any.
    Later(Option<Millis>),
}

/// What to do after a refresh that failed. After everything but [`AfterRefreshFault::ReloadFirst`]: pick again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AfterRefreshFault {
    /// Nothing is decided yet: somebody else may have renewed the login. Load the store, [`Pool::absorb`] it (or
    /// report [`Pool::store_failed`]), then report the same fault again.
    ReloadFirst,
    /// Somebody else has renewed it: theirs is used.
    #[default]
    Superseded,
    /// The rotated token is dead; the configured one is tried next.
    OriginalLeft,
    /// Refreshes rest until this time. The token at hand is used as long as it is valid.
    Later(Millis),
    /// The account needs a new login.
    NeedsLogin,
}

impl Pool {
    /// Claims the refresh of an account until a point in time, when the refresh call is over at the latest. `None`: somebody
    /// else is at it, or there is nothing to refresh with; pick again.
    ///
    /// Where [`Pool::compares`] holds, save a [`Pool::snapshot`] now and go on only if
    /// [`Pool::holds_claim`] is still true after it was stored, or after the conflict was absorbed: then no two
    /// instances refresh at once.
    pub fn claim_refresh(&mut self, account: Account, now: Millis, until: Millis) -> Option<Renewal> {
        let (loads, tick) = (self.shelf.loads(), self.shelf.next_tick());
        let slot = self.slot_mut(account)?;
        if slot.claimed(now).is_some() {
            return None;
        }
        let refresh = slot.refresh()?.clone();
        // One that comes right after a release must not look older than it.
        let released = if slot.entry.claim.is_given_back() { slot.entry.claim.at } else { 0 };
        let claim = Claim { at: now.0.max(released), until: until.0 };
        slot.last_claim = claim;
        slot.flight = Some(Flight { claim, loads, tick, confirmed: false });
        let credential = &slot.credential;
        Some(Renewal {
            account,
            login: credential.login.clone(),
            refresh,
            region: credential.region.clone(),
            label: credential.label.clone(),
            claim,
            print: slot.print.clone(),
        })
    }

    /// Whether the claim is still this request's: not expired and replaced, not lost to another instance.
    pub fn holds_claim(&self, renewal: &Renewal) -> bool {
        self.slot(renewal.account).and_then(|slot| slot.flight).is_some_and(|flight| flight.claim == renewal.claim)
    }

    /// Gives a claim back without an outcome, as when no time was left to send the refresh. The pool becomes
    /// [`Pool::dirty`]: others that have seen the claim wait until they see that it is over.
    pub fn release(&mut self, renewal: &Renewal) {
        self.change(renewal.account, |slot| slot.release(renewal));
    }

    /// Takes a new token. Save a [`Pool::snapshot`] before it is used: a rotated refresh token exists nowhere else.
    ///
    /// `jitter` moves the next refresh up to a minute ahead, so that instances and accounts spread out.
    pub fn refreshed(&mut self, renewal: &Renewal, grant: Grant, now: Millis, jitter: u8) {
        self.change(renewal.account, |slot| slot.refreshed(renewal, grant, now, jitter));
    }

    /// Takes a failure; says what to do.
    pub fn refresh_failed(&mut self, renewal: &Renewal, fault: &RefreshFault, now: Millis) -> AfterRefreshFault {
        let loads = self.shelf.loads();
        self.change(renewal.account, |slot| slot.refresh_failed(renewal, fault, loads, now))
    }
}

impl Slot {
    fn release(&mut self, renewal: &Renewal) {
        if self.flight.is_none_or(|flight| flight.claim != renewal.claim) {
            return;
        }
        self.land(renewal);
        // Even if its save is not known to have come to anything: it may have.
        self.entry.claim = self.entry.claim.max(renewal.claim.given_back());
    }

    fn land(&mut self, renewal: &Renewal) {
        if self.flight.is_some_and(|flight| flight.claim == renewal.claim) {
            self.flight = None;
        }
    }

    fn refreshed(&mut self, renewal: &Renewal, grant: Grant, now: Millis, jitter: u8) {
        self.land(renewal);
        let rotated = (renewal.refresh != self.credential.secret).then(|| renewal.refresh.clone());
        let life = grant.expires_in.clamp(SHORTEST_LIFE, LONGEST_LIFE);
        let jitter = Millis(JITTER.0 * u64::from(jitter) / 255);
        let ahead = if life > SKEW + SKEW { SKEW + jitter } else { Millis(life.0 / 2) };
        // Later than anything known, whatever the clocks of other instances say.
        let issued = now.max(self.entry.issued() + Millis(1));
        self.own_issue = issued;
        self.entry.token = Some(Token {
            issued,
            due: now + (life - ahead),
            expires: now + (life - MARGIN.min(Millis(life.0 / 10))),
            access: grant.access,
            refresh: grant.refresh.filter(|refresh| !refresh.is_empty()).or(rotated),
        });
        self.entry.renewal.clear(now);
        self.entry.rejected.clear(now);
        if let Some(arn) = &grant.profile_arn {
            self.learn_profile(arn, now);
        }
    }

    fn refresh_failed(
        &mut self,
        renewal: &Renewal,
        fault: &RefreshFault,
        loads: u64,
        now: Millis,
    ) -> AfterRefreshFault {
        if let RefreshFault::Later(span) = fault {
            self.land(renewal);
            let named = span.map(|span| span.clamp(Millis::secs(1), RETRY.1));
            self.entry.renewal.strike(now, RETRY, named);
            return AfterRefreshFault::Later(self.entry.renewal.until());
        }
        let fresh = self.flight.is_none_or(|flight| flight.claim != renewal.claim || flight.loads != loads);
        if !fresh {
            return AfterRefreshFault::ReloadFirst;
        }
        self.land(renewal);
        if self.superseded(renewal, now) {
            return AfterRefreshFault::Superseded;
        }
        match fault {
            RefreshFault::Dead(reason) => self.bury(&renewal.refresh, reason, now),
            _ if self.entry.rejected.count(now) >= REJECTIONS_BORNE => {
                self.entry.rejected.clear(now);
                self.bury(&renewal.refresh, "the login endpoint rejects the refresh token", now);
            }
            _ => {
                self.entry.renewal.strike(now, RETRY, None);
                return AfterRefreshFault::Later(self.entry.renewal.until());
            }
        }
        if self.refresh().is_some() { AfterRefreshFault::OriginalLeft } else { AfterRefreshFault::NeedsLogin }
    }

    /// Whether the store has meanwhile brought another refresh token, or a token issued since; or the operator has
    /// changed what logs in, so that the failure says nothing about it.
    fn superseded(&self, renewal: &Renewal, now: Millis) -> bool {
        let newer = self.entry.issued().0 >= renewal.claim.at && self.usable(now);
        newer || self.print != renewal.print || self.refresh() != Some(&renewal.refresh)
    }
}

/// How many rejected refreshes in a row mean that the login is over.
pub(super) const REJECTIONS_BORNE: u32 = 3;

/// How long before its end a token is refreshed.
const SKEW: Millis = Millis::mins(5);
const JITTER: Millis = Millis::mins(1);
/// How long before its end a token is not used any more: requests take time to arrive.
const MARGIN: Millis = Millis::secs(10);
/// A shorter life would have the token refreshed at every request; if it is true, the service refuses the token.
const SHORTEST_LIFE: Millis = Millis::mins(1);
const LONGEST_LIFE: Millis = Millis::mins(30 * 24 * 60);
const RETRY: (Millis, Millis) = (Millis::secs(5), Millis::mins(10));
