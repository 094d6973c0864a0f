//! One attempt at an answer: sending, its refusal or its first bytes, and what follows from either.

use crate::exchange::deadlines::Deadline;
use crate::exchange::look::Heard;
use crate::exchange::plan::{Facts, Failure, Verdict, plan};
use crate::exchange::relay::{End, Ended, Flow};
use crate::exchange::{Exchange, Gateway, Purpose, Reading, Say, State};
use crate::host::{Head, Millis, TransportError};
use crate::pool::{BearerKind, Outcome};
use crate::turn::demand::Correction;
use crate::upstream::endpoint;
use crate::upstream::fault::{Fault, FaultKind, is_stream};

impl Exchange {
    /// Sends the turn on this account.
    pub(crate) fn generate(&mut self, gateway: &mut Gateway, now: Millis) {
        let Some(call) = &mut self.call else { return };
        let Some(lease) = &call.lease else { return };
        let api_key = lease.kind == BearerKind::ApiKey;
        let hosts = endpoint::hosts(&gateway.config().bases, lease.region.as_deref(), lease.profile_arn.as_deref());
        let Some(host) = hosts.get(call.host % hosts.len().max(1)) else { return };
        let body = call.encoded.body(lease.profile_arn.as_deref()).to_vec();
        let request = endpoint::generate(host, &lease.bearer, api_key, body);
        call.hosts = hosts.len();
        call.facts.tries += 1;
        call.facts.tries_here += 1;
        self.summary.attempts = call.facts.tries;
        call.sent(now);
        self.state = State::Send(Box::new(request), Purpose::Generate);
    }

    pub(crate) fn sent(&mut self, now: Millis) {
        let State::Send(_, purpose) = self.state else { return };
        if let Some(call) = &mut self.call {
            call.sent(now);
        }
        if let Some(inspection) = &mut self.inspection {
            inspection.sent(now);
        }
        self.state = State::Await(purpose, Reading::default());
    }

    pub(crate) fn head(&mut self, gateway: &mut Gateway, head: &Head, now: Millis) {
        let State::Await(purpose, reading) = &mut self.state else { return };
        reading.head = Some(head.clone());
        let Some(call) = &mut self.call else { return };
        if *purpose == Purpose::Generate && is_stream(head) {
            gateway.host_served(call.host);
            call.begin_relay(&self.id, now);
            self.state = State::Read;
        } else if *purpose == Purpose::Generate {
            call.sent(now);
        }
    }

    pub(crate) fn chunk(&mut self, gateway: &mut Gateway, bytes: &[u8], now: Millis) {
        match &mut self.state {
            State::Await(purpose, reading) => {
                let most = if *purpose == Purpose::Models { MAX_LIST } else { MAX_REFUSAL };
                let room = most.saturating_sub(reading.body.len());
                reading.body.extend(bytes.iter().take(room));
                if bytes.len() > room {
                    self.end(gateway, None, now);
                }
            }
            State::Read => {
                let Some(call) = &mut self.call else { return };
                let Some(relay) = &mut call.relay else { return };
                let _ = relay.push(bytes, now, &mut call.pending);
                self.heard(gateway, now);
            }
            _ => {}
        }
    }

    /// The reply under way has ended, clean or broken.
    pub(crate) fn end(&mut self, gateway: &mut Gateway, error: Option<&TransportError>, now: Millis) {
        match &mut self.state {
            State::Await(purpose, reading) => {
                let (purpose, reading) = (*purpose, core::mem::take(reading));
                self.collected(gateway, purpose, &reading, error, now);
            }
            State::Read => {
                let Some(call) = &mut self.call else { return };
                let Some(relay) = &mut call.relay else { return };
                relay.finish(&error.map_or(End::Clean, |error| End::Broke(error.clone())), &mut call.pending);
                self.heard(gateway, now);
            }
            _ => {}
        }
    }

    /// A whole reply that is no event stream, or none at all.
    fn collected(
        &mut self,
        gateway: &mut Gateway,
        purpose: Purpose,
        reading: &Reading,
        error: Option<&TransportError>,
        now: Millis,
    ) {
        let whole = if error.is_none() { Some(reading) } else { None };
        match (purpose, &reading.head, error) {
            (Purpose::Refresh, ..) => self.refresh_answered(gateway, whole, now),
            (Purpose::Quota, ..) if self.inspection.is_some() => {
                self.inspected(gateway, error.map_or(Heard::Whole(reading), Heard::Broke), now);
            }
            (Purpose::Profile, ..) => self.profile_answered(gateway, whole, now),
            (Purpose::Quota | Purpose::Models, ..) => {
                self.tended(gateway, error.map_or(Heard::Whole(reading), Heard::Broke), now)
            }
            (Purpose::Generate, Some(head), _) => {
                self.failed(gateway, &Fault::read(head, &reading.body, now).into(), now)
            }
            (Purpose::Generate, None, Some(error)) => self.failed(gateway, &Fault::transport(error).into(), now),
            (Purpose::Generate, None, None) => self.failed(gateway, &Fault::malformed("no reply").into(), now),
        }
    }

