//! A whole answer as the body of a reply that is not streamed.

use super::UNSIGNED;
use super::encode::{stop_members, usage};
use crate::dialect::sse::{raw, string};
use crate::turn::Stop;
use crate::turn::answer::{Answer, Block};

/// Appends the message. `id` is its id, `model` the name exactly as the client wrote it.
pub fn body(id: &str, model: &str, answer: &Answer, out: &mut Vec<u8>) {
    raw("{\"id\":", out);
    string(id, out);
    raw(",\"type\":\"message\",\"role\":\"assistant\",\"model\":", out);
    string(model, out);
    raw(",\"content\":[", out);
    for (index, one) in answer.blocks.iter().enumerate() {
        if index > 0 {
            raw(",", out);
        }
        block(one, out);
    }
    raw("],", out);
    let refused = answer.blocks.iter().any(|block| matches!(block, Block::Refusal(_)));
    stop_members(if refused { Stop::Refusal } else { answer.stop.lend() }, out);
    raw(",\"usage\":", out);
    usage(&answer.usage, out);
    raw("}", out);
}

fn block(block: &Block, out: &mut Vec<u8>) {
    match block {
        Block::Text(text) | Block::Refusal(text) => members("{\"type\":\"text\",\"text\":\"", text, out),
        Block::Thinking { text, signature } => {
            members("{\"type\":\"thinking\",\"thinking\":\"", text, out);
            members(",\"signature\":\"", signature.as_deref().unwrap_or(UNSIGNED), out);
        }
        Block::Redacted(data) => members("{\"type\":\"redacted_thinking\",\"data\":\"", data, out),
        Block::Tool { id, name, input } => {
            raw("{\"type\":\"tool_use\",\"id\":", out);
            string(id, out);
            raw(",\"name\":", out);
            string(name, out);
            raw(",\"input\":", out);
            raw(input, out);
        }
    }
    raw("}", out);
}

/// What stands before an escaped text, the text, and its closing quote.
fn members(before: &str, escaped: &str, out: &mut Vec<u8>) {
    raw(before, out);
    raw(escaped, out);
    raw("\"", out);
}
