//! Deltas to the chunks of a streamed completion.
//!
//! ```text
//! Start    the role                             Close    what a call still lacks
//! Open     a call's id and name                 Finish   finish_reason, usage, [DONE]
//! Piece    content, reasoning_content, refusal, or arguments
//! ```

use super::{Voice, answer};
use crate::dialect::Ids;
use crate::dialect::openai::error;
use crate::dialect::openai::freeform::{self, Freeform};
use crate::dialect::sse::{data, end, number, raw, string};
use crate::error::Error;
use crate::json::Lit;
use crate::turn::{Delta, Open, Stop, Usage};

/// Writes one streamed choice, delta by delta, in the order the grammar of [`turn::delta`](crate::turn::delta) gives.
/// A piece of text, thought or arguments costs no allocation once `out` has its size: its literal is copied between
/// bytes that were made when its block opened.
#[derive(Debug)]
pub struct Encoder {
    /// A chunk up to its choices.
    head: Vec<u8>,
    /// What each chunk of this choice begins its choice with.
    choice: Vec<u8>,
    /// What follows the delta of a chunk that does not finish.
    tail: &'static str,
    /// Whether this choice is the only one, so that it ends the stream.
    alone: bool,
    include_usage: bool,
    functions: bool,
    custom: Vec<String>,
    /// Calls that have been opened.
    calls: u64,
    refused: bool,
    block: Block,
    /// What stands before the text of each piece of the open block, and behind it.
    prefix: Vec<u8>,
    suffix: &'static str,
}

/// What is open.
#[derive(Debug)]
enum Block {
    /// Nothing that takes pieces.
    None,
    Prose,
    /// A call; whether nothing of its input has come.
    Call {
        blank: bool,
    },
    Custom(Box<Plain>),
}

/// A call whose input is plain text.
#[derive(Debug)]
struct Plain {
    reader: Freeform,
    /// What the model wrote, until the text is found in it: without it that is the input.
    json: String,
    text: String,
    told: bool,
}

impl Encoder {
    /// An encoder for this voice; of the choice that `ids` names.
    pub fn new(voice: &Voice, ids: &Ids) -> Self {
        let mut head = Vec::with_capacity(160 + voice.model.len());
        answer::head("chat.completion.chunk", voice, ids, &mut head);
        let mut choice = b"{\"index\":".to_vec();
        number(ids.choice.unwrap_or(0).into(), &mut choice);
        raw(",\"delta\":{", &mut choice);
        Self {
            head,
            choice,
            tail: if voice.include_usage { TAIL_BEFORE_USAGE } else { TAIL },
            alone: ids.choice.is_none(),
            include_usage: voice.include_usage,
            functions: voice.functions,
            custom: voice.custom.clone(),
            calls: 0,
            refused: false,
            block: Block::None,
            prefix: Vec::new(),
            suffix: "",
        }
    }

