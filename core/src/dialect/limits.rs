//! Limits and small wishes that every dialect reads the same way.

use std::borrow::Cow;

use super::read::{Members, Path};
use crate::error::Error;
use crate::turn::{Message, Part};

/// The most output tokens; more than the type holds is as good as no limit.
pub(crate) fn max_tokens(wire: Option<u64>, path: &Path<'_>) -> Result<Option<u32>, Error> {
    match wire {
        Some(0) => Err(path.invalid("must be at least 1")),
        other => Ok(other.map(|tokens| u32::try_from(tokens).unwrap_or(u32::MAX))),
    }
}

/// Texts that end the answer: at most 256 of at most 4,096 bytes, since each is looked for in every piece.
pub(crate) fn stops<'a>(stops: Vec<Cow<'a, str>>, path: &Path<'_>) -> Result<Vec<Cow<'a, str>>, Error> {
    if stops.len() > MAX_STOPS {
        return Err(path.invalid(format!("has {} texts; the limit is {MAX_STOPS}", stops.len())));
    }
    for (index, text) in stops.iter().enumerate() {
        stop(text, &path.item(index))?;
    }
    Ok(stops)
}

/// One text that ends the answer.
pub(crate) fn stop(text: &str, path: &Path<'_>) -> Result<(), Error> {
    match text.len() {
        0 => Err(path.invalid("must not be empty")),
        1..=MAX_STOP => Ok(()),
        bytes => Err(path.invalid(format!("has {bytes} bytes; the limit is {MAX_STOP}"))),
    }
}

/// How many messages or items a conversation may have.
pub(crate) fn messages(count: usize, path: &Path<'_>) -> Result<(), Error> {
    match count {
        0 => Err(path.invalid("must hold at least one message")),
        1..=MAX_MESSAGES => Ok(()),
        _ => Err(path.invalid(format!("has {count} messages; the limit is {MAX_MESSAGES}"))),
    }
}

/// Refuses a conversation of blanks: there is nothing to answer.
pub(crate) fn some_content(messages: &[Message<'_>], path: &Path<'_>) -> Result<(), Error> {
    let is_blank = |part: &Part<'_>| matches!(part, Part::Text(text) if text.trim().is_empty());
    if messages.iter().all(|message| message.parts.iter().all(is_blank)) {
        return Err(path.invalid("must hold some content"));
    }
    Ok(())
}

/// Those of `names` that the client set, although they have no effect.
pub(crate) fn ignored(rest: &Members<'_>, names: &[&'static str]) -> Result<Vec<&'static str>, Error> {
    let mut ignored = Vec::new();
    for name in names {
        match rest.find(name, &Path::Root)? {
            // Empty lists and objects ask for nothing.
            Some(raw) if !matches!(raw.get(), "[]" | "{}") => ignored.push(*name),
            _ => {}
        }
    }
    Ok(ignored)
}

/// As the Anthropic API has it.
const MAX_MESSAGES: usize = 100_000;
const MAX_STOPS: usize = 256;
const MAX_STOP: usize = 4096;
