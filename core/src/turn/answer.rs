//! The answer as a whole: the fold of the deltas that a stream would have been encoded from.

use crate::json::Lit;
use crate::turn::delta::{Delta, Open, Stop};
use crate::turn::tools::{Extent, Scanner};
use crate::turn::usage::Usage;

/// A complete answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Answer {
    /// Its blocks in order; text stays escaped, so that a body splices it between quotes.
    pub blocks: Vec<Block>,
    /// The places of calls that were cut and left out, counted as if they were among the blocks: a stream has told
    /// their beginnings.
    pub left_out: Vec<usize>,
    /// Why it ended; [`OwnedStop::MaxTokens`] until the stream says so.
    pub stop: OwnedStop,
    /// What it used.
    pub usage: Usage,
    open: bool,
    ended: bool,
}

/// A block of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// Text: the inside of a JSON string literal.
    Text(String),
    /// Thought.
    Thinking {
        /// The inside of a JSON string literal; may be empty where only a signature came.
        text: String,
        /// The service's signature: the inside of a JSON string literal.
        signature: Option<String>,
    },
    /// Thought that the service encrypted: the inside of a JSON string literal.
    Redacted(String),
    /// Why there is no answer in the form the client asked for: the inside of a JSON string literal.
    Refusal(String),
    /// A call of a client tool.
    Tool {
        /// The id of the call, plain.
        id: String,
        /// The client's name of the tool, plain.
        name: String,
        /// The input: the text of a complete JSON object (`{}` when none came), not a literal.
        input: String,
    },
}

/// [`Stop`], owned.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum OwnedStop {
    /// The model had nothing more to say.
    EndTurn,
    /// The model waits for results of its calls.
    ToolUse,
    /// Cut.
    #[default]
    MaxTokens,
    /// One of the client's stop sequences came.
    Sequence(String),
    /// The model's window is full.
    ContextWindow,
    /// The service filtered the answer.
    Refusal,
}

impl OwnedStop {
    /// A copy that owns its sequence.
    pub fn of(stop: Stop<'_>) -> Self {
        match stop {
            Stop::EndTurn => Self::EndTurn,
            Stop::ToolUse => Self::ToolUse,
            Stop::MaxTokens => Self::MaxTokens,
            Stop::Sequence(sequence) => Self::Sequence(sequence.to_owned()),
            Stop::ContextWindow => Self::ContextWindow,
            Stop::Refusal => Self::Refusal,
        }
    }

    /// Lends it for the encoders that take a [`Stop`].
    pub fn lend(&self) -> Stop<'_> {
        match self {
            Self::EndTurn => Stop::EndTurn,
            Self::ToolUse => Stop::ToolUse,
            Self::MaxTokens => Stop::MaxTokens,
            Self::Sequence(sequence) => Stop::Sequence(sequence),
            Self::ContextWindow => Stop::ContextWindow,
            Self::Refusal => Stop::Refusal,
        }
    }
}

impl Answer {
    /// An answer of which nothing has come.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next delta. A call whose input is cut is left out of the blocks, and then the answer never
    /// claims to be complete.
    pub fn push(&mut self, delta: &Delta<'_>) {
        match *delta {
            Delta::Start { input } => self.usage.input = input,
            Delta::Open(opening) => {
                self.blocks.push(Block::begin(opening));
                self.open = true;
            }
            Delta::Piece(piece) => self.extend(piece),
            Delta::Sign(signature) => self.sign(signature),
            Delta::Close => self.close(),
            Delta::Finish { stop, usage } => {
                self.close();
                self.stop = OwnedStop::of(stop);
                self.usage = usage;
                self.ended = true;
            }
        }
    }

    /// Tells what has come so far as the deltas it would have been folded from: an open block stays open, and
    /// the end is told only when it has come. Later deltas may follow where this stops.
    pub fn tell(&self, sink: &mut impl FnMut(&Delta<'_>)) {
        sink(&Delta::Start { input: self.usage.input });
        let last = self.blocks.len().saturating_sub(1);
        for (index, block) in self.blocks.iter().enumerate() {
            let open = self.open && index == last;
            block.tell(open, sink);
            if !open {
                sink(&Delta::Close);
            }
        }
        if self.ended {
            sink(&Delta::Finish { stop: self.stop.lend(), usage: self.usage });
        }
    }

    fn extend(&mut self, piece: Lit<'_>) {
        if let Some(
            Block::Text(text) | Block::Refusal(text) | Block::Thinking { text, .. } | Block::Tool { input: text, .. },
        ) = self.blocks.last_mut()
        {
            text.push_str(piece.escaped());
        }
    }

    fn sign(&mut self, new: Lit<'_>) {
        if let Some(Block::Thinking { signature, .. }) = self.blocks.last_mut() {
            *signature = Some(new.escaped().to_owned());
        }
    }

    /// Brings a call's input from a literal to the JSON text it is, or takes the cut call out.
    fn close(&mut self) {
        if !core::mem::take(&mut self.open) {
            return;
        }
        let Some(Block::Tool { input, .. }) = self.blocks.last_mut() else { return };
        match Scanner::new().feed(Lit::joined(input)) {
            Extent::Whole => *input = Lit::joined(input).decode().into_owned(),
            Extent::Blank => "{}".clone_into(input),
            Extent::Partial | Extent::Broken => {
                self.blocks.pop();
                self.left_out.push(self.blocks.len() + self.left_out.len());
            }
        }
    }
}

impl Block {
    /// All of a block but its end. The input of an open call is a literal still.
    fn tell(&self, open: bool, sink: &mut impl FnMut(&Delta<'_>)) {
        let mut scratch = String::new();
        let (opening, text) = match self {
            Self::Text(text) => (Open::Text, Lit::joined(text)),
            Self::Refusal(text) => (Open::Refusal, Lit::joined(text)),
            Self::Thinking { text, .. } => (Open::Thinking, Lit::joined(text)),
            Self::Redacted(data) => (Open::Redacted(Lit::joined(data)), Lit::EMPTY),
            Self::Tool { id, name, input } if open => (Open::Tool { id, name }, Lit::joined(input)),
            Self::Tool { id, name, input } => (Open::Tool { id, name }, Lit::escape(input, &mut scratch)),
        };
        sink(&Delta::Open(opening));
        if !text.is_empty() {
            sink(&Delta::Piece(text));
        }
        if let Self::Thinking { signature: Some(signature), .. } = self {
            sink(&Delta::Sign(Lit::joined(signature)));
        }
    }

    fn begin(opening: Open<'_>) -> Self {
        match opening {
            Open::Text => Self::Text(String::new()),
            Open::Thinking => Self::Thinking { text: String::new(), signature: None },
            Open::Redacted(data) => Self::Redacted(data.escaped().to_owned()),
            Open::Refusal => Self::Refusal(String::new()),
            Open::Tool { id, name } => Self::Tool { id: id.to_owned(), name: name.to_owned(), input: String::new() },
        }
    }
}
