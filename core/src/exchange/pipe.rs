//! One answer's events, mapped to the tongue and told to the client.

use std::sync::Arc;

use crate::error::Error;
use crate::eventstream::Frame;
use crate::exchange::hold::Sink;
use crate::exchange::plan::Failure;
use crate::exchange::relay::Flow as Next;
use crate::exchange::scale::Scale;
use crate::models::Model;
use crate::turn::demand::Correction;
use crate::turn::flow::{Ending, Flow, Input, Options, Progress, Said};
use crate::turn::{Answer, Count, Delta, OwnedStop, Stop, Usage, estimate};
use crate::upstream::Names;
use crate::upstream::event::{Event, Tokens, ToolInput};
use crate::upstream::fault::{Asked, Fault};

/// The path of events through the grammar to the client, and what was learned on the way.
#[derive(Debug)]
pub(crate) struct Pipe {
    flow: Flow,
    sink: Sink,
    names: Names,
    scale: Scale,
    estimate: u64,
    asked: (Arc<Model>, String),
    /// Most output tokens, where the model was not told.
    limit: Option<u64>,
    learned: Learned,
}

/// What an answer that ended in good order came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Finish {
    /// Something for the client, or a reason why there is nothing.
    Said,
    /// Nothing, and no reason for it.
    Empty,
    /// Not what the client demands; it has got nothing of it.
    Unmet(Correction),
}

/// What the service said beside its answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Learned {
    tail: bool,
    stop_reason: Option<String>,
    tokens: Option<Tokens>,
    context_percent: Option<f64>,
    credits: Option<f64>,
    /// Events of a known kind that carry nothing for the client.
    pub(crate) silent: u32,
    /// Events of a kind nobody knows.
    pub(crate) unknown: u32,
    /// How the answer ended, for the log.
    pub(crate) stop: Option<&'static str>,
    usage: Usage,
    /// A stop reason nobody knows, as the service spelled it.
    pub(crate) unknown_stop: Option<String>,
    /// Whether the answer was ended before a second call.
    pub(crate) surplus: bool,
    /// Calls came although the client wished for none.
    pub(crate) unwanted: bool,
    /// What was done to the answer so that it is what the client demands.
    pub(crate) note: Option<String>,
}

impl Pipe {
    pub(crate) fn new(
        options: Options,
        sink: Sink,
        names: Names,
        scale: Scale,
        estimate: u64,
        asked: (Arc<Model>, String),
        limit: Option<u64>,
    ) -> Self {
        Self { flow: Flow::new(options), sink, names, scale, estimate, asked, limit, learned: Learned::default() }
    }

