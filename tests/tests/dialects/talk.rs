//! One conversation, written in each of the three dialects.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::told::Dialect;

/// A conversation that all dialects can express.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    pub(crate) model: &'static str,
    pub(crate) system: Option<String>,
    pub(crate) rounds: Vec<Round>,
    /// What the user says last.
    pub(crate) last: Asked,
    pub(crate) tools: u8,
    pub(crate) choice: Choice,
    pub(crate) parallel: bool,
    pub(crate) effort: Option<&'static str>,
    pub(crate) session: Option<String>,
}

/// A question and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    asked: Asked,
    replied: String,
    /// Which tool, its argument, its result, whether the result is a list of parts.
    calls: Vec<(u8, String, String, bool)>,
}

/// What a user says.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    text: String,
    image: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    Auto,
    None,
    Any,
    First,
}

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const TOKENS: u32 = 8000;

pub(crate) fn talks() -> impl Strategy<Value = Talk> {
    let words = || "[a-zäß\u{1F600}\"\\\\<>{}][ -~äß\u{1F600}\"\\\\]{0,20}";
    let asked = || (words(), prop::bool::weighted(0.2)).prop_map(|(text, image)| Asked { text, image });
    let call = (0_u8..3, words(), words(), any::<bool>());
    let round = (asked(), words(), prop::collection::vec(call, 0..3)).prop_map(|(asked, replied, calls)| Round {
        asked,
        replied,
        calls,
    });
    let choice = prop::sample::select(&[Choice::Auto, Choice::None, Choice::Any, Choice::First][..]);
    let model = prop::sample::select(&["claude-sonnet-4-5", "claude-opus-5-5", "claude-sonnet-4-6"][..]);
    let effort = prop::option::of(prop::sample::select(&["low", "medium", "high"][..]));
    let head = (model, prop::option::of(words()), prop::option::of("[a-z]{4,12}"));
    let wishes = (0_u8..4, choice, any::<bool>(), effort);
    (head, prop::collection::vec(round, 0..4), asked(), wishes).prop_map(
        |((model, system, session), rounds, last, (tools, choice, parallel, effort))| {
            // A choice among no tools is an error in every dialect.
            let choice = if tools == 0 { Choice::Auto } else { choice };
            Talk { model, system, rounds, last, tools, choice, parallel, effort, session }
        },
    )
}

fn tool(index: u8) -> String {
    format!("tool_{index}")
}

fn call_id(round: usize, call: usize) -> String {
    format!("call_{round}_{call}")
}

fn schema() -> Value {
    json!({"type": "object", "properties": {"a": {"type": "string", "description": "A."}}, "required": ["a"], "additionalProperties": false})
}

impl Talk {
    /// The request's body, not streamed.
    pub(crate) fn body(&self, dialect: Dialect) -> Value {
        match dialect {
            Dialect::Messages => self.messages(),
            Dialect::Chat => self.chat(),
            Dialect::Responses => self.responses(),
        }
    }

    fn messages(&self) -> Value {
        let mut messages = Vec::new();
        let mut results: Vec<Value> = Vec::new();
        let ask = |asked: &Asked, results: &mut Vec<Value>, messages: &mut Vec<Value>| {
            let mut content = std::mem::take(results);
            content.push(json!({"type": "text", "text": asked.text}));
            if asked.image {
                let source = json!({"type": "base64", "media_type": "image/png", "data": PNG});
                content.push(json!({"type": "image", "source": source}));
            }
            messages.push(json!({"role": "user", "content": content}));
        };
        for (number, round) in self.rounds.iter().enumerate() {
            ask(&round.asked, &mut results, &mut messages);
            let mut content = vec![json!({"type": "text", "text": round.replied})];
            for (at, (index, argument, result, parts)) in round.calls.iter().enumerate() {
                let id = call_id(number, at);
                content.push(json!({"type": "tool_use", "id": id, "name": tool(*index), "input": {"a": argument}}));
                let result = if *parts { json!([{"type": "text", "text": result}]) } else { json!(result) };
                results.push(json!({"type": "tool_result", "tool_use_id": id, "content": result}));
            }
            messages.push(json!({"role": "assistant", "content": content}));
        }
        ask(&self.last, &mut results, &mut messages);
        let mut body = json!({"model": self.model, "max_tokens": TOKENS, "messages": messages});
        if let Some(system) = &self.system {
            body["system"] = json!(system);
        }
        if self.tools > 0 {
            let declare =
                |at| json!({"name": tool(at), "description": format!("Tool {at}."), "input_schema": schema()});
            body["tools"] = (0..self.tools).map(declare).collect();
            let mut choice = match self.choice {
                Choice::Auto => json!({"type": "auto"}),
                Choice::None => json!({"type": "none"}),
                Choice::Any => json!({"type": "any"}),
                Choice::First => json!({"type": "tool", "name": tool(0)}),
            };
            choice["disable_parallel_tool_use"] = json!(!self.parallel);
            body["tool_choice"] = choice;
        }
        if let Some(effort) = self.effort {
            body["thinking"] = json!({"type": "adaptive"});
            body["output_config"] = json!({ "effort": effort });
        }
        if let Some(session) = &self.session {
            body["metadata"] = json!({ "user_id": session });
        }
        body
    }

