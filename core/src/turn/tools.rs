//! The calls of one answer: told apart by id, each emitted whole and once, in order of appearance.
//!
//! The first call that opens is *live*: its input is written as it comes. Whatever else comes before it
//! stops waits in a queue, so that blocks never interleave.

mod scan;

use std::collections::VecDeque;

pub(crate) use scan::{Extent, Scanner};

use crate::error::{Error, Kind};
use crate::json::Lit;

/// Every call of an answer and what waits behind the live one.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: Vec<Call>,
    /// The call that is being written.
    pub(crate) live: Option<usize>,
    waiting: VecDeque<Waiting>,
    held: usize,
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Whether its block has been opened.
    pub(crate) opened: bool,
    /// Whether the service said that it is complete.
    pub(crate) stopped: bool,
    scanner: Scanner,
    /// Input that waits, as a literal.
    pub(crate) input: String,
}

/// Something said while another call was live, as literals.
#[derive(Debug)]
pub(crate) enum Waiting {
    Prose(Prose, String),
    Call(usize),
}

/// What is said besides calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Prose {
    Text,
    Thought,
    Signature,
    Redacted,
}

/// How the calls of an answer came out.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) complete: u32,
    pub(crate) incomplete: u32,
}

/// The most that may wait behind one call (bytes): what a stream may cost beyond its request.
pub const HELD_MAX: usize = 256 * 1024;

impl Call {
    /// Whether everything of its input has come: the service said so (and the input is not cut), or the
    /// JSON itself is complete.
    pub(crate) fn complete(&self) -> bool {
        match self.scanner.extent() {
            Extent::Whole => true,
            Extent::Blank => self.stopped,
            Extent::Partial | Extent::Broken => false,
        }
    }

    /// Whether a whole object has come.
    pub(crate) fn whole(&self) -> bool {
        self.scanner.extent() == Extent::Whole
    }

    /// Reads on; `false` for blanks before the input, which are not worth a fragment.
    pub(crate) fn read(&mut self, piece: Lit<'_>) -> Result<bool, Error> {
        match self.scanner.feed(piece) {
            Extent::Blank => Ok(false),
            Extent::Partial | Extent::Whole => Ok(true),
            Extent::Broken => Err(Error::new(
                Kind::UpstreamBroke,
                format!("the input of the model's call {:?} of the tool {:?} is not a JSON object", self.id, self.name),
            )),
        }
    }
}

impl Calls {
    /// The call of this id, and whether this is its first mention.
    pub(crate) fn note(&mut self, id: &str, name: &str) -> Result<(usize, bool), Error> {
        if let Some(index) = self.calls.iter().rposition(|call| call.id == id) {
            return Ok((index, false));
        }
        if id.is_empty() || name.is_empty() {
            return Err(Error::new(Kind::UpstreamBroke, "the service sent a tool call without an id or a name"));
        }
        self.calls.push(Call {
            id: id.to_owned(),
            name: name.to_owned(),
            opened: false,
            stopped: false,
            scanner: Scanner::new(),
            input: String::new(),
        });
        Ok((self.calls.len() - 1, true))
    }

    /// Whether a call of this id would be another one beside those that have come.
    pub(crate) fn is_another(&self, id: &str) -> bool {
        !self.calls.is_empty() && self.calls.iter().all(|call| call.id != id)
    }

    /// Whether the live call still waits for more of its input.
    pub(crate) fn is_live_open(&self) -> bool {
        self.live.and_then(|index| self.calls.get(index)).is_some_and(|call| !call.whole())
    }

    pub(crate) fn call(&mut self, index: usize) -> Option<&mut Call> {
        self.calls.get_mut(index)
    }

    /// Bytes that wait.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Puts a call behind what waits already.
    pub(crate) fn queue(&mut self, index: usize) {
        self.waiting.push_back(Waiting::Call(index));
    }

    /// Puts text or thought behind what waits already.
    pub(crate) fn wait(&mut self, kind: Prose, piece: Lit<'_>) -> Result<(), Error> {
        match self.waiting.back_mut() {
            Some(Waiting::Prose(last, literal)) if *last == kind && kind.flows() => literal.push_str(piece.escaped()),
            _ => self.waiting.push_back(Waiting::Prose(kind, piece.escaped().to_owned())),
        }
        self.hold(piece)
    }

    /// Keeps a piece of a waiting call's input.
    pub(crate) fn keep(&mut self, index: usize, piece: Lit<'_>) -> Result<(), Error> {
        if let Some(call) = self.calls.get_mut(index) {
            call.input.push_str(piece.escaped());
        }
        self.hold(piece)
    }

    /// The next of what waits.
    pub(crate) fn next(&mut self) -> Option<Waiting> {
        let next = self.waiting.pop_front()?;
        let size = match &next {
            Waiting::Prose(_, literal) => literal.len(),
            Waiting::Call(index) => self.calls.get(*index).map_or(0, |call| call.input.len()),
        };
        self.held = self.held.saturating_sub(size);
        Some(next)
    }

    /// The stream is over: a call whose input is a whole object is complete even if the service did not say
    /// so; the others are cut.
    pub(crate) fn settle(&mut self) -> Tally {
        let mut tally = Tally::default();
        for call in &mut self.calls {
            let complete = call.complete();
            call.stopped = true;
            tally.complete += u32::from(complete);
            tally.incomplete += u32::from(!complete);
        }
        tally
    }

    fn hold(&mut self, piece: Lit<'_>) -> Result<(), Error> {
        self.held += piece.escaped().len();
        if self.held > HELD_MAX {
            return Err(Error::new(
                Kind::UpstreamBroke,
                format!("the service interleaved more than {HELD_MAX} bytes with an unfinished tool call"),
            ));
        }
        Ok(())
    }
}

impl Prose {
    /// Whether two in a row are one.
    fn flows(self) -> bool {
        matches!(self, Self::Text | Self::Thought)
    }
}
