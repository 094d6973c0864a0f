//! Token estimates: text, images, documents, tools.

use crate::turn::Turn;

/// Tokens of a text.
pub fn text(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}

/// Input tokens of a whole turn.
pub fn turn(turn: &Turn<'_>) -> u64 {
    turn.system.iter().map(|system| text(system)).sum()
}
