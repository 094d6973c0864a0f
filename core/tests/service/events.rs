//! Every event of the service's model, from its frame to its meaning.

use kiro2api_core::eventstream::Decoder;
use kiro2api_core::json::Lit;
use kiro2api_core::upstream::event::{Aside, Event, Labels, Tokens, ToolInput};
use kiro2api_core::upstream::{Fault, FaultKind};

use crate::wire;

/// Reads one frame and hands its event to `check`.
fn with_frame(bytes: &[u8], check: impl FnOnce(Event<'_>)) {
    let mut decoder = Decoder::new();
    let mut frames = decoder.push(bytes);
    check(Event::read(&frames.next().unwrap().unwrap()));
}

/// Checks an event frame's meaning.
fn reads(kind: &str, payload: &str, expected: Event<'_>) {
    with_frame(&wire::event(kind, payload), |event| assert_eq!(event, expected, "{kind} {payload}"));
}

fn lit(escaped: &str) -> Lit<'_> {
    Lit::plain(escaped).unwrap()
}

fn faults(kind: &str, payload: &[u8]) -> Fault {
    let labels = Labels { message_type: Some("event"), event_type: Some(kind), ..Labels::default() };
    match Event::labelled(labels, payload) {
        Event::Fault(fault) => fault,
        other => panic!("{kind} {} was read as {other:?}", payload.escape_ascii()),
    }
}

