//! How an answer ends: what is still held is written, and the reason is decided.

use super::Flow;
use super::writer::Sink;
use crate::error::{Error, Kind};
use crate::turn::answer::OwnedStop;
use crate::turn::delta::Stop;
use crate::turn::tools::Tally;
use crate::turn::usage::Usage;

/// How the service's stream ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ending<'a> {
    /// The reason the service gave (`metadataEvent.stopReason`).
    pub stop_reason: Option<&'a str>,
    /// Whether any event came that the service sends after an answer: metadata, context usage, metering.
    /// Without one the stream was cut.
    pub tail: bool,
}

/// What became of an answer, for the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finished {
    /// Why it ended, as told to the client.
    pub stop: OwnedStop,
    /// Nothing came that a client sees.
    pub empty: bool,
    /// A reason of the service that is not known, taken for the end of the turn.
    pub unknown_stop: Option<String>,
    /// Calls behind the first one were left out, as the client wished.
    pub surplus: bool,
    /// Calls were left out, since the client wished for none.
    pub unwanted: bool,
    /// Calls that were cut off.
    pub incomplete_tools: u32,
    /// Events of calls that were complete already.
    pub repeated_tools: u32,
    /// Signatures that came when no thought was open to be signed.
    pub dropped_signatures: u32,
}

/// What the service's reason means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reason {
    /// The turn is over, or nothing was said about it.
    Turn,
    Tools,
    Sequence,
    Limit,
    Window,
    Filtered,
    Malformed,
    Unknown,
}

impl Reason {
    /// Observed live: `END_TURN`; the others are the model service's documented set.
    fn read(reason: &str) -> Self {
        match reason {
            "END_TURN" => Self::Turn,
            "TOOL_USE" => Self::Tools,
            "STOP_SEQUENCE" => Self::Sequence,
            "MAX_TOKENS" => Self::Limit,
            "MODEL_CONTEXT_WINDOW_EXCEEDED" => Self::Window,
            "CONTENT_FILTERED" | "GUARDRAIL_INTERVENED" => Self::Filtered,
            "MALFORMED_TOOL_USE" | "MALFORMED_MODEL_OUTPUT" => Self::Malformed,
            _ => Self::Unknown,
        }
    }
}

impl Flow {
    pub(super) fn end(&mut self, ending: Ending<'_>, usage: Usage, sink: &mut Sink<'_>) -> Result<Finished, Error> {
        if self.writer.ended() {
            return Err(Error::new(Kind::Internal, "the answer had already ended"));
        }
        let reason = ending.stop_reason.map_or(Reason::Turn, Reason::read);
        if reason == Reason::Malformed && self.prose.matched().is_none() {
            let reason = ending.stop_reason.unwrap_or_default();
            return Err(Error::new(
                Kind::UpstreamBroke,
                format!("the model's answer is malformed ({reason}): try again"),
            ));
        }
        self.writer.start(usage.input, sink);
        let tally = self.settle(sink);
        let cut = !ending.tail && ending.stop_reason.is_none();
        let stop = self.decide(reason, cut, tally);
        let finished = Finished {
            stop: OwnedStop::of(stop),
            empty: !self.writer.begun(),
            unknown_stop: (reason == Reason::Unknown).then(|| ending.stop_reason.unwrap_or_default().to_owned()),
            surplus: self.surplus,
            unwanted: self.unwanted,
            incomplete_tools: tally.incomplete,
            repeated_tools: self.repeated,
            dropped_signatures: self.unsigned,
        };
        self.writer.finish(finished.stop.lend(), usage, sink);
        Ok(finished)
    }

    /// Writes what is held: complete calls, text and thought in their order. A cut call that was never
    /// opened is left out.
    fn settle(&mut self, sink: &mut Sink<'_>) -> Tally {
        let tally = self.calls.settle();
        if self.calls.live.take().is_some() {
            self.writer.close(sink);
        }
        self.drain(sink);
        if self.prose.matched().is_none() {
            self.prose.flush(&mut self.writer, sink);
        }
        tally
    }

    fn decide(&self, reason: Reason, cut: bool, tally: Tally) -> Stop<'_> {
        if let Some(sequence) = self.prose.matched() {
            return Stop::Sequence(sequence);
        }
        match reason {
            Reason::Limit => Stop::MaxTokens,
            Reason::Window => Stop::ContextWindow,
            Reason::Filtered => Stop::Refusal,
            _ if tally.incomplete > 0 => Stop::MaxTokens,
            // The service was seen to say END_TURN after a call.
            _ if tally.complete > 0 => Stop::ToolUse,
            _ if cut => Stop::MaxTokens,
            // The call that it waits for was not wanted.
            Reason::Tools if self.unwanted => Stop::EndTurn,
            // A call was announced and never came.
            Reason::Tools => Stop::MaxTokens,
            Reason::Sequence => self.prose.only().map_or(Stop::EndTurn, Stop::Sequence),
            Reason::Turn | Reason::Malformed | Reason::Unknown => Stop::EndTurn,
        }
    }
}
