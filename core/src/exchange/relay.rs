//! From the service's bytes to the client's bytes, once an answer has begun.
//!
//! ```text
//! chunk ─▶ Decoder ─▶ Event ─▶ Flow ─▶ Delta ─▶ Sink: Encoder (streamed), Answer (folded) ─▶ out
//! ```
//!
//! A relay never awaits: `push` bytes, `tick` in silence, `finish` at the end. Before the client's head is
//! committed a fault is kept for the exchange, which may try again; afterwards it is written in the client's
//! own dialect. Nothing that broke ends like an answer that is complete.

use crate::error::{Error, Kind};
use crate::eventstream::Decoder;
use crate::exchange::deadlines::{Term, Watch};
use crate::exchange::pipe::{Finish, Pipe};
use crate::exchange::plan::Failure;
use crate::host::{Millis, TransportError};
use crate::json;
use crate::turn::demand::Correction;
use crate::upstream::fault::{Asked, Fault, FaultKind};

/// What to do after the relay was given something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Flow {
    /// Go on reading.
    More,
    /// The answer is complete or has failed: stop reading, drop the service's reply. `finish` is not needed.
    Done,
}

/// How the service's reply ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The body ended as HTTP says it should.
    Clean,
    /// The connection broke.
    Broke(TransportError),
}

/// An answer on its way from the service to the client.
#[derive(Debug)]
pub struct Relay {
    decoder: Decoder,
    pipe: Pipe,
    watch: Watch,
    term: Term,
    request_id: String,
    committed: bool,
    ended: Option<Ended>,
}

/// How a relay ended.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Ended {
    /// With a complete answer, truthfully labelled.
    Complete,
    /// With a fault, told to the client when it was committed.
    Broken(Failure),
    /// With an answer that is not what the client demands. Nothing of it was told: it can be asked for again.
    Unmet(Correction),
}

impl Relay {
    pub(crate) fn new(pipe: Pipe, watch: Watch, term: Term, request_id: String) -> Self {
        Self { decoder: Decoder::new(), pipe, watch, term, request_id, committed: false, ended: None }
    }

    /// Takes a piece of the service's body; appends what the client shall get to `out`.
    pub fn push(&mut self, bytes: &[u8], now: Millis, out: &mut Vec<u8>) -> Flow {
        let before = out.len();
        let flow = self.take(bytes, now, out);
        // Half a surrogate pair is no text: strict JSON readers cannot read an event that holds one.
        json::mend_surrogates(out.get_mut(before..).unwrap_or_default());
        flow
    }

    fn take(&mut self, bytes: &[u8], now: Millis, out: &mut Vec<u8>) -> Flow {
        if self.ended.is_some() {
            return Flow::Done;
        }
        self.watch.heard(now);
        let before = out.len();
        let mut frames = self.decoder.push(bytes);
        let heard = loop {
            match frames.next() {
                Ok(None) => break Ok(Flow::More),
                Ok(Some(frame)) => match self.pipe.hear(&frame, out) {
                    Ok(Flow::More) => {}
                    other => break other,
                },
                Err(error) => break Err(Fault::malformed(&error.to_string()).into()),
            }
        };
        drop(frames);
        if out.len() > before {
            self.watch.said(now);
        }
        match heard {
            // Nobody wakes to look at the time while a slow client keeps the next bytes waiting.
            Ok(Flow::More) => match self.watch.over(now) {
                Some(deadline) => self.broken(Failure::TimedOut(deadline), out),
                None => Flow::More,
            },
            Ok(Flow::Done) => self.complete(out),
            Err(fault) => self.broken(fault, out),
        }
    }

    /// In silence, at [`Relay::next_tick`] or later: a ping, or the end by a deadline.
    pub fn tick(&mut self, now: Millis, out: &mut Vec<u8>) -> Flow {
        if self.ended.is_some() {
            return Flow::Done;
        }
        if let Some(deadline) = self.watch.passed(now) {
            return self.broken(Failure::TimedOut(deadline), out);
        }
        if self.committed && self.watch.ping_due(now) {
            self.pipe.ping(out);
            self.watch.said(now);
        }
        Flow::More
    }

    /// When [`Relay::tick`] wants to be called next.
    pub fn next_tick(&self) -> Millis {
        if self.committed { self.watch.next() } else { self.watch.deadline() }
    }

