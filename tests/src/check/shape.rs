//! The members, types and enums of the request model, as data.

use serde_json::Value;

use super::{Dialect, Findings};
use crate::refusal::Refusal;

/// What a member may hold.
enum Kind {
    Text,
    Flag,
    /// Not looked into.
    Any,
    OneOf(&'static [&'static str]),
    Struct(&'static Shape),
    /// A structure with exactly one member.
    Union(&'static Shape),
    List(&'static Kind),
}

/// A structure's members: name, whether it is required, what it holds.
struct Shape(&'static [(&'static str, bool, Kind)]);

pub(super) fn check(body: &Value, dialect: Dialect, findings: &mut Findings) {
    let Some(members) = body.as_object() else {
        return findings.improper("shape", "body", "not an object");
    };
    for name in members.keys() {
        let by_target = name == "agentMode" && dialect == Dialect::AwsJson;
        if !by_target && !ROOT.0.iter().any(|(known, ..)| known == name) {
            findings.broken("R15", name, "not a member of the request", Refusal::invalid_body());
        }
    }
    structure(body, &ROOT, "", findings);
}

fn structure(value: &Value, shape: &Shape, path: &str, findings: &mut Findings) {
    let Some(members) = value.as_object() else {
        return findings.improper("shape", path, "not an object");
    };
    for (name, required, kind) in shape.0 {
        let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
        match members.get(*name) {
            None if *required => findings.improper("shape", path, "required, but missing"),
            None => {}
            Some(Value::Null) if !matches!(kind, Kind::Any) => {
                findings.improper("null", path, "null instead of being left out")
            }
            Some(value) => member(value, kind, &path, findings),
        }
    }
    if path.is_empty() {
        return;
    }
    for name in members.keys().filter(|name| !shape.0.iter().any(|(known, ..)| known == name)) {
        findings.warn(&format!("{path}.{name}"), "not a member of the model; the service ignores it");
    }
}

fn member(value: &Value, kind: &Kind, path: &str, findings: &mut Findings) {
    match kind {
        Kind::Any => {}
        Kind::Text if value.is_string() => {}
        Kind::Flag if value.is_boolean() => {}
        Kind::Text => findings.improper("shape", path, "not a string"),
        Kind::Flag => findings.improper("shape", path, "not a boolean"),
        Kind::OneOf(allowed) => {
            if !value.as_str().is_some_and(|text| allowed.contains(&text)) {
                let rule = if path.ends_with("chatTriggerType") { "R14" } else { "enum" };
                findings.improper(rule, path, format!("{value} is none of {}", allowed.join(", ")));
            }
        }
        Kind::Struct(shape) => structure(value, shape, path, findings),
        Kind::Union(shape) => {
            structure(value, shape, path, findings);
            let known = value.as_object().map_or(1, |members| {
                members.keys().filter(|name| shape.0.iter().any(|(known, ..)| known == name)).count()
            });
            if known != 1 {
                findings.improper("shape", path, format!("a union with {known} of its members instead of one"));
            }
        }
        Kind::List(item) => match value.as_array() {
            None => findings.improper("shape", path, "not an array"),
            Some(items) => {
                for (index, value) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    if value.is_null() && !matches!(item, Kind::Any) {
                        findings.improper("null", path, "null in an array");
                    } else {
                        member(value, item, &path, findings);
                    }
                }
            }
        },
    }
}

static ROOT: Shape = Shape(&[
    ("conversationState", true, Kind::Struct(&STATE)),
    ("profileArn", false, Kind::Text),
    ("additionalModelRequestFields", false, Kind::Any),
]);

static STATE: Shape = Shape(&[
    ("chatTriggerType", true, Kind::OneOf(&["MANUAL", "DIAGNOSTIC", "INLINE_CHAT"])),
    ("currentMessage", true, Kind::Union(&MESSAGE)),
    ("conversationId", false, Kind::Text),
    ("history", false, Kind::List(&Kind::Union(&MESSAGE))),
    ("agentContinuationId", false, Kind::Text),
    ("agentTaskType", false, Kind::OneOf(&["vibe", "spectask"])),
    ("workspaceId", false, Kind::Text),
    ("customizationArn", false, Kind::Text),
]);

static MESSAGE: Shape = Shape(&[
    ("userInputMessage", false, Kind::Struct(&USER)),
    ("assistantResponseMessage", false, Kind::Struct(&ASSISTANT)),
]);

static USER: Shape = Shape(&[
    ("content", true, Kind::Text),
    ("modelId", false, Kind::Text),
    ("origin", false, Kind::OneOf(ORIGINS)),
    ("images", false, Kind::List(&Kind::Struct(&IMAGE))),
    ("documents", false, Kind::List(&Kind::Struct(&DOCUMENT))),
    ("userInputMessageContext", false, Kind::Struct(&CONTEXT)),
    ("userIntent", false, Kind::Text),
    ("cachePoint", false, Kind::Struct(&CACHE)),
    ("clientCacheConfig", false, Kind::Struct(&Shape(&[("useClientCachingOnly", false, Kind::Flag)]))),
]);

