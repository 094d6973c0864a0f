//! How a model is asked to think, and how much it may write: by request fields where it has them, by tags
//! in the system text where it understands those, not at all otherwise.

use super::wire::Object;
use crate::models::{Display, FieldSet, Fields, Reasoning};
use crate::turn::{Effort, Thinking, Turn};

/// What is asked for in which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Asked {
    /// `thinking.type`, and what is said about its display.
    thinking: Option<(&'static str, Display)>,
    /// `output_config.effort`.
    effort: Option<&'static str>,
    /// `reasoning.effort`.
    reasoning: Option<&'static str>,
    max_tokens: Option<u32>,
    /// Tokens of thought asked for by tags.
    tags: Option<u32>,
}

impl Asked {
    /// What of the client's wishes fits the model's fields, without those that were refused before.
    pub(super) fn of(turn: &Turn<'_>, refused: FieldSet) -> Self {
        let fields = turn.model.fields.without(refused);
        let mut asked = Self { max_tokens: max_tokens(turn, fields), ..Self::default() };
        match turn.thinking {
            Thinking::Off => asked.off(fields),
            Thinking::On { effort, .. } => asked.on(fields, word(effort)),
        }
        if !asked.written().holds(fields.required) {
            // Less than this the model does not take.
            asked = Self::default();
        }
        asked.tags = tags(turn, asked);
        asked
    }

    /// Claude's schema wants no `output_config` beside disabled thinking.
    fn off(&mut self, fields: Fields) {
        if fields.thinking.is_some_and(|thinking| thinking.disabled) {
            self.thinking = Some(("disabled", Display::Absent));
        }
    }

    fn on(&mut self, fields: Fields, effort: &str) {
        let adaptive = fields.thinking.filter(|thinking| thinking.adaptive);
        self.thinking = adaptive.map(|thinking| ("adaptive", thinking.display));
        self.effort = fields.effort.at_most(effort);
        self.reasoning = fields.reasoning.at_most(effort);
    }

    /// The fields that are written.
    pub(super) fn written(&self) -> FieldSet {
        let names = [
            self.thinking.map(|_| "thinking"),
            self.effort.map(|_| "output_config"),
            self.reasoning.map(|_| "reasoning"),
            self.max_tokens.map(|_| "max_tokens"),
        ];
        FieldSet::of(names.into_iter().flatten())
    }

    /// Whether the model is told its limit.
    pub(super) fn limits(&self) -> bool {
        self.max_tokens.is_some()
    }

    /// The tags that ask for thought; they lead the system text.
    pub(super) fn tags(&self) -> Option<String> {
        let budget = self.tags?;
        Some(format!("<thinking_mode>enabled</thinking_mode><max_thinking_length>{budget}</max_thinking_length>"))
    }

    /// Writes `additionalModelRequestFields`, where there is anything to say.
    pub(super) fn write(&self, body: &mut Object<'_>) {
        if self.written().is_empty() {
            return;
        }
        let mut fields = Object::open(body.member(FIELDS));
        if let Some((kind, display)) = self.thinking {
            let mut thinking = Object::open(fields.member("thinking"));
            thinking.string("type", kind);
            if let Some(display) = display.word() {
                thinking.string("display", display);
            }
            thinking.close();
        }
        for (name, effort) in [("output_config", self.effort), ("reasoning", self.reasoning)] {
            if let Some(effort) = effort {
                let mut object = Object::open(fields.member(name));
                object.string("effort", effort);
                object.close();
            }
        }
        if let Some(tokens) = self.max_tokens {
            fields.member("max_tokens").push_str(&tokens.to_string());
        }
        fields.close();
    }
}

/// A limit below what the model takes is applied to the answer instead.
fn max_tokens(turn: &Turn<'_>, fields: Fields) -> Option<u32> {
    let span = fields.max_tokens?;
    let most = turn.model.max_output.max(span.min).min(span.max);
    match turn.max_tokens {
        None if fields.required.has("max_tokens") => Some(most),
        wanted => wanted.filter(|tokens| *tokens >= span.min).map(|tokens| tokens.min(most)),
    }
}

/// Tokens of thought to ask for by tags, where the model reads those and was not asked in a better way.
fn tags(turn: &Turn<'_>, asked: Asked) -> Option<u32> {
    let (Reasoning::Tags | Reasoning::Effort { .. }, Thinking::On { effort, budget }) =
        (turn.model.reasoning, turn.thinking)
    else {
        return None;
    };
    if asked.thinking.is_some() || asked.effort.is_some() || asked.reasoning.is_some() {
        return None;
    }
    let budget = budget.unwrap_or(match effort {
        Effort::Low => 4_000,
        Effort::Medium => 16_000,
        Effort::High => DEFAULT_BUDGET,
        Effort::XHigh | Effort::Max => MAX_BUDGET,
    });
    Some(budget.clamp(MIN_BUDGET, MAX_BUDGET))
}

fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::XHigh => "xhigh",
        Effort::Max => "max",
    }
}

const FIELDS: &str = "additionalModelRequestFields";

/// Tokens of prompted thought when the client asked for much and named no number.
const DEFAULT_BUDGET: u32 = 20_000;
const MIN_BUDGET: u32 = 1_024;
const MAX_BUDGET: u32 = 24_576;
