//! The response object and its items: the same in a body, in a stream's events and in a record.

use super::{Asked, Voice, thought};
use crate::dialect::Ids;
use crate::dialect::openai::freeform;
use crate::dialect::sse::{number, raw, string};
use crate::json::Lit;
use crate::turn::estimate::Meter;
use crate::turn::{Answer, Block, OwnedStop};

/// Appends the body of an answer that is not streamed. `kept` says whether its record could be stored.
pub fn body(voice: &Voice, ids: &Ids, answer: &Answer, kept: bool, out: &mut Vec<u8>) {
    let state = State::of(&answer.stop);
    let items = Items { asked: &voice.asked, ids, sealed: voice.asked.sealed };
    let output = |out: &mut Vec<u8>| items.all(answer, state.is_cut(), out);
    object(&voice.asked, ids, state, kept, output, Some(answer), out);
}

/// How a response stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum State<'s> {
    InProgress,
    Completed,
    /// Cut, and why.
    Incomplete(&'static str),
    /// Broken off, with a code and a text.
    Failed(&'s str, &'s str),
}

impl State<'_> {
    pub(super) fn of(stop: &OwnedStop) -> Self {
        match stop {
            OwnedStop::EndTurn | OwnedStop::ToolUse | OwnedStop::Sequence(_) => Self::Completed,
            OwnedStop::MaxTokens | OwnedStop::ContextWindow => Self::Incomplete("max_output_tokens"),
            OwnedStop::Refusal => Self::Incomplete("content_filter"),
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        matches!(self, Self::Incomplete(_))
    }

    fn status(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed(..) => "failed",
        }
    }
}

/// Appends a response object; `output` appends its items. The usage is that of the answer, once it is complete.
pub(super) fn object(
    asked: &Asked,
    ids: &Ids,
    state: State<'_>,
    store: bool,
    output: impl FnOnce(&mut Vec<u8>),
    answer: Option<&Answer>,
    out: &mut Vec<u8>,
) {
    raw("{\"id\":", out);
    string(&super::response_id(ids), out);
    raw(",\"object\":\"response\",\"created_at\":", out);
    number(ids.created, out);
    raw(",\"status\":\"", out);
    raw(state.status(), out);
    raw("\",\"error\":", out);
    match state {
        State::Failed(code, message) => {
            raw("{\"code\":", out);
            string(code, out);
            raw(",\"message\":", out);
            string(message, out);
            raw("}", out);
        }
        _ => raw("null", out),
    }
    raw(",\"incomplete_details\":", out);
    match state {
        State::Incomplete(reason) => {
            raw("{\"reason\":\"", out);
            raw(reason, out);
            raw("\"}", out);
        }
        _ => raw("null", out),
    }
    raw(",\"output\":[", out);
    output(out);
    raw("]", out);
    out.extend_from_slice(&asked.echo);
    raw(if store { ",\"store\":true,\"usage\":" } else { ",\"store\":false,\"usage\":" }, out);
    match answer {
        Some(answer) => usage(answer, out),
        None => raw("null", out),
    }
    raw("}", out);
}

/// The `usage` object. Clients read both details unasked, so they are always there: what the service has not told of
/// its cache is not taken for cached, and the share of thought is estimated, since the service never tells it.
fn usage(answer: &Answer, out: &mut Vec<u8>) {
    let Answer { usage, blocks, .. } = answer;
    let input = usage.input.tokens.saturating_add(usage.cache_read).saturating_add(usage.cache_write);
    raw("{\"input_tokens\":", out);
    number(input, out);
    raw(",\"input_tokens_details\":{\"cached_tokens\":", out);
    number(usage.cache_read, out);
    raw("},\"output_tokens\":", out);
    number(usage.output.tokens, out);
    raw(",\"output_tokens_details\":{\"reasoning_tokens\":", out);
    number(share_of_thought(blocks, usage.output.tokens), out);
    raw("},\"total_tokens\":", out);
    number(input.saturating_add(usage.output.tokens), out);
    raw("}", out);
}

/// How many of the output's tokens are thought: its estimated share.
fn share_of_thought(blocks: &[Block], output: u64) -> u64 {
    let (mut thought, mut rest) = (Meter::new(), Meter::new());
    for block in blocks {
        match block {
            Block::Thinking { text, .. } => thought.push(Lit::joined(text)),
            Block::Redacted(data) => thought.sealed(Lit::joined(data)),
            Block::Text(text) | Block::Refusal(text) => rest.push(Lit::joined(text)),
            Block::Tool { name, input, .. } => {
                rest.call(name);
                rest.push_text(input);
            }
        }
    }
    let (thought, rest) = (u128::from(thought.tokens()), u128::from(rest.tokens()));
    let share = u128::from(output) * thought / (thought + rest).max(1);
    u64::try_from(share).unwrap_or(output)
}

/// Writes output items.
#[derive(Clone, Copy, Debug)]
pub(super) struct Items<'i> {
    pub(super) asked: &'i Asked,
    pub(super) ids: &'i Ids,
    /// Whether thought goes sealed into reasoning items.
    pub(super) sealed: bool,
}

