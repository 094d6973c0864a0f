//! How a model is asked to think, and how much it may write: by request fields where it has them, by tags
//! in the system text where it understands those, not at all otherwise.

use super::wire::Object;
use crate::models::{Model, Reasoning};
use crate::turn::{Effort, Thinking, Turn};

/// The tags that ask for thought; they lead the system text.
pub(super) fn tags(turn: &Turn<'_>) -> Option<String> {
    let (Reasoning::Tags, Thinking::On { effort, budget }) = (turn.model.reasoning, turn.thinking) else { return None };
    let budget = budget.unwrap_or(match effort {
        Effort::Low => 4_000,
        Effort::Medium => 16_000,
        Effort::High => DEFAULT_BUDGET,
        Effort::XHigh | Effort::Max => MAX_BUDGET,
    });
    let budget = budget.clamp(MIN_BUDGET, MAX_BUDGET);
    Some(format!("<thinking_mode>enabled</thinking_mode><max_thinking_length>{budget}</max_thinking_length>"))
}

/// Writes `additionalModelRequestFields` where the model's own schema has some.
///
/// Claude's schema wants no `output_config` beside disabled thinking, and its `max_tokens` begins at 1024:
/// a smaller limit is applied to the answer instead.
pub(super) fn write(body: &mut Object<'_>, turn: &Turn<'_>) {
    match (turn.model.reasoning, turn.thinking) {
        (Reasoning::Effort { xhigh }, thinking) => write_claude(body, turn, thinking, xhigh),
        (Reasoning::Gpt, Thinking::On { effort, .. }) => {
            let mut fields = Object::open(body.member(FIELDS));
            write_effort(&mut fields, "reasoning", gpt_effort(effort));
            fields.close();
        }
        (Reasoning::Gpt, Thinking::Off) | (Reasoning::Tags | Reasoning::None, _) => {}
    }
}

fn write_claude(body: &mut Object<'_>, turn: &Turn<'_>, thinking: Thinking, xhigh: bool) {
    let mut fields = Object::open(body.member(FIELDS));
    let mut kind = Object::open(fields.member("thinking"));
    match thinking {
        Thinking::Off => {
            kind.string("type", "disabled");
            kind.close();
        }
        Thinking::On { effort, .. } => {
            kind.string("type", "adaptive");
            kind.string("display", "summarized");
            kind.close();
            write_effort(&mut fields, "output_config", claude_effort(effort, xhigh));
        }
    }
    if let Some(tokens) = max_tokens(turn.max_tokens, turn.model) {
        fields.member("max_tokens").push_str(&tokens.to_string());
    }
    fields.close();
}

/// Whether [`write`] tells the model its limit.
pub(super) fn limits(turn: &Turn<'_>) -> bool {
    matches!(turn.model.reasoning, Reasoning::Effort { .. }) && max_tokens(turn.max_tokens, turn.model).is_some()
}

fn write_effort(fields: &mut Object<'_>, name: &str, effort: &str) {
    let mut object = Object::open(fields.member(name));
    object.string("effort", effort);
    object.close();
}

fn max_tokens(wanted: Option<u32>, model: &Model) -> Option<u32> {
    wanted.filter(|tokens| *tokens >= MIN_TOKENS).map(|tokens| tokens.min(model.max_output.max(MIN_TOKENS)))
}

fn claude_effort(effort: Effort, xhigh: bool) -> &'static str {
    match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::XHigh if xhigh => "xhigh",
        // A scale without this step: the next lower one, never more than was asked for.
        Effort::High | Effort::XHigh => "high",
        Effort::Max => "max",
    }
}

/// Sources disagree on `max`; `xhigh` is in all of them.
fn gpt_effort(effort: Effort) -> &'static str {
    match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::XHigh | Effort::Max => "xhigh",
    }
}

const FIELDS: &str = "additionalModelRequestFields";

/// Tokens of prompted thought when the client asked for much and named no number.
const DEFAULT_BUDGET: u32 = 20_000;
const MIN_BUDGET: u32 = 1_024;
const MAX_BUDGET: u32 = 24_576;

/// Least `max_tokens` of the service's schema.
const MIN_TOKENS: u32 = 1_024;
