//! What can be done with one account now, for those who look after accounts and serve no request.

use super::slot::{Cause, Slot, Standing};
use super::state::word;
use super::{Account, Pool};
use crate::host::Millis;

/// What a call that is no client's must do before it uses an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readiness {
    /// Nothing: it has a token.
    Ready,
    /// Refresh it: see [`Pool::claim_refresh`].
    Refresh,
    /// Look again then: somebody refreshes it.
    Wait(Millis),
    /// It cannot be used; the word of its state.
    Out(&'static str),
}

impl Pool {
    /// The operator's name for an account.
    pub fn label(&self, account: Account) -> Option<&str> {
        self.slot(account).map(|slot| slot.credential.label.as_str())
    }

    /// When the service last said what is left of an account's quota.
    pub fn read_at(&self, account: Account) -> Option<Millis> {
        Some(Millis(self.slot(account)?.entry.reading.as_ref()?.at))
    }

    /// What an account needs before it is used. One that rests for its quota may be asked for it; any other rest is
    /// kept.
    pub fn readiness(&self, account: Account, now: Millis) -> Readiness {
        self.slot(account).map_or(Readiness::Out("removed"), |slot| slot.readiness(now))
    }

    /// The accounts that can be used now, or as soon as they are refreshed, in the order of the configuration.
    pub fn usable(&self, now: Millis) -> Vec<Account> {
        let usable = self.configured().filter(|slot| !matches!(slot.readiness(now), Readiness::Out(_)));
        usable.map(|slot| slot.account).collect()
    }
}

impl Slot {
    fn readiness(&self, now: Millis) -> Readiness {
        match self.standing(now) {
            // Whatever rests, a login is not tried more often than its own failures let it be.
            Standing::Probing(_) | Standing::Cooling(Cause::Quota, _) if !self.usable(now) => {
                readiness(&self.without_token(now), now)
            }
            standing => readiness(&standing, now),
        }
    }
}

fn readiness(standing: &Standing, now: Millis) -> Readiness {
    match *standing {
        Standing::Ready { .. } | Standing::Probing(_) | Standing::Cooling(Cause::Quota, _) => Readiness::Ready,
        Standing::NeedsRefresh => Readiness::Refresh,
        Standing::Refreshing(_) => Readiness::Wait(now + LOOK_AGAIN),
        Standing::Cooling(cause, _) => Readiness::Out(word(cause)),
        Standing::NeedsLogin => Readiness::Out("needs-login"),
        Standing::Suspended => Readiness::Out("suspended"),
        Standing::Disabled => Readiness::Out("disabled"),
    }
}

const LOOK_AGAIN: Millis = Millis(100);