impl Items<'_> {
    /// Every item of an answer, with commas, at the places a stream tells them with; `cut` says that the last text or
    /// thought is not complete.
    pub(super) fn all(&self, answer: &Answer, cut: bool, out: &mut Vec<u8>) {
        let places = (0..).filter(|place| !answer.left_out.contains(place));
        // A text that a cut call followed had come to its end.
        let last = (answer.blocks.len() + answer.left_out.len()).saturating_sub(1);
        for (at, (place, block)) in places.zip(&answer.blocks).enumerate() {
            if at > 0 {
                raw(",", out);
            }
            let complete = !cut || place < last || matches!(block, Block::Tool { .. });
            self.item(place as u64, block, complete, out);
        }
    }

    /// The item at a place.
    pub(super) fn item(&self, place: u64, block: &Block, complete: bool, out: &mut Vec<u8>) {
        let status = if complete { "completed" } else { "incomplete" };
        match block {
            Block::Text(text) => self.message(place, status, |out| text_part(text, out), out),
            Block::Refusal(text) => self.message(place, status, |out| refusal_part(text, out), out),
            Block::Thinking { text, signature } => {
                let seal = self.sealed.then(|| thought::seal(text, signature.as_deref()));
                let shown = if self.asked.summary { text } else { "" };
                self.reasoning(place, status, shown, seal.as_deref(), out);
            }
            Block::Redacted(data) => {
                let seal = self.sealed.then(|| thought::seal_redacted(data));
                self.reasoning(place, status, "", seal.as_deref(), out);
            }
            Block::Tool { id, name, input } => self.call(place, status, id, name, Some(input), out),
        }
    }

    /// A message; `part` appends its one part, or nothing.
    pub(super) fn message(&self, place: u64, status: &str, part: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        self.head(Form::Message, place, status, out);
        raw(",\"role\":\"assistant\",\"content\":[", out);
        part(out);
        raw("]}", out);
    }

    pub(super) fn reasoning(&self, place: u64, status: &str, shown: &str, seal: Option<&str>, out: &mut Vec<u8>) {
        self.head(Form::Reasoning, place, status, out);
        raw(",\"summary\":[", out);
        if !shown.is_empty() {
            summary_part(shown, out);
        }
        raw("]", out);
        if let Some(seal) = seal {
            raw(",\"encrypted_content\":\"", out);
            raw(seal, out);
            raw("\"", out);
        }
        raw("}", out);
    }

    /// A call of the tool that is called `name` here, in the form the client declared it; `input` is a JSON text,
    /// absent while it is still to come.
    pub(super) fn call(&self, place: u64, status: &str, id: &str, name: &str, input: Option<&str>, out: &mut Vec<u8>) {
        let tool = self.asked.tools.declared(name);
        self.head(Form::of_tool(tool.custom), place, status, out);
        raw(",\"call_id\":", out);
        string(id, out);
        raw(",\"name\":", out);
        string(tool.name, out);
        if let Some(namespace) = tool.namespace {
            raw(",\"namespace\":", out);
            string(namespace, out);
        }
        raw(if tool.custom { ",\"input\":" } else { ",\"arguments\":" }, out);
        input_text(tool.custom, input, out);
        raw("}", out);
    }

    fn head(&self, form: Form, place: u64, status: &str, out: &mut Vec<u8>) {
        raw("{\"id\":\"", out);
        raw(&item_id(form, self.ids, place), out);
        raw("\",\"type\":\"", out);
        raw(form.kind(), out);
        raw("\",\"status\":\"", out);
        raw(status, out);
        raw("\"", out);
    }
}

/// The kinds of items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Message,
    Reasoning,
    Function,
    Custom,
}

impl Form {
    pub(super) fn of_tool(custom: bool) -> Self {
        if custom { Self::Custom } else { Self::Function }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Reasoning => "reasoning",
            Self::Function => "function_call",
            Self::Custom => "custom_tool_call",
        }
    }
}

/// The id of the item at a place: no other response has it.
pub(super) fn item_id(form: Form, ids: &Ids, place: u64) -> String {
    let prefix = match form {
        Form::Message => "msg",
        Form::Reasoning => "rs",
        Form::Function => "fc",
        Form::Custom => "ctc",
    };
    format!("{prefix}_{}{place:04x}", ids.stem)
}

/// A call's whole input as a JSON string.
pub(super) fn input_text(custom: bool, input: Option<&str>, out: &mut Vec<u8>) {
    match input {
        Some(json) if custom => {
            raw("\"", out);
            freeform::input_of(json, out);
            raw("\"", out);
        }
        Some(json) => string(json, out),
        None => raw("\"\"", out),
    }
}

/// A text's part, from the inside of a JSON string literal, as are the next two.
pub(super) fn text_part(text: &str, out: &mut Vec<u8>) {
    raw("{\"type\":\"output_text\",\"text\":\"", out);
    raw(text, out);
    raw("\",\"annotations\":[],\"logprobs\":[]}", out);
}

pub(super) fn refusal_part(text: &str, out: &mut Vec<u8>) {
    raw("{\"type\":\"refusal\",\"refusal\":\"", out);
    raw(text, out);
    raw("\"}", out);
}

pub(super) fn summary_part(text: &str, out: &mut Vec<u8>) {
    raw("{\"type\":\"summary_text\",\"text\":\"", out);
    raw(text, out);
    raw("\"}", out);
}
