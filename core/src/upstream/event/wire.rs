//! The payloads. Flat structs of raw values, so that a member of the wrong type is told apart from one
//! that is absent; unknown members are ignored.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Event, Tokens, ToolInput};
use crate::json::{Lit, RawValue, Text};

/// Reads a payload as an event.
pub(super) type Reader<'a> = fn(&'a [u8]) -> Result<Event<'a>, String>;

type Raw<'a> = Option<&'a RawValue>;

/// The inside of `{"<kind>":{…}}`, a form some gateways before the service give; else the payload itself.
pub(super) fn unwrapped<'a>(kind: &str, payload: &'a [u8]) -> &'a [u8] {
    inside(kind, payload).unwrap_or(payload)
}

fn inside<'a>(kind: &str, payload: &'a [u8]) -> Option<&'a [u8]> {
    let key = payload.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?;
    let value = key.strip_prefix(kind.as_bytes())?.strip_prefix(b"\"")?.trim_ascii_start().strip_prefix(b":")?;
    // The whole must be JSON, or a cut event would pass for a complete one.
    serde_json::from_slice::<IgnoredAny>(payload).ok()?;
    let value = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_slice(value)).ok()?;
    Some(value.get().as_bytes())
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    content: Raw<'a>,
}

pub(super) fn text(payload: &[u8]) -> Result<Event<'_>, String> {
    let wire: Content<'_> = object(payload)?;
    Ok(Event::Text(literal("content", wire.content)?.unwrap_or(Lit::EMPTY)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning<'a> {
    #[serde(borrow)]
    text: Raw<'a>,
    #[serde(borrow)]
    signature: Raw<'a>,
    #[serde(borrow)]
    redacted_content: Raw<'a>,
}

pub(super) fn reasoning(payload: &[u8]) -> Result<Event<'_>, String> {
    let wire: Reasoning<'_> = object(payload)?;
    Ok(Event::Reasoning {
        text: literal("text", wire.text)?,
        signature: literal("signature", wire.signature)?,
        redacted: literal("redactedContent", wire.redacted_content)?,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tool<'a> {
    #[serde(borrow)]
    tool_use_id: Text<'a>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    input: Raw<'a>,
    stop: Option<bool>,
}

pub(super) fn tool(payload: &[u8]) -> Result<Event<'_>, String> {
    let wire: Tool<'_> = object(payload)?;
    if wire.tool_use_id.0.is_empty() {
        return Err("toolUseId is empty".to_owned());
    }
    Ok(Event::Tool {
        id: wire.tool_use_id.0,
        name: wire.name.unwrap_or_default().0,
        input: tool_input(wire.input)?,
        stop: wire.stop.unwrap_or(false),
    })
}

fn tool_input(raw: Raw<'_>) -> Result<ToolInput<'_>, String> {
    match raw {
        None => Ok(ToolInput::None),
        Some(object) if object.get().starts_with('{') => Ok(ToolInput::Object(object)),
        Some(raw) => match literal("input", Some(raw))? {
            Some(fragment) if !fragment.is_empty() => Ok(ToolInput::Fragment(fragment)),
            _ => Ok(ToolInput::None),
        },
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow)]
    token_usage: Raw<'a>,
}

pub(super) fn metadata(payload: &[u8]) -> Result<Event<'_>, String> {
    let wire: Metadata<'_> = object(payload)?;
    // Counts that cannot be read are no count; an estimate takes their place.
    let tokens = wire.token_usage.and_then(|raw| object(raw.get().as_bytes()).ok()).and_then(tokens);
    Ok(Event::Metadata { stop_reason: wire.stop_reason.map(|text| text.0), tokens })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenUsage {
    uncached_input_tokens: Option<f64>,
    output_tokens: Option<f64>,
    total_tokens: Option<f64>,
    cache_read_input_tokens: Option<f64>,
    cache_write_input_tokens: Option<f64>,
    context_usage_percentage: Option<f64>,
}

fn tokens(wire: TokenUsage) -> Option<Tokens> {
    let (uncached_input, output) = (count(wire.uncached_input_tokens)?, count(wire.output_tokens)?);
    let cache_read = count(wire.cache_read_input_tokens).unwrap_or(0);
    let cache_write = count(wire.cache_write_input_tokens).unwrap_or(0);
    let sum = || [uncached_input, output, cache_read, cache_write].into_iter().fold(0, u64::saturating_add);
    Some(Tokens {
        uncached_input,
        output,
        total: count(wire.total_tokens).unwrap_or_else(sum),
        cache_read,
        cache_write,
        context_percent: wire.context_usage_percentage.filter(usable),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    context_usage_percentage: f64,
}

pub(super) fn context(payload: &[u8]) -> Result<Event<'_>, String> {
    let wire: Context = object(payload)?;
    let percent = Some(wire.context_usage_percentage).filter(usable).ok_or("no usable percentage")?;
    Ok(Event::Context { percent })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metering<'a> {
    usage: f64,
    #[serde(borrow)]
    unit: Option<Text<'a>>,
    cache_read_input_tokens: Option<f64>,
    cache_creation_input_tokens: Option<f64>,
}

pub(super) fn metering(payload: &[u8]) -> Result<Event<'_>, String> {
    let wire: Metering<'_> = object(payload)?;
    if wire.unit.is_some_and(|unit| !unit.0.eq_ignore_ascii_case("credit")) {
        return Err("not in credits".to_owned());
    }
    Ok(Event::Metering {
        credits: Some(wire.usage).filter(usable).ok_or("no usable price")?,
        cache_read: count(wire.cache_read_input_tokens),
        cache_write: count(wire.cache_creation_input_tokens),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ids<'a> {
    #[serde(borrow)]
    conversation_id: Option<Text<'a>>,
    #[serde(borrow)]
    utterance_id: Option<Text<'a>>,
}

pub(super) fn ids(payload: &[u8]) -> Result<Event<'_>, String> {
    let wire: Ids<'_> = object(payload)?;
    let (conversation, utterance) = (wire.conversation_id, wire.utterance_id);
    Ok(Event::Ids { conversation: conversation.map(|text| text.0), utterance: utterance.map(|text| text.0) })
}

/// Reads a JSON object; a sequence in its place, which serde would take too, is refused.
fn object<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, String> {
    if !payload.trim_ascii_start().starts_with(b"{") {
        return Err("not a JSON object".to_owned());
    }
    // Not in the error's own words: they may quote the answer's text.
    serde_json::from_slice(payload).map_err(|error| {
        let what = if error.is_data() { "a member is missing, doubled or of the wrong type" } else { "not JSON" };
        format!("{what}, at line {} column {}", error.line(), error.column())
    })
}

/// The literal of a string member; `None` when it is absent or null.
fn literal<'a>(name: &str, raw: Raw<'a>) -> Result<Option<Lit<'a>>, String> {
    raw.map(|raw| Lit::of(raw).ok_or_else(|| format!("{name} is not a string"))).transpose()
}

fn usable(number: &f64) -> bool {
    number.is_finite() && *number >= 0.0
}

/// A count that came as a JSON number; a fraction or a negative number is none.
fn count(number: Option<f64>) -> Option<u64> {
    number.filter(|number| (0.0..=MAX_COUNT).contains(number) && number.fract() == 0.0).map(|number| number as u64)
}

/// The largest whole number up to which a float misses none.
const MAX_COUNT: f64 = 9_007_199_254_740_991.0;
