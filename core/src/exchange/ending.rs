//! How an exchange ends: with an answer, an error, the end of its relay, or its client's departure.

use crate::error::{Error, Kind};
use crate::exchange::plan::{self, Failure};
use crate::exchange::relay::{self, Ended};
use crate::exchange::reply::Answered;
use crate::exchange::{Exchange, Gateway, Say, State};
use crate::host::Millis;
use crate::pool::Outcome;

impl Exchange {
    /// Ends with a complete answer.
    pub(crate) fn answer(&mut self, (head, body): Answered) {
        self.summary.status = head.status;
        self.state = State::Answer(head, body);
    }

    /// Ends with an error, in the client's dialect: a status while there is none yet, else in-band.
    pub(crate) fn fail(&mut self, gateway: &mut Gateway, error: &Error, now: Millis) {
        self.failed_with(error);
        if !self.opened {
            return self.answer(self.common.error(self.dialect, error, &self.id));
        }
        self.outbox.push_back(Say::Write(self.fault_in_band(error)));
        self.close(gateway, now);
    }

    fn failed_with(&mut self, error: &Error) {
        if matches!(error.kind(), Kind::Unauthenticated | Kind::Forbidden) {
            self.summary.audit = Some("refused");
        }
        self.summary.error = Some(error.to_string());
        self.fault = Some(error.clone());
    }

    fn fault_in_band(&self, error: &Error) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(call) = &self.call {
            call.encoder().fault(error, &self.id, &mut out);
        }
        out
    }

    /// The platform's end is near: the client is told, and what must not be lost goes on without it.
    pub(crate) fn dismiss(&mut self) {
        let deadline = self.term.platform().deadline;
        let (failure, error) = (Failure::TimedOut(deadline), deadline.error());
        self.summary.verdicts.push(format!("{failure}: told before a refresh is over"));
        let said = if self.opened {
            Say::Write(self.fault_in_band(&error))
        } else {
            let (head, body) = self.common.error(self.dialect, &error, &self.id);
            self.summary.status = head.status;
            Say::Answer(head, body)
        };
        self.failed_with(&error);
        self.outbox.push_back(said);
        self.left = true;
    }

    /// A refresh under way is brought to its end: the service may have rotated the refresh token already, and
    /// the new one is in its answer alone. A complete answer is still kept: the client may ask for it later.
    pub(crate) fn gone(&mut self, gateway: &mut Gateway, now: Millis) {
        if !self.left {
            self.summary.verdicts.push(CLIENT_GONE.into());
        }
        self.left = true;
        self.outbox.clear();
        if self.is_unkept() {
            self.completed(gateway, now);
        } else if !self.is_refreshing() && !matches!(self.state, State::Keep(_)) {
            self.close(gateway, now);
        }
    }

    pub(crate) fn relayed(&mut self, gateway: &mut Gateway, now: Millis) {
        if let Some(call) = &mut self.call {
            call.ticket = None;
        }
        let Some(Ended::Broken(failure)) = self.call.as_ref().and_then(|call| call.relay.as_ref()?.ended()).cloned()
        else {
            return self.completed(gateway, now);
        };
        self.fault = self.call.as_ref().map(|call| relay::in_band(&failure, call.asked()));
        self.summary.error = self.fault.as_ref().map(ToString::to_string);
        self.summary.verdicts.push(format!("{failure}: told in-band"));
        // An answer that broke after it had begun says little about the account.
        let (_, outcome) = plan::plan(&failure, &plan::Facts::default());
        if let (Some(call), Some(outcome)) = (&self.call, outcome.filter(|outcome| *outcome != Outcome::Failed)) {
            call.settle(gateway, outcome, now);
        }
        self.close(gateway, now);
    }

    /// Everything is said. When the client has got it, or is gone, the rest is done without it.
    pub(crate) fn close(&mut self, gateway: &mut Gateway, now: Millis) {
        if !core::mem::replace(&mut self.closed, true) {
            self.sum_up(gateway);
        }
        match self.outbox.is_empty() {
            true => self.look_after(gateway, now),
            false => self.state = State::Told,
        }
    }

    /// What the answer came to.
    fn sum_up(&mut self, gateway: &mut Gateway) {
        if let Some(inspection) = &self.inspection {
            inspection.give_way(gateway);
        }
        if let Some(relay) = self.call.as_ref().and_then(|call| call.relay.as_ref()) {
            let learned = relay.pipe().learned();
            self.summary.used(&relay.pipe().used());
            self.summary.stop = learned.stop;
            self.summary.unknown_events = learned.unknown;
            if learned.surplus {
                self.summary.verdicts.push("more than one call: ended after the first".into());
            }
            if learned.unwanted {
                self.summary.verdicts.push("a call where none was wanted: left out".into());
            }
            self.summary.verdicts.extend(learned.note.clone());
            if let Some(reason) = &learned.unknown_stop {
                self.summary.verdicts.push(format!("unknown stop reason {reason}: end_turn"));
            }
        }
        self.meter(gateway);
        if let Some(call) = &mut self.call {
            call.ticket = None;
        }
    }
}

/// The verdict on a request whose client has hung up.
pub(crate) const CLIENT_GONE: &str = "client gone: cancelled";