static CACHE: Shape = Shape(&[("type", true, Kind::OneOf(&["default"]))]);

static IMAGE: Shape =
    Shape(&[("format", true, Kind::OneOf(&["gif", "jpeg", "png", "webp"])), ("source", true, Kind::Union(&BYTES))]);

static DOCUMENT: Shape = Shape(&[
    ("name", true, Kind::Text),
    ("format", true, Kind::OneOf(&["csv", "doc", "docx", "html", "md", "pdf", "txt", "xls", "xlsx"])),
    ("source", true, Kind::Union(&BYTES)),
]);

static BYTES: Shape = Shape(&[("bytes", true, Kind::Text)]);

static CONTEXT: Shape = Shape(&[
    ("toolResults", false, Kind::List(&Kind::Struct(&RESULT))),
    ("tools", false, Kind::List(&Kind::Union(&TOOL))),
    ("envState", false, Kind::Struct(&ENV)),
    ("additionalContext", false, Kind::List(&Kind::Struct(&EXTRA))),
    ("editorState", false, Kind::Any),
    ("shellState", false, Kind::Any),
    ("gitState", false, Kind::Any),
    ("appStudioContext", false, Kind::Any),
    ("diagnostic", false, Kind::Any),
    ("consoleState", false, Kind::Any),
    ("userSettings", false, Kind::Struct(&Shape(&[("hasConsentedToCrossRegionCalls", false, Kind::Flag)]))),
]);

static EXTRA: Shape =
    Shape(&[("name", false, Kind::Text), ("description", false, Kind::Text), ("innerContext", false, Kind::Text)]);

static ENV: Shape = Shape(&[
    ("operatingSystem", false, Kind::Text),
    ("currentWorkingDirectory", false, Kind::Text),
    (
        "environmentVariables",
        false,
        Kind::List(&Kind::Struct(&Shape(&[("key", false, Kind::Text), ("value", false, Kind::Text)]))),
    ),
    ("timezoneOffset", false, Kind::Any),
]);

static RESULT: Shape = Shape(&[
    ("toolUseId", true, Kind::Text),
    ("content", true, Kind::List(&Kind::Union(&Shape(&[("text", false, Kind::Text), ("json", false, Kind::Any)])))),
    ("status", false, Kind::OneOf(&["success", "error"])),
    ("toolName", false, Kind::Text),
]);

/// A missing `inputSchema` is a rule of its own (R20), a missing description too (R10).
static TOOL: Shape = Shape(&[
    (
        "toolSpecification",
        false,
        Kind::Struct(&Shape(&[
            ("name", true, Kind::Text),
            ("description", false, Kind::Text),
            ("inputSchema", false, Kind::Any),
        ])),
    ),
    ("cachePoint", false, Kind::Struct(&CACHE)),
]);

static ASSISTANT: Shape = Shape(&[
    ("content", true, Kind::Text),
    ("toolUses", false, Kind::List(&Kind::Struct(&USE))),
    (
        "reasoningContent",
        false,
        Kind::Union(&Shape(&[
            (
                "reasoningText",
                false,
                Kind::Struct(&Shape(&[("text", true, Kind::Text), ("signature", false, Kind::Text)])),
            ),
            ("redactedContent", false, Kind::Text),
        ])),
    ),
    ("messageId", false, Kind::Text),
    ("references", false, Kind::Any),
    ("supplementaryWebLinks", false, Kind::Any),
    ("followupPrompt", false, Kind::Any),
    ("cachePoint", false, Kind::Struct(&CACHE)),
]);

/// `input` is looked at by R16 and R17.
static USE: Shape = Shape(&[("toolUseId", true, Kind::Text), ("name", true, Kind::Text), ("input", true, Kind::Any)]);

const ORIGINS: &[&str] = &[
    "AI_EDITOR",
    "KIRO_CLI",
    "CLI",
    "KIRO_WEB",
    "IDE",
    "CHATBOT",
    "CONSOLE",
    "DOCUMENTATION",
    "GITLAB",
    "INLINE_CHAT",
    "MARKETING",
    "MD",
    "MD_CE",
    "MD_IDE",
    "MOBILE",
    "OPENSEARCH_DASHBOARD",
    "Q_DEV_BEXT",
    "SAGE_MAKER",
    "SERVICE_INTERNAL",
    "SM_AI_STUDIO_IDE",
    "UNIFIED_SEARCH",
    "UNKNOWN",
];