    /// The time asked for has come: a deadline, a ping, or the end of a pause.
    pub(crate) fn woke(&mut self, gateway: &mut Gateway, now: Millis) {
        if self.is_tending() {
            return self.tended(gateway, Heard::Late, now);
        }
        if self.inspection.is_some() {
            return self.inspection_woke(gateway, now);
        }
        let (refreshing, dismissed) = (self.is_refreshing(), self.is_out(now) && !self.left);
        let Some(call) = &mut self.call else { return };
        match &self.state {
            _ if call.is_over(now) && !refreshing => self.time_out(gateway, now),
            _ if dismissed => self.dismiss(),
            State::Sleep(until) if now >= *until => self.look_again(gateway, now),
            State::Await(purpose, reading) if now >= call.deadline(*purpose, reading.head.is_some()) => {
                self.reply_overdue(gateway, *purpose, now)
            }
            State::Read => {
                let flow = call.relay.as_mut().map(|relay| relay.tick(now, &mut call.pending));
                if flow == Some(Flow::More) {
                    self.ping(now);
                }
                self.heard(gateway, now);
            }
            _ => self.ping(now),
        }
    }

    fn reply_overdue(&mut self, gateway: &mut Gateway, purpose: Purpose, now: Millis) {
        match purpose {
            Purpose::Refresh => self.refresh_answered(gateway, None, now),
            Purpose::Profile => self.profile_answered(gateway, None, now),
            Purpose::Quota | Purpose::Models => self.tended(gateway, Heard::Late, now),
            // The head alone says what went wrong, though the rest of the body does not come.
            Purpose::Generate if self.has_head() => self.end(gateway, None, now),
            Purpose::Generate => {
                let silence = Failure::TimedOut(Deadline::Idle(gateway.config().deadlines.first));
                self.failed(gateway, &silence, now);
            }
        }
    }

    fn has_head(&self) -> bool {
        matches!(&self.state, State::Await(_, reading) if reading.head.is_some())
    }

    pub(crate) fn time_out(&mut self, gateway: &mut Gateway, now: Millis) {
        let Some(call) = &self.call else { return };
        self.failed(gateway, &Failure::TimedOut(call.total().deadline), now);
    }

    /// Silence before anything meaningful: the head is committed so that a ping can go out. From here on an
    /// error is told in-band, but another attempt is still possible.
    fn ping(&mut self, now: Millis) {
        let Some(call) = &mut self.call else { return };
        if self.left || now < call.ping_at() {
            return;
        }
        let mut out = Vec::new();
        call.encoder().ping(&mut out);
        call.said(now);
        self.open();
        self.outbox.push_back(Say::Write(out));
    }

    /// Commits the head of a streamed answer, once.
    fn open(&mut self) {
        if !self.opened {
            self.opened = true;
            self.summary.status = 200;
            self.outbox.push_back(Say::Open(self.common.stream(&self.summary.ignored)));
        }
    }

    /// The relay was given something: commit, answer, go on, or plan anew.
    fn heard(&mut self, gateway: &mut Gateway, now: Millis) {
        let Some(call) = &mut self.call else { return };
        let Some(relay) = &call.relay else { return };
        // Not with the head: a stream may begin with what other hosts say by a status.
        if relay.is_meaningful() || matches!(relay.ended(), Some(Ended::Complete | Ended::Unmet(_))) {
            call.served(gateway, now);
        }
        let Some(relay) = &call.relay else { return };
        if relay.ended().is_some() {
            call.ticket = None;
        }
        match relay.ended().cloned() {
            Some(Ended::Broken(failure)) => return self.failed(gateway, &failure, now),
            Some(Ended::Unmet(correction)) => return self.ask_again(gateway, &correction, now),
            Some(Ended::Complete) => {}
            None if call.stream && relay.is_meaningful() => {}
            None => return,
        }
        self.summary.first_byte_ms.get_or_insert((now - self.begun).0);
        if !call.stream {
            return self.completed(gateway, now);
        }
        call.commit(now);
        let ended = call.relay.as_ref().is_some_and(|relay| relay.ended().is_some());
        let pending = core::mem::take(&mut call.pending);
        self.open();
        self.outbox.push_back(Say::Write(pending));
        if ended {
            self.relayed(gateway, now);
        } else {
            self.state = State::Relay;
        }
    }

