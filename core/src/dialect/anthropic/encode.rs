//! Deltas to the events of a streamed message.
//!
//! ```text
//! Start    message_start                       Sign     content_block_delta (signature_delta)
//! Open     content_block_start                 Close    content_block_stop
//! Piece    content_block_delta                 Finish   message_delta, message_stop
//! ```

use super::{UNSIGNED, error};
use crate::dialect::sse::{begin, end, number, raw, string};
use crate::error::Error;
use crate::turn::{Delta, Open, Stop, Usage};

/// Writes one streamed message, delta by delta, in the order the grammar of
/// [`turn::delta`](crate::turn::delta) gives. A piece costs no allocation once `out` has its size: its
/// literal is copied between bytes that were made when its block opened.
#[derive(Debug)]
pub struct Encoder {
    /// The id as a JSON string.
    id: Vec<u8>,
    /// The model's name as a JSON string.
    model: Vec<u8>,
    /// Index of the open block, or of the next one.
    index: u64,
    block: Block,
    /// A refusal was told: that is why the answer ends.
    refused: bool,
    /// What stands before the text of each piece of the open block.
    prefix: Vec<u8>,
}

/// What is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Block {
    None,
    /// Takes pieces.
    Text,
    Thinking {
        signed: bool,
    },
    /// Complete with its opening.
    Redacted,
}

impl Encoder {
    /// `id` is the message's id, `model` the name exactly as the client wrote it.
    pub fn new(id: &str, model: &str) -> Self {
        let json = |text: &str| {
            let mut out = Vec::with_capacity(text.len() + 2);
            string(text, &mut out);
            out
        };
        Self { id: json(id), model: json(model), index: 0, block: Block::None, refused: false, prefix: Vec::new() }
    }

