//! Deltas to the events of a streamed response.
//!
//! ```text
//! Start    response.created, response.in_progress
//! Open     output_item.added, content_part.added | reasoning_summary_part.added
//! Piece    output_text.delta | refusal.delta | reasoning_summary_text.delta
//!          | function_call_arguments.delta | custom_tool_call_input.delta
//! Close    the same names with .done, then output_item.done
//! Finish   response.completed | response.incomplete
//! ```
//!
//! The item of text or thought is done only when it is known what follows: one that a limit cut is `incomplete`.
//! A call that is cut is never done, and the response never claims to be complete then.

use std::sync::Arc;

use super::events::{CONTENT, Events, SUMMARY, finish};
use super::object::{self, Form, Items, State, input_text, object, refusal_part, text_part};
use super::{Asked, Voice, failure};
use crate::dialect::Ids;
use crate::dialect::openai::freeform::Freeform;
use crate::dialect::sse::{raw, string};
use crate::error::Error;
use crate::json::Lit;
use crate::turn::{Answer, Block, Delta, Open};

/// Writes one streamed response. A piece costs no allocation once the buffers have their size: its literal is copied
/// between bytes that were made when its item opened. The whole answer is kept as well, for the events that repeat it.
#[derive(Debug)]
pub struct Encoder {
    asked: Arc<Asked>,
    ids: Ids,
    store: bool,
    answer: Answer,
    events: Events,
    started: bool,
    stage: Stage,
    /// What stands between the number and the text of each piece of the open item.
    middle: Vec<u8>,
    scratch: String,
}

/// What is open.
#[derive(Debug)]
enum Stage {
    /// No item.
    Between,
    /// A part of a message.
    Text,
    Refusal,
    /// Thought; whether its summary has begun.
    Thought(bool),
    /// Complete with its opening.
    Redacted,
    /// A call; whether anything of its input was written.
    Function(bool),
    Custom(Box<Freeform>),
    /// Text or thought that has ended; whether it was cut depends on what follows.
    Ended(Ended),
    /// The answer is complete and its last event waits.
    Waiting,
    Over,
}

#[derive(Clone, Copy, Debug)]
enum Ended {
    Text,
    Refusal,
    Thought(bool),
    Redacted,
}

impl Encoder {
    /// An encoder for this voice.
    pub fn new(voice: &Voice, ids: &Ids) -> Self {
        Self {
            asked: Arc::clone(&voice.asked),
            ids: ids.clone(),
            store: voice.store,
            answer: Answer::new(),
            events: Events::default(),
            started: false,
            stage: Stage::Between,
            middle: Vec::new(),
            scratch: String::new(),
        }
    }

