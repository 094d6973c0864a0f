//! A typical payload for every event type of the service.

/// The payload for an `event TYPE` without one. Unknown types get an empty object.
pub(super) fn example(kind: &str) -> &'static str {
    KINDS.iter().find(|(name, _)| *name == kind).map_or("{}", |(_, payload)| payload)
}

/// Types a client shows nothing of, in the order the `kinds` action sends them.
pub(super) const IGNORABLE: &[&str] = &[
    "messageMetadataEvent",
    "toolResultEvent",
    "codeReferenceEvent",
    "supplementaryWebLinksEvent",
    "followupPromptEvent",
    "intentsEvent",
    "interactionComponentsEvent",
    "citationEvent",
    "documentCitationEvent",
    "dryRunSucceedEvent",
];

const KINDS: &[(&str, &str)] = &[
    ("initial-response", r#"{"conversationId":"6f0f2f52-6c0c-4b43-9a2e-3a2f5a4a9d01"}"#),
    (
        "messageMetadataEvent",
        r#"{"conversationId":"6f0f2f52-6c0c-4b43-9a2e-3a2f5a4a9d01","utteranceId":"3c1e7a55-4a0f-4d0e-8f2f-4d1f7f100a4c"}"#,
    ),
    ("assistantResponseEvent", r#"{"content":"Hello.","modelId":"claude-sonnet-4.5"}"#),
    ("reasoningContentEvent", r#"{"text":"Let me think."}"#),
    ("toolUseEvent", r#"{"toolUseId":"tooluse_Vb0hYwKQRjS9pQb7m2c1Xg","name":"get_weather","input":"{}","stop":true}"#),
    (
        "toolResultEvent",
        r#"{"toolResult":{"toolUseId":"tooluse_Vb0hYwKQRjS9pQb7m2c1Xg","content":[{"text":"done"}],"status":"success"}}"#,
    ),
    ("metadataEvent", r#"{"stopReason":"END_TURN"}"#),
    ("contextUsageEvent", r#"{"contextUsagePercentage":10.867}"#),
    ("meteringEvent", r#"{"unit":"credit","unitPlural":"credits","usage":0.0897}"#),
    (
        "codeReferenceEvent",
        r#"{"references":[{"licenseName":"MIT","repository":"o/r","url":"https://example.com/o/r","recommendationContentSpan":{"start":0,"end":42}}]}"#,
    ),
    (
        "supplementaryWebLinksEvent",
        r#"{"supplementaryWebLinks":[{"url":"https://example.com/","title":"Example","snippet":"An example."}]}"#,
    ),
    ("followupPromptEvent", r#"{"followupPrompt":{"content":"Next?","userIntent":"SHOW_EXAMPLES"}}"#),
    ("codeEvent", r#"{"content":"print(1)"}"#),
    ("intentsEvent", r#"{"intents":{"SUPPORT":{"k":{"string":"v"}}}}"#),
    (
        "interactionComponentsEvent",
        r#"{"interactionComponentEntries":[{"interactionComponentId":"1","interactionComponent":{"text":{"content":"component"}}}]}"#,
    ),
    (
        "citationEvent",
        r#"{"target":{"range":{"start":3,"end":9}},"citationText":"1","citationLink":"https://example.com/"}"#,
    ),
    (
        "documentCitationEvent",
        r#"{"source":"doc","title":"Document","location":{"documentPage":{"documentIndex":0,"start":1,"end":2}},"sourceContent":[{"text":"cited"}]}"#,
    ),
    ("dryRunSucceedEvent", "{}"),
    ("invalidStateEvent", r#"{"reason":"INVALID_TASK_ASSIST_PLAN","message":"The plan is not valid."}"#),
];

/// `usage` without numbers of its own.
pub(super) const TOKEN_USAGE: &str = r#"{"uncachedInputTokens":120,"outputTokens":11,"totalTokens":168,"cacheReadInputTokens":30,"cacheWriteInputTokens":7,"contextUsagePercentage":3.2,"normalizedTokenUsage":0.4}"#;
