//! Conversations that own their bytes, to build turns from.

use std::borrow::Cow;

use kiro2api_core::json::RawValue;
use kiro2api_core::models::{self, Model};
use kiro2api_core::turn::{Image, Message, Part, Role, Thinking, Tool, ToolChoice, ToolKind, Turn};
use kiro2api_core::upstream::{Encoded, Wishes, check, encode};
use serde_json::Value;

/// One pixel.
pub(crate) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[derive(Clone, Debug)]
pub(crate) enum Bit {
    Text(String),
    Image,
    Document(String, String),
    Use(String, String, String),
    Result(String, bool, Vec<Bit>),
    Thinking(String, Option<String>),
    Redacted(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) description: String,
    /// `Err` is the type of a server tool.
    pub(crate) schema: Result<Option<String>, String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Talk {
    pub(crate) model: &'static std::sync::Arc<Model>,
    pub(crate) system: Vec<String>,
    pub(crate) messages: Vec<(Role, Vec<Bit>)>,
    pub(crate) tools: Vec<Declared>,
    pub(crate) choice: ToolChoice<'static>,
    pub(crate) parallel: bool,
    pub(crate) thinking: Thinking,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) session: Option<String>,
}

impl Default for Talk {
    fn default() -> Self {
        Self {
            model: model("claude-sonnet-4-5"),
            system: Vec::new(),
            messages: Vec::new(),
            tools: Vec::new(),
            choice: ToolChoice::Auto,
            parallel: true,
            thinking: Thinking::Off,
            max_tokens: None,
            session: Some("session-1".to_owned()),
        }
    }
}

pub(crate) fn model(name: &str) -> &'static std::sync::Arc<Model> {
    models::Catalogue::built_in().find(name).unwrap()
}

pub(crate) fn text(text: &str) -> Bit {
    Bit::Text(text.to_owned())
}

pub(crate) fn call(id: &str, name: &str, input: &str) -> Bit {
    Bit::Use(id.to_owned(), name.to_owned(), input.to_owned())
}

pub(crate) fn result(id: &str, answer: &str) -> Bit {
    Bit::Result(id.to_owned(), false, vec![text(answer)])
}

pub(crate) fn user(bits: impl Into<Vec<Bit>>) -> (Role, Vec<Bit>) {
    (Role::User, bits.into())
}

pub(crate) fn assistant(bits: impl Into<Vec<Bit>>) -> (Role, Vec<Bit>) {
    (Role::Assistant, bits.into())
}

pub(crate) fn tool(name: &str, description: &str, schema: &str) -> Declared {
    Declared { name: name.to_owned(), description: description.to_owned(), schema: Ok(Some(schema.to_owned())) }
}

impl Talk {
    pub(crate) fn of(messages: impl Into<Vec<(Role, Vec<Bit>)>>) -> Self {
        Self { messages: messages.into(), ..Self::default() }
    }

    pub(crate) fn turn(&self) -> Turn<'_> {
        Turn {
            model: self.model,
            system: self.system.iter().map(|text| Cow::Borrowed(text.as_str())).collect(),
            messages: self
                .messages
                .iter()
                .map(|(role, bits)| Message { role: *role, parts: bits.iter().map(part).collect() })
                .collect(),
            tools: self.tools.iter().map(declared).collect(),
            tool_choice: self.choice.clone(),
            parallel_tools: self.parallel,
            thinking: self.thinking,
            max_tokens: self.max_tokens,
            stop_sequences: Vec::new(),
            session: self.session.as_deref().map(Cow::Borrowed),
            format: None,
            truncate: false,
            stream: true,
            ignored: Vec::new(),
        }
    }

    pub(crate) fn encode(&self) -> Encoded {
        encode(&self.turn(), &Wishes::default()).unwrap()
    }

    /// The body without a profile, proved to keep every rule.
    pub(crate) fn body(&self) -> String {
        let body = String::from_utf8(self.encode().body(None).to_vec()).unwrap();
        let broken = check::check(body.as_bytes());
        assert!(broken.is_empty(), "{broken:#?}\n{body}");
        body
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.body()).unwrap()
    }

    /// History and current turn.
    pub(crate) fn turns(&self) -> Vec<Value> {
        let state = self.value()["conversationState"].take();
        let mut turns = state["history"].as_array().cloned().unwrap_or_default();
        turns.push(state["currentMessage"].clone());
        turns
    }

    pub(crate) fn current(&self) -> Value {
        self.value()["conversationState"]["currentMessage"]["userInputMessage"].take()
    }

    /// The content of every turn.
    pub(crate) fn contents(&self) -> Vec<String> {
        let inner = |turn: &Value| turn.as_object().unwrap().values().next().unwrap()["content"].clone();
        self.turns().iter().map(|turn| inner(turn).as_str().unwrap().to_owned()).collect()
    }
}

fn raw(text: &str) -> &RawValue {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn part(bit: &Bit) -> Part<'_> {
    match bit {
        Bit::Text(text) => Part::Text(text.into()),
        Bit::Image => Part::Image(Image { format: "png", base64: PNG.into(), size: Some((1, 1)) }),
        Bit::Document(name, format) => {
            Part::Document { name: name.into(), format: format.into(), base64: "aGVsbG8=".into() }
        }
        Bit::Use(id, name, input) => {
            Part::ToolUse { id: id.into(), name: name.into(), input: Cow::Borrowed(raw(input)) }
        }
        Bit::Result(id, error, bits) => {
            Part::ToolResult { id: id.into(), error: *error, parts: bits.iter().map(part).collect() }
        }
        Bit::Thinking(text, signature) => {
            Part::Thinking { text: text.into(), signature: signature.as_deref().map(Cow::Borrowed) }
        }
        Bit::Redacted(base64) => Part::Redacted(base64.into()),
    }
}

fn declared(tool: &Declared) -> Tool<'_> {
    let kind = match &tool.schema {
        Ok(schema) => ToolKind::Client(schema.as_deref().map(raw)),
        Err(kind) => ToolKind::Server(kind.into()),
    };
    Tool { name: (&tool.name).into(), description: (&tool.description).into(), kind }
}