    fn chat(&self) -> Value {
        let mut messages = Vec::new();
        if let Some(system) = &self.system {
            messages.push(json!({"role": "system", "content": system}));
        }
        let user = |asked: &Asked| {
            if !asked.image {
                return json!({"role": "user", "content": asked.text});
            }
            let url = json!({"url": format!("data:image/png;base64,{PNG}")});
            json!({"role": "user", "content": [{"type": "text", "text": asked.text}, {"type": "image_url", "image_url": url}]})
        };
        for (number, round) in self.rounds.iter().enumerate() {
            messages.push(user(&round.asked));
            let mut calls = Vec::new();
            for (at, (index, argument, ..)) in round.calls.iter().enumerate() {
                let function = json!({"name": tool(*index), "arguments": json!({"a": argument}).to_string()});
                calls.push(json!({"id": call_id(number, at), "type": "function", "function": function}));
            }
            let mut reply = json!({"role": "assistant", "content": round.replied});
            if !calls.is_empty() {
                reply["tool_calls"] = json!(calls);
            }
            messages.push(reply);
            for (at, (_, _, result, parts)) in round.calls.iter().enumerate() {
                let content = if *parts { json!([{"type": "text", "text": result}]) } else { json!(result) };
                messages.push(json!({"role": "tool", "tool_call_id": call_id(number, at), "content": content}));
            }
        }
        messages.push(user(&self.last));
        let mut body = json!({"model": self.model, "max_completion_tokens": TOKENS, "messages": messages});
        if self.tools > 0 {
            let declare = |at| {
                let function = json!({"name": tool(at), "description": format!("Tool {at}."), "parameters": schema()});
                json!({"type": "function", "function": function})
            };
            body["tools"] = (0..self.tools).map(declare).collect();
            body["tool_choice"] = match self.choice {
                Choice::Auto => json!("auto"),
                Choice::None => json!("none"),
                Choice::Any => json!("required"),
                Choice::First => json!({"type": "function", "function": {"name": tool(0)}}),
            };
            body["parallel_tool_calls"] = json!(self.parallel);
        }
        if let Some(effort) = self.effort {
            body["reasoning_effort"] = json!(effort);
        }
        if let Some(session) = &self.session {
            body["prompt_cache_key"] = json!(session);
        }
        body
    }

    fn responses(&self) -> Value {
        let mut input = Vec::new();
        let user = |asked: &Asked| {
            let mut content = vec![json!({"type": "input_text", "text": asked.text})];
            if asked.image {
                let url = format!("data:image/png;base64,{PNG}");
                content.push(json!({"type": "input_image", "detail": "auto", "image_url": url}));
            }
            json!({"type": "message", "role": "user", "content": content})
        };
        for (number, round) in self.rounds.iter().enumerate() {
            input.push(user(&round.asked));
            let content = json!([{"type": "output_text", "text": round.replied, "annotations": []}]);
            input.push(json!({"type": "message", "role": "assistant", "content": content}));
            for (at, (index, argument, ..)) in round.calls.iter().enumerate() {
                let arguments = json!({"a": argument}).to_string();
                input.push(json!({"type": "function_call", "call_id": call_id(number, at), "name": tool(*index), "arguments": arguments}));
            }
            for (at, (_, _, result, parts)) in round.calls.iter().enumerate() {
                let output = if *parts { json!([{"type": "input_text", "text": result}]) } else { json!(result) };
                input.push(json!({"type": "function_call_output", "call_id": call_id(number, at), "output": output}));
            }
        }
        input.push(user(&self.last));
        let mut body = json!({"model": self.model, "max_output_tokens": TOKENS, "input": input, "store": false});
        if let Some(system) = &self.system {
            body["instructions"] = json!(system);
        }
        if self.tools > 0 {
            let declare = |at| json!({"type": "function", "name": tool(at), "description": format!("Tool {at}."), "parameters": schema(), "strict": false});
            body["tools"] = (0..self.tools).map(declare).collect();
            body["tool_choice"] = match self.choice {
                Choice::Auto => json!("auto"),
                Choice::None => json!("none"),
                Choice::Any => json!("required"),
                Choice::First => json!({"type": "function", "name": tool(0)}),
            };
            body["parallel_tool_calls"] = json!(self.parallel);
        }
        if let Some(effort) = self.effort {
            body["reasoning"] = json!({ "effort": effort, "summary": "auto" });
        }
        if let Some(session) = &self.session {
            body["prompt_cache_key"] = json!(session);
        }
        body
    }
}
