//! `context_management`: edits of the history that the vendor's API applies on its side, applied here.
//!
//! | edit | what it does |
//! |---|---|
//! | `clear_thinking_20251015` | drops thinking of all but the last turns |
//! | `clear_tool_uses_20250919` | once the prompt is large, empties all but the last tool results |
//!
//! Others, such as compaction, are not applied and named as ignored.

use std::borrow::Cow;

use crate::dialect::read::{self, Members, Path};
use crate::error::Error;
use crate::json::RawValue;
use crate::turn::{Message, Part, Role, Turn, estimate};

/// An edit, read and checked.
#[derive(PartialEq, Eq, Debug)]
enum Edit<'a> {
    /// Keep the thinking of so many of the last turns.
    Thinking { keep: u64 },
    /// Keep so many of the last tool results once the trigger is reached.
    ToolUses { trigger: Trigger, keep: u64, spare: Vec<Cow<'a, str>>, inputs: bool },
    /// Not applied.
    Unknown,
}

#[derive(PartialEq, Eq, Debug)]
enum Trigger {
    Tokens(u64),
    ToolUses(u64),
}

/// Applies the edits in their order.
pub(super) fn apply<'a>(raw: Option<&'a RawValue>, turn: &mut Turn<'a>) -> Result<(), Error> {
    let path = Path::Root.key("context_management");
    let Some(raw) = raw else { return Ok(()) };
    let Some(edits) = Members::of(raw, &path)?.find("edits", &path)? else { return Ok(()) };
    let path = path.key("edits");
    let edits: Vec<Members<'a>> = read::value(edits, &path)?;
    let mut all_known = true;
    for (index, edit) in edits.iter().enumerate() {
        match read_edit(edit, &path.item(index))? {
            Edit::Thinking { keep } => clear_thinking(&mut turn.messages, keep),
            Edit::ToolUses { trigger, keep, spare, inputs } => {
                if is_reached(&trigger, turn) {
                    clear_tool_uses(&mut turn.messages, keep, &spare, inputs);
                }
            }
            Edit::Unknown => all_known = false,
        }
    }
    if !all_known {
        turn.ignored.push("context_management");
    }
    Ok(())
}

fn read_edit<'a>(edit: &Members<'a>, path: &Path<'_>) -> Result<Edit<'a>, Error> {
    let kind = edit.require_string("type", path)?;
    if kind.starts_with("clear_thinking_") {
        let keep = match edit.find("keep", path)? {
            Some(raw) if raw.get() == "\"all\"" => u64::MAX,
            _ => amount(edit, "keep", path)?.map_or(1, |(_, value)| value),
        };
        return Ok(Edit::Thinking { keep });
    }
    if !kind.starts_with("clear_tool_uses_") {
        return Ok(Edit::Unknown);
    }
    let trigger = match amount(edit, "trigger", path)? {
        None => Trigger::Tokens(DEFAULT_TRIGGER),
        Some((kind, value)) if kind == "tool_uses" => Trigger::ToolUses(value),
        Some((_, value)) => Trigger::Tokens(value),
    };
    let keep = amount(edit, "keep", path)?.map_or(DEFAULT_KEEP, |(_, value)| value);
    let spare = match edit.find("exclude_tools", path)? {
        Some(raw) => read::strings(raw, &path.key("exclude_tools"))?,
        None => Vec::new(),
    };
    let inputs = edit.find("clear_tool_inputs", path)?.is_some_and(|raw| raw.get() == "true");
    Ok(Edit::ToolUses { trigger, keep, spare, inputs })
}

/// `{"type": …, "value": …}`.
fn amount<'a>(edit: &Members<'a>, name: &str, path: &Path<'_>) -> Result<Option<(Cow<'a, str>, u64)>, Error> {
    let Some(raw) = edit.find(name, path)? else { return Ok(None) };
    let path = path.key(name);
    let amount = Members::of(raw, &path)?;
    let value = read::integer(amount.require("value", &path)?, &path.key("value"))?;
    Ok(Some((amount.require_string("type", &path)?, value)))
}

fn is_reached(trigger: &Trigger, turn: &Turn<'_>) -> bool {
    match trigger {
        Trigger::Tokens(limit) => estimate::turn(turn) > *limit,
        Trigger::ToolUses(limit) => {
            let calls = turn.messages.iter().flat_map(|message| &message.parts);
            calls.filter(|part| matches!(part, Part::ToolUse { .. })).count() as u64 > *limit
        }
    }
}

/// Drops thinking before the last `keep` turns that have any. A turn spans the calls in it: it begins where
/// a user says something that answers no call.
fn clear_thinking(messages: &mut [Message<'_>], keep: u64) {
    let is_thought = |part: &Part<'_>| matches!(part, Part::Thinking { .. } | Part::Redacted(_));
    let (mut kept, mut counted) = (0, false);
    for message in messages.iter_mut().rev() {
        if message.role == Role::User {
            let answers = message.parts.iter().any(|part| matches!(part, Part::ToolResult { .. }));
            counted &= answers;
            continue;
        }
        if !message.parts.iter().any(is_thought) {
            continue;
        }
        if !counted {
            kept += 1;
            counted = true;
        }
        if kept > keep {
            message.parts.retain(|part| !is_thought(part));
        }
    }
}

/// Empties all but the last `keep` results of tools that are not spared, and their calls' inputs if asked.
fn clear_tool_uses(messages: &mut [Message<'_>], keep: u64, spare: &[Cow<'_, str>], inputs: bool) {
    let mut calls: Vec<&mut Part<'_>> = Vec::new();
    let mut results: Vec<&mut Part<'_>> = Vec::new();
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        match part {
            Part::ToolUse { name, .. } if !spare.contains(name) => calls.push(part),
            Part::ToolResult { .. } => results.push(part),
            _ => {}
        }
    }
    let cleared = calls.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    let mut ids = std::collections::BTreeSet::new();
    for call in calls.into_iter().take(cleared) {
        if let Part::ToolUse { id, input, .. } = call {
            ids.insert(id.clone());
            if inputs {
                *input = Cow::Borrowed(read::empty_object());
            }
        }
    }
    for result in results {
        if let Part::ToolResult { id, parts, .. } = result
            && ids.contains(id)
        {
            *parts = vec![Part::Text(Cow::Borrowed(CLEARED))];
        }
    }
}

/// What stands in place of a cleared result.
const CLEARED: &str = "[This tool result was cleared to save context.]";
/// Input tokens from which tool results are cleared, as the API has it.
const DEFAULT_TRIGGER: u64 = 100_000;
/// Tool results that are kept, as the API has it.
const DEFAULT_KEEP: u64 = 3;
