//! What becomes of each part of a Messages request.

use std::borrow::Cow;

use kiro2api_core::Kind;
use kiro2api_core::dialect::anthropic::{self, UNSIGNED};
use kiro2api_core::host::Headers;
use kiro2api_core::turn::{Effort, Part, Role, Thinking, ToolChoice, ToolKind, Turn};
use kiro2api_core::{Error, json};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const NO_HEADERS: &Headers = &Vec::new();

fn decode(body: &str) -> Result<Turn<'_>, Error> {
    anthropic::decode(body.as_bytes(), NO_HEADERS)
}

/// A request of one user message with this content.
fn saying(content: &str) -> String {
    format!(r#"{{"model":"claude-sonnet-4-5","max_tokens":64,"messages":[{{"role":"user","content":{content}}}]}}"#)
}

/// A minimal request with these members before it.
fn with(members: &str) -> String {
    format!(r#"{{"model":"claude-opus-5-5","max_tokens":64,{members},"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

/// The parts in a short notation.
fn shown(parts: &[Part<'_>]) -> Vec<String> {
    let one = |part: &Part<'_>| match part {
        Part::Text(text) => format!("text {text}"),
        Part::Image(image) => format!("image {} {:?}", image.format, image.size),
        Part::Document { name, format, base64 } => format!("document {name} {format} {base64}"),
        Part::ToolUse { id, name, input } => format!("call {id} {name} {}", input.get()),
        Part::ToolResult { id, error, parts } => format!("result {id} {error} [{}]", shown(parts).join("; ")),
        Part::Thinking { text, signature } => format!("thinking {text} {signature:?}"),
        Part::Redacted(data) => format!("redacted {data}"),
    };
    parts.iter().map(one).collect()
}

fn parts_of(content: &str) -> Vec<String> {
    let body = saying(content);
    shown(&decode(&body).unwrap_or_else(|error| panic!("{content}: {error}")).messages[0].parts)
}

fn refusal(body: &str) -> (String, String) {
    let error = decode(body).expect_err(body);
    assert_eq!(error.kind(), Kind::Invalid, "{error}");
    (error.path().unwrap().to_owned(), error.text().to_owned())
}

#[test]
fn every_block_type_becomes_parts() {
    let image = format!(r#"{{"type":"image","source":{{"type":"base64","media_type":"image/jpeg","data":"{PNG}"}}}}"#);
    let data_url = format!(r#"[{{"type":"image","source":{{"type":"url","url":"data:image/png;base64,{PNG}"}}}}]"#);
    let nested = format!(
        r#"[{{"type":"tool_result","tool_use_id":"a","is_error":true,"content":[["x",[{{"type":"text","text":"y"}}]],{image}]}}]"#
    );
    let table: &[(&str, &[&str])] = &[
        (r#""hi\n\"you\" \ud83d\ude00""#, &["text hi\n\"you\" 😀"]),
        (
            r#"[{"type":"text","text":"a","cache_control":{"type":"ephemeral"},"citations":null},"b"]"#,
            &["text a", "text b"],
        ),
        (&format!("[{image}]"), &["image png Some((1, 1))"]),
        (&data_url, &["image png Some((1, 1))"]),
        (
            r#"[{"type":"document","title":"Plan","context":"read me","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}}]"#,
            &["text read me", "document Plan pdf JVBERi0="],
        ),
        (
            r#"[{"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"plain"}}]"#,
            &["text Document: T", "text plain"],
        ),
        (r#"[{"source":{"type":"content","content":[{"type":"text","text":"in"}]},"type":"document"}]"#, &["text in"]),
        (
            r#"[{"type":"tool_use","id":"a","name":"n","input":{"z":1.50,"a":12345678901234567890123}}]"#,
            &[r#"call a n {"z":1.50,"a":12345678901234567890123}"#],
        ),
        (r#"[{"type":"tool_use","id":"a","name":"n"}]"#, &["call a n {}"]),
        (
            r#"[{"type":"tool_result","tool_use_id":"a","content":"done"},{"type":"text","text":"and now?"}]"#,
            &["result a false [text done]", "text and now?"],
        ),
        (r#"[{"content":"done","type":"tool_result","tool_use_id":"a"}]"#, &["result a false [text done]"]),
        (r#"[{"type":"tool_result","tool_use_id":"a"}]"#, &["result a false []"]),
        (&nested, &["result a true [text x; text y; image png Some((1, 1))]"]),
        (
            r#"[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"Grep"},{"type":"text","text":"Tool loaded."}]}]"#,
            &["result a false [text The tool Grep is loaded and can be called now.; text Tool loaded.]"],
        ),
        (r#"[{"type":"thinking","thinking":"hm","signature":"EqQB"}]"#, &[r#"thinking hm Some("EqQB")"#]),
        (r#"[{"type":"thinking","thinking":"hm","signature":""}]"#, &["thinking hm None"]),
        (&format!(r#"[{{"type":"thinking","thinking":"hm","signature":"{UNSIGNED}"}}]"#), &["thinking hm None"]),
        (r#"[{"type":"redacted_thinking","data":"AbC="}]"#, &["redacted AbC="]),
        (
            r#"[{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}}]"#,
            &[r#"text [The server tool web_search was called with {"query":"q"}]"#],
        ),
        (
            r#"[{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","title":"T","url":"http://u","encrypted_content":"long"}]}]"#,
            &["text [Result of the server tool web_search]", "text T (http://u)"],
        ),
        (
            r#"[{"type":"web_search_tool_result","tool_use_id":"s","content":{"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}}]"#,
            &[
                "text [Result of the server tool web_search]",
                r#"text {"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}"#,
            ],
        ),
        (
            r#"[{"type":"web_fetch_tool_result","tool_use_id":"s","content":{"type":"web_fetch_result","url":"http://u","content":{"type":"document","source":{"type":"text","data":"page"}}}}]"#,
            &["text [Result of the server tool web_fetch]", "text http://u", "text page"],
        ),
        (
            r#"[{"type":"code_execution_tool_result","tool_use_id":"s","content":{"type":"code_execution_result","stdout":"4","return_code":0}}]"#,
            &[
                "text [Result of the server tool code_execution]",
                r#"text {"type":"code_execution_result","stdout":"4","return_code":0}"#,
            ],
        ),
        (
            r#"[{"type":"tool_search_tool_result","tool_use_id":"s","content":{"type":"tool_search_tool_search_result","tool_references":[{"type":"tool_reference","tool_name":"Grep"}]}}]"#,
            &["text [Result of the server tool tool_search]", "text The tool Grep is loaded and can be called now."],
        ),
        (
            r#"[{"type":"mcp_tool_use","id":"m","name":"echo","server_name":"srv","input":{}},{"type":"mcp_tool_result","tool_use_id":"m","is_error":true,"content":[{"type":"text","text":"no"}]}]"#,
            &[
                "text [The server tool echo of srv was called with {}]",
                "text [Result of the server tool mcp, which failed]",
                "text no",
            ],
        ),
        (
            r#"[{"type":"search_result","source":"http://s","title":"T","content":[{"type":"text","text":"found"}]}]"#,
            &["text Search result: T (http://s)", "text found"],
        ),
        (r#"[{"type":"compaction","content":"so far"}]"#, &["text so far"]),
        (r#"[{"type":"container_upload","file_id":"f"}]"#, &[r#"text {"type":"container_upload","file_id":"f"}"#]),
        (
            r#"[{"text":5,"ne\"w":[1,{}],"content":{"a":"b"},"source":"s","type":"from \"tomorrow\""}]"#,
            &[r#"text {"type":"from \"tomorrow\"","ne\"w":[1,{}],"text":5,"content":{"a":"b"},"source":"s"}"#],
        ),
    ];
    for (content, expected) in table {
        assert_eq!(parts_of(content), *expected, "{content}");
    }
}

#[test]
fn blocks_that_cannot_be_served_are_refused_by_their_path() {
    let source = |kind: &str, source: &str| format!(r#"[{{"type":"{kind}","source":{source}}}]"#);
    let table = [
        (source("image", r#"{"type":"url","url":"https://x/y.png"}"#), "source.url", "does not fetch URLs yet"),
        (source("document", r#"{"type":"url","url":"https://x/y.pdf"}"#), "source.url", "does not fetch URLs yet"),
        (source("image", r#"{"type":"file","file_id":"f"}"#), "source.file_id", "Files API"),
        (source("image", r#"{"type":"base64","media_type":"image/png","data":"???"}"#), "source.data", "base64"),
        (source("image", r#"{"type":"base64","data":"Qk0AAAAA"}"#), "source.data", "BMP"),
        (source("image", r#"{"type":"base64"}"#), "source.data", "is required"),
        (source("image", r#"{"type":"gopher"}"#), "source.type", "must be \"base64\""),
        (
            source("document", r#"{"type":"base64","media_type":"image/png","data":"AAAA"}"#),
            "source.media_type",
            "document type",
        ),
        (r#"[{"type":"image"}]"#.to_owned(), "source", "is required"),
        (r#"[{"type":"text"}]"#.to_owned(), "text", "is required"),
        (r#"[{"type":"tool_use","id":"a","input":{}}]"#.to_owned(), "name", "is required"),
        (r#"[{"type":"tool_use","id":"a","id":"b","name":"n"}]"#.to_owned(), "id", "twice"),
        (r#"[{"type":"tool_result","content":""}]"#.to_owned(), "tool_use_id", "is required"),
    ];
    for (content, member, text) in table {
        let (path, told) = refusal(&saying(&content));
        assert_eq!(path, format!("messages[0].content[0].{member}"), "{content}");
        assert!(told.contains(text), "{content}: {told}");
    }
    let inner = r#"[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image","source":{"type":"base64","data":"!"}}]}]"#;
    assert_eq!(refusal(&saying(inner)).0, "messages[0].content[0].content[0].source.data");
}

#[test]
fn text_without_escapes_is_borrowed_from_the_body() {
    let body = saying(r#"[{"type":"text","text":"plain"},{"type":"tool_result","tool_use_id":"a","content":"plain"}]"#);
    let turn = decode(&body).unwrap();
    let Part::Text(text) = &turn.messages[0].parts[0] else { panic!() };
    let Part::ToolResult { id, parts, .. } = &turn.messages[0].parts[1] else { panic!() };
    let Part::Text(inner) = &parts[0] else { panic!() };
    for text in [text, id, inner] {
        assert!(matches!(text, Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn system_turns_join_the_user_before_them() {
    let body = r#"{"model":"haiku","max_tokens":1,"messages":[
        {"role":"system","content":"zero"},{"role":"user","content":"one"},
        {"role":"system","content":[{"type":"text","text":"two"}]},
        {"role":"assistant","content":null},{"role":"system","content":"three"},{"role":"user","content":"four"}]}"#;
    let turn = decode(body).unwrap();
    let told: Vec<_> = turn.messages.iter().map(|message| (message.role, shown(&message.parts))).collect();
    let text = |text: &str| format!("text {text}");
    assert_eq!(
        told,
        [
            (Role::User, vec![text("zero")]),
            (Role::User, vec![text("one"), text("two")]),
            (Role::Assistant, vec![]),
            (Role::User, vec![text("three")]),
            (Role::User, vec![text("four")]),
        ]
    );
}

#[test]
fn the_system_prompt_loses_its_billing_line_and_nothing_else() {
    for (system, expected) in [
        (r#""be kind""#, vec!["be kind"]),
        (r#"null"#, vec![]),
        (r#""""#, vec![]),
        (
            r#"[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.329.abc; cc_entrypoint=cli;"},{"type":"text","text":"You are Claude Code","cache_control":{"type":"ephemeral"}},{"type":"text","text":"long"}]"#,
            vec!["You are Claude Code", "long"],
        ),
        (r#""x-anthropic-billing-header: a;\nrest""#, vec!["rest"]),
    ] {
        let body = with(&format!(r#""system":{system}"#));
        assert_eq!(decode(&body).unwrap().system, expected, "{system}");
    }
    assert_eq!(refusal(&with(r#""system":[{"type":"image","source":{}}]"#)).0, "system[0]");
}

#[test]
fn tools_are_the_clients_or_the_servers() {
    let body = with(
        r#""tools":[
        {"name":"a b","description":"does","input_schema":{"type":"object","x":1e2},"defer_loading":true,"cache_control":{"type":"ephemeral"}},
        {"type":"custom","name":"bare"},
        {"type":"bash_20250124","name":"bash"},
        {"type":"text_editor_20250728","name":"str_replace_based_edit_tool","max_characters":1000},
        {"type":"memory_20250818","name":"memory"},
        {"type":"web_search_20250305","name":"web_search","max_uses":5},
        {"type":"tool_search_tool_regex_20251119","name":"tool_search_tool_regex"},
        {"type":"mcp_toolset","mcp_server_name":"srv"},
        {"type":"from_tomorrow","name":"t","input_schema":{}}]"#,
    );
    let turn = decode(&body).unwrap();
    let told: Vec<_> = turn
        .tools
        .iter()
        .map(|tool| match &tool.kind {
            ToolKind::Client(schema) => {
                format!("{} client {}", tool.name, schema.map_or("none", |schema| schema.get()))
            }
            ToolKind::Server(kind) => format!("{} server {kind}", tool.name),
        })
        .collect();
    assert_eq!(told[0], r#"a b client {"type":"object","x":1e2}"#);
    assert_eq!(told[1], "bare client none");
    for (index, member) in [(2, "\"restart\""), (3, "\"old_str\""), (4, "\"old_path\"")] {
        assert!(told[index].contains(member), "{}", told[index]);
    }
    assert_eq!(
        told[5..],
        [
            "web_search server web_search_20250305",
            "tool_search_tool_regex server tool_search_tool_regex_20251119",
            "srv server mcp_toolset",
            "t client {}",
        ]
    );
}

#[test]
fn tools_that_cannot_be_offered_are_refused() {
    for (tools, path) in [
        (r#"[{"type":"computer_20250124","name":"computer"}]"#, "tools[0].type"),
        (r#"[{"type":"mystery","name":"m"}]"#, "tools[0].type"),
        (r#"[{"name":"x"},{"name":""}]"#, "tools[1].name"),
        (r#"[{"name":"x","input_schema":[]}]"#, "tools[0].input_schema"),
        (r#"{"name":"x"}"#, "tools"),
        (r#"["x"]"#, "tools[0]"),
    ] {
        assert_eq!(refusal(&with(&format!(r#""tools":{tools}"#))).0, path, "{tools}");
    }
}

#[test]
fn every_form_of_tool_choice() {
    let tools = r#""tools":[{"name":"x"}]"#;
    for (choice, expected, parallel) in [
        (r#"null"#, ToolChoice::Auto, true),
        (r#"{"type":"auto"}"#, ToolChoice::Auto, true),
        (r#"{"type":"any","disable_parallel_tool_use":true}"#, ToolChoice::Any, false),
        (r#"{"type":"tool","name":"x","disable_parallel_tool_use":false}"#, ToolChoice::Tool("x".into()), true),
        (r#"{"type":"none"}"#, ToolChoice::None, true),
    ] {
        let body = with(&format!(r#"{tools},"tool_choice":{choice}"#));
        let turn = decode(&body).unwrap();
        assert_eq!((turn.tool_choice, turn.parallel_tools), (expected, parallel), "{choice}");
    }
    for (choice, path) in [
        (r#"{"type":"tool","name":"y"}"#, "tool_choice.name"),
        (r#"{"type":"tool"}"#, "tool_choice.name"),
        (r#"{"type":"must"}"#, "tool_choice.type"),
        (r#""auto""#, "tool_choice"),
    ] {
        assert_eq!(refusal(&with(&format!(r#"{tools},"tool_choice":{choice}"#))).0, path, "{choice}");
    }
    assert_eq!(refusal(&with(r#""tool_choice":{"type":"any"}"#)).0, "tool_choice");
}

#[test]
fn thinking_is_off_unless_asked_for() {
    let on = |effort, budget| Thinking::On { effort, budget };
    for (members, expected) in [
        (r#""x":0"#, Thinking::Off),
        (r#""thinking":null"#, Thinking::Off),
        (r#""thinking":{"type":"disabled"}"#, Thinking::Off),
        (r#""output_config":{"effort":"max"}"#, Thinking::Off),
        (r#""thinking":{"type":"enabled","budget_tokens":31999,"display":"updates"}"#, on(Effort::High, Some(31_999))),
        (r#""thinking":{"type":"enabled","budget_tokens":1024}"#, on(Effort::Low, Some(1024))),
        (r#""thinking":{"type":"enabled"}"#, on(Effort::High, None)),
        (r#""thinking":{"type":"adaptive"}"#, on(Effort::High, None)),
        (r#""thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"}"#, on(Effort::XHigh, None)),
        (
            r#""thinking":{"type":"enabled","budget_tokens":9e3},"output_config":{"effort":"max"}"#,
            on(Effort::Max, Some(9000)),
        ),
    ] {
        assert_eq!(decode(&with(members)).unwrap().thinking, expected, "{members}");
    }
    let named = with(r#""x":0"#).replace("claude-opus-5-5", "claude-opus-4-6-thinking");
    assert_eq!(decode(&named).unwrap().thinking, on(Effort::High, None));
    for (members, path) in [
        (r#""thinking":{"type":"enabled","budget_tokens":-1}"#, "thinking.budget_tokens"),
        (r#""thinking":{"type":"enabled","budget_tokens":1.5}"#, "thinking.budget_tokens"),
        (r#""thinking":{"type":"enabled","budget_tokens":1e400}"#, "thinking.budget_tokens"),
        (r#""thinking":{"type":"hard"}"#, "thinking.type"),
        (r#""thinking":true"#, "thinking"),
        (r#""output_config":{"effort":"huge"}"#, "output_config.effort"),
    ] {
        assert_eq!(refusal(&with(members)).0, path, "{members}");
    }
}

#[test]
fn what_has_no_effect_is_accepted_and_named() {
    let body = with(
        r#""temperature":1,"top_k":3,"service_tier":"auto","container":null,"mcp_servers":[],"betas":["x"],
        "some_future_field":{"deep":[1]},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{}}},
        "context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}"#,
    );
    let ignored = decode(&body).unwrap().ignored;
    assert_eq!(
        ignored,
        ["betas", "service_tier", "temperature", "top_k", "output_config.format", "output_config.effort"]
    );
    let body = with(r#""context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}"#);
    assert_eq!(decode(&body).unwrap().ignored, ["context_management"]);
}

#[test]
fn limits_and_stop_sequences_are_checked() {
    let of = |members: &str| format!(r#"{{"model":"haiku",{members}"messages":[{{"role":"user","content":"hi"}}]}}"#);
    assert_eq!(refusal(&of("")).0, "max_tokens");
    for bad in ["0", "-1", "1.5", "1e400", "\"9\"", "null", "true"] {
        assert_eq!(refusal(&of(&format!(r#""max_tokens":{bad},"#))).0, "max_tokens", "{bad}");
    }
    assert_eq!(decode(&of(r#""max_tokens":1e12,"#)).unwrap().max_tokens, Some(u32::MAX));
    assert_eq!(decode(&with(r#""stop_sequences":["a","\n\nb"]"#)).unwrap().stop_sequences, ["a", "\n\nb"]);
    for (stops, path) in [
        (r#"["a"," \n"]"#.to_owned(), "stop_sequences[1]"),
        (r#"[""]"#.to_owned(), "stop_sequences[0]"),
        (r#"["a",5]"#.to_owned(), "stop_sequences[1]"),
        (r#""a""#.to_owned(), "stop_sequences"),
        (format!("[{}\"a\"]", "\"a\",".repeat(256)), "stop_sequences"),
        (format!("[\"{}\"]", "a".repeat(4097)), "stop_sequences[0]"),
    ] {
        assert_eq!(refusal(&with(&format!(r#""stop_sequences":{stops}"#))).0, path);
    }
}

#[test]
fn the_session_comes_from_the_metadata_or_the_header() {
    let headers: Headers = vec![("x-claude-code-session-id".into(), "from-header".to_owned())];
    for (members, expected) in [
        (r#""metadata":{"user_id":"{\"device_id\":\"d\",\"session_id\":\"s-1\"}"}"#, "s-1"),
        (r#""metadata":{"user_id":"user_1_account__session_abc"}"#, "abc"),
        (r#""metadata":{"user_id":null}"#, "from-header"),
        (r#""metadata":{}"#, "from-header"),
        (r#""x":0"#, "from-header"),
    ] {
        let body = with(members);
        let turn = anthropic::decode(body.as_bytes(), &headers).unwrap();
        assert_eq!(turn.session.as_deref(), Some(expected), "{members}");
    }
    assert_eq!(decode(&with(r#""x":0"#)).unwrap().session, None);
}

#[test]
fn models_are_found_by_any_spelling_and_echoed_as_written() {
    let body = with(r#""x":0"#).replace("claude-opus-5-5", r"claude-\u006fpus-5.5[1m]");
    assert_eq!(decode(&body).unwrap().model.id, "claude-opus-5-5");
    assert_eq!(anthropic::requested_model(body.as_bytes()).unwrap(), "claude-opus-5.5[1m]");
    let late = br#"{"messages":[{"model":"no"}],"model":"yes","tools":"#;
    assert_eq!(anthropic::requested_model(late).unwrap(), "yes");
    for body in ["", "[]", r#"{"model":5}"#, "{", "null"] {
        assert_eq!(anthropic::requested_model(body.as_bytes()), None, "{body}");
    }
    let error = decode(&with(r#""x":0"#).replace("claude-opus-5-5", "claude-opus-9")).unwrap_err();
    assert_eq!(error.kind(), Kind::UnknownModel);
    assert!(error.text().contains("claude-opus-9") && error.text().contains("claude-opus-5"), "{error}");
}

#[test]
fn threads_are_refused_in_their_own_kind() {
    let error = decode(&with(r#""thread":{"type":"create"}"#)).unwrap_err();
    assert_eq!(error.kind(), Kind::ThreadsUnsupported);
    assert!(decode(&with(r#""thread":null"#)).is_ok());
}

#[test]
fn tokens_are_counted_without_a_limit_and_with_every_check() {
    let body = with(r#""system":"abcdefgh""#).replace(r#""max_tokens":64,"#, "");
    let counted = String::from_utf8(anthropic::count_tokens(body.as_bytes(), NO_HEADERS).unwrap()).unwrap();
    let number = counted.strip_prefix(r#"{"input_tokens":"#).and_then(|rest| rest.strip_suffix('}')).unwrap();
    assert!(number.parse::<u64>().unwrap() > 0, "{counted}");
    let error = anthropic::count_tokens(br#"{"model":"haiku","messages":[{"role":"x","content":""}]}"#, NO_HEADERS);
    assert_eq!(error.unwrap_err().path(), Some("messages[0].role"));
}

#[test]
fn hostile_bodies_are_refused_and_never_panic() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let nested = |levels: usize| {
        let mut content = r#""x""#.to_owned();
        for _ in 0..levels {
            // The content comes before the type, so that it cannot be read on the way.
            content = format!(r#"[{{"content":{content},"type":"tool_result","tool_use_id":"a"}}]"#);
        }
        content
    };
    let call = |input: &str| format!(r#"[{{"type":"tool_use","id":"a","name":"n","input":{input}}}]"#);
    let table = [
        (String::new(), ""),
        ("  ".to_owned(), ""),
        ("nonsense".to_owned(), ""),
        ("[]".to_owned(), ""),
        ("null".to_owned(), ""),
        ("{}".to_owned(), "model"),
        (r#"{"model":"haiku","model":"haiku","max_tokens":1,"messages":[]}"#.to_owned(), "model"),
        (r#"{"model":"haiku","max_tokens":1,"messages":[]}"#.to_owned(), "messages"),
        (r#"{"model":"haiku","max_tokens":1,"messages":[{"role":"user","content":" "}]}"#.to_owned(), "messages"),
        (r#"{"model":"haiku","max_tokens":1,"messages":[{"role":"user"}]}"#.to_owned(), "messages[0]"),
        (r#"{"model":"haiku","max_tokens":1,"messages":[{"content":"x"}]}"#.to_owned(), "messages[0]"),
        (r#"{"model":"haiku","max_tokens":1,"messages":[["user","x"]]}"#.to_owned(), "messages[0]"),
        (
            r#"{"model":"haiku","max_tokens":1,"messages":[{"role":"tool","content":"x"}]}"#.to_owned(),
            "messages[0].role",
        ),
        (saying(r#"[{"text":"x"}]"#), "messages[0].content[0]"),
        (saying("1e400"), "messages[0].content"),
        (saying(&nested(100)), "messages[0].content[0].content[0].content"),
        (saying(&call(&deep(10_000))), "messages[0].content[0].input"),
        (
            with(&format!(r#""tools":[{{"name":"x","input_schema":{{"a":{}}}}}]"#, deep(10_000))),
            "tools[0].input_schema",
        ),
    ];
    for (body, path) in table {
        let (told, _) = refusal(&body);
        assert!(told.starts_with(path), "{:.80}: {told:?}, not {path:?}", body);
        assert_eq!(told.is_empty(), path.is_empty(), "{:.80}: {told:?}", body);
    }
    assert!(refusal(&saying(&deep(10_000))).0.starts_with("messages[0].content[0][0]"));
    assert!(refusal(&saying("[}")).1.contains("line 1 column"));
}

#[test]
fn deep_and_huge_values_that_nobody_reads_do_no_harm() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    decode(&with(&format!(r#""a_future_field":{deep},"cache_control":1e999"#))).unwrap();
    let body = saying(&format!(r#"[{{"type":"new","value":{deep}}}]"#));
    assert_eq!(decode(&body).unwrap().messages[0].parts.len(), 1);
}

#[test]
fn an_error_never_repeats_a_long_string() {
    let long = "a".repeat(1 << 20);
    let (_, text) = refusal(&saying(&format!(r#"[{{"type":"image","source":"{long}"}}]"#)));
    assert!(text.len() < 1000, "{} bytes", text.len());
    let error = decode(&with(r#""x":0"#).replace("claude-opus-5-5", &long)).unwrap_err();
    assert!(error.text().len() < 1000);
    let (_, text) = refusal(&with(&format!(r#""tools":[{{"type":"{long}"}}]"#)));
    assert!(text.len() < 1000);
}

#[test]
fn invalid_utf8_is_refused_and_lone_surrogates_are_mended_before() {
    let error = anthropic::decode(b"{\"model\":\"\xff\"}", NO_HEADERS).unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Invalid, Some("")));
    let mut body = saying(r#""cut \ud83d""#).into_bytes();
    json::mend_surrogates(&mut body);
    let turn = anthropic::decode(&body, NO_HEADERS).unwrap();
    assert_eq!(shown(&turn.messages[0].parts), ["text cut \u{fffd}"]);
}
