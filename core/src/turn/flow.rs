//! The one place of the answer's grammar: whatever the model says, in any order and state of repair, comes
//! out as `Start (Open (Piece | Sign)* Close)* Finish`.
//!
//! ```text
//! Said ─┬─ text ──────▶ thinking (tags) ──▶ stop (sequences) ──▶ writer ──▶ Delta
//!       ├─ thought, signature ──────────────────────────────────▶
//!       └─ tool ──▶ tools (by id, one at a time) ───────────────▶
//! ```
//!
//! Memory per answer is bounded: at most [`HELD_MAX`] bytes wait (see [`Flow::held`]).

mod ending;
mod prose;
mod writer;

use prose::Prose;
use writer::{Sink, Writer};

pub use self::ending::{Ending, Finished};
use crate::error::Error;
use crate::json::{Lit, RawValue};
use crate::turn::delta::Delta;
use crate::turn::estimate::Meter;
use crate::turn::tools::{self, Calls, Waiting};
use crate::turn::usage::{Count, Usage};

pub use crate::turn::tools::HELD_MAX;

/// Something the model says, as the service put it.
#[derive(Clone, Copy, Debug)]
pub enum Said<'a> {
    /// Text; may hold tags of thought and be empty.
    Text(Lit<'a>),
    /// Native thought; may be empty.
    Thought(Lit<'a>),
    /// The service's signature of the thought before it.
    Signature(Lit<'a>),
    /// Thought that the service encrypted.
    Redacted(Lit<'a>),
    /// A piece of a tool call.
    Tool {
        /// The call's id; not empty.
        id: &'a str,
        /// The client's own name of the tool; not empty. The first mention counts.
        name: &'a str,
        /// More of its input.
        input: Input<'a>,
        /// Whether the call is complete.
        stop: bool,
    },
}

/// More of a call's input.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Nothing.
    None,
    /// The *decoded* literal is the next piece of the JSON text, cut anywhere.
    Fragment(Lit<'a>),
    /// All of it at once.
    Object(&'a RawValue),
}

/// What the client wants of the answer.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether thought is shown; else it is only counted.
    pub show_thinking: bool,
    /// Whether the model was asked to mark its thought by tags in the text.
    pub split_tags: bool,
    /// Texts that end the answer. Empty ones are left out.
    pub stop_sequences: Vec<String>,
    /// Whether the answer ends with its first call: later ones are never told.
    pub single_call: bool,
    /// Whether the client wants no call at all: those that come are left out.
    pub no_calls: bool,
}

/// Whether there is more to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Progress {
    /// Go on.
    More,
    /// A stop sequence came, or a second call where one was wanted: cancel the service's stream and
    /// [finish](Flow::finish). Further pushes have no effect.
    Done,
}

/// One answer under way.
#[derive(Debug)]
pub struct Flow {
    writer: Writer,
    prose: Prose,
    calls: Calls,
    show_thinking: bool,
    single_call: bool,
    no_calls: bool,
    /// A call came where none was wanted.
    unwanted: bool,
    /// A second call came where one was wanted.
    surplus: bool,
    meter: Meter,
    meaningful: bool,
    repeated: u32,
    unsigned: u32,
    scratch: String,
}

impl Flow {
    /// A new answer.
    pub fn new(options: Options) -> Self {
        Self {
            writer: Writer::default(),
            prose: Prose::new(options.show_thinking, options.split_tags, options.stop_sequences),
            calls: Calls::default(),
            show_thinking: options.show_thinking,
            single_call: options.single_call,
            no_calls: options.no_calls,
            unwanted: false,
            surplus: false,
            meter: Meter::new(),
            meaningful: false,
            repeated: 0,
            unsigned: 0,
            scratch: String::new(),
        }
    }

    /// Emits [`Delta::Start`] at once; a second call does nothing. Without it the first delta is a `Start`
    /// with an unknown count.
    pub fn start(&mut self, input: Count, sink: &mut impl FnMut(&Delta<'_>)) {
        self.writer.start(input, sink);
    }

    /// Takes the next thing the model says. After an error nothing but [`Flow::abort`] makes sense.
    ///
    /// # Errors
    /// [`Kind::UpstreamBroke`](crate::Kind::UpstreamBroke) for a tool call without id or name, for tool
    /// input that is no JSON object, and when more than [`HELD_MAX`] bytes would have to wait.
    pub fn push(&mut self, said: Said<'_>, sink: &mut impl FnMut(&Delta<'_>)) -> Result<Progress, Error> {
        if self.writer.ended() || self.progress() == Progress::Done {
            return Ok(Progress::Done);
        }
        match said {
            Said::Text(text) => self.say(tools::Prose::Text, text, sink)?,
            Said::Thought(text) => self.say(tools::Prose::Thought, text, sink)?,
            Said::Signature(signature) => self.say(tools::Prose::Signature, signature, sink)?,
            Said::Redacted(data) => self.say(tools::Prose::Redacted, data, sink)?,
            Said::Tool { id, name, input, stop } => self.call(id, name, input, stop, sink)?,
        }
        Ok(self.progress())
    }

    /// The service's stream is over, or a stop sequence came: writes what is held, closes, and emits the
    /// [`Delta::Finish`]. `usage` is passed through; [`Flow::output_tokens`] before this call is the
    /// estimate of all output.
    ///
    /// # Errors
    /// [`Kind::UpstreamBroke`](crate::Kind::UpstreamBroke) when the service calls its own answer malformed. Nothing is emitted
    /// then, and no block is closed: what is open is not complete. Send the error.
    pub fn finish(
        &mut self,
        ending: Ending<'_>,
        usage: Usage,
        sink: &mut impl FnMut(&Delta<'_>),
    ) -> Result<Finished, Error> {
        self.end(ending, usage, sink)
    }

    /// An error takes the place of the rest: nothing more is emitted, and the open block stays open.
    /// A client acts on a block when it closes (it runs the tool, it keeps the text), and this one is not
    /// complete; Anthropic's own streams break off the same way. Does nothing the second time.
    pub fn abort(&mut self, _sink: &mut impl FnMut(&Delta<'_>)) {
        self.writer.abandon();
    }

    /// Whether something has come that a client sees: text or thought that is shown, or a tool call.
    /// Text that is still held does not count yet; [`Finished::empty`] tells for the whole answer.
    pub fn meaningful(&self) -> bool {
        self.meaningful || self.writer.begun()
    }

    /// Estimate of all output tokens so far, hidden thought and what waits included.
    pub fn output_tokens(&self) -> u64 {
        self.meter.tokens()
    }

    /// Bytes that wait: text that may be the beginning of a tag or of a stop sequence, and what was said
    /// while a tool call was unfinished. At most [`HELD_MAX`] and the longest stop sequence.
    pub fn held(&self) -> usize {
        self.prose.held() + self.calls.held()
    }

    fn progress(&self) -> Progress {
        let spent = self.surplus && !self.calls.is_live_open();
        if spent || self.prose.matched().is_some() { Progress::Done } else { Progress::More }
    }

    /// Text, thought and signatures: now, or once the live call is complete.
    fn say(&mut self, kind: tools::Prose, piece: Lit<'_>, sink: &mut Sink<'_>) -> Result<(), Error> {
        if piece.is_empty() {
            return Ok(());
        }
        match kind {
            tools::Prose::Text => self.meter.push(piece),
            tools::Prose::Thought => {
                self.meter.push(piece);
                self.prose.stop_splitting(&mut self.writer, sink);
            }
            tools::Prose::Signature => self.prose.stop_splitting(&mut self.writer, sink),
            tools::Prose::Redacted => {
                self.meter.sealed(piece);
                self.prose.stop_splitting(&mut self.writer, sink);
            }
        }
        if kind != tools::Prose::Text && !self.show_thinking {
            return Ok(());
        }
        if self.calls.live.is_some() {
            return self.calls.wait(kind, piece);
        }
        self.write(kind, piece, sink);
        Ok(())
    }

    fn write(&mut self, kind: tools::Prose, piece: Lit<'_>, sink: &mut Sink<'_>) {
        let writer = &mut self.writer;
        if kind == tools::Prose::Text {
            return self.prose.text(piece, writer, sink);
        }
        self.prose.flush(writer, sink);
        if self.prose.matched().is_some() {
            return;
        }
        match kind {
            tools::Prose::Text => {}
            tools::Prose::Thought => writer.thought(piece, sink),
            tools::Prose::Redacted => writer.redacted(piece, sink),
            tools::Prose::Signature => self.unsigned += u32::from(!writer.sign(piece, sink)),
        }
    }

    fn call(&mut self, id: &str, name: &str, input: Input<'_>, stop: bool, sink: &mut Sink<'_>) -> Result<(), Error> {
        if self.no_calls {
            self.unwanted = true;
            return Ok(());
        }
        if self.single_call && self.calls.is_another(id) {
            self.surplus = true;
            return Ok(());
        }
        let (index, first) = self.calls.note(id, name)?;
        if first {
            self.meaningful = true;
            self.meter.call(name);
            self.line_up(index, sink);
        }
        if self.prose.matched().is_some() {
            return Ok(());
        }
        if self.calls.call(index).is_some_and(|call| call.stopped) {
            self.repeated = self.repeated.saturating_add(1);
            return Ok(());
        }
        self.feed(index, input, sink)?;
        if stop {
            self.stop(index, sink);
        }
        Ok(())
    }

    /// A new call goes live when none is, and waits otherwise.
    fn line_up(&mut self, index: usize, sink: &mut Sink<'_>) {
        if self.calls.live.is_some() {
            return self.calls.queue(index);
        }
        self.prose.flush(&mut self.writer, sink);
        self.calls.live = Some(index);
    }

    fn feed(&mut self, index: usize, input: Input<'_>, sink: &mut Sink<'_>) -> Result<(), Error> {
        match input {
            Input::None => Ok(()),
            Input::Fragment(piece) => self.feed_piece(index, piece, sink),
            Input::Object(raw) if raw.get() == "null" => Ok(()),
            Input::Object(raw) => {
                if self.calls.call(index).is_some_and(|call| call.whole()) {
                    self.repeated = self.repeated.saturating_add(1);
                    return Ok(());
                }
                let mut scratch = core::mem::take(&mut self.scratch);
                let fed = self.feed_piece(index, Lit::escape(raw.get(), &mut scratch), sink);
                self.scratch = scratch;
                fed
            }
        }
    }

    fn feed_piece(&mut self, index: usize, piece: Lit<'_>, sink: &mut Sink<'_>) -> Result<(), Error> {
        self.meter.push(piece);
        let Some(call) = self.calls.call(index) else { return Ok(()) };
        if piece.is_empty() || !call.read(piece)? {
            return Ok(());
        }
        if self.calls.live != Some(index) {
            return self.calls.keep(index, piece);
        }
        self.open(index, sink);
        self.writer.tool_input(piece, sink);
        Ok(())
    }

    fn stop(&mut self, index: usize, sink: &mut Sink<'_>) {
        if let Some(call) = self.calls.call(index) {
            call.stopped = true;
        }
        if self.calls.live == Some(index) {
            self.open(index, sink);
            self.writer.close(sink);
            self.calls.live = None;
            self.drain(sink);
        }
    }

    /// Opens the call's block if it is not. A block opens with the first piece of input or with its stop,
    /// so that an opened call without a piece is one without input, and never a cut one.
    fn open(&mut self, index: usize, sink: &mut Sink<'_>) {
        if let Some(call) = self.calls.call(index)
            && !call.opened
        {
            call.opened = true;
            self.writer.open_tool(&call.id, &call.name, sink);
        }
    }

    /// Writes what waits, up to the next unfinished call.
    fn drain(&mut self, sink: &mut Sink<'_>) {
        while self.prose.matched().is_none() && self.calls.live.is_none() {
            match self.calls.next() {
                None => return,
                Some(Waiting::Prose(kind, literal)) => self.write(kind, Lit::joined(&literal), sink),
                Some(Waiting::Call(index)) => self.take_up(index, sink),
            }
        }
    }

    /// Writes what has come of a call that waited; it goes live when more is to come. A cut one, of which the
    /// client knows nothing yet, is left out.
    fn take_up(&mut self, index: usize, sink: &mut Sink<'_>) {
        self.prose.flush(&mut self.writer, sink);
        if self.prose.matched().is_some() {
            return;
        }
        let Some(call) = self.calls.call(index) else { return };
        let (input, stopped) = (core::mem::take(&mut call.input), call.stopped);
        if stopped && !call.complete() {
            return;
        }
        if stopped || !input.is_empty() {
            self.open(index, sink);
            self.writer.tool_input(Lit::joined(&input), sink);
        }
        if stopped {
            self.writer.close(sink);
        } else {
            self.calls.live = Some(index);
        }
    }
}
