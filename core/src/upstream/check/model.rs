//! The service's model as data: which members there are, which must be there, what they hold.

use serde_json::{Map, Value};

use super::Report;

/// Holds the whole body against the model.
pub(super) fn hold(root: &Value, report: &mut Report) {
    Shape::Struct(ROOT).hold(root, "", report);
}

enum Shape {
    Text,
    Whole,
    /// Any object; anything else breaks this rule.
    Object(&'static str),
    OneOf(&'static [&'static str]),
    List(&'static Shape),
    Struct(&'static [Member]),
    /// Exactly one of the members.
    Union(&'static [Member]),
}

struct Member {
    name: &'static str,
    required: bool,
    shape: Shape,
}

const fn must(name: &'static str, shape: Shape) -> Member {
    Member { name, required: true, shape }
}

const fn may(name: &'static str, shape: Shape) -> Member {
    Member { name, required: false, shape }
}

impl Shape {
    fn hold(&self, value: &Value, path: &str, report: &mut Report) {
        match (self, value) {
            (Self::Object(rule), value) if !value.is_object() => {
                report.add(rule, path, format!("is no object but {}", kind(value)));
            }
            (_, Value::Null) => report.add("null", path, "is null"),
            (Self::Text, Value::String(_)) | (Self::Object(_), Value::Object(_)) => {}
            (Self::Whole, Value::Number(number)) if number.is_u64() => {}
            (Self::OneOf(known), Value::String(text)) => {
                let rule = if path.ends_with("chatTriggerType") { "R14" } else { "enum" };
                report.expect(known.contains(&text.as_str()), rule, path, || format!("{text:?} is none of {known:?}"));
            }
            (Self::List(item), Value::Array(items)) => {
                report.expect(!items.is_empty(), "empty", path, || "is an empty list".to_owned());
                for (at, value) in items.iter().enumerate() {
                    item.hold(value, &format!("{path}[{at}]"), report);
                }
            }
            (Self::Struct(members), Value::Object(map)) => {
                report.expect(!map.is_empty(), "empty", path, || "is an empty object".to_owned());
                hold_members(members, map, path, report);
            }
            (Self::Union(members), Value::Object(map)) => {
                report.expect(map.len() == 1, "union", path, || format!("has {} members", map.len()));
                hold_members(members, map, path, report);
            }
            (_, value) => report.add("type", path, format!("has the wrong type: {}", kind(value))),
        }
    }
}

fn hold_members(members: &[Member], map: &Map<String, Value>, path: &str, report: &mut Report) {
    for (name, value) in map {
        let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match members.iter().find(|member| member.name == name) {
            Some(member) => member.shape.hold(value, &place, report),
            None => report.add(unknown_rule(name, path), &place, "is no member of the service's model"),
        }
    }
    for member in members.iter().filter(|member| member.required && !map.contains_key(member.name)) {
        report.add("required", path, format!("lacks {}", member.name));
    }
}

fn unknown_rule(name: &str, path: &str) -> &'static str {
    let in_tools = path.rsplit('.').next().is_some_and(|last| last.starts_with("tools["));
    match name {
        "cachePoint" => "R19",
        _ if in_tools => "R20",
        _ if path.is_empty() => "R15",
        _ => "member",
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

const ROOT: &[Member] = &[
    must("conversationState", Shape::Struct(STATE)),
    may("profileArn", Shape::Text),
    may("additionalModelRequestFields", Shape::Struct(FIELDS)),
];

const FIELDS: &[Member] = &[
    may(
        "thinking",
        Shape::Struct(&[
            must("type", Shape::OneOf(&["adaptive", "disabled"])),
            may("display", Shape::OneOf(&["summarized", "omitted"])),
        ]),
    ),
    may("output_config", Shape::Struct(&[must("effort", EFFORT)])),
    may("reasoning", Shape::Struct(&[must("effort", EFFORT)])),
    may("max_tokens", Shape::Whole),
];

const EFFORT: Shape = Shape::OneOf(&["low", "medium", "high", "xhigh", "max"]);

const STATE: &[Member] = &[
    must("chatTriggerType", Shape::OneOf(&["MANUAL", "DIAGNOSTIC", "INLINE_CHAT"])),
    must("currentMessage", Shape::Union(MESSAGE)),
    must("conversationId", Shape::Text),
    may("history", Shape::List(&Shape::Union(MESSAGE))),
    may("agentContinuationId", Shape::Text),
    may("agentTaskType", Shape::OneOf(&["vibe", "spectask"])),
];

const MESSAGE: &[Member] =
    &[may("userInputMessage", Shape::Struct(USER)), may("assistantResponseMessage", Shape::Struct(ASSISTANT))];

/// `modelId` and `origin` are optional in the model, but official clients send them on every user turn.
const USER: &[Member] = &[
    must("content", Shape::Text),
    must("modelId", Shape::Text),
    must("origin", Shape::OneOf(&["AI_EDITOR", "KIRO_CLI", "CLI", "IDE"])),
    may("images", Shape::List(&Shape::Struct(IMAGE))),
    may("documents", Shape::List(&Shape::Struct(DOCUMENT))),
    may("userInputMessageContext", Shape::Struct(CONTEXT)),
];

const SOURCE: Shape = Shape::Struct(&[must("bytes", Shape::Text)]);

const IMAGE: &[Member] = &[must("format", Shape::OneOf(&["gif", "jpeg", "png", "webp"])), must("source", SOURCE)];

const DOCUMENT: &[Member] = &[
    must("name", Shape::Text),
    must("format", Shape::OneOf(&["csv", "doc", "docx", "html", "md", "pdf", "txt", "xls", "xlsx"])),
    must("source", SOURCE),
];

const CONTEXT: &[Member] =
    &[may("toolResults", Shape::List(&Shape::Struct(RESULT))), may("tools", Shape::List(&Shape::Union(TOOL)))];

const RESULT: &[Member] = &[
    must("toolUseId", Shape::Text),
    must("content", Shape::List(&Shape::Union(&[may("text", Shape::Text), may("json", Shape::Object("type"))]))),
    must("status", Shape::OneOf(&["success", "error"])),
];

const TOOL: &[Member] = &[may(
    "toolSpecification",
    Shape::Struct(&[
        must("name", Shape::Text),
        must("description", Shape::Text),
        must("inputSchema", Shape::Struct(&[must("json", Shape::Object("R12"))])),
    ]),
)];

const ASSISTANT: &[Member] = &[
    must("content", Shape::Text),
    may("toolUses", Shape::List(&Shape::Struct(USE))),
    may("reasoningContent", Shape::Union(REASONING)),
];

const USE: &[Member] =
    &[must("toolUseId", Shape::Text), must("name", Shape::Text), must("input", Shape::Object("R17"))];

const REASONING: &[Member] = &[
    may("reasoningText", Shape::Struct(&[must("text", Shape::Text), must("signature", Shape::Text)])),
    may("redactedContent", Shape::Text),
];
