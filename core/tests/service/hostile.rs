//! Whatever comes, it is read or refused: no panic, no text without bounds, no content lost unsaid.

use kiro2api_core::Millis;
use kiro2api_core::upstream::event::{Event, Labels};
use kiro2api_core::upstream::fault::Asked;
use kiro2api_core::upstream::{Fault, FaultKind, profile, refresh};
use proptest::prelude::*;

use crate::head;

const KINDS: &[&str] = &[
    "assistantResponseEvent",
    "reasoningContentEvent",
    "toolUseEvent",
    "codeEvent",
    "metadataEvent",
    "contextUsageEvent",
    "meteringEvent",
    "messageMetadataEvent",
    "invalidStateEvent",
    "error",
    "citationEvent",
    "unheardOf",
];

/// JSON of the service's own member names with values of any type, often the wrong one.
fn almost() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "null",
        "true",
        "1",
        "-1",
        "1.5",
        "1e308",
        "1e999",
        "\"\"",
        "\"x\"",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "[]",
        "{}",
        "[1]",
        "{\"content\":\"x\"}",
    ]);
    let name = prop::sample::select(vec![
        "content",
        "text",
        "signature",
        "redactedContent",
        "toolUseId",
        "name",
        "input",
        "stop",
        "stopReason",
        "tokenUsage",
        "uncachedInputTokens",
        "outputTokens",
        "contextUsagePercentage",
        "usage",
        "unit",
        "message",
        "reason",
        "__type",
        "error",
        "assistantResponseEvent",
        "accessToken",
        "expiresIn",
        "profiles",
        "nextToken",
    ]);
    let members = prop::collection::vec((name, leaf), 0..6);
    members.prop_map(|members| {
        let members: Vec<_> = members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        almost().prop_map(String::into_bytes),
        (almost(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(text, at, byte)| {
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        }),
        prop::collection::vec(any::<u8>(), 0..200),
    ]
}

fn bounded(fault: &Fault) -> bool {
    let texts = [&fault.code, fault.reason.as_ref().unwrap_or(&fault.code), &fault.message];
    texts.iter().all(|text| text.len() <= 1024 && !text.contains(|letter: char| letter.is_control()))
}

proptest! {
    #[test]
    fn any_payload_of_any_event_is_read_or_refused(kind in prop::sample::select(KINDS), payload in anything()) {
        let labels = Labels { message_type: Some("event"), event_type: Some(kind), ..Labels::default() };
        let event = Event::labelled(labels, &payload);
        if let Event::Fault(fault) = &event {
            prop_assert!(bounded(fault), "{fault:?}");
        }
        let content = matches!(kind, "assistantResponseEvent" | "reasoningContentEvent" | "toolUseEvent" | "codeEvent");
        if content && serde_json::from_slice::<serde_json::Value>(&payload).is_ok_and(|value| !value.is_object()) {
            prop_assert!(matches!(&event, Event::Fault(fault) if fault.kind == FaultKind::Malformed), "{event:?}");
        }
        if let Event::Text(text) = event {
            let whole = format!("\"{}\"", text.escaped());
            prop_assert!(serde_json::from_str::<&kiro2api_core::json::RawValue>(&whole).is_ok());
        }
    }

    #[test]
    fn any_reply_is_understood(
        status in any::<u16>(), code in any::<String>(), wait in any::<String>(), body in anything(), now in any::<u64>(),
    ) {
        let reply = head(status, &[("x-amzn-errortype", &code), ("retry-after", &wait)]);
        for fault in [Fault::read(&reply, &body, Millis(now)), Fault::from_exception(Some(&code), &body)] {
            prop_assert!(bounded(&fault), "{fault:?}");
            let error = fault.to_error(Asked { model: &code, tokens: now, maximum: u64::from(status) });
            if let kiro2api_core::Kind::TooLong { tokens, maximum } = error.kind() {
                prop_assert!(tokens > maximum);
            }
        }
        let _ = refresh::read(&reply, &body, Millis(now));
        let _ = profile::read(&reply, &body, Millis(now));
    }

    #[test]
    fn any_refresh_answer_is_understood(status in prop::sample::select(vec![200u16, 400, 401, 500]), body in anything()) {
        match refresh::read(&head(status, &[]), &body, Millis(0)) {
            Ok(grant) => {
                prop_assert!(status == 200 && !grant.access.is_empty());
                prop_assert!((60_000..=604_800_000).contains(&grant.expires_in.0));
            }
            Err(refresh::RefreshFault::Rejected(text)) => prop_assert!(text.len() <= 1024),
            Err(_) => {}
        }
    }
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
    for nested in [deep("[", "]"), deep("{\"a\":", "}").replace(":}", ":1}")] {
        let payload = format!(r#"{{"content":{nested}}}"#);
        for kind in KINDS {
            let labels = Labels { message_type: Some("event"), event_type: Some(kind), ..Labels::default() };
            let event = Event::labelled(labels, payload.as_bytes());
            assert!(!matches!(event, Event::Text(text) if !text.is_empty()), "{kind}");
        }
        assert_eq!(Fault::read(&head(400, &[]), payload.as_bytes(), Millis(0)).message.len(), 1024);
    }
}