    /// Appends the events of a delta. A piece or a signature without an item that takes it is dropped.
    pub fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match *delta {
            Delta::Start { .. } => {
                self.answer.push(delta);
                self.start(out);
            }
            Delta::Open(open) => {
                self.start(out);
                self.settle(true, out);
                self.answer.push(delta);
                self.open(open, out);
            }
            Delta::Piece(piece) => self.piece(delta, piece, out),
            Delta::Sign(_) => self.answer.push(delta),
            Delta::Close => self.close(delta, out),
            Delta::Finish { .. } => self.finish(delta, out),
        }
    }

    /// The whole answer, complete, while its last event waits for [`Encoder::conclude`].
    pub fn unconcluded(&self) -> Option<&Answer> {
        matches!(self.stage, Stage::Waiting).then_some(&self.answer)
    }

    /// Appends the last event; `kept` says whether the answer's record is stored.
    pub fn conclude(&mut self, kept: bool, out: &mut Vec<u8>) {
        if matches!(self.stage, Stage::Waiting) {
            self.last(kept, out);
        }
    }

    /// Appends the failure that ends a stream. Nothing may follow.
    pub fn fault(&mut self, error: &Error, out: &mut Vec<u8>) {
        if matches!(self.stage, Stage::Over) {
            return;
        }
        self.start(out);
        let done = match self.stage {
            Stage::Between | Stage::Waiting => self.answer.blocks.len(),
            _ => self.answer.blocks.len().saturating_sub(1),
        };
        self.answer.blocks.truncate(done);
        self.events.begin("response.failed", out);
        let (code, message) = failure(error);
        self.lifecycle(State::Failed(code, &message), false, out);
        self.stage = Stage::Over;
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if core::mem::replace(&mut self.started, true) {
            return;
        }
        for name in ["response.created", "response.in_progress"] {
            self.events.begin(name, out);
            self.lifecycle(State::InProgress, self.store, out);
        }
    }

    fn open(&mut self, open: Open<'_>, out: &mut Vec<u8>) {
        let form = match open {
            Open::Text | Open::Refusal => Form::Message,
            Open::Thinking | Open::Redacted(_) => Form::Reasoning,
            Open::Tool { name, .. } => Form::of_tool(self.asked.tools.declared(name).custom),
        };
        self.events.id = object::item_id(form, &self.ids, self.events.place);
        self.events.begin("response.output_item.added", out);
        self.events.place(out);
        raw(",\"item\":", out);
        let items = self.items();
        match open {
            Open::Text | Open::Refusal => items.message(self.events.place, "in_progress", |_| {}, out),
            Open::Thinking | Open::Redacted(_) => items.reasoning(self.events.place, "in_progress", "", None, out),
            Open::Tool { id, name } => items.call(self.events.place, "in_progress", id, name, None, out),
        }
        finish(out);
        self.stage = match open {
            Open::Text => self.part(Stage::Text, text_part, out),
            Open::Refusal => self.part(Stage::Refusal, refusal_part, out),
            Open::Thinking => self.takes(Stage::Thought(false), SUMMARY),
            Open::Redacted(_) => Stage::Redacted,
            Open::Tool { .. } if form == Form::Custom => self.takes(Stage::Custom(Box::new(Freeform::new())), ""),
            Open::Tool { .. } => self.takes(Stage::Function(false), ""),
        };
    }

    /// Opens a message's part and prepares what stands before each piece.
    fn part(&mut self, stage: Stage, part: fn(&str, &mut Vec<u8>), out: &mut Vec<u8>) -> Stage {
        self.events.part("response.content_part.added", "", part, out);
        self.takes(stage, CONTENT)
    }

    fn takes(&mut self, stage: Stage, index: &str) -> Stage {
        let mut middle = core::mem::take(&mut self.middle);
        middle.clear();
        self.events.item(&mut middle);
        raw(index, &mut middle);
        raw(",\"delta\":\"", &mut middle);
        self.middle = middle;
        stage
    }

    fn piece(&mut self, delta: &Delta<'_>, piece: Lit<'_>, out: &mut Vec<u8>) {
        let (name, tail) = match &mut self.stage {
            Stage::Text => ("response.output_text.delta", ",\"logprobs\":[]"),
            Stage::Refusal => ("response.refusal.delta", ""),
            Stage::Thought(begun) if self.asked.summary => {
                if !core::mem::replace(begun, true) {
                    self.events.summary("response.reasoning_summary_part.added", "", out);
                }
                ("response.reasoning_summary_text.delta", "")
            }
            Stage::Function(said) => {
                *said = true;
                ("response.function_call_arguments.delta", "")
            }
            Stage::Custom(freeform) => {
                self.scratch.clear();
                freeform.push(piece, &mut self.scratch);
                self.answer.push(delta);
                return self.custom_piece(out);
            }
            Stage::Thought(_) => return self.answer.push(delta),
            _ => return,
        };
        self.answer.push(delta);
        self.text(name, piece.escaped(), tail, out);
    }

    fn custom_piece(&mut self, out: &mut Vec<u8>) {
        if !self.scratch.is_empty() {
            let scratch = core::mem::take(&mut self.scratch);
            self.text("response.custom_tool_call_input.delta", &scratch, "", out);
            self.scratch = scratch;
        }
    }

    /// A piece's event.
    fn text(&mut self, name: &'static str, text: &str, tail: &str, out: &mut Vec<u8>) {
        self.events.begin(name, out);
        out.extend_from_slice(&self.middle);
        raw(text, out);
        raw("\"", out);
        raw(tail, out);
        finish(out);
    }

    fn close(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let blocks = self.answer.blocks.len();
        let ended = match &self.stage {
            Stage::Text => Ended::Text,
            Stage::Refusal => Ended::Refusal,
            Stage::Thought(begun) => Ended::Thought(*begun),
            Stage::Redacted => Ended::Redacted,
            Stage::Function(_) | Stage::Custom(_) => {
                self.answer.push(delta);
                return self.close_call(self.answer.blocks.len() < blocks, out);
            }
            Stage::Between | Stage::Ended(_) | Stage::Waiting | Stage::Over => return,
        };
        self.answer.push(delta);
        self.stage = Stage::Ended(ended);
    }

    fn close_call(&mut self, cut: bool, out: &mut Vec<u8>) {
        let stage = core::mem::replace(&mut self.stage, Stage::Between);
        if cut {
            self.events.place += 1;
            return;
        }
        let custom = matches!(stage, Stage::Custom(_));
        let mut whole = Vec::new();
        let mut name = Vec::new();
        if let Some(Block::Tool { input, name: called, .. }) = self.answer.blocks.last() {
            input_text(custom, Some(input), &mut whole);
            string(self.asked.tools.declared(called).name, &mut name);
        }
        let said = match &stage {
            Stage::Custom(freeform) => freeform.found(),
            Stage::Function(said) => *said,
            _ => true,
        };
        let (delta, done) = if custom {
            ("response.custom_tool_call_input.delta", "response.custom_tool_call_input.done")
        } else {
            ("response.function_call_arguments.delta", "response.function_call_arguments.done")
        };
        if !said && whole.len() > 2 {
            self.events.begin(delta, out);
            self.events.item(out);
            raw(",\"delta\":", out);
            out.extend_from_slice(&whole);
            finish(out);
        }
        self.events.begin(done, out);
        self.events.item(out);
        if !custom {
            raw(",\"name\":", out);
            out.extend_from_slice(&name);
        }
        raw(if custom { ",\"input\":" } else { ",\"arguments\":" }, out);
        out.extend_from_slice(&whole);
        finish(out);
        self.item_done(true, out);
    }

    /// Ends the text or thought that has no more pieces.
    fn settle(&mut self, complete: bool, out: &mut Vec<u8>) {
        let Stage::Ended(ended) = self.stage else { return };
        self.stage = Stage::Between;
        let text = match self.answer.blocks.last_mut() {
            Some(Block::Text(text) | Block::Refusal(text) | Block::Thinking { text, .. }) => core::mem::take(text),
            _ => String::new(),
        };
        match ended {
            Ended::Text => {
                self.events.whole("response.output_text.done", CONTENT, ("text", &text), ",\"logprobs\":[]", out);
                self.events.part("response.content_part.done", &text, text_part, out);
            }
            Ended::Refusal => {
                self.events.whole("response.refusal.done", CONTENT, ("refusal", &text), "", out);
                self.events.part("response.content_part.done", &text, refusal_part, out);
            }
            Ended::Thought(true) => {
                self.events.whole("response.reasoning_summary_text.done", SUMMARY, ("text", &text), "", out);
                self.events.summary("response.reasoning_summary_part.done", &text, out);
            }
            Ended::Thought(false) | Ended::Redacted => {}
        }
        if let Some(Block::Text(slot) | Block::Refusal(slot) | Block::Thinking { text: slot, .. }) =
            self.answer.blocks.last_mut()
        {
            *slot = text;
        }
        self.item_done(complete, out);
    }

    fn item_done(&mut self, complete: bool, out: &mut Vec<u8>) {
        self.events.begin("response.output_item.done", out);
        self.events.place(out);
        raw(",\"item\":", out);
        if let Some(block) = self.answer.blocks.last() {
            self.items().item(self.events.place, block, complete, out);
        }
        finish(out);
        self.events.place += 1;
    }

    fn finish(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        if matches!(self.stage, Stage::Waiting | Stage::Over) {
            return;
        }
        self.start(out);
        self.close(&Delta::Close, out);
        self.answer.push(delta);
        self.settle(!State::of(&self.answer.stop).is_cut(), out);
        if self.store {
            self.stage = Stage::Waiting;
        } else {
            self.last(false, out);
        }
    }

    fn last(&mut self, kept: bool, out: &mut Vec<u8>) {
        let answer = core::mem::take(&mut self.answer);
        let state = State::of(&answer.stop);
        self.events.begin(if state.is_cut() { "response.incomplete" } else { "response.completed" }, out);
        raw(",\"response\":", out);
        let output = |out: &mut Vec<u8>| self.items().all(&answer, state.is_cut(), out);
        object(&self.asked, &self.ids, state, kept, output, Some(&answer), out);
        finish(out);
        self.stage = Stage::Over;
    }

    fn items(&self) -> Items<'_> {
        Items { asked: &self.asked, ids: &self.ids, sealed: self.asked.sealed }
    }

    /// Ends an event that carries the response, with the items that are done.
    fn lifecycle(&self, state: State<'_>, store: bool, out: &mut Vec<u8>) {
        raw(",\"response\":", out);
        let output = |out: &mut Vec<u8>| self.items().all(&self.answer, false, out);
        object(&self.asked, &self.ids, state, store, output, None, out);
        finish(out);
    }
}
