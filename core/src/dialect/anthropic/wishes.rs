//! What a client wishes beside the conversation: thinking, limits, stop sequences, its session.

use std::borrow::Cow;

use crate::dialect::limits;
use crate::dialect::read::{self, Members, Path};
use crate::error::Error;
use crate::host::{Headers, header};
use crate::json::RawValue;
use crate::turn::{Effort, Format, Thinking};

/// Whether and how hard to think. `thinking` decides whether, `output_config.effort` and the budget how hard.
/// A model name that ends in `-thinking` asks as well, where `thinking` is absent.
pub(super) fn thinking(
    wire: Option<&Members<'_>>,
    effort: Option<Effort>,
    name: &str,
    path: &Path<'_>,
) -> Result<Thinking, Error> {
    let Some(wire) = wire else {
        let asked = name.to_ascii_lowercase().ends_with("-thinking");
        return Ok(if asked { on(effort, None) } else { Thinking::Off });
    };
    let budget = wire.integer("budget_tokens", path)?;
    match &*wire.require_string("type", path)? {
        "enabled" | "adaptive" => Ok(on(effort, budget)),
        "disabled" => Ok(Thinking::Off),
        _ => Err(path.key("type").invalid("must be \"enabled\", \"adaptive\" or \"disabled\"")),
    }
}

fn on(effort: Option<Effort>, budget: Option<u64>) -> Thinking {
    let budget = budget.map(|tokens| u32::try_from(tokens).unwrap_or(u32::MAX));
    let effort = effort.or_else(|| budget.map(effort_of)).unwrap_or(Effort::High);
    Thinking::On { effort, budget }
}

/// The effort that a budget in tokens stands for.
fn effort_of(budget: u32) -> Effort {
    match budget {
        0..=4_000 => Effort::Low,
        4_001..=16_000 => Effort::Medium,
        16_001..=64_000 => Effort::High,
        _ => Effort::XHigh,
    }
}

/// `output_config.effort`.
pub(super) fn effort(output: &Members<'_>, path: &Path<'_>) -> Result<Option<Effort>, Error> {
    let Some(effort) = output.string("effort", path)? else { return Ok(None) };
    Ok(Some(match &*effort {
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::XHigh,
        "max" => Effort::Max,
        _ => {
            let text = "must be \"low\", \"medium\", \"high\", \"xhigh\" or \"max\"";
            return Err(path.key("effort").invalid(text));
        }
    }))
}

/// The form of a structured answer: `output_config.format`, formerly `output_format`.
pub(super) fn format<'a>(rest: &Members<'a>) -> Result<Option<Format<'a>>, Error> {
    let root = Path::Root;
    let path = root.key("output_config");
    let output = rest.find("output_config", &root)?.map(|raw| Members::of(raw, &path)).transpose()?;
    let format = match output.map(|output| output.find("format", &path)).transpose()?.flatten() {
        Some(raw) => Some((raw, path.key("format"))),
        None => rest.find("output_format", &root)?.map(|raw| (raw, root.key("output_format"))),
    };
    let Some((raw, path)) = format else { return Ok(None) };
    let format = Members::of(raw, &path)?;
    if format.require_string("type", &path)? != "json_schema" {
        return Err(path.key("type").invalid("must be \"json_schema\""));
    }
    let schema = format.require("schema", &path)?;
    read::schema(schema, &path.key("schema"))?;
    Ok(Some(Format::Schema(schema)))
}

/// `stop_sequences`. As in the vendor's API each holds more than whitespace.
pub(super) fn stop_sequences<'a>(raw: Option<&'a RawValue>, path: &Path<'_>) -> Result<Vec<Cow<'a, str>>, Error> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let stops = limits::stops(read::strings(raw, path)?, path)?;
    match stops.iter().position(|stop| stop.trim().is_empty()) {
        Some(index) => Err(path.item(index).invalid("must hold more than whitespace")),
        None => Ok(stops),
    }
}

/// What names the session: the part of `metadata.user_id` that Claude Code puts there (a JSON text with
/// `session_id`, in older versions `user_…_session_<uuid>`), else the whole of it, else the header.
pub(super) fn session<'a>(
    metadata: Option<&'a RawValue>,
    headers: &'a Headers,
    path: &Path<'_>,
) -> Result<Option<Cow<'a, str>>, Error> {
    let user = match metadata {
        Some(raw) => Members::of(raw, path)?.string("user_id", path)?.filter(|user| !user.is_empty()),
        None => None,
    };
    let from_header = || header(headers, "x-claude-code-session-id").filter(|id| !id.is_empty()).map(Cow::Borrowed);
    Ok(user.map(session_of).or_else(from_header))
}

fn session_of(user: Cow<'_, str>) -> Cow<'_, str> {
    if user.starts_with('{')
        && let Ok(members) = serde_json::from_str::<Members<'_>>(&user)
        && let Ok(Some(session)) = members.string("session_id", &Path::Root)
        && !session.is_empty()
    {
        return Cow::Owned(session.into_owned());
    }
    match user.rsplit_once("_session_") {
        Some((_, session)) if !session.is_empty() => Cow::Owned(session.to_owned()),
        _ => user,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_in_every_form_of_the_user_id() {
        for (user, session) in [
            (r#"{"device_id":"d","account_uuid":"","session_id":"s-1"}"#, "s-1"),
            ("user_ab12_account__session_3f6c", "3f6c"),
            ("someone", "someone"),
            (r#"{"session_id":7}"#, r#"{"session_id":7}"#),
            ("{broken", "{broken"),
            ("a_session_", "a_session_"),
        ] {
            assert_eq!(session_of(Cow::Borrowed(user)), session);
        }
    }

    #[test]
    fn budgets_fall_on_the_effort_scale() {
        for (budget, effort) in [
            (1024, Effort::Low),
            (4000, Effort::Low),
            (4001, Effort::Medium),
            (16_000, Effort::Medium),
            (31_999, Effort::High),
            (64_000, Effort::High),
            (64_001, Effort::XHigh),
        ] {
            assert_eq!(effort_of(budget), effort, "{budget}");
        }
    }
}
