//! What a Chat Completions request means, as a turn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use kiro2api_core::dialect::{Api, Decoded, Fetched, Given, Need, Voice, chat, decode};
use kiro2api_core::host::Headers;
use kiro2api_core::turn::{Effort, Format, Part, Role, Thinking, ToolChoice, Turn};

const NO_HEADERS: &Headers = &Vec::new();
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn decoded(body: &str) -> Decoded<'_> {
    decode(Api::Chat, body.as_bytes(), &Given::of(NO_HEADERS)).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn with(members: &str) -> String {
    format!(r#"{{"model":"claude-sonnet-4-5",{members},"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

fn turn<R>(members: &str, look: impl FnOnce(&Turn<'_>, &chat::Voice) -> R) -> R {
    let body = with(members);
    let decoded = decoded(&body);
    let Voice::Chat(voice) = &decoded.voice else { panic!("another voice") };
    look(&decoded.turn, voice)
}

/// The conversation in a short notation: the system texts, then each message.
fn talk(messages: &str) -> Vec<String> {
    let body = format!(r#"{{"model":"claude-sonnet-4-5","messages":{messages}}}"#);
    let turn = decoded(&body).turn;
    let mut lines: Vec<String> = turn.system.iter().map(|text| format!("system: {text}")).collect();
    lines.extend(turn.messages.iter().map(|message| {
        let role = if message.role == Role::User { "user" } else { "assistant" };
        format!("{role}: {}", shown(&message.parts))
    }));
    lines
}

fn shown(parts: &[Part<'_>]) -> String {
    let one = |part: &Part<'_>| match part {
        Part::Text(text) => format!("{text:?}"),
        Part::Image(image) => format!("image {}", image.format),
        Part::Document { name, format, .. } => format!("document {name}.{format}"),
        Part::ToolUse { id, name, input } => format!("call {id} {name} {}", input.get()),
        Part::ToolResult { id, parts, .. } => format!("result {id} [{}]", shown(parts)),
        Part::Thinking { text, signature } => format!("thinking {text:?} {signature:?}"),
        Part::Redacted(data) => format!("redacted {data}"),
    };
    parts.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn instructions_lead_or_belong_to_the_user() {
    let table: &[(&str, &[&str])] = &[
        (
            r#"[{"role":"system","content":"a"},{"role":"developer","content":[{"type":"text","text":"b"},{"type":"text","text":""}]},{"role":"user","content":"c"}]"#,
            &["system: a", "system: b", r#"user: "c""#],
        ),
        (
            r#"[{"role":"user","content":"a"},{"role":"system","content":"b"},{"role":"assistant","content":"c"},{"role":"developer","content":"d"}]"#,
            &[r#"user: "a", "b""#, r#"assistant: "c""#, r#"user: "d""#],
        ),
        (r#"[{"role":"system","content":"a"},{"role":"system","content":"b"}]"#, &["system: a", r#"user: "b""#]),
    ];
    for (messages, expected) in table {
        assert_eq!(&talk(messages), expected, "{messages}");
    }
}

#[test]
fn content_comes_as_a_string_or_in_parts() {
    let parts = format!(
        r#"[{{"role":"user","content":[{{"type":"text","text":"a"}},{{"type":"image_url","image_url":{{"url":"data:image/jpeg;base64,{PNG}","detail":"low"}}}},{{"type":"image_url","image_url":"data:image/png;base64,{PNG}"}},{{"type":"file","file":{{"filename":"r.pdf","file_data":"data:application/pdf;base64,QUJD"}}}}]}}]"#
    );
    assert_eq!(talk(&parts), [r#"user: "a", image png, image png, document r.pdf"#]);
    let assistant = r#"[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"refusal","refusal":"no"}]},{"role":"assistant","content":null,"refusal":"never","reasoning_content":"hm"}]"#;
    let expected = [r#"user: "q""#, r#"assistant: "a", "no""#, r#"assistant: thinking "hm" None, "never""#];
    assert_eq!(talk(assistant), expected);
}

#[test]
fn results_find_their_calls_and_those_in_a_row_are_one_message() {
    let messages = r#"[
        {"role":"user","content":"q"},
        {"role":"assistant","content":"ok","tool_calls":[
            {"id":"a","type":"function","function":{"name":"read","arguments":"{\"path\":\"/x\"}"}},
            {"id":"b","function":{"name":"now","arguments":""}},
            {"id":"c","type":"custom","custom":{"name":"sql","input":"SELECT \"1\""}}]},
        {"role":"tool","tool_call_id":"a","content":"one"},
        {"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"two"}]},
        {"role":"tool","tool_call_id":"c","content":null},
        {"role":"user","content":"and?"}]"#;
    let expected = [
        r#"user: "q""#,
        r#"assistant: "ok", call a read {"path":"/x"}, call b now {}, call c sql {"input":"SELECT \"1\""}"#,
        r#"user: result a ["one"], result b ["two"], result c []"#,
        r#"user: "and?""#,
    ];
    assert_eq!(talk(messages), expected);
}

#[test]
fn a_call_with_broken_arguments_survives_as_text_and_so_does_its_result() {
    let messages = r#"[
        {"role":"user","content":"q"},
        {"role":"assistant","tool_calls":[
            {"id":"a","function":{"name":"read","arguments":"{\"path\":"}},
            {"id":"b","function":{"name":"now","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"a","content":"failed to parse"},
        {"role":"tool","tool_call_id":"b","content":"noon"}]"#;
    let expected = [
        r#"user: "q""#,
        r#"assistant: "[Tool call read (a) with arguments that are not a JSON object]\n{\"path\":", call b now {}"#,
        r#"user: "[Result of the tool call read (a)]", "failed to parse", result b ["noon"]"#,
    ];
    assert_eq!(talk(messages), expected);
}

#[test]
fn calls_in_the_old_form_find_their_results_by_name() {
    let messages = r#"[
        {"role":"user","content":"q"},
        {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{\"n\":1}"}},
        {"role":"function","name":"f","content":"one"},
        {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
        {"role":"function","name":"f","content":"two"},
        {"role":"function","name":"g","content":"three"}]"#;
    let expected = [
        r#"user: "q""#,
        r#"assistant: call function_call_1 f {"n":1}"#,
        r#"user: result function_call_1 ["one"]"#,
        r#"assistant: call function_call_3 f {}"#,
        r#"user: result function_call_3 ["two"], result function_g ["three"]"#,
    ];
    assert_eq!(talk(messages), expected);
}

#[test]
fn tools_and_the_choice_among_them() {
    let tools = r#""tools":[{"type":"function","function":{"name":"read","description":"Reads.","parameters":{"type":"object"},"strict":true}},{"type":"custom","custom":{"name":"sql"}}]"#;
    turn(tools, |turn, voice| {
        assert_eq!(turn.tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>(), ["read", "sql"]);
        assert_eq!((&*turn.tools[0].description, &turn.tool_choice), ("Reads.", &ToolChoice::Auto));
        assert!(turn.parallel_tools);
        assert_eq!((voice.functions, &*voice.custom), (false, &["sql".to_owned()][..]));
        assert_eq!(turn.ignored, ["tools.strict"]);
    });
    let chosen = format!(
        r#"{tools},"tool_choice":{{"type":"function","function":{{"name":"read"}}}},"parallel_tool_calls":false"#
    );
    turn(&chosen, |turn, _| {
        assert_eq!(turn.tool_choice, ToolChoice::Tool("read".into()));
        assert!(!turn.parallel_tools);
    });
    let functions = r#""functions":[{"name":"f"}],"function_call":{"name":"f"}"#;
    turn(functions, |turn, voice| {
        assert_eq!(turn.tool_choice, ToolChoice::Tool("f".into()));
        assert!(voice.functions && !turn.parallel_tools);
    });
    turn(r#""functions":[{"name":"f"}],"function_call":"none""#, |turn, _| {
        assert_eq!(turn.tool_choice, ToolChoice::None);
    });
}

#[test]
fn wishes_are_read_and_what_has_no_effect_is_listed() {
    let wishes = r#""max_tokens":100,"max_completion_tokens":50,"stop":"END","reasoning_effort":"minimal","n":8,
        "response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}},
        "stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},
        "prompt_cache_key":"key","user":"me","temperature":0.5,"top_p":1,"seed":-1,"frequency_penalty":-2,
        "presence_penalty":0,"logit_bias":{"1":1},"metadata":{},"store":true,"logprobs":false,"top_logprobs":0,
        "modalities":["text"],"prediction":{"type":"content","content":"x"},"web_search_options":{"a":1},
        "service_tier":"auto","verbosity":"low","an_unknown_field":1"#;
    turn(wishes, |turn, voice| {
        assert_eq!(turn.max_tokens, Some(50));
        assert_eq!(turn.stop_sequences, ["END"]);
        assert_eq!(turn.thinking, Thinking::On { effort: Effort::Low, budget: None });
        assert!(matches!(turn.format, Some(Format::Schema(schema)) if schema.get() == r#"{"type":"object"}"#));
        assert!(turn.stream && voice.include_usage);
        assert_eq!((voice.choices, &*voice.model), (8, "claude-sonnet-4-5"));
        assert_eq!(turn.session.as_deref(), Some("key"));
        let ignored = "frequency_penalty, logit_bias, prediction, presence_penalty, seed, service_tier, temperature, \
                       top_p, verbosity, web_search_options, store, user";
        assert_eq!(turn.ignored.join(", "), ignored);
    });
    turn(r#""stop":["a","b"],"max_tokens":9999999999"#, |turn, voice| {
        assert_eq!((turn.stop_sequences.len(), turn.max_tokens), (2, Some(u32::MAX)));
        assert_eq!((turn.thinking, turn.session.is_none(), voice.choices), (Thinking::Off, true, 1));
    });
}

#[test]
fn a_picture_elsewhere_is_needed_and_then_taken() {
    let body = r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/b.png"}}]}]}"#;
    let path = "messages[0].content[0].image_url.url".to_owned();
    assert_eq!(decoded(body).needs, [Need::Image { url: "https://a/b.png".to_owned(), path }]);
    let fetched = [Fetched { url: "https://a/b.png".to_owned(), base64: PNG.to_owned() }];
    let given = Given { fetched: &fetched, ..Given::of(NO_HEADERS) };
    let again = decode(Api::Chat, body.as_bytes(), &given).unwrap();
    assert!(again.needs.is_empty());
    assert_eq!(shown(&again.turn.messages[0].parts), "image png");
}

#[test]
fn a_speakers_name_is_listed_as_without_effect() {
    let body = r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","name":"ann","content":"hi"}]}"#;
    assert_eq!(decoded(body).turn.ignored, ["messages.name"]);
}

#[test]
fn of_two_tools_with_one_name_the_first_says_what_its_input_is() {
    let (function, custom) =
        (r#"{"type":"function","function":{"name":"a"}}"#, r#"{"type":"custom","custom":{"name":"a"}}"#);
    turn(&format!(r#""tools":[{function},{custom}]"#), |_, voice| assert!(voice.custom.is_empty()));
    turn(&format!(r#""tools":[{custom},{function}]"#), |_, voice| assert_eq!(voice.custom, ["a"]));
}

#[test]
fn a_stop_text_is_named_where_it_stands() {
    for (stop, path) in [(r#""""#, "stop"), (r#"["a",""]"#, "stop[1]"), ("7", "stop")] {
        let body = with(&format!(r#""stop":{stop}"#));
        let error = decode(Api::Chat, body.as_bytes(), &Given::of(NO_HEADERS)).unwrap_err();
        assert_eq!(error.path(), Some(path), "{stop}");
    }
}
