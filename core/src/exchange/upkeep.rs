//! What is done for later requests once the client has its whole answer: what is left of an account's quota is asked
//! for when that is worth knowing. Nothing here changes the answer, and nothing here can fail it.

use crate::error::Kind;
use crate::exchange::listing::Fetch;
use crate::exchange::look::{Heard, QuotaLook, Seen};
use crate::exchange::{Exchange, Gateway, State, Then};
use crate::host::Millis;
use crate::pool::Credits;
use crate::summary::event_line;

/// A look for later requests under way.
#[derive(Debug)]
pub(crate) struct Upkeep {
    pub(crate) task: Task,
    /// When it is given up.
    pub(crate) until: Millis,
}

/// What is looked for.
#[derive(Debug)]
pub(crate) enum Task {
    /// What is left of an account's quota.
    Quota(QuotaLook),
    /// The models that an account is offered.
    Models(Fetch),
    /// Nothing any more.
    Done,
}

impl Exchange {
    /// The client has its answer: looks after one thing if that is due, then saves what was learnt.
    pub(crate) fn look_after(&mut self, gateway: &mut Gateway, now: Millis) {
        self.told.get_or_insert(now);
        let whole = self.call.as_ref().is_some_and(|call| !call.is_choice());
        // An answer that broke off has the status 200 as well.
        let served = self.summary.status == 200 && self.fault.is_none() && whole;
        // When every quota is used up nothing is served any more, and only a look tells whether that is still true.
        let refused = whole && self.fault.as_ref().is_some_and(|fault| fault.kind() == Kind::QuotaExhausted);
        let timely = now + WITHIN < self.term.answered() && !self.left;
        let may = served && timely;
        if (served || refused) && timely && self.upkeep.is_none() && self.ask_quota(gateway, now) {
            return;
        }
        if may && self.tend_lists(gateway, now) {
            return;
        }
        self.look_after_rest(gateway, now);
    }

    /// Saves what was learnt.
    pub(crate) fn look_after_rest(&mut self, gateway: &mut Gateway, now: Millis) {
        self.state = self.saving(gateway, Then::End, now).unwrap_or(State::Done);
    }

    /// Whether a look is under way: the client has its answer, and only its own deadline counts.
    pub(crate) fn is_tending(&self) -> bool {
        self.upkeep.is_some() && matches!(self.state, State::Send(..) | State::Await(..))
    }

    /// What the answer cost is taken off its account's quota.
    pub(crate) fn meter(&mut self, gateway: &mut Gateway) {
        let Some(call) = &self.call else { return };
        let (Some(account), Some(relay)) = (call.account(), &call.relay) else { return };
        let used = relay.pipe().used();
        gateway.pool_mut().metered(account, used.credits.map(Credits::of), used.cache_read);
    }

    fn ask_quota(&mut self, gateway: &mut Gateway, now: Millis) -> bool {
        let Some(account) = gateway.pool_mut().look_up(now) else { return false };
        let Some(look) = QuotaLook::of(gateway, account) else { return false };
        self.go_on_asking(look, now + WITHIN)
    }

    fn go_on_asking(&mut self, look: QuotaLook, until: Millis) -> bool {
        let Some(state) = look.ask() else { return false };
        self.state = state;
        self.upkeep = Some(Upkeep { task: Task::Quota(look), until });
        true
    }

    /// The look has brought something, or nothing.
    pub(crate) fn tended(&mut self, gateway: &mut Gateway, heard: Heard<'_>, now: Millis) {
        let Some(Upkeep { task, until }) = self.upkeep.take() else { return };
        self.upkeep = Some(Upkeep { task: Task::Done, until });
        match task {
            Task::Models(fetch) => self.models_answered(gateway, fetch, until, heard.whole(), now),
            Task::Quota(look) => self.quota_answered(gateway, look, until, heard, now),
            Task::Done => {}
        }
    }

    /// A failure is no verdict on the request, which was served: it has a line of its own, and the pool asks that account
    /// ever more seldom.
    fn quota_answered(
        &mut self,
        gateway: &mut Gateway,
        mut look: QuotaLook,
        until: Millis,
        heard: Heard<'_>,
        now: Millis,
    ) {
        match look.hear(gateway, heard, now) {
            Seen::Limits => {}
            Seen::Elsewhere => {
                if self.go_on_asking(look, until) {
                    return;
                }
            }
            Seen::Unknown(why, _) => {
                let text = format!("what is left of the account {} cannot be read: {why}", look.label());
                self.lines.push(event_line("warn", &text, now));
            }
        }
        self.look_after(gateway, now);
    }
}

/// How long all looks of one exchange may take: its platform keeps the instance awake, and may bill it, for so long.
pub(crate) const WITHIN: Millis = Millis::secs(3);