    /// The answer is not what the client demands: the model is told so, once. Both answers were paid for, and the log
    /// says what the first one was; the client's usage is that of the answer it gets, since that is the size of its
    /// conversation.
    fn ask_again(&mut self, gateway: &mut Gateway, correction: &Correction, now: Millis) {
        self.meter(gateway);
        let Some(call) = &mut self.call else { return };
        let used = call.relay.take().map(|relay| relay.pipe().used()).unwrap_or_default();
        let (input, output) = (used.input.tokens, used.output.tokens);
        let verdict = format!("asked again: {} ({input} tokens in, {output} out)", correction.reason);
        self.summary.verdicts.push(verdict);
        match call.ask_again(correction, gateway.config()) {
            Ok(()) => self.pick(gateway, now),
            Err(error) => self.fail(gateway, &error, now),
        }
    }

    /// An attempt failed before anything was committed: the table says what to do.
    pub(crate) fn failed(&mut self, gateway: &mut Gateway, failure: &Failure, now: Millis) {
        let Some(call) = &mut self.call else { return };
        let failure = call.judged(failure);
        if failure == Failure::Empty {
            call.facts.empty += 1;
        }
        if call.relay.take().is_some_and(|relay| relay.has_begun()) {
            call.facts.broken += 1;
        }
        let offered_elsewhere =
            call.account().is_some_and(|account| gateway.offers_elsewhere(account, &call.model.upstream_id));
        let (verdict, outcome) = plan(&failure, &Facts { offered_elsewhere, ..call.facts() });
        let verdict = match verdict {
            // There is no time for another try: what went wrong is the better word.
            Verdict::Retry(wait) if now + wait >= call.total().at => Verdict::Refuse,
            other => other,
        };
        // One request must not rest an account by its own tries.
        let outcome = match (verdict, outcome) {
            (Verdict::Retry(_), Some(Outcome::Failed)) => Some(Outcome::Undecided),
            (_, outcome) => outcome,
        };
        // A refusal that is the request's own fault speaks for the account.
        if let Some(outcome) = outcome.or_else(|| failure.is_answered().then_some(Outcome::Served)) {
            call.settle(gateway, outcome, now);
        }
        self.summary.verdicts.push(format!("{failure}: {verdict:?}"));
        let error = failure.error(call.asked());
        if verdict != Verdict::FindProfile {
            call.ticket = None;
        }
        match verdict {
            Verdict::Refuse => return self.fail(gateway, &error, now),
            Verdict::FailOver | Verdict::Retry(_) | Verdict::FindProfile => {}
            Verdict::GiveUp => call.give_up_account(),
            Verdict::Refresh => call.facts.bearer_refused = true,
            Verdict::NextHost => call.next_host(),
            Verdict::Repair(repair) => match call.repair(repair, &failure, gateway.config()) {
                Ok(true) => {}
                // The same bytes would be refused the same way: what else is there to try?
                Ok(false) => return self.failed(gateway, &failure, now),
                Err(error) => return self.fail(gateway, &error, now),
            },
        }
        call.failure = Some(error);
        match verdict {
            Verdict::Retry(wait) => self.state = State::Sleep(now + wait),
            Verdict::FindProfile => self.find_profile(gateway, now),
            _ => self.pick(gateway, now),
        }
    }
}

/// A generic refusal of a body larger than this is taken for "too large": the service has no better word for it.
pub(crate) const SUSPECT_BODY: usize = 600_000;

/// Most bytes of a refusal or control answer that are read.
const MAX_REFUSAL: usize = 64 * 1024;
/// Most bytes of a page of models: each has a schema of its own.
const MAX_LIST: usize = 1024 * 1024;

impl super::call::Call {
    /// A failure in the light of the request: a generic refusal of a very large body is an overflow in all but
    /// name, and an answer that is too long before it has begun leaves no room for one.
    fn judged(&self, failure: &Failure) -> Failure {
        let mut failure = failure.clone();
        if let Failure::Fault(fault) = &mut failure {
            let large = self.encoded.len() > SUSPECT_BODY;
            if matches!(fault.kind, FaultKind::Shape { extra_fields: false, .. } if large)
                || fault.kind == FaultKind::OutputTooLong
            {
                fault.kind = FaultKind::TooLong;
            }
        }
        failure
    }
}