    /// Until when a client that takes nothing is waited for.
    pub fn patience(&self) -> Millis {
        self.term.saved()
    }

    /// The service's reply has ended: clean, or not.
    pub fn finish(&mut self, end: &End, out: &mut Vec<u8>) {
        let before = out.len();
        self.close(end, out);
        json::mend_surrogates(out.get_mut(before..).unwrap_or_default());
    }

    fn close(&mut self, end: &End, out: &mut Vec<u8>) {
        if self.ended.is_some() {
            return;
        }
        let _ = match end {
            End::Broke(error) => self.broken(Fault::transport(error).into(), out),
            End::Clean => match self.decoder.finish() {
                Err(error) => self.broken(Fault::malformed(&error.to_string()).into(), out),
                Ok(()) => self.complete(out),
            },
        };
    }

    /// How many bytes a host may wait for at no loss of latency: the rest of the frame that has begun, or the
    /// shortest frame that can say anything. Never 0.
    pub fn wanted(&self) -> usize {
        match self.decoder.missing() {
            0 => SHORTEST_FRAME,
            missing => missing,
        }
    }

    /// Whether the answer is complete but for its last event, which waits until it is known whether the answer is
    /// kept: the client's body must stay open after [`Flow::Done`].
    pub fn has_more(&self) -> bool {
        self.pipe.unconcluded().is_some()
    }

    /// Appends that last event, where there is one; `kept` says whether the answer is kept.
    pub(crate) fn conclude(&mut self, kept: bool, out: &mut Vec<u8>) {
        let before = out.len();
        self.pipe.conclude(kept, out);
        json::mend_surrogates(out.get_mut(before..).unwrap_or_default());
    }

    /// Whether something has come that the client will see.
    pub(crate) fn is_meaningful(&self) -> bool {
        self.pipe.is_meaningful()
    }

    /// Whether something has come that costs the account, told or held back.
    pub(crate) fn has_begun(&self) -> bool {
        self.pipe.has_begun()
    }

    /// The client has the head: from here on silence is filled with pings and faults are written in-band.
    pub(crate) fn commit(&mut self, now: Millis) {
        self.committed = true;
        self.watch.said(now);
    }

    pub(crate) fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    pub(crate) fn pipe(&self) -> &Pipe {
        &self.pipe
    }

    fn complete(&mut self, out: &mut Vec<u8>) -> Flow {
        match self.pipe.finish(out) {
            // Nothing is committed by an answer that says nothing, so it can be asked for again.
            Ok(Finish::Empty) if !self.committed => self.broken(Failure::Empty, out),
            Ok(Finish::Unmet(correction)) => {
                self.ended = Some(Ended::Unmet(correction));
                Flow::Done
            }
            Ok(Finish::Empty | Finish::Said) => {
                self.ended = Some(Ended::Complete);
                Flow::Done
            }
            Err(failure) => self.broken(failure, out),
        }
    }

    fn broken(&mut self, failure: Failure, out: &mut Vec<u8>) -> Flow {
        if self.pipe.has_begun() && is_overflow(&failure) && self.pipe.cut(out).is_ok() {
            self.ended = Some(Ended::Complete);
            return Flow::Done;
        }
        if self.committed {
            self.pipe.abort(&in_band(&failure, self.pipe.asked()), &self.request_id, out);
        }
        self.ended = Some(Ended::Broken(failure));
        Flow::Done
    }
}

/// In mid-answer a full window is a truthful cut, no fault.
fn is_overflow(failure: &Failure) -> bool {
    matches!(failure, Failure::Fault(fault) if matches!(fault.kind, FaultKind::TooLong | FaultKind::OutputTooLong))
}

/// The error a client reads inside a stream: it is never the client's request that is at fault there.
pub(crate) fn in_band(failure: &Failure, asked: Asked<'_>) -> Error {
    let error = failure.error(asked);
    match error.kind() {
        Kind::Invalid | Kind::UnknownModel => Error::new(Kind::UpstreamBroke, error.text().to_owned()),
        _ => error,
    }
}

/// Prelude, a `:message-type` header of its shortest kind (`event`), checksum. A frame without that header says
/// nothing.
const SHORTEST_FRAME: usize = 12 + (1 + 13 + 1 + 2 + 5) + 4;
