//! What becomes of each field beside the messages.

mod anthropic_support;

use anthropic_support::{NO_HEADERS, decode, refusal, with};
use kiro2api_core::Kind;
use kiro2api_core::dialect::{Given, anthropic};
use kiro2api_core::host::Headers;
use kiro2api_core::turn::{Effort, Format, Thinking, ToolChoice, ToolKind};

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
        {"type":"from_tomorrow","name":"t","input_schema":{}},
        {"type":"text_editor_20250124","name":"str_replace_editor"}]"#,
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
    assert!(told[3].contains("insert_text") && !told[9].contains("insert_text"), "{}", told[9]);
    assert_eq!(
        told[5..9],
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
    assert_eq!(ignored, ["betas", "service_tier", "temperature", "top_k", "output_config.effort"]);
    let body = with(r#""context_management":{"edits":[{"type":"compact_20260112"}]}"#);
    assert_eq!(decode(&body).unwrap().ignored, ["context_management"]);
}

#[test]
fn a_schema_for_the_answer_is_a_wish_of_the_turn() {
    for members in [
        r#""output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}"#,
        r#""output_format":{"type":"json_schema","schema":{"type":"object"}}"#,
    ] {
        let body = with(&format!(r#""system":"be kind",{members}"#));
        let turn = decode(&body).unwrap();
        assert_eq!(turn.system, ["be kind"]);
        assert!(matches!(turn.format, Some(Format::Schema(schema)) if schema.get() == r#"{"type":"object"}"#));
        assert_eq!(turn.ignored, [""; 0]);
    }
    for (format, path) in [
        (r#"{"type":"xml"}"#, "output_format.type"),
        (r#"{"type":"json_schema"}"#, "output_format.schema"),
        (r#"{"type":"json_schema","schema":[]}"#, "output_format.schema"),
        (r#"{"type":"json_schema","schema":{"type":"text"}}"#, "output_format.schema.type"),
        (
            r#"{"type":"json_schema","schema":{"properties":{"a":{"items":{"if":{}}}}}}"#,
            "output_format.schema.properties.a.items.if",
        ),
    ] {
        assert_eq!(refusal(&with(&format!(r#""output_format":{format}"#))).0, path, "{format}");
    }
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
        let turn = anthropic::decode(body.as_bytes(), &Given::of(&headers)).unwrap();
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
    let counted = String::from_utf8(
        anthropic::count_tokens(body.as_bytes(), &Given::of(NO_HEADERS), |_, tokens| tokens).unwrap(),
    )
    .unwrap();
    let number = counted.strip_prefix(r#"{"input_tokens":"#).and_then(|rest| rest.strip_suffix('}')).unwrap();
    assert!(number.parse::<u64>().unwrap() > 0, "{counted}");
    let error = anthropic::count_tokens(
        br#"{"model":"haiku","messages":[{"role":"x","content":""}]}"#,
        &Given::of(NO_HEADERS),
        |_, tokens| tokens,
    );
    assert_eq!(error.unwrap_err().path(), Some("messages[0].role"));
}
