//! One account as this instance sees it, and where it stands at a given time.

use super::Account;
use super::credential::{Credential, Login, digits};
use super::entry::{Claim, Cooling, Entry, Parked, Profile};
use super::quota::Metering;
use super::tally::Tally;
use crate::host::Millis;
use crate::json::RawValue;
use crate::place::is_profile_arn;
use crate::secret::Secret;

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) account: Account,
    /// Not configured any more. What is under way with it still has its place.
    pub(super) retired: bool,
    pub(super) credential: Credential,
    /// Digest of the credential as configured.
    pub(super) print: String,
    pub(super) entry: Entry,
    /// This instance's own refresh under way.
    pub(super) flight: Option<Flight>,
    /// This instance's last claim, which a stale read may bring back.
    pub(super) last_claim: Claim,
    /// When the token was issued that this instance itself obtained.
    pub(super) own_issue: Millis,
    /// Until when one request tries whether the account is back.
    pub(super) probe: Millis,
    /// Answers of 5xx in a row.
    pub(super) failures: u32,
    pub(super) failing: Cooling,
    /// Access tokens refused in a row.
    pub(super) refusals: u32,
    pub(super) metering: Metering,
    pub(super) tally: Tally,
    /// The stored entry as it was last read.
    pub(super) filed: Option<Filed>,
    /// The stored entry, while no key opens it.
    pub(super) unopened: Option<Box<RawValue>>,
}

/// A stored entry that was opened, and is sealed as it would be sealed again: as long as the same bytes come, none of that
/// has to be done anew.
#[derive(Debug)]
pub(super) struct Filed {
    pub(super) raw: Box<RawValue>,
    pub(super) entry: Entry,
}

/// A refresh this instance has claimed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) claim: Claim,
    /// How many loads there had been when it was claimed.
    pub(super) loads: u64,
    /// Where in the sequence of changes it was claimed.
    pub(super) tick: u64,
    /// Whether the store has taken it.
    pub(super) confirmed: bool,
}

/// Why an account rests for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    Throttle,
    Quota,
    Denied,
    Failing,
    Renewal,
}

/// Where an account stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// Usable; `due`: and it is time to refresh its token.
    Ready { due: bool },
    /// Not usable before a refresh, and nobody is at it.
    NeedsRefresh,
    /// Not usable before a refresh that is under way until then at most.
    Refreshing(Millis),
    /// Back after a cool-down, and one request is trying it.
    Probing(Millis),
    /// Resting until then.
    Cooling(Cause, Millis),
    /// Nothing logs in any more.
    NeedsLogin,
    /// Locked by the service.
    Suspended,
    /// Switched off by the operator.
    Disabled,
}

impl Slot {
    pub(super) fn new(account: Account, credential: Credential) -> Self {
        Self {
            account,
            retired: false,
            print: credential.print(),
            credential,
            entry: Entry::default(),
            flight: None,
            last_claim: Claim::default(),
            own_issue: Millis(0),
            probe: Millis(0),
            failures: 0,
            failing: Cooling::default(),
            refusals: 0,
            metering: Metering::default(),
            tally: Tally::default(),
            filed: None,
            unopened: None,
        }
    }

    pub(super) fn standing(&self, now: Millis) -> Standing {
        if self.credential.disabled {
            return Standing::Disabled;
        }
        if self.suspension().is_some() {
            return Standing::Suspended;
        }
        if let Some((cause, until)) = self.cooling(now) {
            return Standing::Cooling(cause, until);
        }
        match self.usable(now) {
            true if self.half_open(now) && now < self.probe => Standing::Probing(self.probe),
            true => Standing::Ready { due: self.due(now) },
            false => self.without_token(now),
        }
    }

    pub(super) fn without_token(&self, now: Millis) -> Standing {
        if self.refresh().is_none() {
            return Standing::NeedsLogin;
        }
        if let Some(until) = self.claimed(now) {
            return Standing::Refreshing(until);
        }
        if self.entry.renewal.holds(now) {
            return Standing::Cooling(Cause::Renewal, self.entry.renewal.until());
        }
        Standing::NeedsRefresh
    }

    pub(super) fn is_key(&self) -> bool {
        self.credential.login == Login::ApiKey
    }

    /// Whether there is a bearer the service can be expected to take.
    pub(super) fn usable(&self, now: Millis) -> bool {
        if self.is_key() {
            return self.death(&self.credential.secret).is_none();
        }
        self.entry.token.as_ref().is_some_and(|token| now < token.expires && token.issued > self.entry.refused)
    }

    /// Whether a usable token should be refreshed now. Whoever obtained the token comes first; the others
    /// leave it some time, so that instances which cannot see each other's claims do not all go at once.
    fn due(&self, now: Millis) -> bool {
        let Some(token) = &self.entry.token else { return false };
        let grace = Millis((token.expires - token.due).0 / 3).min(OTHERS_WAIT);
        let due = if token.issued == self.own_issue { token.due } else { token.due + grace };
        !self.is_key()
            && now >= due
            && self.refresh().is_some()
            && self.claimed(now).is_none()
            && !self.entry.renewal.holds(now)
    }

