//! What is done for later requests once the client has its whole answer: what is left of an account's quota is asked
//! for when that is worth knowing. Nothing here changes the answer, and nothing here can fail it.
//!
//! At most one look of each kind per request, one after the other.

use crate::exchange::look::{Heard, QuotaLook, Seen};
use crate::exchange::{Exchange, Gateway, State, Then};
use crate::host::Millis;
use crate::pool::Credits;
use crate::summary::event_line;

/// The looks of one exchange.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// How many of the [`KINDS`] have had their turn.
    turns: usize,
    /// The look under way, and when it is given up.
    look: Option<(Task, Millis)>,
}

/// What can be looked after.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// What is left of an account's quota.
    Quota,
}

/// A look under way.
#[derive(Debug)]
enum Task {
    Quota(QuotaLook),
}

impl Exchange {
    /// The client has its answer: looks after what is due, then saves what was learnt.
    pub(crate) fn look_after(&mut self, gateway: &mut Gateway, now: Millis) {
        self.told.get_or_insert(now);
        let served = self.summary.status == 200 && self.call.as_ref().is_some_and(|call| !call.is_choice());
        let timely = now + WITHIN < self.term.answered();
        if served && timely && !self.left && self.begin_look(gateway, now) {
            return;
        }
        self.state = self.saving(gateway, Then::End, now).unwrap_or(State::Done);
    }

    /// Whether a look is under way: the client has its answer, and only the look's own deadline counts.
    pub(crate) fn is_tending(&self) -> bool {
        self.tends_until().is_some()
    }

    /// When the look under way is given up.
    pub(crate) fn tends_until(&self) -> Option<Millis> {
        let (_, until) = self.upkeep.look.as_ref()?;
        matches!(self.state, State::Send(..) | State::Await(..)).then_some(*until)
    }

    /// What the answer cost is taken off its account's quota.
    pub(crate) fn meter(&mut self, gateway: &mut Gateway) {
        let Some(call) = &self.call else { return };
        let (Some(account), Some(relay)) = (call.account(), &call.relay) else { return };
        if let Some(price) = relay.pipe().used().credits {
            gateway.pool_mut().metered(account, Credits::of(price));
        }
    }

    fn begin_look(&mut self, gateway: &mut Gateway, now: Millis) -> bool {
        while let Some(kind) = KINDS.get(self.upkeep.turns) {
            self.upkeep.turns += 1;
            let begun = match kind {
                Kind::Quota => self.look_at_quota(gateway, now),
            };
            if let Some(task) = begun {
                self.upkeep.look = Some((task, now + WITHIN));
                return true;
            }
        }
        false
    }

    fn look_at_quota(&mut self, gateway: &mut Gateway, now: Millis) -> Option<Task> {
        let account = gateway.pool_mut().look_up(now)?;
        let look = QuotaLook::of(gateway, account)?;
        self.state = look.ask()?;
        Some(Task::Quota(look))
    }

    /// The look has brought something. A failure is no verdict on the request, which was served: it has a line of its
    /// own, and the pool asks that account ever more seldom.
    pub(crate) fn tended(&mut self, gateway: &mut Gateway, heard: Heard<'_>, now: Millis) {
        let Some((Task::Quota(mut look), until)) = self.upkeep.look.take() else { return };
        match look.hear(gateway, heard, now) {
            Seen::Limits => {}
            Seen::Elsewhere => {
                if let Some(state) = look.ask() {
                    self.state = state;
                    self.upkeep.look = Some((Task::Quota(look), until));
                    return;
                }
            }
            Seen::Unknown(fault) => {
                let why = fault.map_or_else(|| "no answer in time".to_owned(), |fault| fault.to_string());
                let text = format!("what is left of the account {} cannot be read: {why}", look.label());
                self.lines.push(event_line("warn", &text, now));
            }
        }
        self.look_after(gateway, now);
    }
}

/// Every kind, in the order of their turns.
const KINDS: [Kind; 1] = [Kind::Quota];
/// How long a look may take: the connection of a client that waits for its end stays open for so long.
const WITHIN: Millis = Millis::secs(3);
