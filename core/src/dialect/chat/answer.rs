//! Whole answers as the body of a reply that is not streamed; usage; the end of a stream.

use super::Voice;
use crate::dialect::Ids;
use crate::dialect::openai::freeform;
use crate::dialect::sse::{data, end, number, raw, string};
use crate::turn::{Answer, Block, Source, Stop, Usage};

/// Appends the body of an answer that is not streamed: each answer is a choice.
pub fn body(voice: &Voice, ids: &Ids, answers: &[&Answer], out: &mut Vec<u8>) {
    head("chat.completion", voice, ids, out);
    for (index, answer) in answers.iter().enumerate() {
        raw(if index > 0 { ",{\"index\":" } else { "{\"index\":" }, out);
        number(index as u64, out);
        raw(",\"message\":", out);
        let refused = message(voice, answer, out);
        raw(",\"logprobs\":null,\"finish_reason\":\"", out);
        raw(finish_reason(answer.stop.lend(), refused, voice.functions), out);
        raw("\"}", out);
    }
    raw("],\"usage\":", out);
    let used: Vec<Usage> = answers.iter().map(|answer| answer.usage).collect();
    usage(&used, out);
    raw("}", out);
}

/// Appends what ends a stream of several choices: the chunk of usage where it is wanted, and `[DONE]`. `used` holds
/// what each choice used.
pub fn finale(voice: &Voice, ids: &Ids, used: &[Usage], out: &mut Vec<u8>) {
    let mut chunk = Vec::new();
    head("chat.completion.chunk", voice, ids, &mut chunk);
    last(&chunk, voice.include_usage, used, out);
}

/// The same, behind a head that is made already.
pub(super) fn last(head: &[u8], include_usage: bool, used: &[Usage], out: &mut Vec<u8>) {
    if include_usage {
        data(out);
        out.extend_from_slice(head);
        raw("],\"usage\":", out);
        usage(used, out);
        raw("}", out);
        end(out);
    }
    data(out);
    raw("[DONE]", out);
    end(out);
}

/// A body or chunk up to its choices.
pub(super) fn head(object: &str, voice: &Voice, ids: &Ids, out: &mut Vec<u8>) {
    raw("{\"id\":\"chatcmpl-", out);
    raw(&ids.stem, out);
    raw("\",\"object\":\"", out);
    raw(object, out);
    raw("\",\"created\":", out);
    number(ids.created, out);
    raw(",\"model\":", out);
    string(&voice.model, out);
    raw(",\"choices\":[", out);
}

/// Why a choice ended. Where the refusal was told there is something to read, so it is no filtered answer.
pub(super) fn finish_reason(stop: Stop<'_>, refused: bool, functions: bool) -> &'static str {
    match stop {
        Stop::EndTurn | Stop::Sequence(_) => "stop",
        Stop::ToolUse if functions => "function_call",
        Stop::ToolUse => "tool_calls",
        Stop::MaxTokens | Stop::ContextWindow => "length",
        Stop::Refusal if refused => "stop",
        Stop::Refusal => "content_filter",
    }
}

/// Appends a message; whether it holds a refusal.
fn message(voice: &Voice, answer: &Answer, out: &mut Vec<u8>) -> bool {
    let blocks = &answer.blocks;
    raw("{\"role\":\"assistant\",\"content\":", out);
    joined(blocks.iter().filter_map(text), out);
    raw(",\"refusal\":", out);
    let refused = joined(blocks.iter().filter_map(refusal), out);
    if blocks.iter().any(|block| thought(block).is_some()) {
        raw(",\"reasoning_content\":", out);
        joined(blocks.iter().filter_map(thought), out);
    }
    calls(voice, blocks, out);
    raw(",\"annotations\":[]}", out);
    refused
}

fn text(block: &Block) -> Option<&str> {
    if let Block::Text(text) = block { Some(text) } else { None }
}

fn refusal(block: &Block) -> Option<&str> {
    if let Block::Refusal(text) = block { Some(text) } else { None }
}

fn thought(block: &Block) -> Option<&str> {
    if let Block::Thinking { text, .. } = block { Some(&**text).filter(|text| !text.is_empty()) } else { None }
}

/// Appends texts that are literals as one string; null, and `false`, where there are none.
fn joined<'t>(literals: impl Iterator<Item = &'t str>, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    for literal in literals {
        if out.len() == start {
            raw("\"", out);
        }
        raw(literal, out);
    }
    let found = out.len() > start;
    raw(if found { "\"" } else { "null" }, out);
    found
}

fn calls(voice: &Voice, blocks: &[Block], out: &mut Vec<u8>) {
    let mut count = 0;
    for block in blocks {
        let Block::Tool { id, name, input } = block else { continue };
        if voice.functions {
            raw(",\"function_call\":{\"name\":", out);
            string(name, out);
            raw(",\"arguments\":", out);
            string(input, out);
            raw("}", out);
            // The old form has room for one; the model makes the others again once it has this one's result.
            return;
        }
        raw(if count == 0 { ",\"tool_calls\":[{\"id\":" } else { ",{\"id\":" }, out);
        string(id, out);
        count += 1;
        if voice.custom.contains(name) {
            raw(",\"type\":\"custom\",\"custom\":{\"name\":", out);
            string(name, out);
            raw(",\"input\":\"", out);
            freeform::input_of(input, out);
            raw("\"}}", out);
        } else {
            raw(",\"type\":\"function\",\"function\":{\"name\":", out);
            string(name, out);
            raw(",\"arguments\":", out);
            string(input, out);
            raw("}}", out);
        }
    }
    if count > 0 {
        raw("]", out);
    }
}

/// The `usage` object: the prompt counts once, however many answers it got.
fn usage(used: &[Usage], out: &mut Vec<u8>) {
    let whole = Usage::of_choices(used);
    let prompt = whole.input.tokens + whole.cache_read + whole.cache_write;
    let completion = whole.output.tokens;
    for (name, count) in [
        ("{\"prompt_tokens\":", prompt),
        (",\"completion_tokens\":", completion),
        (",\"total_tokens\":", prompt + completion),
    ] {
        raw(name, out);
        number(count, out);
    }
    // What was read from the cache is known only where the service counted.
    if whole.input.source == Source::Reported {
        raw(",\"prompt_tokens_details\":{\"cached_tokens\":", out);
        number(whole.cache_read, out);
        raw("}", out);
    }
    raw("}", out);
}
