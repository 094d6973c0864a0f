//! The accounts as they are configured: at the start, and again when the operator has changed them.

use super::credential::Credential;
use super::slot::Slot;
use super::{Account, Pool, Strategy};
use crate::seal::Sealing;

/// How many accounts another configuration brought, changed and took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Not known before: a login of its own, whatever its label.
    pub added: usize,
    /// The same login with something else about it, such as its label, region or client registration.
    pub changed: usize,
    /// Not configured any more.
    pub removed: usize,
    /// As they were.
    pub kept: usize,
}

impl Pool {
    /// Takes another configuration. What is known about an account stays with it as long as its configured secret
    /// does; another refresh token is another login. The store is read before the next pick, for what it knows about
    /// the accounts that came.
    ///
    /// Every [`Account`] stays what it was: what is under way with one that was taken out still comes to its end and
    /// is saved.
    pub fn configure(&mut self, credentials: Vec<Credential>, strategy: Strategy, sealing: Sealing) -> Changes {
        let mut changes = Changes::default();
        let mut before = core::mem::take(&mut self.slots);
        let mut next = before.len();
        for credential in credentials {
            let known = before.iter().position(|slot| slot.credential.id == credential.id);
            let slot = match known.map(|at| before.remove(at)) {
                Some(slot) => slot.configured(credential, &mut changes),
                None => {
                    changes.added += 1;
                    let mut slot = Slot::new(Account(next), credential);
                    // Until the load opens it: a save that comes first must not drop it.
                    slot.unopened = self.shelf.take_foreign(&slot.credential.id);
                    next += 1;
                    slot
                }
            };
            self.slots.push(slot);
        }
        changes.removed = before.iter().filter(|slot| !slot.retired).count();
        before.iter_mut().for_each(|slot| slot.retired = true);
        // They are as many as the operator has taken out while this instance was there.
        self.slots.append(&mut before);
        (self.strategy, self.sealing) = (strategy, sealing);
        self.shelf.expire();
        changes
    }
}

impl Slot {
    /// The same account, as it is configured from here on.
    fn configured(mut self, credential: Credential, changes: &mut Changes) -> Self {
        match () {
            () if self.retired => changes.added += 1,
            () if self.credential == credential => changes.kept += 1,
            () => changes.changed += 1,
        }
        self.retired = false;
        // It may be sealed under another key from here on.
        self.filed = None;
        self.print = credential.print();
        self.credential = credential;
        self
    }
}
