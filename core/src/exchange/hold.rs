//! Where an answer's deltas go: to a streaming client, into one body, or first into a hold until it is known
//! whether the answer is what the client demands.

use crate::dialect::Encoder;
use crate::turn::Answer;
use crate::turn::delta::Delta;
use crate::turn::demand::{Correction, Demand, Judged};

/// Where an answer's deltas go.
#[derive(Debug)]
pub(crate) enum Sink {
    /// To a streaming client.
    Encode(Encoder),
    /// Into one body.
    Fold(Answer),
    /// Nowhere yet. Nothing of it has been told, so another attempt can take its place.
    Hold(Box<Held>),
}

/// An answer that waits.
#[derive(Debug)]
pub(crate) struct Held {
    answer: Answer,
    demand: Demand,
    /// Nothing can be asked again: what comes is told.
    last: bool,
    then: Sink,
}

impl Sink {
    /// A sink that holds back what goes to `self` until the demand is met.
    pub(crate) fn holding(self, demand: Demand, last: bool) -> Self {
        if demand.is_nothing() {
            return self;
        }
        Self::Hold(Box::new(Held { answer: Answer::new(), demand, last, then: self }))
    }

    pub(crate) fn is_holding(&self) -> bool {
        matches!(self, Self::Hold(_))
    }

    pub(crate) fn take(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Encode(encoder) => encoder.delta(delta, out),
            Self::Fold(answer) => answer.push(delta),
            Self::Hold(held) => {
                held.answer.push(delta);
                if matches!(delta, Delta::Open(open) if held.demand.is_met_by(*open)) {
                    let answer = core::mem::take(&mut held.answer);
                    self.release(&answer, out);
                }
            }
        }
    }

    /// The answer is complete: what waits is judged, and told unless it is to be asked for again. What was done to
    /// it goes to `note`.
    pub(crate) fn settle(&mut self, note: &mut Option<String>, out: &mut Vec<u8>) -> Option<Correction> {
        let Self::Hold(held) = self else { return None };
        match held.demand.judge(&held.answer, held.last) {
            Judged::Unmet(correction) => Some(correction),
            Judged::Told { answer, note: done } => {
                *note = done;
                self.release(&answer, out);
                None
            }
        }
    }

    /// Tells what waited; from here on deltas go their way.
    fn release(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        let Self::Hold(held) = core::mem::replace(self, Self::Fold(Answer::new())) else { return };
        *self = held.then;
        answer.tell(&mut |delta| self.take(delta, out));
    }
}