    /// The refresh token to use: the rotated one, the configured one when that died, nothing when both did.
    ///
    /// The configured one is worth a try: a rotation may have been lost with the instance that made it, and
    /// the service goes on taking original tokens where it does not enforce rotation.
    pub(super) fn refresh(&self) -> Option<&Secret> {
        if self.is_key() {
            return None;
        }
        let rotated = self.entry.token.as_ref().and_then(|token| token.refresh.as_ref());
        rotated.into_iter().chain([&self.credential.secret]).find(|secret| self.death(secret).is_none())
    }

    /// Why a secret logs in no more.
    pub(super) fn death(&self, secret: &Secret) -> Option<&Parked> {
        let alive_since = self.entry.issued();
        let mut dead = [&self.entry.rotated_dead, &self.entry.original_dead]
            .into_iter()
            .flatten()
            .filter(|parked| parked.since(alive_since))
            .peekable();
        // A digest for each look at each account would be most of what a pick costs.
        dead.peek()?;
        let basis = self.basis(secret);
        dead.find(|parked| parked.print.as_bytes() == basis)
    }

    /// Marks a secret as dead.
    pub(super) fn bury(&mut self, secret: &Secret, reason: &str, now: Millis) {
        let reason = self.clean(reason, secret);
        // Not before the token it came with, or the death would look older than the login.
        let at = now.max(self.entry.issued());
        let basis = self.basis(secret).iter().copied().map(char::from).collect();
        let parked = Some(Parked::new(at, basis, reason));
        if *secret == self.credential.secret {
            self.entry.original_dead = parked.max(self.entry.original_dead.take());
        } else {
            self.entry.rotated_dead = parked.max(self.entry.rotated_dead.take());
        }
    }

    fn basis(&self, secret: &Secret) -> [u8; 16] {
        digits(&["kiro2api login", &self.print, secret.reveal()])
    }

    /// The lock the service put on the account, unless the credential has been changed since.
    pub(super) fn suspension(&self) -> Option<&Parked> {
        self.entry.suspended.as_ref().filter(|parked| parked.print == self.print)
    }

    fn cooling(&self, now: Millis) -> Option<(Cause, Millis)> {
        let cooling = |cooling: Cooling| cooling.holds(now).then(|| cooling.until());
        [
            (Cause::Throttle, cooling(self.entry.throttle)),
            (Cause::Quota, self.quota_rest(now)),
            (Cause::Denied, cooling(self.entry.denied)),
            (Cause::Failing, cooling(self.failing)),
        ]
        .into_iter()
        .filter_map(|(cause, until)| Some((cause, until?)))
        .max_by_key(|(_, until)| *until)
    }

    pub(super) fn half_open(&self, now: Millis) -> bool {
        self.quota_half_open(now)
            || [self.entry.throttle, self.entry.denied, self.failing].iter().any(|cooling| cooling.half_open(now))
    }

    /// Until when somebody refreshes the account, at most.
    pub(super) fn claimed(&self, now: Millis) -> Option<Millis> {
        let own = self.flight.map(|flight| flight.claim);
        let claim = own.filter(|claim| now.0 < claim.until).or_else(|| self.foreign_claim(now))?;
        Some(Millis(claim.until))
    }

    /// Another instance's claim, unless it is over.
    pub(super) fn foreign_claim(&self, now: Millis) -> Option<Claim> {
        let claim = self.entry.claim;
        let outcome = self.entry.last_outcome();
        (now.0 < claim.until && claim.at > outcome.0 && claim != self.last_claim).then_some(claim)
    }

    pub(super) fn profile_arn(&self) -> Option<&str> {
        let learnt = self.entry.profile.as_ref().map(|profile| profile.arn.as_str());
        self.credential.profile_arn.as_deref().or(learnt)
    }

    pub(super) fn learn_profile(&mut self, arn: &str, now: Millis) {
        let known = self.entry.profile.as_ref().is_some_and(|profile| profile.arn == arn);
        if known || !is_profile_arn(arn) {
            return;
        }
        self.entry.profile = Some(Profile::new(now, arn.to_owned())).max(self.entry.profile.take());
        self.entry.denied.clear(now);
    }

    /// The service's words, short and without the account's secrets.
    pub(super) fn clean(&self, reason: &str, secret: &Secret) -> String {
        let mut text: String = reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
        let access = self.entry.token.as_ref().map(|token| token.access.reveal());
        let client = match &self.credential.login {
            Login::Idc { client_secret, .. } => Some(client_secret.reveal()),
            Login::Social | Login::ApiKey => None,
        };
        let own = self.credential.secret.reveal();
        for secret in [Some(secret.reveal()), Some(own), access, client].into_iter().flatten() {
            if !secret.is_empty() && reason.contains(secret) {
                text = "[the text held a secret]".to_owned();
            }
        }
        text
    }
}

/// How long an instance leaves a refresh to the one that obtained the token.
const OTHERS_WAIT: Millis = Millis::secs(120);
const MAX_REASON: usize = 200;
