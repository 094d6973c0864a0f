//! Several answers to one request: one exchange for each choice, side by side, told as one answer.
//!
//! ```text
//! begin ─▶ Choices ─▶ branches ─┬─ exchange of choice 0 ─┐
//!                               ├─ exchange of choice 1 ─┼─▶ join ─▶ the closing events, or one body
//!                               └─ …                     ┘
//! ```
//!
//! A choice that fails ends the whole answer: a client that asked for three must not take two for all.

use crate::error::{Error, Kind};
use crate::exchange::call::Call;
use crate::exchange::ending::CLIENT_GONE;
use crate::exchange::reply::ignored_header;
use crate::exchange::{Exchange, Gateway, Say, State};
use crate::host::{MAX_BODY, Millis};
use crate::json;
use crate::summary::Summary;
use crate::turn::{Answer, Usage};

/// How the branches of an exchange ended for the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Joined {
    /// Whether the head of a streamed answer is committed.
    pub opened: bool,
    /// Whether the client has hung up.
    pub gone: bool,
}

impl Exchange {
    /// The request is complete: one answer is asked for, or several side by side.
    pub(crate) fn ask(&mut self, gateway: &mut Gateway, now: Millis) -> Result<(), Error> {
        let Some(call) = &self.call else { return Ok(()) };
        let choices = call.voice.choices();
        if choices < 2 {
            self.look_again(gateway, now);
            return Ok(());
        }
        let bytes = call.request_len().saturating_mul(usize::try_from(choices).unwrap_or(usize::MAX));
        if bytes > MAX_BODY {
            return Err(Error::invalid(
                "n",
                format!(
                    "{choices} choices of a request this large need too much memory: ask for fewer, or for one at a time"
                ),
            ));
        }
        self.state = State::Choices;
        Ok(())
    }

    /// An exchange for each choice, to be brought to its end beside the others. They share one client: the head
    /// that comes first is its head, and what they write may be mixed write by write.
    ///
    /// # Errors
    /// [`Kind::Internal`] when the request that was understood once is not understood again.
    pub fn branches(&mut self, gateway: &mut Gateway, now: Millis) -> Result<Vec<Self>, Error> {
        let call = self.call.as_ref().ok_or_else(|| Error::new(Kind::Internal, "no request to answer"))?;
        let calls: Result<Vec<Call>, Error> =
            (0..call.voice.choices()).map(|choice| call.branch(choice, gateway.config(), now)).collect();
        let calls = calls?;
        // The branches hold what is to be sent; what is said of all of them needs none of it.
        if let Some(call) = &mut self.call {
            call.commit(now);
        }
        let seeds: Vec<_> = calls.iter().map(|_| self.draw()).collect();
        let branches = calls.into_iter().zip(seeds).map(|(call, seed)| self.branch(call, seed));
        let mut branches: Vec<_> = branches.collect();
        for branch in &mut branches {
            branch.look_again(gateway, now);
        }
        Ok(branches)
    }

    fn branch(&self, call: Call, seed: [u8; 32]) -> Self {
        let mut summary = Summary::new(&self.id);
        summary.ignored.clone_from(&self.summary.ignored);
        Self {
            id: self.id.clone(),
            seed,
            draws: 0,
            begun: self.begun,
            term: self.term,
            dialect: self.dialect,
            common: self.common.clone(),
            state: State::Done,
            outbox: std::collections::VecDeque::new(),
            opened: false,
            left: false,
            call: Some(Box::new(call)),
            inspection: None,
            renewal: None,
            refused: None,
            fault: None,
            upkeep: None,
            closed: false,
            told: None,
            owner: None,
            models: None,
            sees_addresses: false,
            lines: Vec::new(),
            summary,
        }
    }

    /// Ends with an error: there are no branches.
    pub fn refuse(&mut self, gateway: &mut Gateway, error: &Error, now: Millis) {
        self.fail(gateway, error, now);
    }

    /// When the client must have its answer, though a choice is not over.
    pub fn answered_by(&self) -> Millis {
        self.term.answered()
    }

    /// The platform's end is near: [`Exchange::step`] says what to tell the client; `opened`: the head of a streamed
    /// answer is committed. The choices still have to be joined.
    pub fn dismiss_choices(&mut self, opened: bool) {
        self.opened = opened;
        self.dismiss();
    }

    /// Whether it ended with an error, told or still to be told by the exchange it is a branch of.
    pub fn has_failed(&self) -> bool {
        self.fault.is_some()
    }

    /// The branches are over: closes the stream, or makes one body of their answers, or tells the first failure.
    pub fn join(&mut self, gateway: &mut Gateway, mut branches: Vec<Self>, joined: Joined, now: Millis) {
        self.opened = joined.opened;
        if joined.opened {
            self.summary.status = 200;
        }
        for (choice, branch) in branches.iter_mut().enumerate() {
            self.note(choice, branch, joined.gone);
        }
        let usages: Vec<Usage> = branches.iter().filter_map(Self::used).collect();
        if !usages.is_empty() {
            self.summary.used(&Usage::of_choices(&usages));
        }
        if joined.gone {
            return self.gone(gateway, now);
        }
        if let Some(fault) = branches.iter().find_map(|branch| branch.fault.clone()) {
            return self.fail(gateway, &fault, now);
        }
        let Some(call) = &self.call else { return };
        let mut out = Vec::new();
        if call.stream {
            call.voice.finale(call.ids(), &usages, &mut out);
            self.outbox.push_back(Say::Write(out));
            return self.close(gateway, now);
        }
        let answers: Vec<&Answer> = branches.iter().filter_map(Self::folded).collect();
        call.voice.body(call.ids(), &answers, false, &mut out);
        json::mend_surrogates(&mut out);
        let mut answer = self.common.json(200, out);
        answer.0.headers.extend(ignored_header(&self.summary.ignored));
        self.answer(answer);
    }

    fn used(&self) -> Option<Usage> {
        self.call.as_ref()?.relay.as_ref().map(|relay| relay.pipe().used())
    }

    fn folded(&self) -> Option<&Answer> {
        self.call.as_ref()?.relay.as_ref()?.pipe().answer()
    }

    /// Takes what a branch has to say into the one line of this request. A branch is left when the client is gone,
    /// which is said once, and when another one has failed.
    fn note(&mut self, choice: usize, branch: &mut Self, gone: bool) {
        self.lines.append(&mut branch.lines);
        let (ours, its) = (&mut self.summary, &branch.summary);
        ours.attempts = ours.attempts.saturating_add(its.attempts);
        ours.unknown_events += its.unknown_events;
        ours.account = its.account.clone().or_else(|| ours.account.take());
        ours.stop = ours.stop.or(its.stop);
        ours.first_byte_ms = match (ours.first_byte_ms, its.first_byte_ms) {
            (Some(ours), Some(its)) => Some(ours.min(its)),
            (ours, its) => ours.or(its),
        };
        let told = its.verdicts.iter().filter(|verdict| !gone || *verdict != CLIENT_GONE);
        let told = told.map(|verdict| if verdict == CLIENT_GONE { CANCELLED } else { verdict });
        ours.verdicts.extend(told.map(|verdict| format!("choice {choice}: {verdict}")));
    }
}

/// The verdict on a choice that is left because of another one.
const CANCELLED: &str = "cancelled: another choice failed";
