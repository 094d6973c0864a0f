//! Where every account stands, for the operator.

use super::Pool;
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
        }
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

fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::Throttle => "throttled",
        Cause::Quota => "quota",
        Cause::Denied => "denied",
        Cause::Failing => "failing",
        Cause::Renewal => "refresh-failing",
    }
}