    /// Appends the chunks of a delta. A piece without a block that takes it is dropped.
    pub fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match delta {
            Delta::Start { .. } => self.chunk(out, |out| raw(ROLE, out)),
            Delta::Open(open) => self.open(*open, out),
            Delta::Piece(piece) => self.piece(*piece, out),
            // This API has no place for signatures.
            Delta::Sign(_) => {}
            Delta::Close => self.close(out),
            Delta::Finish { stop, usage } => self.finish(*stop, usage, out),
        }
    }

    /// Appends the error that ends a stream. Nothing may follow, `[DONE]` neither.
    pub fn fault(&mut self, error: &Error, out: &mut Vec<u8>) {
        self.block = Block::None;
        // One of several choices ends the whole stream, which only the exchange of all of them can.
        if !self.alone {
            return;
        }
        data(out);
        error::wrapped(error, out);
        end(out);
    }

    fn chunk(&self, out: &mut Vec<u8>, delta: impl FnOnce(&mut Vec<u8>)) {
        self.begin(out);
        delta(out);
        raw(self.tail, out);
    }

    fn begin(&self, out: &mut Vec<u8>) {
        data(out);
        out.extend_from_slice(&self.head);
        out.extend_from_slice(&self.choice);
    }

    fn open(&mut self, open: Open<'_>, out: &mut Vec<u8>) {
        match open {
            Open::Text => self.takes("\"content\":\"", "\""),
            Open::Thinking => self.takes("\"reasoning_content\":\"", "\""),
            Open::Refusal => {
                self.refused = true;
                self.takes("\"refusal\":\"", "\"");
            }
            // Nobody could read it.
            Open::Redacted(_) => self.block = Block::None,
            Open::Tool { id, name } => self.call(id, name, out),
        }
    }

    /// Prepares what stands around each piece.
    fn takes(&mut self, before: &str, behind: &'static str) {
        self.prefix.clear();
        data(&mut self.prefix);
        self.prefix.extend_from_slice(&self.head);
        self.prefix.extend_from_slice(&self.choice);
        raw(before, &mut self.prefix);
        self.suffix = behind;
        self.block = Block::Prose;
    }

    fn call(&mut self, id: &str, name: &str, out: &mut Vec<u8>) {
        let index = self.calls;
        self.calls += 1;
        if self.functions {
            self.function(name, index, out);
            return;
        }
        let custom = self.custom.iter().any(|known| known == name);
        let (kind, input) = if custom { ("custom", "input") } else { ("function", "arguments") };
        let mut before = Vec::with_capacity(64);
        raw("\"tool_calls\":[{\"index\":", &mut before);
        number(index, &mut before);
        self.chunk(out, |out| {
            out.extend_from_slice(&before);
            for (member, text) in [(",\"id\":", id), (",\"type\":", kind)] {
                raw(member, out);
                string(text, out);
            }
            member_head(kind, out);
            raw("\"name\":", out);
            string(name, out);
            raw(",\"", out);
            raw(input, out);
            raw("\":\"\"}}]", out);
        });
        self.takes("", "\"}}]");
        self.prefix.extend_from_slice(&before);
        member_head(kind, &mut self.prefix);
        raw("\"", &mut self.prefix);
        raw(input, &mut self.prefix);
        raw("\":\"", &mut self.prefix);
        self.block = if custom { Block::Custom(Box::new(Plain::new())) } else { Block::Call { blank: true } };
    }

    /// A call in the old form, which has room for one: further ones are left out, and the model makes them again once
    /// it has the result of the first.
    fn function(&mut self, name: &str, index: u64, out: &mut Vec<u8>) {
        if index > 0 {
            self.block = Block::None;
            return;
        }
        self.chunk(out, |out| {
            raw("\"function_call\":{\"name\":", out);
            string(name, out);
            raw(",\"arguments\":\"\"}", out);
        });
        self.takes("\"function_call\":{\"arguments\":\"", "\"}");
        self.block = Block::Call { blank: true };
    }

    fn piece(&mut self, piece: Lit<'_>, out: &mut Vec<u8>) {
        match &mut self.block {
            Block::None => {}
            Block::Prose => self.write(piece.escaped(), out),
            Block::Call { blank } => {
                *blank = false;
                self.write(piece.escaped(), out);
            }
            Block::Custom(plain) => {
                plain.text.clear();
                plain.push(piece);
                let text = core::mem::take(&mut plain.text);
                if !text.is_empty() {
                    self.write(&text, out);
                }
            }
        }
    }

    fn write(&self, escaped: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        raw(escaped, out);
        raw(self.suffix, out);
        raw(self.tail, out);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        match core::mem::replace(&mut self.block, Block::None) {
            Block::Call { blank: true } => self.write("{}", out),
            Block::Custom(plain) => {
                if let Some(text) = plain.without_text() {
                    self.write(&text, out);
                }
            }
            _ => {}
        }
    }

    fn finish(&self, stop: Stop<'_>, usage: &Usage, out: &mut Vec<u8>) {
        self.begin(out);
        raw("},\"logprobs\":null,\"finish_reason\":\"", out);
        raw(answer::finish_reason(stop, self.refused, self.functions), out);
        raw(if self.include_usage { "\"}],\"usage\":null}\n\n" } else { "\"}]}\n\n" }, out);
        if self.alone {
            answer::last(&self.head, self.include_usage, &[*usage], out);
        }
    }
}

impl Plain {
    fn new() -> Self {
        Self { reader: Freeform::new(), json: String::new(), text: String::new(), told: false }
    }

    fn push(&mut self, piece: Lit<'_>) {
        self.reader.push(piece, &mut self.text);
        self.told |= !self.text.is_empty();
        if self.told || self.reader.found() {
            self.json = String::new();
        } else {
            self.json.push_str(piece.escaped());
        }
    }

    /// The input where the model wrote a whole object without a text in it. A cut one is no input.
    fn without_text(&self) -> Option<String> {
        if self.told || self.reader.found() {
            return None;
        }
        let json = Lit::joined(&self.json).decode();
        serde_json::from_str::<serde::de::IgnoredAny>(&json).ok()?;
        let mut literal = Vec::new();
        freeform::input_of(&json, &mut literal);
        String::from_utf8(literal).ok().filter(|text| !text.is_empty())
    }
}

/// `,"function":{`
fn member_head(kind: &str, out: &mut Vec<u8>) {
    raw(",\"", out);
    raw(kind, out);
    raw("\":{", out);
}

const ROLE: &str = "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null";
const TAIL: &str = "},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
/// A client that asked for usage finds it null in every chunk but the last.
const TAIL_BEFORE_USAGE: &str = "},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";
