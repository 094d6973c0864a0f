//! Token estimates: text, images, documents, tools.
//!
//! No tokenizer of a current Claude model is public. [`text`] follows the last one that was (Claude 2's): on
//! the texts of `tests/estimate` it is off by 5 % on average, by less than 13 % on each of them, and rather
//! high than low on code and JSON. Text in Latin script with few accents in another language than English
//! (Italian, Polish) may be counted up to a third too low, box drawing too.
//!
//! Newer models count differently, and that difference is larger than this error: for Claude Opus 4.7 and
//! what came after it Anthropic's migration guide names 1.0 to 1.35 times the tokens for the same text.
//! [`scaled`] takes the middle for these models; the OpenAI family needs about a tenth less, which is left as
//! a margin. Where the service reports tokens or a share of the window, those win.

mod media;
mod meter;

pub use media::{document, image};
pub use meter::Meter;

use crate::models::{Model, Reasoning};
use crate::turn::demand;
use crate::turn::request::{Message, Part, Tool, ToolChoice, ToolKind, Turn};

/// The system prompt the model gets once there are tools, by `tool_choice` `auto` or `none`, and by `any` or
/// one tool. Source: Anthropic's pricing page, Claude 4 models.
const TOOLS_PROMPT: u64 = 346;
const FORCED_TOOLS_PROMPT: u64 = 313;
/// Around the conversation and around each message. Fitted to the counts of the documentation's examples:
/// 14 for "Hello, Claude" with the system text "You are a scientist", 403 for a question with one tool.
const CONVERSATION: u64 = 2;
const MESSAGE: u64 = 5;
/// Around a call and around a result in history, their ids included.
const CALL: u64 = 24;
const RESULT: u64 = 18;

/// Tokens of a text, unscaled. Linear: 200 KB take about half a millisecond natively.
pub fn text(text: &str) -> u64 {
    let mut meter = Meter::new();
    meter.push_text(text);
    meter.tokens()
}

/// Brings an estimate of text to the model's own tokenizer: as it is, or 1.2 times for the models with the
/// newer one (see the module's text), which are those with the `xhigh` effort that came with it.
pub fn scaled(model: &Model, tokens: u64) -> u64 {
    match model.reasoning {
        Reasoning::Effort { xhigh: true } => tokens.saturating_mul(6).div_ceil(5),
        _ => tokens,
    }
}

/// Input tokens of a whole turn: system, messages, tools with their schemas, the form asked for,
/// images, documents.
pub fn turn(turn: &Turn<'_>) -> u64 {
    let mut sum = Sum { meter: Meter::new(), fixed: CONVERSATION };
    turn.system.iter().for_each(|system| sum.text(system));
    turn.messages.iter().for_each(|message| sum.message(message));
    sum.tools(turn);
    if let Some(format) = turn.format {
        sum.text(&demand::instruction(format));
    }
    scaled(turn.model, sum.meter.tokens()) + sum.fixed
}

/// Input tokens of one message.
pub fn message(model: &Model, message: &Message<'_>) -> u64 {
    let mut sum = Sum { meter: Meter::new(), fixed: 0 };
    sum.message(message);
    scaled(model, sum.meter.tokens()) + sum.fixed
}

/// Text, which the model's tokenizer scales, and everything else.
struct Sum {
    meter: Meter,
    fixed: u64,
}

impl Sum {
    fn text(&mut self, text: &str) {
        self.meter.push_text(text);
        self.meter.cut();
    }

    fn message(&mut self, message: &Message<'_>) {
        self.fixed += MESSAGE;
        message.parts.iter().for_each(|part| self.part(part));
    }

    fn part(&mut self, part: &Part<'_>) {
        match part {
            Part::Text(text) => self.text(text),
            Part::Image(picture) => self.fixed += image(picture.size),
            Part::Document { name, format, base64 } => {
                self.text(name);
                self.fixed += document(format, base64);
            }
            Part::ToolUse { name, input, .. } => {
                self.fixed += CALL;
                self.text(name);
                self.text(input.get());
            }
            Part::ToolResult { parts, .. } => {
                self.fixed += RESULT;
                parts.iter().for_each(|part| self.part(part));
            }
            Part::Thinking { text, .. } => self.text(text),
            Part::Redacted(data) => self.meter.sealed_text(data),
        }
    }

    fn tools(&mut self, turn: &Turn<'_>) {
        if turn.tools.is_empty() {
            return;
        }
        self.fixed += match turn.tool_choice {
            ToolChoice::Auto | ToolChoice::None => TOOLS_PROMPT,
            ToolChoice::Any | ToolChoice::Tool(_) => FORCED_TOOLS_PROMPT,
        };
        turn.tools.iter().for_each(|tool| self.tool(tool));
    }

    fn tool(&mut self, tool: &Tool<'_>) {
        self.text(&tool.name);
        self.text(&tool.description);
        if let ToolKind::Client(Some(schema)) = tool.kind {
            self.text(schema.get());
        }
    }
}
