//! Fresh settings: before a client is turned away because the operator has to do something, it is looked whether that
//! has been done. Where secrets lie in a service of the platform they change under a running instance.

use crate::exchange::account::LOOK_AGAIN;
use crate::exchange::{Exchange, Fresh, Gateway, State, WITHIN};
use crate::host::{Incoming, Millis};
use crate::pool::Changes;
use crate::summary::event_line;

/// When the settings of an instance may be read again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    /// Not before this.
    next: Millis,
    /// An exchange waits for them until then at most.
    due: Millis,
}

/// Who may ask for fresh settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum May {
    /// Whoever wants to know.
    Ask,
    /// Somebody has: look again in a moment.
    Wait,
    /// Nobody, just now or ever.
    Not,
}

impl Asked {
    /// Whether to ask now. Who may is taken to do so.
    pub(crate) fn may(&mut self, now: Millis) -> May {
        if now < self.due {
            return May::Wait;
        }
        if now < self.next {
            return May::Not;
        }
        *self = Self { next: now + AGAIN_AFTER, due: now + WITHIN };
        May::Ask
    }

    /// They have come, or not.
    pub(crate) fn answered(&mut self, forever: bool) {
        self.due = Millis(0);
        if forever {
            self.next = Millis::NEVER;
        }
    }
}

impl Exchange {
    /// Whether fresh settings are on their way and may bring an account that can serve.
    pub(crate) fn hopes(&mut self, gateway: &mut Gateway, now: Millis) -> bool {
        if !gateway.pool().wants_login(now) {
            return false;
        }
        match gateway.may_ask(now) {
            May::Ask => self.state = State::Settings(None),
            May::Wait => self.state = State::Sleep(now + LOOK_AGAIN),
            May::Not => return false,
        }
        true
    }

    /// Whether fresh settings are on their way, so that the request waits for them instead of being turned away for
    /// the problems of those at hand.
    pub(crate) fn queue(&mut self, gateway: &mut Gateway, incoming: Incoming, now: Millis) -> bool {
        self.state = match gateway.may_ask(now) {
            May::Ask => State::Settings(Some(Box::new(incoming))),
            May::Wait => State::Queue(now + LOOK_AGAIN, Box::new(incoming)),
            May::Not => return false,
        };
        true
    }

    /// The platform has read its settings again, or not.
    pub(crate) fn renewed(&mut self, gateway: &mut Gateway, fresh: Fresh, now: Millis) {
        let State::Settings(waiting) = core::mem::replace(&mut self.state, State::Done) else { return };
        self.lines.extend(gateway.renew(fresh).map(|(level, text)| event_line(level, &text, now)));
        match waiting {
            Some(incoming) => self.take_in(gateway, *incoming, now),
            None => self.look_again(gateway, now),
        }
    }

    /// A request that waits for another one's settings looks whether they have come.
    pub(crate) fn called(&mut self, gateway: &mut Gateway, now: Millis) {
        if let State::Queue(_, incoming) = core::mem::replace(&mut self.state, State::Done) {
            self.take_in(gateway, *incoming, now);
        }
    }
}

impl Gateway {
    /// Takes other settings. Those that do worse than the ones at hand are not taken. Returns what to log, and how
    /// grave it is.
    fn renew(&mut self, fresh: Fresh) -> Option<(&'static str, String)> {
        self.settings_answered(matches!(fresh, Fresh::Fixed));
        let config = match fresh {
            Fresh::Fixed => return None,
            Fresh::Late => return Some(("error", format!("{UNCHANGED}: no answer in time"))),
            Fresh::Read(config) => *config,
        };
        let problems = config.problems.join("; ");
        if config.unread || (!problems.is_empty() && self.config().problems.is_empty()) {
            return Some(("error", format!("{UNCHANGED}: {problems}")));
        }
        let wrong = [config.problems.as_slice(), &config.left_out].concat().join("; ");
        let Changes { added, changed, removed, kept } = self.configure(config);
        let counts = format!("accounts: {added} added, {changed} changed, {removed} removed, {kept} as before");
        Some(match wrong.is_empty() {
            true => ("info", format!("the settings were read again; {counts}")),
            false => ("error", format!("the settings were read again; {counts}; {wrong}")),
        })
    }
}

/// How long an instance leaves its settings alone after it has asked for them.
const AGAIN_AFTER: Millis = Millis::mins(1);
const UNCHANGED: &str = "the settings cannot be read again, so they stay as they are";
