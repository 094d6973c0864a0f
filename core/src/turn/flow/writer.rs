//! Emits deltas in their grammar, whatever order blocks are asked for in.

use crate::json::Lit;
use crate::turn::delta::{Delta, Open, Stop};
use crate::turn::usage::{Count, Usage};

/// Where deltas go.
pub(super) type Sink<'s> = dyn FnMut(&Delta<'_>) + 's;

/// What has been emitted, as far as the grammar needs it.
#[derive(Debug, Default)]
pub(super) struct Writer {
    started: bool,
    ended: bool,
    open: Option<Block>,
    /// Whether any block has been opened.
    begun: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Block {
    Text,
    Thinking { signed: bool },
    Tool,
}

impl Writer {
    pub(super) fn start(&mut self, input: Count, sink: &mut Sink<'_>) {
        if !self.started {
            self.started = true;
            sink(&Delta::Start { input });
        }
    }

    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    pub(super) fn text(&mut self, piece: Lit<'_>, sink: &mut Sink<'_>) {
        if piece.is_empty() {
            return;
        }
        if self.open != Some(Block::Text) {
            self.begin(Block::Text, Open::Text, sink);
        }
        sink(&Delta::Piece(piece));
    }

    /// A signature ends what it signs: thought that follows one is a new block.
    pub(super) fn thought(&mut self, piece: Lit<'_>, sink: &mut Sink<'_>) {
        if piece.is_empty() {
            return;
        }
        if self.open != (Some(Block::Thinking { signed: false })) {
            self.begin(Block::Thinking { signed: false }, Open::Thinking, sink);
        }
        sink(&Delta::Piece(piece));
    }

    /// Signs the open thinking block, or an empty one where the answer begins with a signature; `false`
    /// when there is nothing to sign.
    pub(super) fn sign(&mut self, signature: Lit<'_>, sink: &mut Sink<'_>) -> bool {
        match self.open {
            Some(Block::Thinking { signed: false }) => {}
            None if !self.begun => self.begin(Block::Thinking { signed: false }, Open::Thinking, sink),
            _ => return false,
        }
        self.open = Some(Block::Thinking { signed: true });
        sink(&Delta::Sign(signature));
        true
    }

    pub(super) fn redacted(&mut self, data: Lit<'_>, sink: &mut Sink<'_>) {
        self.begin(Block::Thinking { signed: true }, Open::Redacted(data), sink);
        self.close(sink);
    }

    pub(super) fn open_tool(&mut self, id: &str, name: &str, sink: &mut Sink<'_>) {
        self.begin(Block::Tool, Open::Tool { id, name }, sink);
    }

    pub(super) fn tool_input(&mut self, piece: Lit<'_>, sink: &mut Sink<'_>) {
        if !piece.is_empty() && self.open == Some(Block::Tool) {
            sink(&Delta::Piece(piece));
        }
    }

    pub(super) fn close(&mut self, sink: &mut Sink<'_>) {
        if self.open.take().is_some() {
            sink(&Delta::Close);
        }
    }

    pub(super) fn finish(&mut self, stop: Stop<'_>, usage: Usage, sink: &mut Sink<'_>) {
        self.start(usage.input, sink);
        self.close(sink);
        self.ended = true;
        sink(&Delta::Finish { stop, usage });
    }

    /// Nothing more is emitted: an error takes the answer's place.
    pub(super) fn abandon(&mut self) {
        self.ended = true;
    }

    fn begin(&mut self, block: Block, opening: Open<'_>, sink: &mut Sink<'_>) {
        self.start(Count::default(), sink);
        self.close(sink);
        self.open = Some(block);
        self.begun = true;
        sink(&Delta::Open(opening));
    }
}