    /// Appends the events of a delta. A piece or a signature without a block that takes it is dropped.
    pub fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match delta {
            Delta::Start { input } => self.start(input.tokens, out),
            Delta::Open(open) => self.open(*open, out),
            Delta::Piece(piece) => self.piece(piece.escaped(), out),
            Delta::Sign(signature) => self.sign(signature.escaped(), out),
            Delta::Close => self.close(out),
            Delta::Finish { stop, usage } => finish(if self.refused { Stop::Refusal } else { *stop }, usage, out),
        }
    }

    /// Appends a ping: keeps a silent connection alive.
    pub fn ping(&self, out: &mut Vec<u8>) {
        raw("event: ping\ndata: {\"type\":\"ping\"}\n\n", out);
    }

    /// Appends the error that ends a stream whose status is already sent. Nothing may follow.
    pub fn fault(&mut self, error: &Error, request_id: &str, out: &mut Vec<u8>) {
        begin("error", out);
        error::body(error, request_id, out);
        end(out);
        self.block = Block::None;
    }

    fn start(&self, input: u64, out: &mut Vec<u8>) {
        begin("message_start", out);
        raw("{\"type\":\"message_start\",\"message\":{\"id\":", out);
        out.extend_from_slice(&self.id);
        raw(",\"type\":\"message\",\"role\":\"assistant\",\"model\":", out);
        out.extend_from_slice(&self.model);
        raw(",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":", out);
        counts([input, 1, 0, 0], out);
        raw("}}", out);
        end(out);
    }

    fn open(&mut self, open: Open<'_>, out: &mut Vec<u8>) {
        begin("content_block_start", out);
        raw("{\"type\":\"content_block_start\",\"index\":", out);
        number(self.index, out);
        raw(",\"content_block\":", out);
        match open {
            Open::Text | Open::Refusal => raw("{\"type\":\"text\",\"text\":\"\"}", out),
            Open::Thinking => raw("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}", out),
            Open::Redacted(data) => {
                raw("{\"type\":\"redacted_thinking\",\"data\":\"", out);
                raw(data.escaped(), out);
                raw("\"}", out);
            }
            Open::Tool { id, name } => {
                raw("{\"type\":\"tool_use\",\"id\":", out);
                string(id, out);
                raw(",\"name\":", out);
                string(name, out);
                raw(",\"input\":{}}", out);
            }
        }
        raw("}", out);
        end(out);
        self.refused |= open == Open::Refusal;
        self.block = match open {
            Open::Text | Open::Refusal => self.takes("text_delta", "text", Block::Text),
            Open::Thinking => self.takes("thinking_delta", "thinking", Block::Thinking { signed: false }),
            Open::Tool { .. } => self.takes("input_json_delta", "partial_json", Block::Text),
            Open::Redacted(_) => Block::Redacted,
        };
    }

    /// Prepares what stands before each piece.
    fn takes(&mut self, kind: &str, member: &str, block: Block) -> Block {
        self.prefix.clear();
        delta_head(self.index, kind, member, &mut self.prefix);
        block
    }

    fn piece(&mut self, piece: &str, out: &mut Vec<u8>) {
        if matches!(self.block, Block::Text | Block::Thinking { .. }) {
            out.extend_from_slice(&self.prefix);
            raw(piece, out);
            raw(DELTA_TAIL, out);
        }
    }

    fn sign(&mut self, signature: &str, out: &mut Vec<u8>) {
        if matches!(self.block, Block::Thinking { .. }) {
            self.block = Block::Thinking { signed: true };
            delta_head(self.index, "signature_delta", "signature", out);
            raw(signature, out);
            raw(DELTA_TAIL, out);
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        match self.block {
            Block::None => return,
            Block::Thinking { signed: false } => self.sign(UNSIGNED, out),
            _ => {}
        }
        begin("content_block_stop", out);
        raw("{\"type\":\"content_block_stop\",\"index\":", out);
        number(self.index, out);
        raw("}", out);
        end(out);
        self.index += 1;
        self.block = Block::None;
    }
}

/// A delta's event up to its text.
fn delta_head(index: u64, kind: &str, member: &str, out: &mut Vec<u8>) {
    begin("content_block_delta", out);
    raw("{\"type\":\"content_block_delta\",\"index\":", out);
    number(index, out);
    raw(",\"delta\":{\"type\":\"", out);
    raw(kind, out);
    raw("\",\"", out);
    raw(member, out);
    raw("\":\"", out);
}

/// What follows a delta's text.
const DELTA_TAIL: &str = "\"}}\n\n";

fn finish(stop: Stop<'_>, usage: &Usage, out: &mut Vec<u8>) {
    begin("message_delta", out);
    raw("{\"type\":\"message_delta\",\"delta\":{", out);
    stop_members(stop, out);
    raw("},\"usage\":", out);
    self::usage(usage, out);
    raw("}", out);
    end(out);
    raw("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", out);
}

/// `"stop_reason":…,"stop_sequence":…`
pub(super) fn stop_members(stop: Stop<'_>, out: &mut Vec<u8>) {
    raw("\"stop_reason\":\"", out);
    raw(
        match stop {
            Stop::EndTurn => "end_turn",
            Stop::ToolUse => "tool_use",
            Stop::MaxTokens => "max_tokens",
            Stop::Sequence(_) => "stop_sequence",
            Stop::ContextWindow => "model_context_window_exceeded",
            Stop::Refusal => "refusal",
        },
        out,
    );
    raw("\",\"stop_sequence\":", out);
    match stop {
        Stop::Sequence(text) => string(text, out),
        _ => raw("null", out),
    }
}

/// The `usage` object.
pub(super) fn usage(usage: &Usage, out: &mut Vec<u8>) {
    counts([usage.input.tokens, usage.output.tokens, usage.cache_write, usage.cache_read], out);
}

fn counts([input, output, cache_write, cache_read]: [u64; 4], out: &mut Vec<u8>) {
    let members = [
        ("{\"input_tokens\":", input),
        (",\"cache_creation_input_tokens\":", cache_write),
        (",\"cache_read_input_tokens\":", cache_read),
        (",\"output_tokens\":", output),
    ];
    for (name, count) in members {
        raw(name, out);
        number(count, out);
    }
    raw("}", out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Lit;
    use crate::turn::Count;

    fn stream(deltas: &[Delta<'_>]) -> String {
        let mut encoder = Encoder::new("msg_1", "a \"model\"");
        let mut out = Vec::new();
        for delta in deltas {
            encoder.delta(delta, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn unsigned_thinking_gets_the_mark_and_signed_thinking_only_its_signature() {
        let lit = |text| Lit::plain(text).unwrap();
        let unsigned = stream(&[Delta::Open(Open::Thinking), Delta::Piece(lit("hm")), Delta::Close]);
        assert!(unsigned.contains(&format!(r#"{{"type":"signature_delta","signature":"{UNSIGNED}"}}"#)));
        let signed = stream(&[Delta::Open(Open::Thinking), Delta::Sign(lit("EqQB")), Delta::Close]);
        assert!(signed.contains(r#"{"type":"signature_delta","signature":"EqQB"}"#));
        assert!(!signed.contains(UNSIGNED));
    }

    #[test]
    fn names_from_outside_are_escaped() {
        let text = stream(&[
            Delta::Start { input: Count::estimated(7) },
            Delta::Open(Open::Tool { id: "call.1:\"x\"", name: "read\nfile" }),
        ]);
        assert!(text.contains(r#""model":"a \"model\"""#));
        assert!(text.contains(r#""id":"call.1:\"x\"","name":"read\nfile","input":{}"#));
    }

    #[test]
    fn what_no_block_takes_is_dropped() {
        let lit = Lit::plain("x").unwrap();
        assert_eq!(stream(&[Delta::Piece(lit), Delta::Sign(lit), Delta::Close]), "");
    }
}