#[test]
fn text_is_read_in_every_shape() {
    for (payload, text) in [
        (r#"{"content":"Hel"}"#, "Hel"),
        (r#"{"content":"Hel","modelId":"claude-sonnet-4.5"}"#, "Hel"),
        (r#"{"modelId":"claude-sonnet-4.5","content":"Hel"}"#, "Hel"),
        (r#" { "content" : "Hel" , "new" : [1,{"a":null}] } "#, "Hel"),
        (r#"{"assistantResponseEvent":{"content":"Hel"}}"#, "Hel"),
        ("{ \"assistantResponseEvent\" :\n{\"content\":\"Hel\"}, \"x\":1}", "Hel"),
        (r#"{"content":""}"#, ""),
        (r#"{"content":null}"#, ""),
        ("{}", ""),
    ] {
        reads("assistantResponseEvent", payload, Event::Text(lit(text)));
    }
    reads("codeEvent", r#"{"content":"print(1)"}"#, Event::Text(lit("print(1)")));
}

#[test]
fn escapes_travel_as_they_came() {
    with_frame(&wire::event("assistantResponseEvent", r#"{"content":"a\n\"b\" \u00e9 \ud83d"}"#), |event| {
        let Event::Text(text) = event else { panic!("{event:?}") };
        assert_eq!(text.escaped(), r#"a\n\"b\" \u00e9 \ud83d"#);
        assert_eq!(text.decode(), "a\n\"b\" é \u{fffd}");
    });
}

#[test]
fn thought_its_signature_and_encrypted_thought_are_read() {
    let none = || (None, None, None);
    for (payload, (text, signature, redacted)) in [
        (r#"{"text":"Let me"}"#, (Some("Let me"), None, None)),
        (r#"{"text":"","signature":"EqQB"}"#, (Some(""), Some("EqQB"), None)),
        (r#"{"redactedContent":"AbC="}"#, (None, None, Some("AbC="))),
        (r#"{"reasoningContentEvent":{"text":"Let me"}}"#, (Some("Let me"), None, None)),
        (r#"{"text":null,"signature":null}"#, none()),
        ("{}", none()),
    ] {
        let expected =
            Event::Reasoning { text: text.map(lit), signature: signature.map(lit), redacted: redacted.map(lit) };
        reads("reasoningContentEvent", payload, expected);
    }
}

#[test]
fn tool_calls_are_read_in_every_shape() {
    let object = serde_json::from_str(r#"{ "city": 1.10 }"#).unwrap();
    for (rest, input, stop) in [
        ("", ToolInput::None, false),
        (r#","input":null"#, ToolInput::None, false),
        (r#","input":"""#, ToolInput::None, false),
        (r#","input":"ty: 1""#, ToolInput::Fragment(lit("ty: 1")), false),
        (r#","input":{ "city": 1.10 }"#, ToolInput::Object(object), false),
        (r#","stop":true"#, ToolInput::None, true),
        (r#","stop":null"#, ToolInput::None, false),
        (r#","input":"{}","stop":true"#, ToolInput::Fragment(lit("{}")), true),
    ] {
        let payload = format!(r#"{{"toolUseId":"tooluse_V","name":"get_weather"{rest}}}"#);
        reads(
            "toolUseEvent",
            &payload,
            Event::Tool { id: "tooluse_V".into(), name: "get_weather".into(), input, stop },
        );
        let expected = Event::Tool { id: "tooluse_V".into(), name: "get_weather".into(), input, stop };
        reads("toolUseEvent", &format!(r#"{{"toolUseEvent":{payload}}}"#), expected);
    }
    let nameless = Event::Tool { id: "a\"b".into(), name: "".into(), input: ToolInput::None, stop: true };
    reads("toolUseEvent", r#"{"toolUseId":"a\"b","stop":true}"#, nameless);
}

#[test]
fn a_fragment_cut_inside_an_escape_keeps_its_bytes() {
    with_frame(&wire::event("toolUseEvent", r#"{"toolUseId":"t","name":"n","input":"{\"ci\\"}"#), |event| {
        let Event::Tool { input: ToolInput::Fragment(fragment), .. } = event else { panic!("{event:?}") };
        assert_eq!(fragment.decode(), r#"{"ci\"#);
    });
}

#[test]
fn metadata_is_read_with_and_without_counts() {
    let reason = |text: &'static str| Some(text.into());
    reads(
        "metadataEvent",
        r#"{"stopReason":"END_TURN"}"#,
        Event::Metadata { stop_reason: reason("END_TURN"), tokens: None },
    );
    let usage = r#"{"uncachedInputTokens":120,"outputTokens":11,"totalTokens":168,"cacheReadInputTokens":30,
        "cacheWriteInputTokens":7,"contextUsagePercentage":3.2,"normalizedTokenUsage":0.4}"#;
    let tokens = Tokens {
        uncached_input: 120,
        output: 11,
        total: 168,
        cache_read: 30,
        cache_write: 7,
        context_percent: Some(3.2),
    };
    let expected = || Event::Metadata { stop_reason: None, tokens: Some(tokens) };
    reads("metadataEvent", &format!(r#"{{"tokenUsage":{usage}}}"#), expected());
    reads("metadataEvent", &format!(r#"{{"metadataEvent":{{"tokenUsage":{usage}}}}}"#), expected());

    let few =
        r#"{"tokenUsage":{"uncachedInputTokens":5,"outputTokens":2,"cacheReadInputTokens":null},"stopReason":"X"}"#;
    let tokens = Tokens { uncached_input: 5, output: 2, total: 7, ..Tokens::default() };
    reads("metadataEvent", few, Event::Metadata { stop_reason: reason("X"), tokens: Some(tokens) });
}

#[test]
fn counts_that_cannot_be_read_are_none_and_hide_no_stop_reason() {
    for usage in [
        "null",
        "{}",
        r#"{"uncachedInputTokens":5}"#,
        r#"{"uncachedInputTokens":-5,"outputTokens":2}"#,
        r#"{"uncachedInputTokens":5.5,"outputTokens":2}"#,
        r#"{"uncachedInputTokens":1e300,"outputTokens":2}"#,
        r#"{"uncachedInputTokens":1e999,"outputTokens":2}"#,
        r#"{"uncachedInputTokens":"5","outputTokens":2}"#,
        "[5,2,7]",
        "7",
    ] {
        let payload = format!(r#"{{"tokenUsage":{usage},"stopReason":"MAX_TOKENS"}}"#);
        let expected = Event::Metadata { stop_reason: Some("MAX_TOKENS".into()), tokens: None };
        reads("metadataEvent", &payload, expected);
    }
}

#[test]
fn context_price_and_ids_are_read() {
    reads("contextUsageEvent", r#"{"contextUsagePercentage":10.867}"#, Event::Context { percent: 10.867 });
    let price = |cache_read, cache_write| Event::Metering { credits: 0.0897, cache_read, cache_write };
    reads("meteringEvent", r#"{"unit":"credit","unitPlural":"credits","usage":0.0897}"#, price(None, None));
    let cached = r#"{"usage":0.0897,"cacheReadInputTokens":30,"cacheCreationInputTokens":7}"#;
    reads("meteringEvent", cached, price(Some(30), Some(7)));
    let ids = |utterance: Option<&'static str>| Event::Ids {
        conversation: Some("6f0f".into()),
        utterance: utterance.map(Into::into),
    };
    reads("messageMetadataEvent", r#"{"conversationId":"6f0f","utteranceId":"3c1e"}"#, ids(Some("3c1e")));
    reads("messageMetadataEvent", r#"{"conversationId":"6f0f"}"#, ids(None));
}

#[test]
fn events_without_a_part_of_the_answer_are_named_whatever_they_hold() {
    for (kind, payload, aside) in [
        ("initial-response", r#"{"conversationId":"6f0f2f52"}"#, Aside::Initial),
        ("toolResultEvent", r#"{"toolResult":{"toolUseId":"t","content":[{"text":"x"}]}}"#, Aside::ToolResult),
        ("codeReferenceEvent", r#"{"references":[{"licenseName":"MIT"}]}"#, Aside::CodeReference),
        ("supplementaryWebLinksEvent", r#"{"supplementaryWebLinks":[]}"#, Aside::WebLinks),
        ("followupPromptEvent", r#"{"followupPrompt":{"content":"Next?"}}"#, Aside::Followup),
        ("intentsEvent", r#"{"intents":{"SUPPORT":{"k":{"string":"v"}}}}"#, Aside::Intents),
        ("interactionComponentsEvent", r#"{"interactionComponentEntries":[]}"#, Aside::InteractionComponents),
        ("citationEvent", r#"{"target":{"location":3},"citationText":"1"}"#, Aside::Citation),
        ("documentCitationEvent", r#"{"source":"…","title":"…"}"#, Aside::DocumentCitation),
        ("dryRunSucceedEvent", "not json", Aside::DryRun),
        ("contextUsageEvent", r#"{"contextUsagePercentage":"10"}"#, Aside::Context),
        ("contextUsageEvent", r#"{"contextUsagePercentage":-1}"#, Aside::Context),
        ("meteringEvent", r#"{"unit":"token","usage":5}"#, Aside::Metering),
        ("meteringEvent", "", Aside::Metering),
        ("messageMetadataEvent", "[]", Aside::Ids),
    ] {
        assert_eq!(aside.name(), kind);
        reads(kind, payload, Event::Other(aside));
    }
    reads("brandNewEvent", "not json", Event::Unknown("brandNewEvent"));
}

#[test]
fn content_that_cannot_be_read_is_a_fault() {
    let cases: [(&str, &[u8]); 22] = [
        ("assistantResponseEvent", b""),
        ("assistantResponseEvent", b"null"),
        ("assistantResponseEvent", b"\"text\""),
        ("assistantResponseEvent", b"[\"text\"]"),
        ("assistantResponseEvent", b"{\"content\":\"te"),
        ("assistantResponseEvent", b"{\"content\":5}"),
        ("assistantResponseEvent", b"{\"content\":{\"text\":\"x\"}}"),
        ("assistantResponseEvent", b"{\"content\":\"a\",\"content\":\"b\"}"),
        ("assistantResponseEvent", b"{\"content\":\"a\xff\"}"),
        ("assistantResponseEvent", b"{\"content\":\"a\nb\"}"),
        ("assistantResponseEvent", b"{\"content\":\"a\"}{}"),
        ("assistantResponseEvent", b"{\"assistantResponseEvent\":{\"content\":\"a\"}"),
        ("assistantResponseEvent", b"{\"assistantResponseEvent\":\"a\"}"),
        ("codeEvent", b"{\"content\":[]}"),
        ("reasoningContentEvent", b"{\"text\":1}"),
        ("reasoningContentEvent", b"{\"signature\":{}}"),
        ("toolUseEvent", b"{\"name\":\"n\",\"input\":\"x\"}"),
        ("toolUseEvent", b"{\"toolUseId\":\"\",\"name\":\"n\"}"),
        ("toolUseEvent", b"{\"toolUseId\":\"t\",\"name\":\"n\",\"input\":[1]}"),
        ("toolUseEvent", b"{\"toolUseId\":\"t\",\"name\":\"n\",\"stop\":\"true\"}"),
        ("metadataEvent", b"{\"stopReason\":7}"),
        ("metadataEvent", b"{"),
    ];
    for (kind, payload) in cases {
        let fault = faults(kind, payload);
        assert_eq!((fault.kind, fault.status), (FaultKind::Malformed, 0), "{kind} {}", payload.escape_ascii());
        assert!(fault.message.starts_with(kind), "{}", fault.message);
    }
}

#[test]
fn a_fault_of_reading_quotes_no_answer() {
    let fault = faults("assistantResponseEvent", br#"{"content":"my password is hunter2","stop":tru}"#);
    assert!(!fault.to_string().contains("hunter2"), "{fault}");
    let fault = faults("metadataEvent", br#"{"stopReason":["hunter2"]}"#);
    assert!(!fault.to_string().contains("hunter2"), "{fault}");
}

#[test]
fn exceptions_and_errors_are_faults_in_every_form() {
    let exception = |name: &str, payload: &str| {
        let text = wire::text;
        let headers = [(":exception-type".to_owned(), text(name)), (":message-type".to_owned(), text("exception"))];
        wire::frame(&headers, payload.as_bytes())
    };
    let busy = r#"{"message":"Encountered unexpectedly high load when processing the request, please try again.",
        "reason":"MODEL_TEMPORARILY_UNAVAILABLE"}"#;
    for (frame, kind, code) in [
        (
            exception("ThrottlingException", r#"{"message":"Too many requests","reason":null}"#),
            FaultKind::Throttled,
            "ThrottlingException",
        ),
        (exception("error", busy), FaultKind::HighLoad, "error"),
        (exception("InternalServerException", ""), FaultKind::Internal, "InternalServerException"),
        (exception("ContentLengthExceededException", "{}"), FaultKind::OutputTooLong, "ContentLengthExceededException"),
        (exception("BrandNewException", "{}"), FaultKind::Other, "BrandNewException"),
        (wire::event("error", busy), FaultKind::HighLoad, "error"),
        (
            wire::event("invalidStateEvent", r#"{"reason":"INVALID_TASK_ASSIST_PLAN","message":"no"}"#),
            FaultKind::Other,
            "invalidStateEvent",
        ),
    ] {
        with_frame(&frame, |event| {
            let Event::Fault(fault) = event else { panic!("{event:?}") };
            assert_eq!((fault.kind, fault.code.as_str(), fault.status), (kind, code, 0));
        });
    }
}

#[test]
fn labels_that_say_little_are_understood_or_refused() {
    let none = Labels::default();
    let fault = |labels: Labels<'static>, payload: &'static [u8]| match Event::labelled(labels, payload) {
        Event::Fault(fault) => (fault.kind, fault.message),
        other => panic!("{other:?}"),
    };
    let error = Labels { message_type: Some("error"), error_code: Some("InternalFailure"), ..none };
    assert_eq!(fault(error, b""), (FaultKind::Internal, String::new()));
    let told = Labels { error_message: Some("it broke"), ..error };
    assert_eq!(fault(told, b"ignored"), (FaultKind::Internal, "it broke".to_owned()));
    assert_eq!(fault(error, br#"{"message":"in the payload"}"#), (FaultKind::Internal, "in the payload".to_owned()));
    assert_eq!(fault(Labels { exception_type: Some("ThrottlingException"), ..none }, b"").0, FaultKind::Throttled);
    assert_eq!(fault(Labels { error_code: Some("InternalFailure"), ..none }, b"").0, FaultKind::Internal);
    assert_eq!(fault(Labels { message_type: Some("event"), ..none }, b"{}").0, FaultKind::Malformed);
    assert_eq!(fault(Labels { message_type: Some("report"), ..none }, b"{}").0, FaultKind::Malformed);
    assert_eq!(fault(none, b"{}").0, FaultKind::Malformed);
    let untyped = Labels { event_type: Some("codeEvent"), ..none };
    assert_eq!(Event::labelled(untyped, br#"{"content":"x"}"#), Event::Text(lit("x")));
}