    /// Takes one frame.
    pub(crate) fn hear(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<Next, Failure> {
        let next = self.take(frame, out)?;
        Ok(if self.is_full() { Next::Done } else { next })
    }

    fn take(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<Next, Failure> {
        match Event::read(frame) {
            Event::Text(text) => self.say(Said::Text(text), out),
            Event::Reasoning { text, signature, redacted } => {
                let said = [text.map(Said::Thought), signature.map(Said::Signature), redacted.map(Said::Redacted)];
                for said in said.into_iter().flatten() {
                    if self.say(said, out)? == Next::Done {
                        return Ok(Next::Done);
                    }
                }
                Ok(Next::More)
            }
            Event::Tool { id, name, input, stop } => self.tool(&id, &name, input, stop, out),
            Event::Fault(fault) => Err(fault.into()),
            beside => {
                self.learned.note(beside);
                Ok(Next::More)
            }
        }
    }

    /// Whether the client sees something of it: what is held back does not count.
    pub(crate) fn is_meaningful(&self) -> bool {
        self.flow.meaningful() && !self.sink.is_holding()
    }

    /// Whether the model has said something for the client.
    pub(crate) fn has_begun(&self) -> bool {
        self.flow.meaningful()
    }

    pub(crate) fn learned(&self) -> &Learned {
        &self.learned
    }

    /// Tokens of the request and of the window, in the client's scale, for an overflow's text.
    pub(crate) fn asked(&self) -> Asked<'_> {
        let (tokens, maximum) = self.scale.overflow(self.estimate);
        Asked { model: &self.asked.1, tokens, maximum }
    }

    /// What the answer used: as told to the client, or so far where it has not come to its end.
    pub(crate) fn used(&self) -> Usage {
        if self.learned.stop.is_some() { self.learned.usage } else { self.usage() }
    }

    pub(crate) fn answer(&self) -> Option<&Answer> {
        match &self.sink {
            Sink::Fold(answer) => Some(answer),
            Sink::Encode(_) | Sink::Hold(_) => None,
        }
    }

    /// The whole answer, where its last event waits until it is kept.
    pub(crate) fn unconcluded(&self) -> Option<&Answer> {
        match &self.sink {
            Sink::Encode(encoder) => encoder.unconcluded(),
            Sink::Fold(_) | Sink::Hold(_) => None,
        }
    }

    pub(crate) fn conclude(&mut self, kept: bool, out: &mut Vec<u8>) {
        if let Sink::Encode(encoder) = &mut self.sink
            && encoder.unconcluded().is_some()
        {
            encoder.conclude(kept, out);
        }
    }

    pub(crate) fn ping(&mut self, out: &mut Vec<u8>) {
        if let Sink::Encode(encoder) = &self.sink {
            encoder.ping(out);
        }
    }

    /// Whether the answer has reached its limit before its end. Hidden thought alone never fills it: an answer
    /// with nothing to see would help nobody.
    fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| !self.learned.tail && self.flow.meaningful() && self.written() >= limit)
    }

    /// Estimate of the output so far, in the model's own tokens.
    fn written(&self) -> u64 {
        estimate::scaled(&self.asked.0, self.flow.output_tokens())
    }

    /// The service's stream is complete (or a stop sequence or the limit came): closes, and says why and how much.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<Finish, Failure> {
        if self.is_full() {
            return self.cut(out);
        }
        let learned = self.learned.clone();
        self.end(&Ending { stop_reason: learned.stop_reason.as_deref(), tail: learned.tail }, out)
    }

    /// The answer has reached its limit, or the service said in mid-answer that the window is full: a truthful cut.
    pub(crate) fn cut(&mut self, out: &mut Vec<u8>) -> Result<Finish, Failure> {
        self.end(&Ending { stop_reason: Some("MAX_TOKENS"), tail: true }, out)
    }

    /// Tells a committed client that the answer broke.
    pub(crate) fn abort(&mut self, error: &Error, request_id: &str, out: &mut Vec<u8>) {
        let Self { flow, sink, .. } = self;
        flow.abort(&mut |delta| sink.take(delta, out));
        if let Sink::Encode(encoder) = sink {
            encoder.fault(error, request_id, out);
        }
    }

    fn end(&mut self, ending: &Ending<'_>, out: &mut Vec<u8>) -> Result<Finish, Failure> {
        self.start(out);
        let usage = self.usage();
        let Self { flow, sink, learned, .. } = self;
        learned.usage = usage;
        let mut take = |delta: &Delta<'_>| {
            if let Delta::Finish { stop, .. } = delta {
                learned.stop = Some(word(stop));
            }
            sink.take(delta, out);
        };
        let finished = flow.finish(*ending, usage, &mut take).map_err(|error| Fault::malformed(&error.to_string()))?;
        let explained = match finished.stop {
            OwnedStop::Sequence(_) => true,
            _ if finished.unknown_stop.is_some() => false,
            _ => !matches!(ending.stop_reason, None | Some("END_TURN" | "TOOL_USE")),
        };
        learned.unknown_stop = finished.unknown_stop;
        learned.surplus = finished.surplus;
        learned.unwanted = finished.unwanted;
        if finished.empty && !explained {
            return Ok(Finish::Empty);
        }
        Ok(sink.settle(&mut learned.note, out).map_or(Finish::Said, Finish::Unmet))
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        let input = Count::estimated(self.scale.apply(self.estimate));
        let Self { flow, sink, .. } = self;
        flow.start(input, &mut |delta| sink.take(delta, out));
    }

    fn say(&mut self, said: Said<'_>, out: &mut Vec<u8>) -> Result<Next, Failure> {
        self.start(out);
        let Self { flow, sink, .. } = self;
        match flow.push(said, &mut |delta| sink.take(delta, out)) {
            Ok(Progress::More) => Ok(Next::More),
            Ok(Progress::Done) => Ok(Next::Done),
            Err(error) => Err(Fault::malformed(&error.to_string()).into()),
        }
    }

    fn tool(
        &mut self,
        id: &str,
        name: &str,
        input: ToolInput<'_>,
        stop: bool,
        out: &mut Vec<u8>,
    ) -> Result<Next, Failure> {
        self.start(out);
        let Self { flow, sink, names, .. } = self;
        let input = match input {
            ToolInput::None => Input::None,
            ToolInput::Fragment(lit) => Input::Fragment(lit),
            ToolInput::Object(raw) => Input::Object(raw),
        };
        let said = Said::Tool { id, name: names.client_name(name), input, stop };
        match flow.push(said, &mut |delta| sink.take(delta, out)) {
            Ok(Progress::More) => Ok(Next::More),
            Ok(Progress::Done) => Ok(Next::Done),
            Err(error) => Err(Fault::malformed(&error.to_string()).into()),
        }
    }

    /// What the answer used, by the best source there is, in the client's scale.
    fn usage(&self) -> Usage {
        let written = self.written();
        let scale = |tokens| self.scale.apply(tokens);
        let credits = self.learned.credits;
        if let Some(tokens) = &self.learned.tokens {
            return Usage {
                input: Count::reported(scale(tokens.uncached_input)),
                output: Count::reported(scale(tokens.output)),
                cache_read: scale(tokens.cache_read),
                cache_write: scale(tokens.cache_write),
                credits,
            };
        }
        let input = match self.learned.context_percent {
            Some(percent) => Count::derived(scale(self.scale.share(percent).saturating_sub(written))),
            None => Count::estimated(scale(self.estimate)),
        };
        Usage { input, output: Count::estimated(scale(written)), credits, ..Usage::default() }
    }
}

impl Learned {
    fn note(&mut self, event: Event<'_>) {
        match event {
            Event::Metadata { stop_reason, tokens } => {
                self.tail = true;
                if let Some(reason) = stop_reason {
                    self.stop_reason = Some(reason.into_owned());
                }
                if let Some(tokens) = tokens {
                    self.context_percent = tokens.context_percent.or(self.context_percent);
                    self.tokens = Some(tokens);
                }
            }
            Event::Context { percent } => {
                self.tail = true;
                self.context_percent = Some(percent);
            }
            Event::Metering { credits, .. } => {
                self.tail = true;
                self.credits = Some(credits);
            }
            Event::Unknown(_) => self.unknown += 1,
            _ => self.silent += 1,
        }
    }
}

fn word(stop: &Stop<'_>) -> &'static str {
    match stop {
        Stop::EndTurn => "end_turn",
        Stop::ToolUse => "tool_use",
        Stop::MaxTokens => "max_tokens",
        Stop::Sequence(_) => "stop_sequence",
        Stop::ContextWindow => "context_window",
        Stop::Refusal => "refusal",
    }
}
