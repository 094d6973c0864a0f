//! How long an exchange waits for whom.

use crate::exchange::relay::Relay;
use crate::exchange::{Exchange, Next, Purpose, State, Then, WITHIN, upkeep};
use crate::host::Millis;

impl Exchange {
    /// When to wake from a wait, whatever comes.
    pub(crate) fn wake(&self) -> Millis {
        if let Some(upkeep) = self.upkeep.as_ref().filter(|_| self.is_tending()) {
            return upkeep.until;
        }
        if let Some(inspection) = &self.inspection {
            return self.inspection_wake(inspection);
        }
        let Some(call) = &self.call else { return Millis::NEVER };
        let due = match &self.state {
            State::Await(purpose, reading) => call.deadline(*purpose, reading.head.is_some()),
            State::Read => call.relay.as_ref().map_or(Millis(0), Relay::next_tick),
            State::Sleep(until) => *until,
            _ => Millis::NEVER,
        };
        let ping = if self.left { Millis::NEVER } else { call.ping_at() };
        // A refresh has a deadline of its own and outlives the request: see `gone`. Its client does not wait for it
        // longer than the platform lets it.
        let total = match () {
            () if !self.is_refreshing() => call.total().at,
            () if self.left => Millis::NEVER,
            () => self.term.answered(),
        };
        due.min(ping).min(total)
    }

    /// Until when the store, or the platform's settings, are waited for: an outage must not stop the answer.
    pub fn patience(&self, now: Millis) -> Millis {
        if matches!(&self.state, State::Lists(shelf) if shelf.is_told()) {
            return self.term.saved().min(now + upkeep::WITHIN);
        }
        let told = match &self.state {
            State::Save(saving) => self.left || saving.then == Then::End,
            State::Load(next) => self.left || matches!(next, Next::SaveAgain(_, Then::End)),
            _ => self.left,
        };
        let inspected = self.inspection.as_ref().map_or(Millis::NEVER, |inspection| inspection.until());
        let end = if told { self.term.saved() } else { self.term.answered().min(inspected) };
        end.min(now + WITHIN)
    }

    /// Whether the client has all it will get: its answer, or nothing more because it is gone. What is still done does
    /// not concern it.
    pub fn is_told(&self) -> bool {
        self.outbox.is_empty() && (self.told.is_some() || self.left)
    }

    /// Until when a client that takes nothing is waited for.
    pub fn client_patience(&self) -> Millis {
        self.term.saved()
    }

    /// Whether the platform's end, or that of an inspection, is so near that the client must have its answer.
    pub(crate) fn is_out(&self, now: Millis) -> bool {
        now >= self.term.answered() || self.inspection.as_ref().is_some_and(|inspection| inspection.is_over(now))
    }

    /// Whether the answer to a token refresh is waited for.
    pub(crate) fn is_refreshing(&self) -> bool {
        matches!(self.state, State::Await(Purpose::Refresh, _) | State::Send(_, Purpose::Refresh))
    }
}
