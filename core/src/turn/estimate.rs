//! Token estimates: text, images, documents, tools.

use crate::json::Lit;
use crate::turn::Turn;

/// Tokens of a text.
pub fn text(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}

/// Input tokens of a whole turn.
pub fn turn(turn: &Turn<'_>) -> u64 {
    turn.system.iter().map(|system| text(system)).sum()
}

/// Counts the tokens of output as it comes.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    bytes: u64,
}

impl Meter {
    /// Nothing counted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a piece of text, thought or tool input.
    pub fn push(&mut self, piece: Lit<'_>) {
        self.bytes += piece.escaped().len() as u64;
    }

    /// Counts what a tool call costs beside its input.
    pub fn call(&mut self, name: &str) {
        self.bytes += name.len() as u64 + 60;
    }

    /// Counts encrypted thought, by its size.
    pub fn sealed(&mut self, data: Lit<'_>) {
        self.bytes += data.escaped().len() as u64;
    }

    /// Tokens counted so far.
    pub fn tokens(&self) -> u64 {
        self.bytes.div_ceil(4)
    }
}
