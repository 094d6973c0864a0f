//! From the bytes of a Chat Completions request to a turn.

use std::borrow::Cow;

use super::history::History;
use super::{Voice, fields, tools};
use crate::dialect::openai::wishes;
use crate::dialect::read::{self, Members, Path};
use crate::dialect::{self, Decoded, Given, limits, models};
use crate::error::Error;
use crate::turn::{Format, Turn};

/// Reads the body of `POST /v1/chat/completions`.
///
/// # Errors
/// See [`dialect::decode`](crate::dialect::decode).
pub fn decode<'a>(body: &'a [u8], given: &Given<'a>) -> Result<Decoded<'a>, Error> {
    let root = Path::Root;
    let wire: Members<'a> = read::body(body)?;
    let name = wire.require_string("model", &root)?;
    let model = models::find(given.catalogue, &name)?;
    let mut ignored = fields::ignored(&wire)?;
    let tools = tools::read(&wire, &mut ignored)?;
    let (session, unused) = wishes::session(&wire, given.headers)?;
    ignored.extend(unused);
    let stream = wire.boolean("stream", &root)?.unwrap_or(false);
    let include_usage = include_usage(&wire, stream)?;
    let choices = choices(&wire)?;
    let parallel = wire.boolean("parallel_tool_calls", &root)?.unwrap_or(true);
    let effort = wire.find("reasoning_effort", &root)?;
    let form = wire.find("response_format", &root)?;
    let format = wishes::format(form, true, &root.key("response_format"))?;
    if let Some(Format::Loose(_)) = format {
        ignored.push("response_format.json_schema.schema");
    }
    let history = History::read(wire.require("messages", &root)?, given)?;
    ignored.extend(history.ignored);
    let turn = Turn {
        model,
        system: history.system,
        messages: history.messages,
        tools: tools.declared,
        tool_choice: tools.choice,
        // The old form has room for one call.
        parallel_tools: parallel && !tools.functions,
        thinking: wishes::thinking(effort, &name, &root.key("reasoning_effort"))?,
        max_tokens: max_tokens(&wire)?,
        stop_sequences: stop(&wire)?,
        session,
        format,
        truncate: false,
        stream,
        ignored,
    };
    let voice =
        Voice { model: name.into_owned(), choices, include_usage, functions: tools.functions, custom: tools.custom };
    Ok(Decoded { turn, voice: dialect::Voice::Chat(Box::new(voice)), needs: history.needs })
}

/// `stream_options`, which only a stream may have.
fn include_usage(wire: &Members<'_>, stream: bool) -> Result<bool, Error> {
    let path = Path::Root.key("stream_options");
    let Some(raw) = wire.find("stream_options", &Path::Root)? else { return Ok(false) };
    let options = Members::of(raw, &path)?;
    options.boolean("include_obfuscation", &path)?;
    let include_usage = options.boolean("include_usage", &path)?.unwrap_or(false);
    if !stream {
        return Err(path.invalid("is only allowed when stream is true"));
    }
    Ok(include_usage)
}

fn choices(wire: &Members<'_>) -> Result<u32, Error> {
    match wire.integer("n", &Path::Root)?.map(u32::try_from) {
        None => Ok(1),
        Some(Ok(choices)) if (1..=MAX_CHOICES).contains(&choices) => Ok(choices),
        Some(_) => Err(Path::Root.key("n").invalid(format!("must be from 1 to {MAX_CHOICES}"))),
    }
}

/// The most output tokens, by the new name and the old one; of two the smaller counts.
fn max_tokens(wire: &Members<'_>) -> Result<Option<u32>, Error> {
    let root = Path::Root;
    let mut least = None;
    for name in ["max_completion_tokens", "max_tokens"] {
        let tokens = limits::max_tokens(wire.integer(name, &root)?, &root.key(name))?;
        least = tokens.into_iter().chain(least).min();
    }
    Ok(least)
}

/// `stop`: one text or several.
fn stop<'a>(wire: &Members<'a>) -> Result<Vec<Cow<'a, str>>, Error> {
    let path = Path::Root.key("stop");
    match wire.find("stop", &Path::Root)? {
        None => Ok(Vec::new()),
        Some(raw) if raw.get().starts_with('"') => {
            let text = read::string(raw, &path)?;
            limits::stop(&text, &path)?;
            Ok(vec![text])
        }
        Some(raw) => limits::stops(read::strings(raw, &path)?, &path),
    }
}

/// Each choice is a request of its own to the service.
const MAX_CHOICES: u32 = 8;
